package activities

import (
	"errors"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/batch"
	"github.com/millrace-ml/millrace/pipeline"
)

// A store that has lost what mini-batches have made does not have their step
// wait for ever: it fails in the end, and says what helps.
func TestMiniBatchesThatAreGoneAreNotWaitedFor(t *testing.T) {
	a := newActivities(t)
	tree, err := a.Store.PutTree(t.Context(), artifact.Tree{})
	if err != nil {
		t.Fatal(err)
	}
	nowhere := pipeline.NewDigest(make([]byte, 32))
	list, err := (&batch.List{Tree: tree.Digest, Segments: []pipeline.Digest{nowhere}}).Put(t.Context(), a.Store)
	if err != nil {
		t.Fatal(err)
	}
	plan := chain("score")
	plan.Steps[0].Parallel = &pipeline.Parallel{Input: "i"}
	in := JoinInput{Job: "job", Plan: a.keep(t, plan), Key: strings.Repeat("0", 64), List: list}
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.RegisterActivityWithOptions(a.Join, activity.RegisterOptions{Name: "Join"})
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Hour, RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second}})
		return workflow.ExecuteActivity(ctx, "Join", in).Get(ctx, nil)
	})
	var application *temporal.ApplicationError
	if err := env.GetWorkflowError(); !errors.As(err, &application) || !strings.Contains(err.Error(), "given up after 5 attempts") || !strings.Contains(err.Error(), "submit the job again") {
		t.Errorf("got %v", err)
	}
}
