package azureml

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// Closed is a job as YAML that refers to no file. Code and local data are
// artifacts; the YAML files that the job's file refers to are enclosed, each once.
// It can be read again when the files have changed or are gone.
type Closed struct {
	Definition string              `json:"definition"`
	Files      map[string]string   `json:"files,omitempty"`
	Artifacts  []pipeline.Artifact `json:"artifacts,omitempty"`
}

// fileForm is how a closed job refers to one of its files.
const fileForm = "azureml://files/"

func isEnclosed(written string) bool { return strings.HasPrefix(written, fileForm) }

// Close makes the closed form of a job that was loaded without errors.
func (j *Job) Close(pin Pinner) (Closed, error) {
	d := &definer{loader: j.loader, pin: pin, kept: map[pipeline.Digest]bool{}, files: &enclosure{map[*yaml.Node]string{}, map[string]string{}}}
	if closed := j.loader.defined[j.root.Doc()]; closed != nil {
		for _, a := range closed.Artifacts {
			d.kept[a.Digest] = true
			d.artifacts = append(d.artifacts, a)
		}
	}
	whole, err := d.value(j.root)
	if err != nil {
		return Closed{}, err
	}
	return Closed{yaml.Format(whole), d.files.texts, d.artifacts}, nil
}

// enclosure is the files that a closed job takes along, by number and name.
type enclosure struct {
	names map[*yaml.Node]string
	texts map[string]string
}

// enclose takes a file along, once, and refers to it.
func (d *definer) enclose(n, body *yaml.Node) (*yaml.Node, error) {
	name, known := d.files.names[body]
	if !known {
		name = strconv.Itoa(len(d.files.names)+1) + "/" + filepath.Base(body.Doc().Name)
		d.files.names[body] = name
		whole, err := d.value(body)
		if err != nil {
			return nil, err
		}
		d.files.texts[name] = yaml.Format(whole)
	}
	return yaml.NewText(n.Pos(), fileForm+name), nil
}

// Text is the text of the job's file or, where pairs of --set have changed it,
// the file as it is then.
func (j *Job) Text() string { return j.text }

// LoadClosed reads a closed job; name is what messages call it. Paths in the
// options' pairs are those of the current folder.
func LoadClosed(name string, c Closed, opts LoadOptions) (*Job, error) {
	l := newLoader(opts)
	dir, err := os.Getwd()
	if err != nil {
		dir = "."
	}
	here := &Asset{Artifacts: c.Artifacts}
	read := func(name, text string) *yaml.Node {
		root := l.parse(name, filepath.Join(dir, "definition"), []byte(text))
		if root == nil || root.Kind != yaml.Map {
			doc := yaml.NewDocument(name, dir, text)
			l.problems.errorf(yaml.Pos{Doc: doc, Line: 1, Column: 1}, "", "the definition is empty or damaged")
			return nil
		}
		l.defined[root.Doc()] = here
		return root
	}
	l.enclosed = map[string]*yaml.Node{}
	for _, file := range slices.Sorted(maps.Keys(c.Files)) {
		l.enclosed[file] = read(name+"/"+filepath.Base(file), c.Files[file])
	}
	root := read(name, c.Definition)
	l.chain = append(l.chain, inclusion{path: name, name: name})
	return l.finish(&Job{File: name, text: c.Definition}, root, opts)
}

// enclosedFile finds the file that a closed job has taken along; ok is false for
// a reference to any other.
func (l *loader) enclosedFile(n *yaml.Node) (root *yaml.Node, ok bool) {
	name, ok := strings.CutPrefix(strings.TrimSpace(n.Source), fileForm)
	if !ok {
		return nil, false
	}
	if root = l.enclosed[name]; root == nil || l.defined[n.Doc()] == nil {
		l.problems.errorf(n.Pos(), "", "there is no file %s here", quote(name))
		return nil, true
	}
	return root, true
}

// Changed is the text of a file with the pairs of --set applied, which the file
// is known to take.
func Changed(text string, set []string) string {
	l := newLoader(LoadOptions{})
	root := l.parse("job", "", []byte(text))
	if root == nil || root.Kind != yaml.Map || len(set) == 0 {
		return text
	}
	l.set(root, set)
	return yaml.Format(root)
}

// SplitArtifact takes the address of an artifact that a definition refers to
// apart: its digest, and the path of a file below it.
func SplitArtifact(uri string) (digest pipeline.Digest, below string, ok bool) {
	rest, ok := strings.CutPrefix(uri, artifactForm)
	name, below, _ := strings.Cut(rest, "/")
	return pipeline.Digest(name), below, ok
}
