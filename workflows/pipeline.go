// Package workflows is the deterministic code of Millrace: what Temporal
// replays. It decides; whatever touches the world is an activity.
package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// PipelineType is the name of the workflow Pipeline in Temporal.
const PipelineType = "Pipeline"

// PipelineInput is the input of the workflow Pipeline.
type PipelineInput struct {
	Job string `json:"job"`
	// Plan is the digest of the pinned plan in the store.
	Plan  pipeline.Digest `json:"plan"`
	Graph Graph           `json:"graph"`
	// Carried is set when a job goes on in a new workflow run, because the
	// history of the last one grew long: the states of its steps, in parts.
	Carried []pipeline.Digest `json:"carried,omitempty"`
	// Experiment is what the job belongs to: steps of several take turns.
	Experiment string `json:"experiment,omitempty"`
	// Iteration is set where the job is an iteration of a loop.
	Iteration *Iteration `json:"iteration,omitempty"`
	// Values are the inputs of that loop, by name, as this iteration has them.
	Values map[string]pipeline.Value `json:"values,omitempty"`
	// Started is when the first run of the job began; zero in that run.
	Started time.Time `json:"start_time,omitzero"`
}

const (
	// window bounds how many activities are pending at once; Temporal's own
	// bound is 2,000.
	window = 500
	// Temporal ends a run at 51,200 events or 50 MB of history. A step costs
	// 3 to 6 events, and up to window steps are still to end when we notice.
	maxEvents = 44_000
	maxBytes  = 40 << 20
)

// Pipeline executes a plan as a dataflow: a step starts as soon as the outputs
// it needs exist, whatever pipeline they come from. It returns an error
// unless every step completed: a canceled error when somebody asked for that, and otherwise
// an error that says what failed first.
func Pipeline(ctx workflow.Context, in PipelineInput) (*Outcome, error) {
	if in.Started.IsZero() {
		in.Started = workflow.Now(ctx)
	}
	e := newExecution(ctx, in)
	if err := workflow.SetQueryHandler(ctx, ProgressQuery, e.progress); err != nil {
		return nil, err
	}
	e.hear()
	options := workflow.UpdateHandlerOptions{Validator: e.checkAnswer, Description: "Approve or reject what a step asks."}
	if err := workflow.SetUpdateHandlerWithOptions(ctx, AnswerUpdate, e.answer, options); err != nil {
		return nil, err
	}
	if err := e.restore(); err != nil {
		return nil, err
	}
	if in.Iteration != nil && len(in.Carried) == 0 {
		if err := e.begin(); err != nil {
			return nil, err
		}
	}
	e.walk()
	if e.mustContinue {
		return nil, e.continueAsNew()
	}
	return e.finish()
}

// execution is the state of one run of the workflow.
type execution struct {
	in    PipelineInput
	nodes []Node
	steps []pipeline.StepState

	// ctx ends when the job is canceled; running ends then too, and when a
	// failure stops the other steps.
	ctx, running workflow.Context
	stop         workflow.CancelFunc
	selector     workflow.Selector

	dependents [][]int                     // by node: the nodes that have an edge from it
	unmet      []int                       // by node: edges whose upstream has not ended
	left       map[pipeline.Role]int       // how many nodes of a role have not ended
	begun      []bool                      // by node: all its upstream has ended, and we acted on it
	ready      []int                       // nodes whose inputs are known, in order
	fetched    []map[string]pipeline.Value // by node: what its sources hold
	resolved   []*activities.Resolved      // by node: what the cache said ahead
	runs       []int                       // by node: how many Step activities it has had
	tries      []int                       // by node: how often its instances were begun together
	computing  map[string]int              // key -> the node of this job that computes it
	held       map[int][]int               // node -> nodes that wait for its result
	preparing  map[string]*preparation     // environment and queue -> who waits for it
	gates      map[int]*gate               // node -> its wait for approval
	failures   []int                       // by node: attempts that failed, and can be tried again
	inFlight   int

	stopping     bool // nothing new starts
	canceled     bool // somebody asked for the job's end
	mustContinue bool
	failed       int // the node that failed first, or -1
	fatal        error

	version int
	changed []int // by node: the version at which its state last changed
}

func newExecution(ctx workflow.Context, in PipelineInput) *execution {
	n := len(in.Graph.Nodes)
	e := &execution{
		in: in, nodes: in.Graph.Nodes, ctx: ctx,
		steps:      make([]pipeline.StepState, n),
		selector:   workflow.NewSelector(ctx),
		dependents: make([][]int, n),
		unmet:      make([]int, n),
		begun:      make([]bool, n),
		left:       make(map[pipeline.Role]int),
		fetched:    make([]map[string]pipeline.Value, n),
		resolved:   make([]*activities.Resolved, n),
		runs:       make([]int, n),
		tries:      make([]int, n),
		computing:  make(map[string]int),
		held:       make(map[int][]int),
		preparing:  make(map[string]*preparation),
		gates:      make(map[int]*gate),
		failures:   make([]int, n),
		failed:     -1,
		changed:    make([]int, n),
	}
	e.running, e.stop = workflow.WithCancel(ctx)
	for i, node := range e.nodes {
		e.steps[i] = pipeline.StepState{Name: node.Name, Status: pipeline.NotStarted, Queue: node.Queue}
		e.left[node.Role]++
		e.unmet[i] = len(node.Edges)
		for _, edge := range node.Edges {
			e.dependents[edge.Node] = append(e.dependents[edge.Node], i)
		}
		for _, g := range node.Guards {
			if g.Node >= 0 {
				e.unmet[i]++
				e.dependents[g.Node] = append(e.dependents[g.Node], i)
			}
		}
	}
	// What is in flight learns of a cancel through its own context; its end
	// wakes the selector.
	workflow.Go(ctx, func(ctx workflow.Context) {
		ctx.Done().Receive(ctx, nil)
		e.canceled, e.stopping = true, true
	})
	return e
}

// walk runs the dataflow to its end, one role after the other.
func (e *execution) walk() {
	for _, role := range []pipeline.Role{pipeline.Init, pipeline.Normal, pipeline.Finalize} {
		if role == pipeline.Finalize {
			// What finalizes also runs after a failure, but not after a cancel.
			if e.stopping = e.canceled || e.mustContinue || e.fatal != nil; !e.stopping {
				e.running = e.ctx
			}
		} else if e.failed >= 0 && e.nodes[e.failed].Role == pipeline.Init {
			e.stopping = true // what had to come first has failed
		}
		e.ready = nil // what an earlier role has left will not run
		for i := range e.nodes {
			if e.nodes[i].Role == role && e.unmet[i] == 0 {
				e.inputsEnded(i)
			}
		}
		for e.left[role] > 0 {
			if !e.stopping && e.startReady() {
				continue
			}
			if e.inFlight == 0 {
				break
			}
			e.carryGates()
			e.selector.Select(e.ctx)
		}
	}
}

// startReady moves ready nodes on, and reports whether there were any to move.
func (e *execution) startReady() bool {
	info := workflow.GetInfo(e.ctx)
	if info.GetCurrentHistoryLength() > maxEvents || info.GetCurrentHistorySize() > maxBytes {
		e.mustContinue, e.stopping = true, true
		return false
	}
	room := window - e.inFlight + len(e.gates) // those take no slot of Temporal's
	if len(e.ready) == 0 || room <= 0 {
		return false
	}
	batch := e.ready[:min(room, len(e.ready))]
	e.ready = e.ready[len(batch):]
	var ask []activities.Ready
	for _, i := range batch {
		switch {
		case e.fetched[i] == nil && (len(e.nodes[i].Sources) > 0 || len(e.addresses(i)) > 0):
			e.fetch(i)
		case e.nodes[i].Kind != pipeline.Program:
			e.perform(i)
		case e.resolved[i] != nil:
			e.apply(*e.resolved[i])
		default:
			ask = append(ask, activities.Ready{Step: i, Inputs: e.inputs(i)})
		}
	}
	if len(ask) > 0 {
		e.resolve(ask)
	}
	return true
}

// inputs are the values of a node's edges and sources.
func (e *execution) inputs(i int) map[string]pipeline.Value {
	values := make(map[string]pipeline.Value, len(e.nodes[i].Edges)+len(e.fetched[i]))
	for _, edge := range e.nodes[i].Edges {
		if from := &e.steps[edge.Node]; from.Status == pipeline.Completed {
			if text, ok := from.Values[edge.Output]; ok && edge.Literal {
				values[edge.Input] = pipeline.Text(text)
			} else if a, ok := from.Outputs[edge.Output]; ok {
				values[edge.Input] = pipeline.Content(a)
			}
		}
	}
	for _, given := range e.nodes[i].Given {
		if v, ok := e.fetched[i][given.Input]; ok {
			values[given.Input] = v
		} else if v, ok := given.In(e.in.Values); ok {
			values[given.Input] = v
		}
	}
	for _, name := range e.nodes[i].Sources {
		if v, ok := e.fetched[i][name]; ok {
			values[name] = v
		}
	}
	return values
}

// inputsEnded is called once all upstream nodes of a node have ended.
func (e *execution) inputsEnded(i int) {
	if e.begun[i] {
		return
	}
	e.begun[i] = true
	if !e.kept(i) {
		e.ready = append(e.ready, i)
	}
}

// block settles a node that will never run.
func (e *execution) block(i int, why string) {
	e.steps[i].Waiting = why
	e.settled(i)
}

// settled is called once for every node, when its state is final.
func (e *execution) settled(i int) {
	e.touch(i)
	e.left[e.nodes[i].Role]--
	e.release(i)
	for _, d := range e.dependents[i] {
		if e.unmet[d]--; e.unmet[d] == 0 && e.nodes[d].Role == e.nodes[i].Role {
			e.inputsEnded(d)
		}
	}
}

// release lets the nodes go on that waited for this one's result.
func (e *execution) release(i int) {
	if key := e.steps[i].Key; key != "" && e.computing[key] == i {
		delete(e.computing, key)
	}
	for _, h := range e.held[i] {
		e.steps[h].Waiting = ""
		e.resolved[h] = nil // ask the cache again
		e.ready = append(e.ready, h)
	}
	delete(e.held, i)
}

// fail notes a failure, and stops the rest where the settings ask for that.
func (e *execution) fail(i int, f pipeline.Failure) {
	e.steps[i].Status = pipeline.Failed
	e.steps[i].Failure = &f
	if e.failed < 0 {
		e.failed = i
	}
	if !e.in.Graph.ContinueOnFailure && e.nodes[i].Role != pipeline.Finalize {
		e.stopping = true
		e.stop()
	}
	e.settled(i)
}

// abort ends the job for a reason that lies in no step.
func (e *execution) abort(err error) {
	if temporal.IsCanceledError(err) {
		e.canceled = e.canceled || e.ctx.Err() != nil
	} else if e.fatal == nil {
		e.fatal = err
	}
	e.stopping = true
	e.stop()
}
