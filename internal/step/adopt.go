package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/millrace-ml/millrace/internal/executor"
)

// Orphan is an attempt whose worker has died. Whoever has it is its worker now:
// resumes it, ends it, or lets go of it.
type Orphan struct {
	// Token is what the attempt was given; nil if it cannot be told.
	Token json.RawMessage
	// Folder is where the attempt runs.
	Folder string

	runner *Runner
	at     *claim
}

// noted is what is kept of a program, to go on with it.
type noted struct {
	Name      string              `json:"name,omitempty"`
	Server    bool                `json:"server,omitempty"`
	Culprit   string              `json:"culprit,omitempty"`
	Log       string              `json:"log"`
	State     string              `json:"state"`
	Path      string              `json:"path,omitempty"` // its PATH, for hints
	Memory    int64               `json:"memory,omitempty"`
	Container *executor.Container `json:"container,omitempty"`
	Process   executor.Process    `json:"process,omitzero"`
}

// note leaves out what nobody else has to know: the environment holds secrets.
func note(p program) noted {
	n := noted{
		Name: p.name, Server: p.server, Culprit: p.culprit, Log: p.Log, State: p.State,
		Path: variable(p.Env, "PATH"), Memory: p.Memory,
	}
	if p.Container != nil {
		n.Container = &executor.Container{Image: p.Container.Image, SharedMemory: p.Container.SharedMemory}
	}
	return n
}

// program is the program again, as far as one that runs already has to be known.
func (n noted) program(p executor.Program) program {
	p.Log, p.State, p.Memory, p.Container = n.Log, n.State, n.Memory, n.Container
	p.Env = []string{"PATH=" + n.Path}
	return program{Program: p, name: n.Name, server: n.Server, culprit: n.Culprit, process: n.Process}
}

// Orphans takes over what dead workers have left in this folder. Attempts of
// live workers are left alone: held are their tokens, as far as they can be told.
func (r *Runner) Orphans() (orphans []*Orphan, held []json.RawMessage, err error) {
	paths, err := r.attempts()
	if err != nil {
		return nil, nil, err
	}
	for _, path := range paths {
		o, oneErr := r.takeOver(path)
		switch {
		case errors.Is(oneErr, errHeld):
			if token := tokenAt(folderAt(r.Work, path).attempt()); token != nil {
				held = append(held, token)
			}
		case oneErr != nil:
			err = errors.Join(err, oneErr)
		case o == nil:
			err = errors.Join(err, folderAt(r.Work, path).removeUnclaimed(false))
		default:
			orphans = append(orphans, o)
		}
	}
	return orphans, held, err
}

// tokenAt reads the token of an attempt that somebody else has; nil while that is
// being written.
func tokenAt(path string) json.RawMessage {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	found, _ := readRecord(file)
	return found.Token
}

// takeOver makes this worker that of one attempt. It returns errHeld if its
// worker lives, and nil if it has none.
func (r *Runner) takeOver(path string) (*Orphan, error) {
	f := folderAt(r.Work, path)
	file, err := lock(f.attempt(), 0)
	switch {
	case errors.Is(err, errHeld):
		return nil, err
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("take over %s: %w", path, err)
	}
	if !stillAt(file) {
		file.Close()
		return nil, errHeld // another worker was quicker
	}
	c := &claim{folder: f, file: file}
	c.record, c.length = readRecord(file)
	return &Orphan{Token: c.record.Token, Folder: path, runner: r, at: c}, nil
}

// Begun reports whether the programs were about to be started, or have been.
// What was not begun cannot be resumed.
func (o *Orphan) Begun() bool { return len(o.at.record.Programs) > 0 }

// Resume goes on where the dead worker was, and ends as [Runner.Run] would have
// ended. The attempt is the one that it was, with the same plan, step and
// inputs; its token is kept instead of the old one.
func (o *Orphan) Resume(ctx context.Context, a Attempt) (Result, error) {
	result, err := o.resume(ctx, a)
	return result, o.runner.plain(ctx, err)
}

func (o *Orphan) resume(ctx context.Context, a Attempt) (result Result, err error) {
	r, at := o.runner, o.at
	defer func() { r.leave(at, err) }()
	if err := check(a); err != nil {
		return result, err
	}
	if err := o.Keep(a.Token); err != nil {
		return result, err
	}
	ports := &ports{outputs: map[string]string{}, links: at.record.Links}
	for _, out := range a.Step.Outputs {
		ports.outputs[out.Name] = at.outputPath(out)
	}
	r.track(a, at)
	defer at.leaveSession()
	programs := make([]program, len(at.record.Programs))
	for i, n := range at.record.Programs {
		programs[i] = n.program(executor.Program{Grace: r.Grace, Started: at.watch(i, a.Started)})
	}
	return r.attend(ctx, a, at, ports, programs, r.adopt)
}

// Keep keeps another token than before beside the attempt.
func (o *Orphan) Keep(token json.RawMessage) error {
	o.at.mu.Lock()
	defer o.at.mu.Unlock()
	o.at.record.Token = token
	return o.at.write()
}

// End ends what still runs of the attempt and clears its folder away. It reports
// whether anything was running.
func (o *Orphan) End(ctx context.Context) (ran bool, err error) {
	defer o.at.file.Close()
	ending, cancel := context.WithCancel(ctx)
	cancel() // whoever adopts with this ends
	for _, n := range o.at.record.Programs {
		exit, endErr := o.runner.adopt(ending, n.program(executor.Program{Grace: o.runner.Grace}))
		ran = ran || exit.Cause == executor.Cancelled
		_, refused := errors.AsType[*executor.StartError](endErr)
		if exit.Ended.IsZero() && !refused && !errors.Is(endErr, executor.ErrLost) {
			err = errors.Join(err, endErr) // it may be running
		}
	}
	// The last one may have been started and not been noted any more.
	rest, restErr := o.runner.endRest(ctx, o.at.folder)
	if err = errors.Join(err, restErr); err != nil {
		return ran || rest, fmt.Errorf("clear away %s: %w", o.Folder, err)
	}
	return ran || rest, o.at.remove()
}

// Release lets go of the attempt. Its programs run on.
func (o *Orphan) Release() { o.at.file.Close() }
