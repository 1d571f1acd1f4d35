package main

import (
	"context"
	"fmt"
	"time"
)

// What a step may cost beside its program, in milliseconds.
const (
	chainAim = 12
	fanAim   = 5
)

// steps measures what a step costs beside its program: many programs that do
// nothing, less the time that a plain loop takes to run as many.
func (b *bench) steps(ctx context.Context) error {
	m := b.newHome("steps")
	stop, err := m.serve(ctx)
	if err != nil {
		return err
	}
	defer stop()

	shapes := []struct {
		name   string
		n      int
		atOnce int
		file   func(n, salt int) *pipeline
		aim    float64
	}{
		{"chain", b.chain, 1, chainOf, chainAim},
		{"fan-out", b.fan, b.slots, fanOf, fanAim},
	}
	for _, shape := range shapes {
		var overhead, plain sample
		for i := range b.repeats {
			took, err := b.once(ctx, m, fmt.Sprintf("%s-%d", shape.name, i), shape.file(shape.n, i))
			if err != nil {
				return err
			}
			bare, err := loop(ctx, shape.n, shape.atOnce)
			if err != nil {
				return err
			}
			overhead.seconds((took - bare) / time.Duration(shape.n))
			plain.seconds(bare / time.Duration(shape.n))
		}
		what := fmt.Sprintf("%s of %d steps", shape.name, shape.n)
		b.table.add(what+", overhead a step", "ms", overhead.scaled(1000), shape.aim)
		b.table.add(what+", plain loop a program", "ms", plain.scaled(1000), 0)
	}
	return nil
}

// once submits a pipeline that nothing of has run before, and returns how long
// the job took.
func (b *bench) once(ctx context.Context, m millrace, name string, p *pipeline) (time.Duration, error) {
	file, err := p.save(b.dir, name)
	if err != nil {
		return 0, err
	}
	if _, err := m.create(ctx, file, name); err != nil {
		return 0, err
	}
	j, err := m.show(ctx, name, 0)
	return j.took(), err
}
