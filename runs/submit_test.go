package runs

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/record"
	"github.com/millrace-ml/millrace/pipeline"
)

// unwilling is a server that starts no workflow.
type unwilling struct {
	client.Client
	why error
}

func (u unwilling) ExecuteWorkflow(context.Context, client.StartWorkflowOptions, any, ...any) (client.WorkflowRun, error) {
	return nil, u.why
}

func TestOnlyAJobThatMayHaveBegunLeavesARecord(t *testing.T) {
	for name, test := range map[string]struct {
		why  error
		kept bool
	}{
		"no such namespace": {why: serviceerror.NewNamespaceNotFound("nope")},
		"wrong input":       {why: serviceerror.NewInvalidArgument("no")},
		"not allowed":       {why: serviceerror.NewPermissionDenied("no", "")},
		"no answer":         {why: serviceerror.NewUnavailable("later"), kept: true},
		"too late":          {why: serviceerror.NewDeadlineExceeded("late"), kept: true},
		"given up":          {why: context.Canceled, kept: true},
		"begun by another":  {why: serviceerror.NewWorkflowExecutionAlreadyStarted("there", "", ""), kept: true},
	} {
		t.Run(name, func(t *testing.T) {
			store, err := artifact.Open(t.Context(), "mem://")
			if err != nil {
				t.Fatal(err)
			}
			s := New(Options{Store: store, Temporal: unwilling{why: test.why}})
			plan := &pipeline.Plan{Name: "a", Type: pipeline.PipelineJob}
			if _, err := s.Submit(t.Context(), Submission{Plan: plan}); !errors.Is(err, test.why) {
				t.Fatalf("got %v, want %v", err, test.why)
			}
			listed := 0
			if err := s.records.Recent(t.Context(), func(string, time.Time) bool { listed++; return true }); err != nil {
				t.Fatal(err)
			}
			_, err = s.records.Submitted(t.Context(), "a")
			if kept := !errors.Is(err, record.ErrNotFound); kept != test.kept || (listed == 1) != test.kept {
				t.Errorf("recorded is %t, listed are %d; want %t", kept, listed, test.kept)
			}
		})
	}
}
