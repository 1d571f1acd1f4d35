//go:build cluster && linux

package cluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
)

// fault is something that happens to a fleet, and is over after a while.
type fault struct {
	name string
	// longest is the most tenths of a second that it lasts.
	longest int
	strike  func() error
	heal    func(context.Context) error

	// What came of it.
	struck  int
	ended   int // jobs that ended Completed
	repeats int
	pauses  []time.Duration
}

// faults are all that can happen to a fleet of four workers.
func faults(f *Fleet) []*fault {
	pipelines, cpu1, cpu2 := f.Workers[0], f.Workers[1], f.Workers[2]
	kill := func(what string, p *Part) *fault {
		return &fault{
			name: "kill -9 " + what, longest: 40,
			strike: func() error { p.Kill(); return nil }, heal: p.Start,
		}
	}
	cut := func(what string, one, other *Part) *fault {
		return &fault{
			name: "cut " + what, longest: 120,
			strike: func() error { return f.Cut(one, other) },
			heal:   func(context.Context) error { return f.Heal(one, other) },
		}
	}
	full := filepath.Join(f.Home(cpu1), "full")
	return []*fault{
		kill("a worker", cpu2),
		kill("the pipelines worker", pipelines),
		kill("the Temporal server", f.Temporal),
		kill("PostgreSQL", f.Postgres),
		kill("the S3 server", f.S3),
		cut("a worker from the Temporal server", cpu2, f.Temporal),
		cut("a worker from the S3 server", cpu2, f.S3),
		cut("the pipelines worker from the Temporal server", pipelines, f.Temporal),
		cut("the pipelines worker from the S3 server", pipelines, f.S3),
		cut("the Temporal server from PostgreSQL", f.Temporal, f.Postgres),
		{
			name: "the disk of a worker is full", longest: 60,
			strike: func() error { return fill(full) },
			heal:   func(context.Context) error { return os.Remove(full) },
		},
	}
}

// fill writes until nothing more goes onto the disk.
func fill(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	block := make([]byte, 64<<10)
	for size := len(block); size > 0; {
		if _, err := file.Write(block[:size]); err != nil {
			size /= 2
		}
	}
	return nil
}

// number is an environment variable that is a number.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s=%s is not a number", name, text)
	}
	return n
}

// Whatever happens to a part of the fleet, at whatever moment: every job ends,
// with everything that it should have made, and nothing done twice.
func TestFaults(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("only root can cut networks and fill disks up")
	}
	count, seed := number(t, "FAULTS", 20), number(t, "SEED", uint64(time.Now().UnixNano()))
	length := number(t, "STEP_SECONDS", 1)
	t.Logf("FAULTS=%d SEED=%d STEP_SECONDS=%d", count, seed, length)
	dice := rand.New(rand.NewPCG(seed, 0))
	workers := trio(2)
	workers[1].Disk = "64m"
	f := newFleet(t, workers...)
	start(t, f.Workers...)
	all := faults(f)
	var order []*fault
	s := &storm{f: f, dice: dice, length: int(length)}
	for range count {
		if len(order) == 0 {
			for _, i := range dice.Perm(len(all)) {
				order = append(order, all[i])
			}
		}
		s.next(t, order[0])
		order = order[1:]
	}
	s.finish(t)
	t.Logf("%d jobs of %d steps\n\n%s", s.jobs, chains*places, table(all))
}

// storm lets faults strike while jobs run, one job after the other.
type storm struct {
	f    *Fleet
	dice *rand.Rand
	jobs int
	// length is how many seconds a step takes on average: from half of it to one
	// and a half times as long.
	length int

	job    string // that runs, or ""
	folder string // of its witnesses
	struck []struck
}

// struck is a fault that has struck during the job.
type struck struct {
	*fault
	at time.Time
}

// tenths is a random time of at most so many tenths of a second.
func (s *storm) tenths(most int) time.Duration {
	return time.Duration(s.dice.IntN(most*100+1)) * time.Millisecond
}

// next lets a fault strike at a random moment of a job that runs.
func (s *storm) next(t *testing.T, hit *fault) {
	t.Helper()
	for {
		if s.job == "" {
			s.submit(t)
		}
		time.Sleep(s.tenths(40))
		if !s.over(t) {
			break
		}
		s.finish(t)
	}
	lasts := s.tenths(hit.longest)
	at := time.Now()
	if err := hit.strike(); err != nil {
		t.Fatalf("%s: %v", hit.name, err)
	}
	s.struck = append(s.struck, struck{hit, at})
	hit.struck++
	time.Sleep(lasts)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	back := time.Now()
	if err := hit.heal(ctx); err != nil {
		t.Fatalf("%s: %v", hit.name, err)
	}
	pause := s.resumed(t, back)
	hit.pauses = append(hit.pauses, pause)
	t.Logf("%s %-14s %-45s for %5.1f s, went on after %5.1f s", clock(at), s.job, hit.name, lasts.Seconds(), pause.Seconds())
}

// resumed waits until all of the job has gone on since the part was back: in
// each chain that is not done, a step has started or ended. It returns how long
// that took.
func (s *storm) resumed(t *testing.T, back time.Time) time.Duration {
	t.Helper()
	for time.Since(back) < patience {
		if last, all := wentOn(witness(t, s.folder), back); all {
			return last.Sub(back)
		}
		if s.over(t) {
			return time.Since(back)
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("job %s: nothing went on for %s after %s", s.job, patience, clock(back))
	return time.Since(back)
}

// wentOn reports whether each chain has gone on since a moment, and when the
// last did.
func wentOn(all []moment, since time.Time) (last time.Time, every bool) {
	last = since
	first, done := map[string]time.Time{}, map[string]bool{}
	for _, m := range all {
		chain, place, _ := strings.Cut(m.step, "_")
		if _, ok := first[chain]; !ok && m.at.After(since) {
			first[chain] = m.at
		}
		done[chain] = done[chain] || !m.start && place == strconv.Itoa(places-1)
	}
	for chain := range chains {
		name := fmt.Sprintf("s%d", chain)
		at, ok := first[name]
		if !ok && !done[name] {
			return last, false
		}
		if at.After(last) {
			last = at
		}
	}
	return last, true
}

func (s *storm) submit(t *testing.T) {
	t.Helper()
	s.jobs++
	s.job = fmt.Sprintf("storm-%d", s.jobs)
	s.folder = filepath.Join(s.f.dir, "witness", s.job)
	if err := os.MkdirAll(s.folder, 0o777); err != nil {
		t.Fatal(err)
	}
	file := write(t, s.f, s.job+".yml", witnessed(s.job, s.folder, func() int { return s.length*5 + s.dice.IntN(s.length*10+1) }))
	millrace(t, s.f, "job", "create", "-f", file, "-n", s.job, "-o", "none")
}

// over reports whether the job has ended.
func (s *storm) over(t *testing.T) bool {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	d, err := s.f.Client.DescribeWorkflowExecution(ctx, s.job, "")
	return err == nil && d.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
}

// finish waits for the end of the job and checks it.
func (s *storm) finish(t *testing.T) {
	t.Helper()
	if s.job == "" {
		return
	}
	// What is left of the job takes its time: at worst, all chains one after another.
	for begin := time.Now(); !s.over(t) && time.Since(begin) < time.Duration(s.length*chains*places)*time.Second; {
		time.Sleep(100 * time.Millisecond)
	}
	ended := awaitEnd(t, s.f, s.job)
	repeats := verify(t, s.f, s.job, s.folder, ended)
	for _, hit := range s.struck {
		if ended.Status == "Completed" {
			hit.ended++
		}
	}
	for _, m := range repeats {
		for _, hit := range slices.Backward(s.struck) {
			if hit.at.Before(m.at) {
				hit.repeats++
				break
			}
		}
	}
	s.job, s.struck = "", nil
}

// table is what came of all faults, as Markdown.
func table(all []*fault) string {
	var b strings.Builder
	b.WriteString("| fault | struck | job Completed | went on after, median | longest | steps repeated |\n|---|---:|---:|---:|---:|---:|\n")
	for _, hit := range all {
		fmt.Fprintf(&b, "| %s | %d | %d | %.1f s | %.1f s | %d |\n",
			hit.name, hit.struck, hit.ended, median(hit.pauses).Seconds(), longest(hit.pauses).Seconds(), hit.repeats)
	}
	return b.String()
}
