package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// millrace drives the program under measurement on one home.
type millrace struct {
	binary string
	home   string
	slots  int
}

// newHome returns a Millrace on a home of its own that does not exist yet.
func (b *bench) newHome(name string) millrace {
	return millrace{binary: b.binary, home: filepath.Join(b.dir, name), slots: b.slots}
}

func (m millrace) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, m.binary, args...)
	cmd.Env = append(os.Environ(), "MILLRACE_HOME="+m.home)
	// An interrupted bench ends what it started the way a user would.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// call runs the program to its end and returns what it wrote to stdout.
func (m millrace) call(ctx context.Context, args ...string) ([]byte, error) {
	out, err := m.command(ctx, args...).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, fmt.Errorf("millrace %s: %w\n%s", args[0], err, exit.Stderr)
	}
	return out, err
}

// run runs a file in one process that serves everything, and returns how long
// that process took.
func (m millrace) run(ctx context.Context, file, name string) (time.Duration, error) {
	start := time.Now()
	_, err := m.call(ctx, "run", file, "--name", name, "-o", "none", "--cpu-slots", strconv.Itoa(m.slots))
	return time.Since(start), err
}

// create submits a file to the server of this home, waits for the job's end,
// and returns how long the submitting process took.
func (m millrace) create(ctx context.Context, file, name string) (time.Duration, error) {
	start := time.Now()
	_, err := m.call(ctx, "job", "create", "-f", file, "--name", name, "--stream", "-o", "none")
	return time.Since(start), err
}

// job is the part of "job show -o json" that is looked at.
type job struct {
	Status  string    `json:"status"`
	Started time.Time `json:"start_time"`
	Ended   time.Time `json:"end_time"`
	Steps   []struct {
		Name    string    `json:"name"`
		Reused  bool      `json:"reused"`
		Started time.Time `json:"start_time"`
		Ended   time.Time `json:"end_time"`
	} `json:"steps"`
}

// took is how long the job took, from its start to its end.
func (j job) took() time.Duration { return j.Ended.Sub(j.Started) }

// reused counts the steps whose results were taken from the cache.
func (j job) reused() int {
	n := 0
	for _, s := range j.Steps {
		if s.Reused {
			n++
		}
	}
	return n
}

// show reads a finished job. A bench that measured a failure, or reuse where
// there should be none, would lie, so both are errors.
func (m millrace) show(ctx context.Context, name string, reused int) (job, error) {
	var j job
	out, err := m.call(ctx, "job", "show", "-n", name, "-o", "json")
	if err != nil {
		return j, err
	}
	if err := json.Unmarshal(out, &j); err != nil {
		return j, fmt.Errorf("read job %s: %w", name, err)
	}
	switch {
	case j.Status != "Completed":
		return j, fmt.Errorf("job %s is %s", name, j.Status)
	case j.reused() != reused:
		return j, fmt.Errorf("job %s reused %d steps, not %d", name, j.reused(), reused)
	case j.took() <= 0:
		return j, fmt.Errorf("job %s does not say when it started and ended", name)
	}
	return j, nil
}

// serve starts a server with workers for this home and returns once it has run
// a first job. The returned function stops it.
func (m millrace) serve(ctx context.Context) (stop func(), err error) {
	if err := os.MkdirAll(m.home, 0o700); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(m.home, "dev.log"))
	if err != nil {
		return nil, err
	}
	cmd := m.command(ctx, "dev", "--cpu-slots", strconv.Itoa(m.slots))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	stop = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		_ = log.Close()
	}
	file, err := chainOf(1, -1).save(m.home, "first")
	if err != nil {
		stop()
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		_, err := m.create(ctx, file, fmt.Sprintf("first-%d", attempt))
		if err == nil {
			return stop, nil
		}
		select {
		case <-ended:
			said, _ := os.ReadFile(log.Name())
			return nil, fmt.Errorf("millrace dev ended early:\n%s", said)
		case <-time.After(200 * time.Millisecond):
		}
		if attempt == 100 || ctx.Err() != nil {
			stop()
			return nil, err
		}
	}
}
