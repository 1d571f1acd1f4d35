package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// startAim is how long the first step may have to wait, in seconds.
const startAim = 1.5

// start measures how long "run" takes until the first step's program runs: on a
// home that does not exist yet, and on one that does.
func (b *bench) start(ctx context.Context) error {
	var fresh, known, whole sample
	for i := range b.repeats {
		m := b.newHome(fmt.Sprintf("start-%d", i))
		for j, waited := range []*sample{&fresh, &known} {
			took, all, err := b.first(ctx, m, fmt.Sprintf("start-%d-%d", i, j))
			if err != nil {
				return err
			}
			waited.seconds(took)
			if j == 1 {
				whole.seconds(all)
			}
		}
	}
	b.table.add("run to first step, new home", "s", fresh, startAim)
	b.table.add("run to first step, known home", "s", known, startAim)
	b.table.add("run of one step, known home, whole process", "s", whole, 0)
	return nil
}

// first runs one step that writes down when it started. It returns how long
// after the start of the process that was, and how long the process took.
func (b *bench) first(ctx context.Context, m millrace, name string) (waited, all time.Duration, err error) {
	stamp := filepath.Join(b.dir, name+".stamp")
	// Bash 5 knows the time itself; older ones, as on macOS, ask perl.
	const now = `${EPOCHREALTIME:-$(perl -MTime::HiRes=time -e 'printf "%.6f", time')}`
	p := &pipeline{}
	p.add(node{name: "first", command: fmt.Sprintf("echo %s > %s", now, stamp)})
	file, err := p.save(b.dir, name)
	if err != nil {
		return 0, 0, err
	}
	begin := time.Now()
	if all, err = m.run(ctx, file, name); err != nil {
		return 0, 0, err
	}
	text, err := os.ReadFile(stamp)
	if err != nil {
		return 0, 0, err
	}
	// Some locales write the seconds with a comma.
	seconds, err := strconv.ParseFloat(strings.Replace(strings.TrimSpace(string(text)), ",", ".", 1), 64)
	if err != nil {
		return 0, 0, err
	}
	return time.UnixMicro(int64(seconds * 1e6)).Sub(begin), all, nil
}
