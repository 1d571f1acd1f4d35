package environment

import (
	"encoding/hex"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/zeebo/blake3"

	"github.com/millrace-ml/millrace/environments"
	"github.com/millrace-ml/millrace/pipeline"
)

// Spec is what an environment asks for.
type Spec struct {
	// Name is what people know it by.
	Name string `json:"name"`
	// Python is the version asked for, "3.8" or ">=3.8,<3.12"; "" for any.
	Python string `json:"python,omitempty"`
	// Requirements are for packages from PyPI, a line each.
	Requirements []string `json:"requirements,omitempty"`
	// Options are pip's, as a file may have them: "--extra-index-url URL".
	Options []string `json:"options,omitempty"`
	// CondaOnly are packages that only conda has, and Conda the file that names
	// them.
	CondaOnly []string `json:"conda_only,omitempty"`
	Conda     string   `json:"conda,omitempty"`
	// Image is set where the environment is an image: its name, with the digest
	// of what it is built from.
	Image string `json:"image,omitempty"`
	// Notes say what of the file was taken for something else, or left out.
	Notes []string `json:"-"`
}

// Key tells specs apart that may resolve to different packages, whatever their
// names are.
func (s *Spec) Key() string {
	nameless := *s
	nameless.Name = ""
	return digest(nameless)
}

// String names the spec uniquely, for people.
func (s *Spec) String() string { return s.Name + " (" + s.Key()[:8] + ")" }

// digest names anything that JSON can hold.
func digest(v any) string {
	text, _ := json.Marshal(v) // texts and lists of them: never fails
	sum := blake3.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// Wanted returns what an environment asks for where steps run in images and, if
// not as an image, what it asks for in packages.
func (m *Manager) Wanted(e pipeline.Environment) (*Spec, error) {
	if m.Images != nil {
		if image := m.Images.Named(e); image != "" {
			return &Spec{Name: image, Image: image + " " + digest(e)}, nil
		}
	}
	return Wanted(e)
}

// Wanted returns what an environment asks for in packages; nil where it asks
// for none, so that a step has the machine's own software. What cannot be had
// is a [*pipeline.Failure] of kind invalid.
func Wanted(e pipeline.Environment) (*Spec, error) {
	if e.Conda != "" {
		return readConda(e.Conda)
	}
	name := e.Image
	if e.Reference != "" {
		ref, err := pipeline.ParseAssetRef(e.Reference, pipeline.EnvironmentAsset)
		if err != nil {
			return nil, nil //nolint:nilerr // a name that nobody knows has nothing to tell
		}
		name = ref.Name
		if _, listed := FindCurated(name); !listed && ref.Registry != CuratedRegistry && !strings.HasPrefix(name, CuratedPrefix) {
			return nil, nil // somebody's own, which is not known here
		}
	} else if rest, ok := strings.CutPrefix(name, curatedImages); ok {
		name, _, _ = strings.Cut(rest, ":")
		name, _, _ = strings.Cut(name, "@")
	} else {
		return nil, nil
	}
	return CuratedSpec(name), nil
}

// curatedImages is where Azure keeps the images of curated environments.
const curatedImages = "mcr.microsoft.com/azureml/curated/"

// CuratedSpec returns the requirement set for a curated name, or nil. Names of
// the same family that are not listed get the nearest set.
func CuratedSpec(name string) *Spec {
	set, text, ok := environments.Find(strings.TrimPrefix(name, CuratedPrefix))
	if !ok {
		return nil
	}
	spec := &Spec{Name: strings.TrimPrefix(name, CuratedPrefix)}
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if python, ok := strings.CutPrefix(line, "# python "); ok {
			spec.Python = strings.TrimSpace(python)
		}
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		spec.Requirements = append(spec.Requirements, line)
	}
	spec.complete()
	if set != spec.Name {
		spec.Notes = append(spec.Notes, "the requirement set "+set+" stands for "+name)
	}
	return spec
}

// StandIn is the requirement set that stands for a curated name; "" where none
// does.
func StandIn(name string) string {
	set, _, _ := environments.Find(strings.TrimPrefix(name, CuratedPrefix))
	return set
}

// complete adds what every conda environment and every image brings: programs
// call pip, and old packages import setuptools without saying so.
func (s *Spec) complete() {
	for name, requirement := range map[string]string{"pip": "pip", "setuptools": "setuptools<81"} {
		if !slices.ContainsFunc(s.Requirements, func(r string) bool { return requirementName(r) == name }) {
			s.Requirements = append(s.Requirements, requirement)
		}
	}
	slices.Sort(s.Requirements)
	s.Requirements = slices.Compact(s.Requirements)
}

// requirementName is the package that a requirement is for, normalised as PyPI
// does; "" where it has none, as an address has not.
func requirementName(requirement string) string {
	end := len(leadingName.FindString(requirement))
	if strings.HasPrefix(requirement[end:], ":") || strings.HasPrefix(requirement[end:], "+") {
		return "" // the scheme of an address
	}
	return normal(requirement[:end])
}

var leadingName = regexp.MustCompile(`^[A-Za-z0-9._-]*`)

// normal is PyPI's way to compare names: lower case, one dash for any run of
// "-", "_" and ".".
func normal(name string) string {
	var b strings.Builder
	dash := false
	for _, r := range strings.ToLower(name) {
		if strings.ContainsRune("-_.", r) {
			dash = b.Len() > 0
			continue
		}
		if dash {
			b.WriteByte('-')
			dash = false
		}
		b.WriteRune(r)
	}
	return b.String()
}
