package azureml

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// environment reads the software that a command asks for: a reference, a
// mapping, or the path of a file with such a mapping. It returns nil where none
// is given, or where there is a mistake, which is then reported.
func (l *loader) environment(m *yaml.Node) *pipeline.Environment {
	n := m.Get("environment")
	switch {
	case n == nil:
		return nil
	case n.Kind == yaml.Map:
		return l.environmentObject(n)
	case !n.IsScalar():
		l.problems.errorf(n.Pos(), "", "environment must be a name or a mapping, not %s", n.Kind)
		return nil
	}
	written := strings.TrimSpace(n.Source)
	if strings.HasPrefix(written, "azureml:") && !isEnclosed(written) {
		return l.environmentReference(n, written)
	}
	if !isEnclosed(written) && l.inDefinition(n, "environment") {
		return nil
	}
	path := localPath(written)
	absolute, _ := resolve(n.Doc(), path)
	if info, err := os.Stat(absolute); path == written && !isEnclosed(written) && (err != nil || !info.Mode().IsRegular()) {
		hint := `a registered environment is written "azureml:NAME:VERSION", one of your own "{image: NAME}"`
		if strings.HasSuffix(path, ".yml") || strings.HasSuffix(path, ".yaml") {
			hint = l.nearbyHint(absolute, path)
		}
		l.problems.errorf(n.Pos(), hint, "%s is neither a reference to an environment nor a file", quote(written))
		return nil
	}
	file := l.include(n, path, "environment")
	if file == nil {
		return nil
	}
	if file.Get("dependencies") != nil || file.Get("channels") != nil {
		l.problems.errorf(n.Pos(), `write "environment: {image: NAME, conda_file: `+path+`}"`, "%s is a conda file, not an environment", quote(written))
		return nil
	}
	l.embed(n, embedding{body: file})
	return l.environmentObject(file)
}

// environmentReference reads an environment by its name. One that is known by
// its name only goes by that; of another, what is in it counts.
func (l *loader) environmentReference(n *yaml.Node, written string) *pipeline.Environment {
	before := l.problems.errors
	a := l.find(n, written, pipeline.EnvironmentAsset)
	switch {
	case a != nil && a.Ref.Name == "":
		return &pipeline.Environment{Reference: written} // nobody can be asked
	case a == nil && l.problems.errors == before:
		return &pipeline.Environment{Reference: written} // unknown, and tolerated
	case a == nil:
		return nil
	}
	l.pins[n] = a.Ref.String()
	if a.Definition == "" {
		return &pipeline.Environment{Reference: a.Ref.String()}
	}
	root := l.definition(n, a)
	if root == nil {
		return nil
	}
	env := l.environmentObject(root)
	if env != nil {
		env.Asset = a.Ref.String()
	}
	return env
}

func (l *loader) environmentObject(n *yaml.Node) *pipeline.Environment {
	if e := n.Entry("dependencies"); e != nil && n.Get("image") == nil {
		l.problems.errorf(e.Pos(), `put the conda file under "conda_file"`, "these are the keys of a conda file, not of an environment")
		return nil
	}
	before := l.problems.errors
	l.checkKeys(n, environmentKeys)
	if l.problems.errors > before {
		return nil // what is missing is probably there under another name
	}
	env := &pipeline.Environment{Image: l.str(n, "image")}
	if c := n.Get("conda_file"); c != nil {
		env.Conda = l.conda(c)
		if env.Image == "" && n.Get("image") == nil {
			l.problems.warnf(n.Entry("conda_file").Pos(), `add "image: ..."`, "Azure ML wants an image beside conda_file")
		}
	}
	if b := n.Get("build"); b != nil {
		if e := n.Entry("image"); env.Image != "" {
			l.problems.errorf(e.Pos(), "", "an environment has an image or a build, not both")
			return nil
		}
		env.Build = l.build(b)
	}
	if n.Get("image") == nil && n.Get("conda_file") == nil && n.Get("build") == nil {
		l.problems.errorf(n.Pos(), "give it an image, a build, or an image with a conda_file", "this environment is empty")
		return nil
	}
	return env
}

// conda reads a conda file, or the mapping that stands in its place. Either is
// written in one form, in which comments and spaces make no difference.
func (l *loader) conda(n *yaml.Node) string {
	if n.Kind == yaml.Map {
		return yaml.Format(n)
	}
	if l.scalar(n, "conda_file") == nil {
		return ""
	}
	path := localPath(strings.TrimSpace(n.Source))
	root := l.include(n, path, "conda file")
	if root == nil {
		return ""
	}
	l.embed(n, embedding{body: root})
	return yaml.Format(root)
}

// build reads a docker build context.
func (l *loader) build(n *yaml.Node) *pipeline.Build {
	if l.mapping(n, "build") == nil {
		return nil
	}
	l.checkKeys(n, buildKeys)
	path := l.scalar(n.Get("path"), "path")
	if path == nil {
		if n.Get("path") == nil {
			l.problems.errorf(n.Pos(), `add "path: ..."`, "build has no path")
		}
		return nil
	}
	b := &pipeline.Build{Dockerfile: l.str(n, "dockerfile_path")}
	at := path
	if b.Dockerfile == "" {
		b.Dockerfile = "Dockerfile"
	} else {
		at = n.Get("dockerfile_path")
	}
	if b.Context = l.code(path, nil); b.Context == nil {
		return nil
	}
	l.embed(n, embedding{key: "path", code: b.Context})
	if b.Context.Artifact != nil {
		return b // looked into when it was kept
	}
	want := filepath.ToSlash(filepath.Clean(b.Dockerfile))
	for _, f := range b.Context.Files {
		if f.Path == want {
			return b
		}
	}
	l.problems.errorf(at.Pos(), "", "the build context %s has no file %s", quote(path.Source), quote(b.Dockerfile))
	return nil
}
