package activities

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/millrace-ml/millrace/internal/cache"
	"github.com/millrace-ml/millrace/internal/executor"
	"github.com/millrace-ml/millrace/internal/executor/process"
	"github.com/millrace-ml/millrace/internal/step"
	"github.com/millrace-ml/millrace/pipeline"
)

// server is a Temporal server with one activity.
type server struct {
	client.Client
	mu      sync.Mutex
	beat    error // what a heartbeat is answered with
	pending *workflowpb.PendingActivityInfo
	ended   []any // results and errors
}

func (s *server) RecordActivityHeartbeat(context.Context, []byte, ...any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.beat
}

func (s *server) DescribeWorkflowExecution(context.Context, string, string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := &workflowservice.DescribeWorkflowExecutionResponse{
		WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING},
	}
	if s.pending != nil {
		answer.PendingActivities = []*workflowpb.PendingActivityInfo{s.pending}
	}
	return answer, nil
}

func (s *server) CompleteActivity(_ context.Context, _ []byte, result any, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.beat != nil && !temporal.IsCanceledError(s.beat) {
		return s.beat
	}
	if err != nil {
		result = err
	}
	s.ended = append(s.ended, result)
	return nil
}

// told returns what the server was told of the activity's end.
func (s *server) told(t *testing.T) any {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ended) != 1 {
		t.Fatalf("the server was told %d times how the activity ended: %v", len(s.ended), s.ended)
	}
	return s.ended[0]
}

// world is a step that runs, left by its worker.
type world struct {
	*Activities
	*server
	orphan *step.Orphan
	left   Left
	wd     string
}

// stopping is a worker's context for its steps.
func (w *world) stopping(t *testing.T) context.CancelCauseFunc {
	ctx, stop := context.WithCancelCause(t.Context())
	w.Stopping = ctx
	return stop
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Activities: newActivities(t), server: &server{}}
	w.Temporal, w.Identity = w.server, "cpu@here#1"
	plan := chain("a")
	s := &plan.Steps[0]
	s.Command = pipeline.Template{{Text: ": > ready; until [ -e go ]; do sleep 0.01; done; echo made > "}, {Output: "o"}, {Text: "/file"}}
	w.wd = filepath.Join(step.Folder(w.Runner.Work, "job", "a"), "1", "wd")
	w.left = Left{Workflow: "job", Run: "run", Activity: "a", Task: []byte("task"), Queue: "cpu", Attempt: 1, Input: StepInput{
		Job: "job", Plan: w.keep(t, plan), Name: "a", Reusable: true,
		Key: string(cache.KeyOf(cache.Ingredients(s, nil, nil))),
	}}
	ctx, leave := context.WithCancelCause(t.Context())
	go func() {
		for ctx.Err() == nil {
			if _, err := os.Stat(filepath.Join(w.wd, "ready")); err == nil {
				leave(executor.ErrLeft)
			}
			time.Sleep(time.Millisecond)
		}
	}()
	_, err := w.Runner.Run(ctx, step.Attempt{Plan: plan, Step: s, Number: 1, Token: w.left.token()})
	if !errors.Is(err, executor.ErrLeft) {
		t.Fatal(err)
	}
	w.Runner.Executor = new(process.Executor)
	w.orphan = w.find(t)
	return w
}

func (w *world) find(t *testing.T) *step.Orphan {
	t.Helper()
	orphans, _, err := w.Runner.Orphans()
	if err != nil || len(orphans) != 1 {
		t.Fatalf("found %v, %v", orphans, err)
	}
	return orphans[0]
}

// letGo lets the program end.
func (w *world) letGo(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(w.wd, "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

// adopt adopts the step in the background.
func (w *world) adopt(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.Adopt(ctx, w.orphan, w.left)
	}()
	return done
}

// observed is what an observer is told from here on, in words.
func (w *world) observed() *observed {
	o := &observed{begun: make(chan struct{})}
	w.Observer = o
	return o
}

type observed struct {
	nobody
	words []string
	begun chan struct{} // closed then
}

func (o *observed) Began(ctx context.Context, _, _, _ string, _ int, _ time.Duration) (context.Context, func(string, string, error)) {
	o.words = append(o.words, "began")
	close(o.begun)
	return ctx, func(outcome, _ string, _ error) { o.words = append(o.words, outcome) }
}

func wait(t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("the adoption does not end")
	}
}

// runs reports whether the program is there.
func (w *world) runs() bool {
	tmp := "TMPDIR=" + filepath.Join(w.Runner.Work, ".tmp")
	entries, _ := os.ReadDir(strings.TrimPrefix(tmp, "TMPDIR="))
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		return len(w.Runner.Executor.Find(filepath.Join(tmp, e.Name()))) > 0
	})
}

func TestAnAdoptedStepIsReportedAsItsWorkerWouldHave(t *testing.T) {
	w := newWorld(t)
	done := w.adopt(t.Context())
	w.letGo(t)
	wait(t, done)
	result, ok := w.told(t).(StepResult)
	if !ok || result.Number != 1 || *result.ExitCode != 0 || result.Outputs["o"].IsZero() {
		t.Errorf("told %+v", w.ended)
	}
	entry, err := w.Cache.Lookup(t.Context(), cache.Key(w.left.Input.Key))
	if err != nil || entry == nil || entry.Worker != "cpu@here#1" {
		t.Errorf("the cache has %+v, %v", entry, err)
	}
	if owner, err := w.Cache.Holder(t.Context(), cache.Key(w.left.Input.Key)); err != nil || owner != nil {
		t.Errorf("the step is claimed still: %v, %v", owner, err)
	}
}

func TestAnAdoptedStepIsCanceled(t *testing.T) {
	w := newWorld(t)
	w.beat = temporal.NewCanceledError()
	o := w.observed()
	wait(t, w.adopt(t.Context()))
	if len(o.words) != 0 {
		t.Errorf("what was canceled before is said to begin: %v", o.words)
	}
	if err, ok := w.told(t).(error); !ok || !temporal.IsCanceledError(err) {
		t.Errorf("told %v", w.ended)
	}
	if w.runs() {
		t.Error("the program runs on")
	}
}

func TestAStoppingWorkerGivesAnAdoptedStepBack(t *testing.T) {
	w := newWorld(t)
	stop := w.stopping(t)
	done := w.adopt(t.Context())
	stop(ErrStopping)
	wait(t, done)
	if failure, ok := w.told(t).(*temporal.ApplicationError); !ok || failure.Type() != WorkerLost || failure.NonRetryable() {
		t.Errorf("told %v", w.ended)
	}
	if w.runs() {
		t.Error("the program runs on")
	}
}

func TestAnAdoptedStepIsLeftToTheNextWorker(t *testing.T) {
	w := newWorld(t)
	stop := w.stopping(t)
	done := w.adopt(t.Context())
	stop(executor.ErrLeft)
	wait(t, done)
	if len(w.ended) != 0 || !w.runs() {
		t.Errorf("told %v, the program runs: %v", w.ended, w.runs())
	}
	w.Stopping, w.orphan = nil, w.find(t)
	done = w.adopt(t.Context())
	w.letGo(t)
	wait(t, done)
	if result, ok := w.told(t).(StepResult); !ok || result.Outputs["o"].IsZero() {
		t.Errorf("told %+v", w.ended)
	}
}

// Temporal has given the attempt up, and another worker may have begun it anew.
func TestAnAdoptedStepThatNobodyWaitsForIsEnded(t *testing.T) {
	for name, pending := range map[string]*workflowpb.PendingActivityInfo{
		"job went on": nil,
		"elsewhere":   {ActivityId: "a", State: enumspb.PENDING_ACTIVITY_STATE_STARTED, LastWorkerIdentity: "cpu@there#2", Attempt: 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.beat, w.pending = serviceerror.NewNotFound("no such attempt"), pending
			o := w.observed()
			if w.Adopt(t.Context(), w.orphan, w.left) || len(o.words) != 0 {
				t.Errorf("what nobody waits for is said to begin: %v", o.words)
			}
			if w.runs() || len(w.ended) != 0 {
				t.Errorf("the program runs: %v; told %v", w.runs(), w.ended)
			}
		})
	}
}

func TestAnAdoptedStepThatNobodyWaitsForAnyMoreIsNotSaidToBeRunAgain(t *testing.T) {
	w := newWorld(t)
	o := w.observed()
	done := w.adopt(t.Context())
	<-o.begun
	w.mu.Lock()
	w.beat = serviceerror.NewNotFound("no such attempt")
	w.mu.Unlock()
	wait(t, done)
	if want := []string{"began", "cancelled"}; !slices.Equal(o.words, want) {
		t.Errorf("observed %v, want %v", o.words, want)
	}
}

func TestAProgramIsWantedWhileTemporalCountsOnIt(t *testing.T) {
	const started, scheduled, canceled = enumspb.PENDING_ACTIVITY_STATE_STARTED, enumspb.PENDING_ACTIVITY_STATE_SCHEDULED, enumspb.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED
	for _, test := range []struct {
		name    string
		state   enumspb.PendingActivityState
		attempt int32
		worker  string
		want    bool
	}{
		{"its worker has just ended", started, 1, "cpu@there#2", true},
		{"another worker has begun it anew", started, 2, "cpu@there#2", false},
		{"this worker is about to begin it anew", started, 2, "cpu@here#1", true},
		{"it waits to be run again", scheduled, 2, "cpu@there#2", true},
		{"it is cancelled", canceled, 1, "cpu@there#2", false},
	} {
		a := &Activities{Identity: "cpu@here#1", Temporal: &server{pending: &workflowpb.PendingActivityInfo{
			ActivityId: "a", State: test.state, Attempt: test.attempt, LastWorkerIdentity: test.worker,
		}}}
		if got, err := a.Wanted(t.Context(), Left{Workflow: "job", Activity: "a", Attempt: 1}); err != nil || got != test.want {
			t.Errorf("%s: wanted %v, %v", test.name, got, err)
		}
	}
}

func TestTheNextAttemptAttachesToWhatRuns(t *testing.T) {
	w := newWorld(t)
	w.beat = serviceerror.NewNotFound("no such attempt")
	w.pending = &workflowpb.PendingActivityInfo{ActivityId: "a", State: enumspb.PENDING_ACTIVITY_STATE_SCHEDULED, LastWorkerIdentity: "cpu@there#2"}
	done := w.adopt(t.Context())
	var d *adoption
	for d == nil {
		d = w.adoptions.of(w.left)
	}
	again := w.left
	again.Task, again.Attempt = []byte("second"), 2
	attached := make(chan struct{})
	go func() {
		defer close(attached)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		result, ok, err := d.attach(ctx, again)
		if !ok || err != nil || result.Number != 2 || result.Outputs["o"].IsZero() {
			t.Errorf("attached with %+v, %v, %v", result, ok, err)
		}
	}()
	<-d.taken
	w.letGo(t)
	wait(t, attached)
	wait(t, done)
	if len(w.ended) != 0 {
		t.Errorf("told besides: %v", w.ended)
	}
}

func TestAnotherStepDoesNotAttach(t *testing.T) {
	w := newWorld(t)
	done := w.adopt(t.Context())
	var d *adoption
	for d == nil {
		d = w.adoptions.of(w.left)
	}
	other := w.left
	other.Input.Key = "another"
	if result, ok, err := d.attach(t.Context(), other); ok || err != nil {
		t.Errorf("attached with %+v, %v", result, err)
	}
	wait(t, done)
	if w.runs() {
		t.Error("the program runs on")
	}
}
