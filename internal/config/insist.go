package config

import (
	"context"
	"strings"
	"time"

	"google.golang.org/grpc"
)

// insistence is how long a worker tries to tell the server what became of an
// activity: a little less than the heartbeat time-out, after which nobody wants
// to know.
const insistence = 25 * time.Second

// insist has the outcomes of activities reach a server that is away for a
// while. The SDK gives them up after 10 s; a step that has ended would then be
// taken for lost.
func insist(ctx context.Context, method string, request, reply any, c *grpc.ClientConn, call grpc.UnaryInvoker, options ...grpc.CallOption) error {
	if !strings.Contains(method, "/RespondActivityTask") {
		return call(ctx, method, request, reply, c, options...)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), insistence)
	defer cancel()
	return call(ctx, method, request, reply, c, append(options, grpc.WaitForReady(true))...)
}
