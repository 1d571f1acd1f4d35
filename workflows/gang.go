package workflows

import (
	"errors"
	"fmt"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// gang is a step whose instances run at once, an activity for each. They find
// each other by themselves; once they have, the end of one that does not succeed
// is the end of all.
type gang struct {
	node, left int
	stop       workflow.CancelFunc
	result     *activities.StepResult // of the first instance, which speaks for all
	errs       []error                // by instance
	first      int                    // the instance that ended the others, or -1
}

// maxTries bounds how often all instances of a step are begun again because of
// something that lies outside the program.
const maxTries = 10

// together is for activities that others wait for: a lost one is not begun again
// by itself. Until they have found each other they are, with a delay that they
// choose.
func together() temporal.RetryPolicy {
	policy := patience
	policy.NonRetryableErrorTypes = []string{"TemporalTimeout:" + enumspb.TIMEOUT_TYPE_HEARTBEAT.String(), activities.WorkerLost}
	return policy
}

// runTogether has workers run all instances of a step's program at once.
func (e *execution) runTogether(i int) {
	node, state := e.nodes[i], &e.steps[i]
	e.runs[i]++
	e.tries[i]++
	state.Status = pipeline.Queued
	state.Waiting = fmt.Sprintf("waits for %d slots on queue %s at once", node.Instances, node.Queue)
	e.touch(i)
	ctx, stop := workflow.WithCancel(e.running)
	g := &gang{node: i, left: node.Instances, stop: stop, errs: make([]error, node.Instances), first: -1}
	for n := range node.Instances {
		id, summary := node.Name, node.Summary
		if n > 0 {
			id, summary = fmt.Sprintf("%s/instance-%d", id, n), fmt.Sprintf("%s, instance %d", summary, n)
		}
		if e.runs[i] > 1 {
			id = fmt.Sprintf("%s#%d", id, e.runs[i])
		}
		in := activities.InstanceInput{
			StepInput: e.stepInput(i), Instance: n, Instances: node.Instances, Try: e.tries[i], Since: e.in.Started,
		}
		options := workflow.GetActivityOptions(e.program(id, node, summary, together()))
		e.later(workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), do.Instance, in), func(f workflow.Future) {
			e.instanceEnded(g, n, f)
		})
	}
}

func (e *execution) instanceEnded(g *gang, n int, f workflow.Future) {
	var result activities.StepResult
	g.left--
	if err := f.Get(e.ctx, &result); err != nil {
		g.errs[n] = err
		if g.first < 0 {
			g.first = n
		}
		g.stop()
	} else if n == 0 {
		g.result = &result
		g.stop() // whoever is left has nothing to run
	}
	if g.left > 0 {
		return
	}
	g.stop()
	if g.result != nil {
		e.ran(g.node, *g.result)
		return
	}
	e.broken(g)
}

// broken settles a gang that has come to nothing, when all its instances have
// ended.
func (e *execution) broken(g *gang) {
	lost := g.lost()
	why := g.errs[g.first]
	if e.running.Err() == nil && e.tries[g.node]-e.failures[g.node] < maxTries && (lost || outside(why)) {
		e.again(g.node, lost)
		return
	}
	if e.retried(g.node, why) {
		return
	}
	var parts []pipeline.Artifact
	for _, err := range g.errs {
		if details, ok := detailsOf(err); ok && !details.Outputs[pipeline.Artifacts].IsZero() {
			parts = append(parts, details.Outputs[pipeline.Artifacts])
		}
	}
	e.ended(g.node, why)
	e.gather(g.node, parts)
}

// lost reports whether an instance ended because its worker was lost. Then the
// others may have failed for that reason, before anybody could know: so it counts
// before all else.
func (g *gang) lost() bool { return slices.ContainsFunc(g.errs, lostWorker) }

// again begins all instances of a step anew.
func (e *execution) again(i int, lost bool) {
	state := &e.steps[i]
	state.Status, state.Waiting = pipeline.Queued, "will be run again: a worker that ran an instance of it was lost"
	e.resolved[i] = nil
	if lost {
		e.touch(i)
		e.ready = append(e.ready, i)
		return
	}
	state.Waiting = "will be run again"
	e.touch(i)
	delay := min(patience.InitialInterval<<e.tries[i], time.Minute)
	e.later(workflow.NewTimer(e.running, delay), func(f workflow.Future) {
		if err := f.Get(e.ctx, nil); err != nil {
			e.ended(i, err)
			return
		}
		e.ready = append(e.ready, i)
	})
}

// gather joins what is kept of the instances of a step that did not succeed.
// Without it, the job's end is worth more than the logs.
func (e *execution) gather(i int, parts []pipeline.Artifact) {
	ctx, cancel := workflow.NewDisconnectedContext(e.ctx)
	defer cancel()
	var result activities.GatherResult
	in := activities.GatherInput{Job: e.in.Job, Parts: parts, State: e.steps[i]}
	summary := "keep the logs of " + e.nodes[i].Name
	if err := workflow.ExecuteLocalActivity(local(ctx, summary), do.Gather, in).Get(ctx, &result); err != nil {
		workflow.GetLogger(ctx).Warn("could not keep the logs of all instances", "step", e.nodes[i].Name, "error", err)
		return
	}
	if !result.Artifacts.IsZero() {
		e.steps[i].Outputs = map[string]pipeline.Artifact{pipeline.Artifacts: result.Artifacts}
		e.touch(i)
	}
}

// lostWorker reports whether an instance ended because its worker was lost.
func lostWorker(err error) bool {
	if timeout, ok := errors.AsType[*temporal.TimeoutError](err); ok && timeout.TimeoutType() == enumspb.TIMEOUT_TYPE_HEARTBEAT {
		return true
	}
	application, ok := errors.AsType[*temporal.ApplicationError](err)
	return ok && application.Type() == activities.WorkerLost
}

// outside reports whether the reason for a failure lies outside the program.
func outside(err error) bool {
	application, ok := errors.AsType[*temporal.ApplicationError](err)
	return ok && application.Type() == string(pipeline.Infrastructure)
}

// detailsOf is what an activity told of its step when it did not succeed.
func detailsOf(err error) (details activities.StepFailed, ok bool) {
	if canceled, is := errors.AsType[*temporal.CanceledError](err); is {
		return details, canceled.HasDetails() && canceled.Details(&details) == nil
	}
	application, is := errors.AsType[*temporal.ApplicationError](err)
	return details, is && application.HasDetails() && application.Details(&details) == nil
}
