package step

import (
	"context"
	"errors"
	"time"

	"github.com/millrace-ml/millrace/pipeline"
)

// What a program has made waits for a store that cannot be reached for as long
// as the program itself has run, but within these bounds.
const (
	leastPatience = 2 * time.Minute
	mostPatience  = time.Hour
)

// Insist keeps what a program has made, trying again and again: to run the
// program once more takes longer. It gives up at a [pipeline.Failure] that no
// further try mends, when ctx ends, and after about as long as the program ran.
// Each trouble that is not the last is told.
func Insist(ctx context.Context, ran time.Duration, keep func() error, tell func(error)) error {
	limit := time.Now().Add(min(max(ran, leastPatience), mostPatience))
	for pause := 500 * time.Millisecond; ; pause = min(2*pause, 15*time.Second) {
		err := keep()
		failure, known := errors.AsType[*pipeline.Failure](err)
		if err == nil || known && failure.Kind != pipeline.Infrastructure || ctx.Err() != nil || time.Now().Add(pause).After(limit) {
			return err
		}
		tell(err)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}
