package step

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

// Tracker gives the programs of attempts a place to report to.
type Tracker interface {
	// Open begins to take reports for an attempt, or goes on with what an
	// earlier worker has taken.
	Open(Tracked) (Session, error)
}

// Tracked is the attempt that a session is for.
type Tracked struct {
	// Job and Experiment are the names of the job and what it belongs to; Step
	// is the step's, and Run what the step is called as a job of its own.
	Job, Experiment, ExperimentID, Step, Run string
	// Instance is which of several that run at once on several workers.
	Instance int
	// Folder is the attempt's: the programs find it under the same path, and it
	// is there for as long as the session.
	Folder string
	// Elsewhere is set where the file itself says where the program reports to.
	Elsewhere bool
	// Container is set for programs that run in a container, with the network
	// that they are to be connected to, where the file says.
	Container bool
	Network   string
	// Record is what the session of an earlier worker asked to be kept; nil for
	// an attempt that begins.
	Record json.RawMessage
	// Metric is told every value of the attempt's own run, in order and never
	// two at once, with those that an earlier worker has taken. May be nil.
	Metric func(key string, step int64, value float64)
	// Note adds a line to the log of the step.
	Note func(text string)
}

// Session takes the reports of one attempt.
type Session interface {
	// Record is what a later worker has to know to go on.
	Record() json.RawMessage
	// Environ adds to the environment of a process what it needs to report, and
	// takes away what would lead it elsewhere. The process is called "main" or
	// "rank_3".
	Environ(process string, env map[string]string)
	// Leave ends the session for this worker. The next one goes on.
	Leave()
	// Close ends the session, and says what is kept of it. Whatever cannot be
	// kept is no reason for a step to fail: it is noted.
	Close(context.Context) Report
}

// Report is what became of a session.
type Report struct {
	// Metrics sum up the values of the attempt's own run.
	Metrics map[string]pipeline.Metric
	// Models are to become assets when the job has completed. Their paths are
	// in the artifacts of the step.
	Models []pipeline.Model
	// Folders are what is added to the artifacts of the step: a path there, and
	// what is to stand below it. "" is the top.
	Folders []Reported
}

// Reported is a folder that is added to the artifacts of a step.
type Reported struct{ Path, Folder string }

// track opens the session of an attempt. A step can do without: a session that
// cannot be opened is noted.
func (r *Runner) track(a Attempt, at *claim) {
	if r.Tracker == nil {
		return
	}
	t := Tracked{
		Job: a.Plan.Name, Experiment: experiment(a.Plan), ExperimentID: uuid("experiment " + experiment(a.Plan)), Step: a.Step.Name, Run: a.Plan.StepJobName(a.Step.Name),
		Folder: at.path, Record: at.record.Tracking, Metric: a.Metric,
		Note: func(text string) { _ = at.note(text) },
	}
	_, t.Elsewhere = a.Step.Variables["MLFLOW_TRACKING_URI"]
	if a.Gang != nil {
		t.Instance = a.Gang.Instance
	}
	if at.software.image != "" {
		t.Container, t.Network = true, a.network()
	}
	session, err := r.Tracker.Open(t)
	if err != nil {
		_ = at.note(fmt.Sprintf("metrics cannot be reported: %v", err))
		return
	}
	at.session = session
	at.mu.Lock()
	defer at.mu.Unlock()
	at.record.Tracking = session.Record()
}

// reports ends the session of an attempt, and returns what is kept of it.
func (c *claim) reports(ctx context.Context) (report Report) {
	if c.session != nil {
		report = c.session.Close(ctx)
		c.session = nil
	}
	return report
}

// leaveSession has the next worker go on with the session, where there still is
// one.
func (c *claim) leaveSession() {
	if c.session != nil {
		c.session.Leave()
		c.session = nil
	}
}

// keepReported stores what was reported, beside what else is kept.
func (r *Runner) keepReported(ctx context.Context, at *claim, kept []artifact.Entry, report Report) ([]artifact.Entry, error) {
	for _, reported := range report.Folders {
		entries, err := r.keepFolder(ctx, at, reported.Folder)
		if err != nil {
			return nil, err
		}
		prefix := reported.Path
		if prefix != "" {
			prefix += "/"
		}
		before := len(kept)
		kept = merge(kept, entries, prefix)
		if lost := len(entries) - (len(kept) - before); lost > 0 {
			name, _ := filepath.Rel(at.path, reported.Folder)
			_ = at.note(fmt.Sprintf("not kept: %d of what was logged to %s stands in the way of other files of the step", lost, name))
		}
	}
	return kept, nil
}
