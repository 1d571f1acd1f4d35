package config

import (
	"context"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// insistence is how long a worker tries to tell the server what became of an
// activity: a little less than the heartbeat time-out, after which nobody wants
// to know.
const insistence = 25 * time.Second

// Insist is how connections of workers bear a server that is away for a while.
func Insist() grpc.DialOption { return grpc.WithChainUnaryInterceptor(insist) }

// insist has the outcomes of activities reach a server that is away for a
// while. The SDK gives them up after 10 s; a step that has ended would then be
// taken for lost.
//
// A heartbeat that does not arrive is of no consequence here: the SDK would
// cancel the activity, and so end a program that may have run for a day, after
// two seconds. It is the server that gives activities up, after the heartbeat
// time-out, and the next heartbeat that reaches it tells so.
func insist(ctx context.Context, method string, request, reply any, c *grpc.ClientConn, call grpc.UnaryInvoker, options ...grpc.CallOption) error {
	switch {
	case strings.HasSuffix(method, "/RecordActivityTaskHeartbeat"):
		err := call(ctx, method, request, reply, c, options...)
		switch status.Code(err) {
		case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.ResourceExhausted, codes.Aborted, codes.Internal, codes.Unknown:
			return nil
		}
		return err
	case !strings.Contains(method, "/RespondActivityTask"):
		return call(ctx, method, request, reply, c, options...)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), insistence)
	defer cancel()
	return call(ctx, method, request, reply, c, append(options, grpc.WaitForReady(true))...)
}
