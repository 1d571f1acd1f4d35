package config

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// What became of an activity is told for longer than a call usually takes.
func TestOutcomesOfActivitiesAreInsistedOn(t *testing.T) {
	const service = "/temporal.api.workflowservice.v1.WorkflowService/"
	for method, insists := range map[string]bool{
		"RespondActivityTaskCompleted": true,
		"RespondActivityTaskFailed":    true,
		"RespondActivityTaskCanceled":  true,
		"RecordActivityTaskHeartbeat":  false,
		"PollActivityTaskQueue":        false,
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		called := false
		err := insist(ctx, service+method, nil, nil, nil, func(ctx context.Context, _ string, _, _ any, _ *grpc.ClientConn, options ...grpc.CallOption) error {
			called = true
			deadline, _ := ctx.Deadline()
			if got := time.Until(deadline) > time.Second; got != insists || len(options) > 0 != insists {
				t.Errorf("%s: tried for longer: %v, waits for the server: %v", method, got, len(options) > 0)
			}
			return nil
		})
		if err != nil || !called {
			t.Errorf("%s: called: %v, %v", method, called, err)
		}
		cancel()
	}
}

// A server that does not answer has not asked for the end of a program.
func TestHeartbeatsThatDoNotArriveEndNothing(t *testing.T) {
	const method = "/temporal.api.workflowservice.v1.WorkflowService/RecordActivityTaskHeartbeat"
	for code, told := range map[codes.Code]bool{
		codes.OK: false, codes.Unavailable: false, codes.DeadlineExceeded: false, codes.ResourceExhausted: false,
		codes.NotFound: true, codes.InvalidArgument: true, codes.PermissionDenied: true,
	} {
		err := insist(t.Context(), method, nil, nil, nil, func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error {
			return status.Error(code, "so it is")
		})
		if told != (err != nil) {
			t.Errorf("%v: the activity is told %v", code, err)
		}
	}
}
