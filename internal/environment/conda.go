package environment

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/pipeline"
)

// refuse collects what of a conda file cannot be had, with the reason.
type refuse []string

func (r *refuse) add(what, why string) { *r = append(*r, what+" ("+why+")") }

// readConda translates a conda file to requirements for packages from PyPI.
func readConda(text string) (*Spec, error) {
	file, err := readBlock(text)
	if err != nil {
		return nil, invalid("the conda file cannot be read: %v", err)
	}
	spec := &Spec{Name: nameless}
	if name := strings.TrimSpace(file.value["name"].text); name != "" {
		spec.Name = name
	}
	var refused refuse
	if d := file.value["dependencies"]; d.text != "" && d.text != "[]" || len(d.keys) > 0 {
		refused.add("dependencies:", "it is not a list")
	}
	for _, d := range file.value["dependencies"].list {
		if d.text != "" {
			spec.addConda(d.text, &refused)
		}
		for _, section := range d.keys {
			if section != "pip" || d.value[section].text != "" {
				refused.add(section+":", "only `pip:` with a list may stand among the dependencies")
				continue
			}
			for _, line := range d.value[section].list {
				spec.addPip(strings.TrimSpace(line.text), &refused)
			}
		}
		if len(d.list) > 0 {
			refused.add("a list among the dependencies", "not the name of a package")
		}
	}
	if len(file.value["variables"].keys) > 0 {
		spec.Notes = append(spec.Notes, "`variables:` of the conda file is left out: write them under environment_variables of the step")
	}
	if len(refused) > 0 {
		f := invalid("%s asks for what cannot be had here: %s", named(spec.Name), strings.Join(refused, "; "))
		f.Hint = "name packages by what PyPI calls them, under `pip:`"
		return nil, f
	}
	slices.Sort(spec.CondaOnly)
	spec.CondaOnly = slices.Compact(spec.CondaOnly)
	if len(spec.CondaOnly) > 0 {
		spec.Conda = text
	}
	spec.complete()
	return spec, nil
}

// named speaks of a conda file by the name that it has, if any.
func named(name string) string {
	if name == nameless {
		return "the conda file"
	}
	return "the conda file " + name
}

// nameless is what people know a conda file by that has no name.
const nameless = "conda file"

// addConda takes one dependency in conda's notation.
func (s *Spec) addConda(text string, refused *refuse) {
	m, ok := parseMatch(text)
	if !ok {
		refused.add(text, "not a package in conda's notation")
		return
	}
	name := strings.ToLower(m.name)
	if name == "python" {
		s.Python = m.python()
		return
	}
	known, special := condaNames[name]
	switch {
	case special && known == "", isLibrary(name):
		if name != "pip" && !runtimeOnly[name] {
			s.Notes = append(s.Notes, name+" is left out: packages from PyPI bring what they need of it, or the machine has it")
		}
		return
	case special && known == condaOnly, strings.HasPrefix(name, "r-"):
		s.CondaOnly = append(s.CondaOnly, m.name)
		return
	case special:
		s.Notes = append(s.Notes, name+" is "+known+" on PyPI")
	default:
		known = name
	}
	version, note := m.pip()
	if note != "" {
		s.Notes = append(s.Notes, name+": "+note)
	}
	s.Requirements = append(s.Requirements, known+version)
}

// addPip takes one line of the list under `pip:`.
func (s *Spec) addPip(line string, refused *refuse) {
	if at := strings.Index(line, " #"); at >= 0 {
		line = strings.TrimSpace(line[:at])
	}
	switch {
	case line == "" || strings.HasPrefix(line, "#"):
		return
	case strings.ContainsAny(line, "\n\r\x00"):
		refused.add(firstLine(line), "more than one line")
	case !strings.HasPrefix(line, "-"):
		if local(line) {
			refused.add(line, "a path: the environment is made before the step has its code; put the package on an index, or `pip install` it in the command")
			return
		}
		s.Requirements = append(s.Requirements, line)
	default:
		s.addOption(line, refused)
	}
}

// local reports whether a requirement is a path or the file of a package.
func local(line string) bool {
	_, at, named := strings.Cut(line, " @ ")
	if !named {
		at = line
	}
	return strings.HasPrefix(at, ".") || strings.HasPrefix(at, "/") || strings.HasPrefix(at, "~") || strings.HasPrefix(at, "file:") ||
		!strings.Contains(at, "://") && (strings.HasSuffix(at, ".whl") || strings.HasSuffix(at, ".tar.gz"))
}

var option = regexp.MustCompile(`^(--?[A-Za-z][A-Za-z-]*)(?:[ =]+|$)(.*)$`)

// addOption takes a line that begins with a dash.
func (s *Spec) addOption(line string, refused *refuse) {
	m := option.FindStringSubmatch(line)
	if m == nil {
		refused.add(line, "not an option of pip")
		return
	}
	name, value := m[1], strings.TrimSpace(m[2])
	if short := map[string]string{"-i": "--index-url", "-f": "--find-links", "-r": "--requirement", "-e": "--editable", "-c": "--constraint"}[name]; short != "" {
		name = short
	}
	switch name {
	case "--index-url", "--extra-index-url", "--find-links":
		if !strings.HasPrefix(value, "https://") && !strings.HasPrefix(value, "http://") {
			refused.add(line, "not an address that starts with https://")
			return
		}
		s.Options = append(s.Options, name+" "+value)
	case "--pre":
		s.Options = append(s.Options, name)
	case "--requirement", "--constraint":
		refused.add(line, "the other file is not part of the job: write its lines here")
	case "--editable":
		if strings.Contains(value, "://") {
			s.Requirements = append(s.Requirements, value)
			s.Notes = append(s.Notes, line+" is installed, not editable")
			return
		}
		refused.add(line, "a path: the environment is made before the step has its code")
	case "--trusted-host", "--no-cache-dir", "--upgrade", "-U", "--quiet", "-q", "--prefer-binary", "--use-feature", "--disable-pip-version-check":
		s.Notes = append(s.Notes, line+" is left out: it makes no difference here")
	default:
		refused.add(line, "this option of pip is not known here")
	}
}

func invalid(format string, args ...any) *pipeline.Failure {
	return &pipeline.Failure{Kind: pipeline.Invalid, Message: fmt.Sprintf(format, args...)}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}
