package main

import (
	"context"
	"fmt"
)

// reuseAim is how long a fully reused pipeline may take, in seconds.
const reuseAim = 1

// reuse measures how long it takes to submit a pipeline again of which every
// step has run before: from the start of the submitting process to its end.
func (b *bench) reuse(ctx context.Context) error {
	m := b.newHome("reuse")
	stop, err := m.serve(ctx)
	if err != nil {
		return err
	}
	defer stop()

	file, err := fanOf(b.fan, 0).save(b.dir, "reuse")
	if err != nil {
		return err
	}
	if _, err := m.create(ctx, file, "reuse"); err != nil {
		return err
	}
	var submitted, inside sample
	for i := range b.repeats {
		name := fmt.Sprintf("reuse-%d", i)
		took, err := m.create(ctx, file, name)
		if err != nil {
			return err
		}
		j, err := m.show(ctx, name, b.fan)
		if err != nil {
			return err
		}
		submitted.seconds(took)
		inside.seconds(j.took())
	}
	what := fmt.Sprintf("%d reused steps", b.fan)
	b.table.add(what+", submit to end", "s", submitted, reuseAim)
	b.table.add(what+", job's start to its end", "s", inside, 0)
	return nil
}
