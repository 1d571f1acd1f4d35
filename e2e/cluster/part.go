//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Part is a process of the fleet, and the machine that it runs on: its address,
// its environment, its disk.
type Part struct {
	// Name is what it is called: "postgres", "s3", "temporal", or the name of
	// the worker.
	Name string
	// Address is the one at which others reach it.
	Address string

	host    int
	network []string // what runs a command in its network
	command []string
	environ []string
	log     string
	// ready returns nil once the part does what it is for.
	ready func(context.Context) error

	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan struct{}
}

// pause is how often a part is asked whether it is ready.
const pause = 50 * time.Millisecond

// Start starts the part and returns when it is ready. One that ends before is
// started again, as a supervisor of services would: PostgreSQL waits for what
// the killed one left, a server for its database.
func (p *Part) Start(ctx context.Context) error {
	for {
		if err := p.launch(); err != nil {
			return err
		}
		err := p.await(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(4 * pause)
	}
}

// launch starts the process, unless it runs.
func (p *Part) launch() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		return nil
	}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	line := append(append([]string{}, p.network...), p.command...)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.Dir = p.environ, log, log, filepath.Dir(p.log)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	done := make(chan struct{})
	p.cmd, p.done = cmd, done
	go func() {
		_ = cmd.Wait()
		p.mu.Lock()
		p.cmd = nil
		p.mu.Unlock()
		close(done)
	}()
	return nil
}

// await returns when the part is ready, or has ended.
func (p *Part) await(ctx context.Context) error {
	for {
		asking, cancel := context.WithTimeout(ctx, 2*time.Second)
		err := p.ready(asking)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w (its log is %s)", p.Name, err, p.log)
		case <-p.ended():
			return errors.New("ended")
		case <-time.After(pause):
		}
	}
}

func (p *Part) ended() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done
}

// Kill ends the process as it stands, and returns when it is gone. What it
// started may go on.
func (p *Part) Kill() { p.signal(syscall.SIGKILL) }

// Stop asks the process to end, and returns when it has.
func (p *Part) Stop() { p.signal(syscall.SIGTERM) }

func (p *Part) signal(s syscall.Signal) {
	p.mu.Lock()
	cmd, done := p.cmd, p.done
	p.mu.Unlock()
	if cmd == nil {
		return
	}
	_ = cmd.Process.Signal(s)
	<-done
}

// PID is the number of the running process, or 0.
func (p *Part) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return 0
	}
	return p.cmd.Process.Pid
}
