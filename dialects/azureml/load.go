package azureml

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// LoadOptions are what the command line adds to a file.
type LoadOptions struct {
	// Set are "path=value" pairs, applied before anything is checked. The value
	// is always text; the path may name lists as in "a[0].b" and makes the
	// mappings that are missing.
	Set []string
	// Assets finds what the file refers to by name; nil refuses such references,
	// but for environments, which then keep their names.
	Assets Assets
}

// The limits on what one job may refer to. They are far above what people
// write, and keep hostile files from costing more than a moment.
const (
	maxFiles    = 2_000   // YAML files
	maxIncludes = 40      // components in components
	maxSteps    = 20_000  // of the flattened plan
	maxPorts    = 500_000 // of all its steps
)

// Job is a job file that was read, with everything it refers to.
type Job struct {
	// File is the path as the user gave it.
	File string
	Type pipeline.JobType
	// Name is "" where the file gives none.
	Name        string
	DisplayName string
	Experiment  string
	Description string
	Tags        map[string]string
	// Warnings are problems that do not keep the job from running.
	Warnings Problems
	// Notes are about what runs here but would not on Azure ML.
	Notes Problems

	problems Problems
	draft    *draft
	// what the closed form is made of
	loader *loader
	root   *yaml.Node
	text   string
}

// Problems are all errors and warnings, by file, line and column.
func (j *Job) Problems() Problems { return j.problems }

// Load reads a job file and the components, environments and folders it refers
// to, and checks all of it. The job holds what could be read even where there
// are mistakes; then the error is [Problems], all of them at once. Warnings are
// no error; see [Job.Warnings].
func Load(path string, opts LoadOptions) (*Job, error) {
	return newLoader(opts).load(path, opts)
}

func (l *loader) load(path string, opts LoadOptions) (*Job, error) {
	root := l.readRoot(path)
	return l.finish(&Job{File: path, text: l.text}, root, opts)
}

// finish makes the job of what was read.
func (l *loader) finish(job *Job, root *yaml.Node, opts LoadOptions) (*Job, error) {
	path := job.File
	if root != nil {
		if l.set(root, opts.Set); len(opts.Set) > 0 {
			job.text = yaml.Format(root)
		}
		job.loader, job.root = l, root
		l.job(job, root)
	}
	job.problems = l.problems.sorted(path)
	job.Warnings, job.Notes = job.problems.Warnings(), job.problems.Notes()
	errs := job.problems.Errors()
	if len(errs) > 0 {
		job.draft = nil
	}
	return job, errs.ErrorOrNil()
}

// loader is the state of reading one job.
type loader struct {
	problems   report
	text       string // of the file that the user named
	files      int
	included   map[string]*yaml.Node // by absolute path; nil for files with mistakes
	components map[string]*component
	chain      []inclusion
	snapshots  map[string]*snapshotResult
	// walk is how many more files and folders snapshots may come across.
	walk int
	// assets finds registered assets; found keeps what it answered.
	assets Assets
	found  map[string]finding
	// defined are the documents that are definitions of assets.
	defined map[*yaml.Document]*Asset
	// embeds and pins are what a definition made of these files has in the place
	// of references.
	embeds map[*yaml.Node][]embedding
	pins   map[*yaml.Node]string
	// keeping is set while a component is read to be kept, not to be run.
	keeping bool
	// scheduled is set while a job is read that a schedule starts.
	scheduled bool
	// leftOut are inputs of the job's file that the schedule replaces by others.
	leftOut *leftOut
	// enclosed are the files that a closed job has taken along.
	enclosed map[string]*yaml.Node
	// portCount is how many inputs and outputs the nodes read so far have.
	portCount int
}

// inclusion is a component that is being read.
type inclusion struct {
	path string // absolute, or the reference to a registered one
	name string
}

func newLoader(opts LoadOptions) *loader {
	return &loader{
		included: map[string]*yaml.Node{}, components: map[string]*component{}, snapshots: map[string]*snapshotResult{}, walk: maxSnapshotFiles,
		assets: opts.Assets, found: map[string]finding{}, defined: map[*yaml.Document]*Asset{},
		embeds: map[*yaml.Node][]embedding{}, pins: map[*yaml.Node]string{},
	}
}

// readRoot reads the file that the user named.
func (l *loader) readRoot(path string) *yaml.Node {
	absolute, err := filepath.Abs(path)
	if err != nil {
		absolute = path
	}
	doc := yaml.NewDocument(path, filepath.Dir(absolute), "")
	at := yaml.Pos{Doc: doc, Line: 1, Column: 1}
	source, err := readFile(absolute)
	if err != nil {
		hint := ""
		if errors.Is(err, fs.ErrNotExist) {
			hint = l.nearbyHint(absolute, path)
		}
		l.problems.errorf(at, hint, "%s", describe(err))
		return nil
	}
	l.text = string(source)
	l.chain = append(l.chain, inclusion{path: absolute, name: path})
	root := l.parse(path, absolute, source)
	if root == nil {
		if len(l.problems.list.Errors()) == 0 {
			l.problems.errorf(at, "a job begins with \"command: ...\", or with \"type: pipeline\" and \"jobs:\"", "this file is empty")
		}
		return nil
	}
	if root.Kind != yaml.Map {
		l.problems.errorf(root.Pos(), "", "a job file holds a mapping, and this is %s", root.Kind)
		return nil
	}
	return root
}

// include reads a YAML file that another file refers to. It returns nil where
// that failed; the mistake is then reported: at the reference if there is no
// such file, in the file itself if it is not YAML.
func (l *loader) include(ref *yaml.Node, path, what string) *yaml.Node {
	if root, ok := l.enclosedFile(ref); ok {
		absolute, _ := resolve(ref.Doc(), path)
		l.included[absolute] = root
		return root
	}
	if l.inDefinition(ref, what) {
		return nil
	}
	absolute, shown := resolve(ref.Doc(), path)
	if root, known := l.included[absolute]; known {
		return root
	}
	l.files++
	if l.files > maxFiles {
		l.problems.errorf(ref.Pos(), "", "this job refers to more than %d files", maxFiles)
		return nil
	}
	source, err := readFile(absolute)
	if err != nil {
		hint := ""
		if errors.Is(err, fs.ErrNotExist) {
			hint = l.nearbyHint(absolute, path)
		}
		l.problems.errorf(ref.Pos(), hint, "%s %q: %s", what, clip(path), describe(err))
		return nil
	}
	before := l.problems.errors
	root := l.parse(shown, absolute, source)
	switch {
	case root == nil && l.problems.errors == before:
		l.problems.errorf(ref.Pos(), "", "%s %q: this file is empty", what, clip(path))
	case root != nil && root.Kind != yaml.Map:
		l.problems.errorf(root.Pos(), "", "%s must be a mapping, and this is %s", what, root.Kind)
		root = nil
	}
	l.included[absolute] = root
	return root
}

func (l *loader) parse(shown, absolute string, source []byte) *yaml.Node {
	root, errs := yaml.Parse(shown, filepath.Dir(absolute), source)
	for _, e := range errs {
		if e.Warning {
			l.problems.warnf(e.Pos, e.Hint, "%s", e.Message)
		} else {
			l.problems.errorf(e.Pos, e.Hint, "%s", e.Message)
		}
	}
	return root
}

// resolve finds the file a path in a document means: by the folder of the
// document. It returns the absolute path, and the path to show.
func resolve(doc *yaml.Document, path string) (absolute, shown string) {
	if filepath.IsAbs(path) {
		return filepath.Clean(path), filepath.Clean(path)
	}
	shown = filepath.Join(filepath.Dir(doc.Name), path)
	if doc.Base != "" {
		shown = filepath.Join(filepath.Dir(doc.Base), path)
	}
	return filepath.Join(doc.Dir, path), shown
}

// localPath strips the forms in which a local path may be written.
func localPath(path string) string {
	if rest, ok := strings.CutPrefix(path, "file:"); ok {
		if rooted, ok := strings.CutPrefix(rest, "//"); ok {
			return rooted
		}
		return rest
	}
	return path
}

// readFile reads a regular file of bounded size.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, errors.New("this is a folder, not a file")
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("this is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	source, err := io.ReadAll(io.LimitReader(f, yaml.MaxSize+1))
	if err == nil && len(source) > yaml.MaxSize {
		err = fmt.Errorf("this file is larger than %d KiB, the most that is read", yaml.MaxSize>>10)
	}
	return source, err
}

// describe words the error of a file operation without the path, which the
// message around it has.
func describe(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such file or folder"
	case errors.Is(err, fs.ErrPermission):
		return "this may not be read: permission denied"
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err.Error()
	}
	return err.Error()
}

// nearbyHint says where a missing file was looked for, or which file there has
// a similar name.
func (l *loader) nearbyHint(absolute, written string) string {
	dir, base := filepath.Split(absolute)
	if entries, err := os.ReadDir(dir); err == nil {
		var names []string
		for _, e := range entries[:min(len(entries), 1000)] {
			names = append(names, e.Name())
		}
		if like := l.closest(base, names); like != "" {
			return fmt.Sprintf("did you mean %q?", strings.TrimSuffix(written, base)+like)
		}
	}
	return "paths are relative to the file they stand in; looked for " + absolute
}
