package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// sweeping is the state of one run of the workflow Sweep.
type sweeping struct {
	in   SweepInput
	node Node
	what *pipeline.Sweep
	// ctx ends when the job is canceled; running ends then too, and when the
	// sweep is over before its trials are.
	ctx, running workflow.Context
	stop         workflow.CancelFunc
	selector     workflow.Selector

	state    activities.SweepState
	proposed []activities.Proposal // not begun
	again    []activities.Proposal // to be looked up once more
	waiting  []activities.Proposal // for their environment
	open     map[int]*trial        // begun, by number
	rounds   int                   // how often the environment was made ready
	inFlight int
	signals  int

	mustContinue bool
	over         bool // no trial begins any more
	timedOut     bool
	hopeless     bool
	fatal        error
}

// trial is one that has begun and not ended.
type trial struct {
	pipeline.Trial
	proposal activities.Proposal
	stop     workflow.CancelFunc // nil while there is nothing to stop
	why      string              // it is being stopped early
	runs     int
}

func newSweeping(ctx workflow.Context, in SweepInput) *sweeping {
	s := &sweeping{in: in, node: in.Node, what: in.Node.Sweep, ctx: ctx, selector: workflow.NewSelector(ctx), open: make(map[int]*trial)}
	s.running, s.stop = workflow.WithCancel(ctx)
	s.state = activities.SweepState{
		Started: workflow.Now(ctx), Next: 1,
		Parts: pipeline.Parts{What: "trials", Total: s.what.Limits.MaxTrials},
	}
	return s
}

// restore takes up what an earlier run of the workflow carried over.
func (s *sweeping) restore() error {
	if s.in.Carried == "" {
		return nil
	}
	var state activities.SweepState
	err := workflow.ExecuteLocalActivity(local(s.ctx, "take up the trials"), do.TakeUpSweep, s.in.Carried).Get(s.ctx, &state)
	if err == nil {
		s.state = state
	}
	return err
}

// continueAsNew carries the sweep on in a new run of the workflow. All trials
// that began have ended.
func (s *sweeping) continueAsNew() error {
	next := s.in
	if err := workflow.ExecuteLocalActivity(local(s.ctx, "keep the trials"), do.KeepSweep, s.state).Get(s.ctx, &next.Carried); err != nil {
		return err
	}
	return workflow.NewContinueAsNewError(s.ctx, Sweep, next)
}

// limitTime ends the sweep when its time is up.
func (s *sweeping) limitTime() {
	if s.what.Limits.Timeout == 0 {
		return
	}
	left := max(seconds(s.what.Limits.Timeout)-workflow.Now(s.ctx).Sub(s.state.Started), time.Millisecond)
	s.selector.AddFuture(workflow.NewTimer(s.running, left), func(f workflow.Future) {
		if f.Get(s.ctx, nil) == nil {
			s.timedOut = true
			s.close()
		}
	})
}

// close has no further trial begin, and ends those that run.
func (s *sweeping) close() {
	s.over, s.proposed = true, nil
	s.stop()
}

// abort ends the sweep for a reason that lies in no trial.
func (s *sweeping) abort(err error) {
	if s.fatal == nil {
		s.fatal = err
	}
	s.close()
}

// listen takes in how trials stand.
func (s *sweeping) listen() {
	s.selector.AddReceive(workflow.GetSignalChannel(s.ctx, activities.ReportSignal), func(ch workflow.ReceiveChannel, _ bool) {
		for {
			var told activities.TrialReport
			if !ch.ReceiveAsync(&told) {
				return
			}
			s.signals++
			s.judge(told)
		}
	})
}

// judge ends a trial that is not worth going on with.
func (s *sweeping) judge(told activities.TrialReport) {
	if s.what.Early == nil {
		return
	}
	t := s.open[told.Trial]
	ended := func(n int) bool { return s.open[n] == nil }
	for _, r := range told.Reports {
		why := s.state.Judge.Look(s.what.Early, s.what.Objective.Minimise, told.Trial, r, ended)
		if why != "" && t != nil && t.stop != nil && t.why == "" {
			t.why, t.Status = s.what.Early.Type+": "+why, pipeline.CancelRequested
			t.stop()
		}
	}
}

// unfinished reports whether there are trials still to be sampled.
func (s *sweeping) unfinished() bool {
	return !s.over && s.ctx.Err() == nil && !s.state.Exhausted && s.state.Next <= s.what.Limits.MaxTrials
}

// move does one of the things that can be done without waiting, and reports
// whether there was any.
func (s *sweeping) move() bool {
	s.limitHistory()
	room := atOnce(s.what) - len(s.open)
	switch {
	case s.over || s.ctx.Err() != nil:
		return false
	case len(s.again) > 0, !s.mustContinue && room > 0 && len(s.proposed) == 0 && s.unfinished():
		s.propose(room)
	case room > 0 && len(s.proposed) > 0:
		next := s.proposed[0]
		s.proposed = s.proposed[1:]
		s.begin(next)
	case len(s.state.Trials) >= trialsOnPage:
		s.page()
	default:
		return false
	}
	return true
}

// limitHistory has the trials that run end before any other begins, when the
// history of this run of the workflow has grown long.
func (s *sweeping) limitHistory() {
	info := workflow.GetInfo(s.ctx)
	if s.mustContinue || info.GetCurrentHistoryLength() <= maxSweepEvents && info.GetCurrentHistorySize() <= maxSweepBytes && s.signals <= maxSweepSignals {
		return
	}
	s.mustContinue = true
	if len(s.proposed) > 0 {
		// They are sampled again, which comes to the same.
		s.state.Next, s.state.Exhausted, s.proposed = s.proposed[0].Number, false, nil
	}
}

// propose samples trials, and asks the cache for them and for those that have
// waited for something.
func (s *sweeping) propose(room int) {
	count := room
	if s.what.Sampling.Type != "bayesian" {
		count = max(room, sampledAhead)
	}
	count = max(min(count, s.what.Limits.MaxTrials-s.state.Next+1), 0)
	if s.mustContinue || room <= 0 || len(s.proposed) > 0 || !s.unfinished() {
		count = 0
	}
	summary := fmt.Sprintf("sample %d trials", count)
	if count == 0 {
		summary = "look up trials in the cache"
	}
	again := s.again
	s.again = nil
	in := activities.ProposeInput{
		Job: s.in.Job, Plan: s.in.Plan, Name: s.node.Name, Ready: activities.Ready{Step: s.in.Step, Inputs: s.in.Inputs},
		Next: s.state.Next, Count: count, Pages: s.state.Pages, Trials: s.known(), Parts: s.parts(), Again: again,
	}
	var result activities.ProposeResult
	if err := workflow.ExecuteLocalActivity(local(s.running, summary), do.Propose, in).Get(s.running, &result); err != nil {
		for _, p := range again {
			delete(s.open, p.Number)
		}
		if temporal.IsCanceledError(err) {
			s.close() // as it was to be
		} else {
			s.abort(err)
		}
		return
	}
	s.state.Exhausted = s.state.Exhausted || result.Exhausted
	s.mark(result.Trials)
	for i, p := range result.Trials {
		if i < len(again) {
			s.advance(p)
		} else {
			s.state.Next = p.Number + 1
			s.proposed = append(s.proposed, p)
		}
	}
}

// mark puts the reused trials on the timeline of the Temporal UI.
func (s *sweeping) mark(trials []activities.Proposal) {
	var reused []string
	for _, p := range trials {
		if p.From != nil {
			reused = append(reused, fmt.Sprintf("%d from %s", p.Number, p.From.Job))
		}
	}
	if len(reused) > 0 {
		workflow.SideEffectWithOptions(s.ctx, workflow.SideEffectOptions{Summary: "reused trials " + names(reused)},
			func(workflow.Context) any { return nil })
	}
}

// known are the trials that are on no page yet, by number.
func (s *sweeping) known() []pipeline.Trial {
	all := slices.Clone(s.state.Trials)
	for n := range s.state.Next {
		if t := s.open[n]; t != nil {
			all = append(all, t.Trial)
		}
	}
	slices.SortFunc(all, func(a, b pipeline.Trial) int { return a.Number - b.Number })
	return all
}

func (s *sweeping) parts() pipeline.Parts {
	parts := s.state.Parts
	parts.Running = len(s.open)
	return parts
}

// page puts the trials that have ended lately into the store.
func (s *sweeping) page() {
	var digest pipeline.Digest
	page := activities.SweepState{Trials: s.state.Trials}
	// A canceled sweep's trials are kept, too.
	ctx, cancel := workflow.NewDisconnectedContext(s.ctx)
	defer cancel()
	if err := workflow.ExecuteLocalActivity(local(ctx, "keep a page of trials"), do.KeepSweep, page).Get(ctx, &digest); err != nil {
		s.abort(err)
		return
	}
	s.state.Pages = append(s.state.Pages, digest)
	s.state.Trials = nil
}
