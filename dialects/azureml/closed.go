package azureml

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// Closed is a job as YAML that refers to no file: components stand in it, code
// and local data are artifacts. It can be read again when the files have
// changed or are gone.
type Closed struct {
	Definition string              `json:"definition"`
	Artifacts  []pipeline.Artifact `json:"artifacts,omitempty"`
}

// Close makes the closed form of a job that was loaded without errors.
func (j *Job) Close(pin Pinner) (Closed, error) {
	d := &definer{loader: j.loader, pin: pin, kept: map[pipeline.Digest]bool{}}
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
	return Closed{yaml.Format(whole), d.artifacts}, nil
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
	root := l.parse(name, filepath.Join(dir, "definition"), []byte(c.Definition))
	if root == nil || root.Kind != yaml.Map {
		doc := yaml.NewDocument(name, dir, c.Definition)
		l.problems.errorf(yaml.Pos{Doc: doc, Line: 1, Column: 1}, "", "the definition is empty or damaged")
		root = nil
	}
	if root != nil {
		l.defined[root.Doc()] = &Asset{Artifacts: c.Artifacts}
		l.chain = append(l.chain, inclusion{path: name, name: name})
	}
	return l.finish(&Job{File: name, text: c.Definition}, root, opts)
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
