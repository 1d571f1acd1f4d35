package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/millrace-ml/millrace/internal/cache"
	"github.com/millrace-ml/millrace/internal/gang"
	"github.com/millrace-ml/millrace/pipeline"
)

// several is a plan of one step with so many instances.
func several(instances int, command string) *pipeline.Plan {
	plan := chain("train")
	s := &plan.Steps[0]
	s.Command = pipeline.Template{{Text: command + " > "}, {Output: "o"}, {Text: "/$RANK"}}
	s.Distribution = &pipeline.Distribution{Type: "pytorch"}
	s.Resources.InstanceCount = instances
	return plan
}

// answer is what became of an instance.
type answer struct {
	result StepResult
	err    error
}

// together runs instances of a plan's step as Temporal would, and again as long
// as they have not found each other, until the first has ended: then the workflow
// has no use for those that still wait.
func (a *Activities) together(t *testing.T, plan *pipeline.Plan, instances ...int) []answer {
	t.Helper()
	digest := a.keep(t, plan)
	s := &plan.Steps[0]
	answers := make([]answer, len(instances))
	done := make(chan struct{})
	var over atomic.Bool
	for n, i := range instances {
		go func() {
			defer func() { done <- struct{}{} }()
			for waits := true; waits; {
				var suite testsuite.WorkflowTestSuite
				env := suite.NewTestActivityEnvironment()
				env.RegisterActivityWithOptions(a.Instance, activity.RegisterOptions{Name: "Instance"})
				value, err := env.ExecuteActivity("Instance", InstanceInput{
					StepInput: StepInput{
						Job: plan.Name, Plan: digest, Name: s.Name, Reusable: true, Ready: Ready{Step: 0},
						Key: string(cache.KeyOf(cache.Ingredients(s, nil, nil))),
					},
					Instance: i, Instances: s.Resources.InstanceCount, Try: 1, Since: time.Unix(1e9, 0),
				})
				answers[n] = answer{err: err}
				if err == nil {
					answers[n].err = value.Get(&answers[n].result)
				}
				application, ok := errors.AsType[*temporal.ApplicationError](err)
				waits = ok && application.Type() == Waiting
				if waits && over.Load() {
					answers[n], waits = answer{}, false
				}
			}
			if i == 0 {
				over.Store(true)
			}
		}()
	}
	for range instances {
		<-done
	}
	return answers
}

func TestInstancesMakeOneResult(t *testing.T) {
	a, plan := newActivities(t), several(3, "echo $RANK of $WORLD_SIZE at $MASTER_ADDR")
	for i, got := range a.together(t, plan, 0, 1, 2) {
		if got.err != nil {
			t.Fatalf("instance %d: %v", i, got.err)
		}
		if made := len(got.result.Outputs) > 0; made != (i == 0) {
			t.Errorf("instance %d made %+v", i, got.result)
		}
	}
	entry, err := a.Cache.Lookup(t.Context(), cache.KeyOf(cache.Ingredients(&plan.Steps[0], nil, nil)))
	if err != nil || entry == nil {
		t.Fatalf("the cache has %+v, %v", entry, err)
	}
	tree, err := a.Store.Manifest(t.Context(), entry.Outputs["o"].Digest)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, e := range tree.Entries {
		text, err := a.Store.ReadAll(t.Context(), e.Digest, 1000)
		if err != nil {
			t.Fatal(err)
		}
		said = append(said, e.Path+": "+string(text))
	}
	want := []string{"0: 0 of 3 at 127.0.0.1\n", "1: 1 of 3 at 127.0.0.1\n", "2: 2 of 3 at 127.0.0.1\n"}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Errorf("the output (-want +got):\n%s", diff)
	}
	if left, err := a.Store.ListRecords(t.Context(), "gangs/"); err != nil || len(left) > 0 {
		t.Errorf("left in the store: %v, %v", left, err)
	}

	// What has been made is not made again.
	plan.Name = "other"
	again := a.together(t, plan, 0)[0]
	if again.err != nil || again.result.From == nil {
		t.Errorf("in another job: %+v, %v", again.result, again.err)
	}
}

func TestAnInstanceThatFailsIsNotRemembered(t *testing.T) {
	a, plan := newActivities(t), several(2, "[ $RANK = 1 ] && exit 7; echo")
	// The first one waits for the other, until its worker is stopped: Temporal,
	// which would cancel it, is not here.
	stopping, stop := context.WithCancel(t.Context())
	lead := a.On("leader", nil)
	lead.Stopping = stopping
	first := make(chan answer)
	go func() { first <- lead.together(t, plan, 0)[0] }()
	failed := a.together(t, plan, 1)[0].err
	application, ok := errors.AsType[*temporal.ApplicationError](failed)
	if !ok || !application.NonRetryable() || application.Type() != string(pipeline.UserFailure) || !strings.Contains(application.Message(), "process 1 ended with exit code 7") {
		t.Errorf("the one that failed: %v", failed)
	}
	stop()
	stopped := (<-first).err
	if application, ok := errors.AsType[*temporal.ApplicationError](stopped); !ok || !application.NonRetryable() || application.Type() != WorkerLost {
		t.Errorf("the one whose worker stopped: %v", stopped)
	}
	if entry, err := a.Cache.Lookup(t.Context(), cache.KeyOf(cache.Ingredients(&plan.Steps[0], nil, nil))); entry != nil || err != nil {
		t.Errorf("the cache has %+v, %v", entry, err)
	}
}

// pollers is a Temporal server that knows who polls a queue.
type pollers struct {
	client.Client
	identities []string
}

func (p pollers) DescribeTaskQueue(context.Context, string, enumspb.TaskQueueType) (*workflowservice.DescribeTaskQueueResponse, error) {
	answer := new(workflowservice.DescribeTaskQueueResponse)
	for _, id := range p.identities {
		answer.Pollers = append(answer.Pollers, &taskqueuepb.PollerInfo{Identity: id})
	}
	return answer, nil
}

func TestOneWorkerWithTooFewSlotsRunsAllInstancesInOne(t *testing.T) {
	for _, tt := range []struct {
		name    string
		slots   int
		pollers []string
		want    bool
	}{
		{"too few", 2, []string{"me"}, true},
		{"as many", 3, []string{"me"}, false},
		{"there are others", 2, []string{"me", "you"}, false},
		{"who knows", 0, []string{"me"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newActivities(t).On("me", nil)
			a.Slots, a.Temporal = tt.slots, pollers{identities: tt.pollers}
			i := instance{Activities: a, in: InstanceInput{Instances: 3}}
			if got := i.alone(t.Context()); got != tt.want {
				t.Errorf("alone is %v, want %v", got, tt.want)
			}
		})
	}

	a, plan := newActivities(t).On("me", nil), several(3, "echo $RANK")
	a.Slots, a.Temporal = 2, pollers{identities: []string{"me"}}
	for i, got := range a.together(t, plan, 0, 2) {
		if files := got.result.Outputs["o"].Files; got.err != nil || i == 0 && files != 3 || i > 0 && files > 0 {
			t.Errorf("answer %d: %d files, %v", i, files, got.err)
		}
	}
}

func TestMembersAreCalledByAnAddressThatReachesThem(t *testing.T) {
	addresses := func(hosts ...string) []string {
		formed := &gang.Formed{}
		for n, host := range hosts {
			formed.Members = append(formed.Members, gang.Member{Host: host, Address: fmt.Sprint("10.0.0.", n)})
		}
		i := instance{step: &pipeline.Step{}}
		var all []string
		for _, m := range i.among(formed).Members {
			all = append(all, m.Address)
		}
		return all
	}
	if diff := cmp.Diff([]string{"127.0.0.1", "127.0.0.1"}, addresses("a", "a")); diff != "" {
		t.Errorf("on one host: %s", diff)
	}
	if diff := cmp.Diff([]string{"10.0.0.0", "10.0.0.1", "10.0.0.2"}, addresses("a", "a", "b")); diff != "" {
		t.Errorf("on two hosts: %s", diff)
	}
}

func TestAGangThatWaitsAsksLessAndLessOften(t *testing.T) {
	for _, index := range []int{0, 1} {
		early := instance{in: InstanceInput{Instance: index}, info: activity.Info{Attempt: 1}}
		late := instance{in: InstanceInput{Instance: index}, info: activity.Info{Attempt: 100}}
		if early.pause(&gang.NotFormed{}) >= late.pause(&gang.NotFormed{}) {
			t.Errorf("instance %d does not", index)
		}
	}
}
