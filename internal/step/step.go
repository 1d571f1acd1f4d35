// Package step is the contract with the program of a step: what it finds when
// it starts, what it may count on while it runs, and what is kept of it when
// it ends.
//
// An attempt has a folder of its own, below [Folder]:
//
//	<n>/attempt.json   whose it is; locked by the worker for as long as it lives
//	<n>/program-<i>    what the executor knows of a program, for a later worker
//	<n>/wd/            working directory: a fresh copy of the code, outputs/, logs/
//	<n>/in/INPUT_<i>   a data input, read-only links or writable copies
//	<n>/out/<o>        a folder to write to; for uri_file, <o>/<file>
//	<n>/user_logs/     std_log.txt, written while the program runs
//
// None of these paths holds a space, since commands contain them unquoted.
//
// # What the program's environment holds
//
// The worker's own environment comes first: programs on this machine need its
// proxies, its CUDA and its credentials (AWS_*, AZURE_*, GOOGLE_*), as any
// other program that the same user starts. What configures Millrace itself and
// its server (MILLRACE_*, TEMPORAL_*) is left out, and so is what another job's
// program may have been given (AZUREML_*, AZURE_ML_*, MLFLOW_RUN_ID). Then come
// the variables of Azure ML, without tokens, those of the distribution, those
// of the caller and, on top, those of the file. Nothing of it is logged.
package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/millrace-ml/millrace/internal/artifact"
	environments "github.com/millrace-ml/millrace/internal/environment"
	"github.com/millrace-ml/millrace/internal/executor"
	"github.com/millrace-ml/millrace/pipeline"
)

// Runner runs attempts of steps on this machine. Its methods may be called from
// any goroutine.
type Runner struct {
	Store    *artifact.Store
	Executor executor.Executor
	// Work is the folder for the folders of attempts: absolute, without
	// characters that a shell gives a meaning. Several workers may share it.
	Work string
	// Python is a folder whose python comes first, or an environment's root;
	// "" takes the one on PATH.
	Python string
	// Environments makes the software ready that steps ask for; nil has them
	// run with the machine's own.
	Environments *environments.Manager
	// Environ is the worker's own environment, as from [os.Environ].
	Environ []string
	// Grace is the time from TERM to KILL; 0 means [executor.DefaultGrace].
	Grace time.Duration
	// Keep leaves the folders of attempts, to look into.
	Keep bool
	// Observer is told how attempts get on; may be nil.
	Observer Observer
	// Tracker takes what programs report of themselves; may be nil.
	Tracker Tracker
}

// Attempt is one try at a step.
type Attempt struct {
	Plan *pipeline.Plan
	Step *pipeline.Step
	// Number counts the tries, from 1.
	Number int
	// Inputs holds the value of every bound input. Literals and pinned sources
	// are taken from the step's bindings where they are missing here.
	Inputs map[string]pipeline.Value
	// Env is added to the program's environment: NAME=value, such as the
	// CUDA_VISIBLE_DEVICES of the worker's slot.
	Env []string
	// Gang is set where other instances of the step run on other workers at
	// the same time; nil has them all run here.
	Gang *Gang
	// Token is kept beside the attempt and handed back by Sweep if its worker
	// dies.
	Token json.RawMessage
	// Started, if set, is called once the program runs.
	Started func()
	// Ended, if set, is called when none of the programs runs any more, before
	// what they have made is stored.
	Ended func()
	// Metric, if set, is called with every value that the program reports, in
	// order and never two at once. It must not wait. An attempt that is resumed
	// has it called with the values of before, too.
	Metric func(key string, step int64, value float64)
}

// Result is what became of an attempt.
type Result struct {
	// Outputs are all declared outputs and [pipeline.Artifacts]. After a
	// failure it holds the latter at most.
	Outputs map[string]pipeline.Artifact
	// ExitCode is the program's; Started and Ended are zero if it never ran.
	ExitCode       int
	Started, Ended time.Time
	// Values are what control outputs hold, by name.
	Values map[string]string
	// Metrics are what the program has reported, by name; also of one that
	// failed.
	Metrics map[string]pipeline.Metric
	// Models are those that the program has registered.
	Models []pipeline.Model
}

// wrapUp bounds what is still done for an attempt after it was cancelled.
const wrapUp = time.Minute

// Run runs an attempt. The error is a [*pipeline.Failure] of kind user,
// timeout, cancelled or invalid, or else an infrastructure failure in plain
// words. What the program printed is kept in both cases.
//
// When [executor.ErrLeft] is why ctx has ended, a program that runs is left
// running, with the folder of the attempt, and that is the error. See
// [Runner.Orphans].
func (r *Runner) Run(ctx context.Context, a Attempt) (Result, error) {
	result, err := r.run(ctx, a)
	return result, r.plain(ctx, err)
}

// plain is an error in the terms of whoever asked for an attempt.
func (r *Runner) plain(ctx context.Context, err error) error {
	failure := (*pipeline.Failure)(nil)
	switch {
	case err == nil, errors.Is(err, executor.ErrLeft):
		return err
	case errors.As(err, &failure) && failure.Kind != pipeline.Infrastructure:
		whole := *failure
		whole.Message = err.Error() // with what was wrapped around it
		return &whole
	case ctx.Err() != nil:
		return cancelled()
	}
	return r.trouble(err)
}

func (r *Runner) run(ctx context.Context, a Attempt) (result Result, err error) {
	if err := check(a); err != nil {
		return result, err
	}
	at, err := r.claim(ctx, a)
	if err != nil {
		return result, err
	}
	defer func() { at.software.release(at) }()
	defer func() { r.leave(at, err) }()
	if result.Outputs, err = r.equip(ctx, a, at); err != nil {
		return result, err
	}
	staged := r.observer().Phase(ctx, "stage")
	ports, err := r.stage(ctx, a, at)
	staged(err)
	if err != nil {
		return result, err
	}
	a.Env = append(slices.Clip(a.Env), r.observer().Environ(ctx)...)
	r.track(a, at)
	defer at.leaveSession()
	programs, err := r.programs(a, at, ports)
	if err != nil {
		return result, err
	}
	if err := at.begin(programs, ports.links); err != nil {
		return result, err
	}
	return r.attend(ctx, a, at, ports, programs, r.start)
}

// attend sees an attempt's programs through to their end, and keeps what they
// have made.
func (r *Runner) attend(ctx context.Context, a Attempt, at *claim, ports *ports, programs []program, run runs) (result Result, err error) {
	defer func() {
		if err != nil && errors.Is(context.Cause(ctx), executor.ErrLeft) {
			err = executor.ErrLeft
		}
	}()
	var meet func(context.Context) error
	if a.Gang != nil {
		meet = a.Gang.Meet
	}
	ran := r.observer().Phase(ctx, "run")
	end := r.execute(ctx, programs, run, meet)
	if errors.Is(end.err, executor.ErrLeft) {
		ran(nil)
		return result, end.err
	}
	if a.Ended != nil {
		a.Ended()
	}
	result = Result{ExitCode: end.Code, Started: end.Started, Ended: end.Ended}
	report := at.reports(context.WithoutCancel(ctx))
	result.Metrics, result.Models = report.Metrics, report.Models
	var outputs map[string]pipeline.Artifact
	err = judge(end, a, at)
	ran(err)
	committed := r.observer().Phase(ctx, "commit")
	defer func() { committed(err) }()
	ranFor := end.Ended.Sub(end.Started)
	if err == nil {
		err = Insist(ctx, ranFor, func() (err error) {
			outputs, err = r.collect(ctx, a, at, ports)
			return err
		}, at.tellOnce("the outputs cannot be stored yet"))
	}
	if err == nil {
		result.Values, err = r.values(ctx, a, at, outputs)
	}
	after, cancel := afterwards(ctx)
	defer cancel()
	if damage := r.tampered(after, ports.links); err == nil {
		err = damage
	}
	kept, keepErr := r.keep(after, at, report)
	if err == nil && keepErr != nil {
		// Nothing is told here: the log is what is being stored.
		keepErr = Insist(ctx, ranFor, func() (err error) {
			kept, err = r.keep(after, at, report)
			return err
		}, func(error) {})
		err = keepErr
	}
	if err != nil {
		outputs = make(map[string]pipeline.Artifact, 1)
	}
	if keepErr == nil {
		outputs[pipeline.Artifacts] = kept
	}
	result.Outputs = outputs
	return result, err
}

// afterwards is the context for what is still to be done for an attempt that
// may have been cancelled.
func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() == nil {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(context.WithoutCancel(ctx), wrapUp)
}

func cancelled() *pipeline.Failure {
	return &pipeline.Failure{Kind: pipeline.Cancelled, Message: "cancelled"}
}

func invalid(format string, args ...any) *pipeline.Failure {
	return &pipeline.Failure{Kind: pipeline.Invalid, Message: fmt.Sprintf(format, args...)}
}
