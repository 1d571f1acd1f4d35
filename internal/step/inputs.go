package step

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/executor"
	"github.com/millrace-ml/millrace/pipeline"
)

// ports is what the command sees of a step's inputs and outputs.
type ports struct {
	// inputs and outputs are the texts that stand for them. An optional input
	// that was not given is not there.
	inputs, outputs map[string]string
	// data names the inputs that are files.
	data map[string]bool
	// readOnly are the folders that hold links into the store.
	readOnly []string
	// links are the inputs that nothing but permissions protects, as they
	// were before the program ran.
	links []link
}

// link is an input whose bytes are the store's own.
type link struct {
	Name     string               `json:"name"`
	Artifact pipeline.Artifact    `json:"artifact"`
	Before   artifact.Fingerprint `json:"before"`
}

var portName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// check refuses a plan that no dialect would make: names become parts of paths.
func check(a Attempt) error {
	if a.Plan == nil || a.Step == nil || a.Number < 1 {
		return invalid("an attempt needs a plan, a step and a number from 1")
	}
	for _, in := range a.Step.Inputs {
		if !portName.MatchString(in.Name) {
			return invalid("%q is no name for an input", in.Name)
		}
	}
	for _, out := range a.Step.Outputs {
		if !portName.MatchString(out.Name) {
			return invalid("%q is no name for an output", out.Name)
		}
		if out.File != "" && !isBaseName(out.File) {
			return invalid("output %q: %q is no name for a file", out.Name, out.File)
		}
	}
	return nil
}

func isBaseName(name string) bool {
	return name != "." && name != ".." && name != "" && !strings.ContainsAny(name, "/\x00")
}

// stage puts everything in place that the program is to find.
func (r *Runner) stage(ctx context.Context, a Attempt, at *claim) (*ports, error) {
	if err := r.stageCode(ctx, a.Step.Code, at); err != nil {
		return nil, err
	}
	p := &ports{inputs: map[string]string{}, outputs: map[string]string{}, data: map[string]bool{}}
	for _, in := range a.Step.Inputs {
		value := valueOf(a, in)
		switch {
		case value.Literal != nil:
			p.inputs[in.Name] = *value.Literal
		case value.URI != "":
			p.inputs[in.Name] = value.URI
			p.data[in.Name] = true
		case value.Artifact != nil:
			if err := r.stageInput(ctx, in, *value.Artifact, at, p); err != nil {
				return nil, fmt.Errorf("input %q: %w", in.Name, err)
			}
		case !in.Optional:
			return nil, invalid("input %q has no value", in.Name)
		}
	}
	for _, out := range a.Step.Outputs {
		path, err := prepareOutput(out, at)
		if err != nil {
			return nil, fmt.Errorf("output %q: %w", out.Name, err)
		}
		p.outputs[out.Name] = path
	}
	return p, nil
}

// valueOf finds the value of an input: the one that was worked out for this
// attempt, or what the plan itself holds.
func valueOf(a Attempt, in pipeline.Input) pipeline.Value {
	value, ok := a.Inputs[in.Name]
	if ok && !value.IsAbsent() {
		return value
	}
	switch b := in.Binding; {
	case b.Literal != nil:
		return pipeline.Text(*b.Literal)
	case b.Source == nil:
		return pipeline.Value{}
	case in.Mode == pipeline.Direct:
		return pipeline.Value{URI: b.Source.URI}
	case b.Source.Artifact != nil:
		return pipeline.Content(*b.Source.Artifact)
	}
	return pipeline.Value{}
}

// stageCode makes the working directory.
func (r *Runner) stageCode(ctx context.Context, code *pipeline.Code, at *claim) error {
	if code != nil && code.Artifact != nil {
		target := at.wd()
		if !code.Artifact.Tree {
			if !isBaseName(code.Artifact.Name) {
				return invalid("%q is no name for a code file", code.Artifact.Name)
			}
			target = filepath.Join(target, code.Artifact.Name)
		}
		if err := r.Store.Stage(ctx, *code.Artifact, target, artifact.Writable); err != nil {
			return fmt.Errorf("code: %w", err)
		}
	}
	for _, name := range captured {
		err := os.Mkdir(filepath.Join(at.wd(), name), 0o755)
		if info, statErr := os.Stat(filepath.Join(at.wd(), name)); statErr == nil && info.IsDir() {
			continue
		} else if errors.Is(err, fs.ErrExist) {
			return invalid("the code folder has a file called %s, where programs find a folder of that name", name)
		}
		return err
	}
	return nil
}

// stageInput presents an artifact. Its own nature decides between file and
// folder, whatever type the port declares, as in Azure ML.
func (r *Runner) stageInput(ctx context.Context, in pipeline.Input, a pipeline.Artifact, at *claim, p *ports) error {
	folder := at.input(in.Name)
	path := folder
	if !a.Tree {
		name := a.Name
		if name == "" {
			name = in.Name
		}
		if !isBaseName(name) {
			return invalid("%q is no name for a file", name)
		}
		path = filepath.Join(folder, name)
	}
	protection := r.Executor.Protection()
	how := artifact.Link
	if in.Mode == pipeline.Download || in.Mode == pipeline.EvalDownload || protection == executor.None {
		how = artifact.Writable
	}
	if err := r.Store.Stage(ctx, a, path, how); err != nil {
		return err
	}
	p.data[in.Name] = true
	p.inputs[in.Name] = path
	if in.Mode == pipeline.Direct {
		// It was made by another step and has no address outside.
		p.inputs[in.Name] = "file://" + path
	}
	if how != artifact.Link {
		return nil
	}
	p.readOnly = append(p.readOnly, folder)
	if protection == executor.Mount {
		return nil
	}
	before, err := r.Store.Fingerprint(ctx, a)
	if err != nil {
		return err
	}
	p.links = append(p.links, link{Name: in.Name, Artifact: a, Before: before})
	return makeReadOnly(folder)
}

// makeReadOnly takes away write permission from folders; files have none. A
// folder is done after what is in it.
func makeReadOnly(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.IsDir() {
			if err := makeReadOnly(filepath.Join(folder, entry.Name())); err != nil {
				return err
			}
		}
	}
	return os.Chmod(folder, 0o555)
}

// tampered finds inputs that the program has written to, through whatever
// permissions it gave itself. The store drops what is damaged, so that no other
// step sees it.
func (r *Runner) tampered(ctx context.Context, links []link) error {
	for _, l := range links {
		now, err := r.Store.Fingerprint(ctx, l.Artifact)
		if err != nil {
			return fmt.Errorf("look at input %q: %w", l.Name, err)
		}
		if now == l.Before {
			continue
		}
		// Others may have touched the files without changing them.
		switch err := r.Store.Verify(ctx, l.Artifact); {
		case errors.Is(err, artifact.ErrDamaged), errors.Is(err, artifact.ErrGone):
			return &pipeline.Failure{
				Kind:    pipeline.UserFailure,
				Message: fmt.Sprintf("input %q was changed while the program ran; inputs are shared and read-only", l.Name),
				Hint:    fmt.Sprintf("write to an output instead, or set `mode: download` on input %q to get a copy of its own", l.Name),
			}
		case err != nil:
			return fmt.Errorf("look at input %q: %w", l.Name, err)
		}
	}
	return nil
}
