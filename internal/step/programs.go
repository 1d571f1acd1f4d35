package step

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/millrace-ml/millrace/internal/executor"
)

// programs prepares the processes of a step: one, or as many as its
// distribution asks for. In a gang they are those of this instance.
func (r *Runner) programs(a Attempt, at *claim, p *ports) ([]program, error) {
	base, err := r.environment(a, at, p)
	if err != nil {
		return nil, err
	}
	ranks, err := ranksOf(a.Step, a.Gang)
	if err != nil {
		return nil, err
	}
	container, err := a.container(at, len(ranks))
	if err != nil {
		return nil, err
	}
	if mpirun := launcher(base["PATH"]); mpirun != "" && container == nil && usesMPI(a) {
		ranks = []rank{underMPI(mpirun, ranks, at)}
	}
	get := func(from map[string]string) func(string) (string, bool) {
		return func(name string) (string, bool) { text, ok := from[name]; return text, ok }
	}
	common := executor.Program{
		Command:  a.Step.Command.Render(get(p.inputs), get(p.outputs)),
		Dir:      at.wd(),
		Log:      filepath.Join(at.path, filepath.FromSlash(Log)),
		ReadOnly: p.readOnly,
		Grace:    r.Grace,
		Timeout:  time.Duration(a.Step.Timeout) * time.Second,
		// Each may have all of it: nobody says how they share it.
		Memory:    a.Step.Resources.Memory,
		Container: container,
	}
	if strings.TrimSpace(common.Command) == "" {
		return nil, invalid("the command is empty")
	}
	programs := make([]program, len(ranks))
	for i, rank := range ranks {
		env := base.with(rank.env)
		if at.session != nil {
			at.session.Environ(rank.env["AZUREML_PROCESS_NAME"], env)
		}
		env = env.withList(a.Env).with(a.Step.Variables)
		if container != nil {
			env = env.with(renumbered(a.Env)).with(a.Step.Variables)
		}
		p := program{Program: common, name: rank.name, server: rank.server}
		p.State, p.Started = at.state(i), at.watch(i, a.Started)
		if p.Env, err = env.list(); err != nil {
			return nil, err
		}
		if rank.launch != nil {
			p.Command, p.culprit = rank.launch(p.Command), at.culprit()
		}
		if rank.log != "" {
			p.Log = filepath.Join(at.logs(), rank.log)
		}
		programs[i] = p
	}
	if ranks[0].log == "" {
		return programs, nil
	}
	// What the first process prints is the step's log, under both names.
	return programs, linkLog(programs[0].Log, common.Log)
}

// linkLog gives a log a second name before anything is written to it.
func linkLog(log, second string) error {
	file, err := os.Create(log)
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Link(log, second))
}

// watch returns what is to be done when a program has started: it is noted, so
// that it can be found if this worker dies, and the caller is told, once.
func (c *claim) watch(program int, started func()) func(executor.Process) {
	return func(p executor.Process) {
		// A program that cannot be noted runs all the same: its state, too, says
		// which it is.
		if err := c.started(program, p); err != nil {
			_ = c.note(fmt.Sprintf("process %d could not be noted: %v", p.PID, err))
		}
		if started != nil {
			c.once.Do(started)
		}
	}
}
