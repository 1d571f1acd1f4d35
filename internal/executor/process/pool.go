package process

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/millrace-ml/millrace/internal/executor"
	"github.com/millrace-ml/millrace/internal/executor/process/supervisor"
)

// pool are supervisors that have no program at the moment. They end with the
// worker: what they read from does.
type pool struct {
	mu   sync.Mutex
	idle []*supervised
}

// take returns an idle supervisor, or a new one.
func (p *pool) take() (*supervised, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 {
		last := len(p.idle) - 1
		s := p.idle[last]
		p.idle = p.idle[:last]
		if s.runs() {
			return s, nil
		}
		s.close() // somebody has killed it
	}
	return startSupervisor()
}

// put keeps a supervisor for the next program, if there are not enough already.
func (p *pool) put(s *supervised) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) >= runtime.NumCPU() {
		s.close()
		return
	}
	p.idle = append(p.idle, s)
}

// supervised is a supervisor that this worker has started.
type supervised struct {
	process *os.Process
	name    func() executor.Process
	spec    *os.File // the supervisor's standard input
	events  *os.File
	lines   *bufio.Reader
	ended   chan struct{}
}

// startSupervisor starts this very program as a supervisor.
func startSupervisor() (*supervised, error) {
	theirSpec, spec, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirSpec.Close()
	events, theirEvents, err := os.Pipe()
	if err != nil {
		spec.Close()
		return nil, err
	}
	defer theirEvents.Close()
	s := &supervised{spec: spec, events: events, lines: bufio.NewReader(events), ended: make(chan struct{})}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err == nil {
		defer null.Close()
		var self string
		if self, err = program(); err == nil {
			s.process, err = os.StartProcess(self, []string{supervisor.Name}, &os.ProcAttr{
				Dir: "/", // keeps no folder from being removed
				// The program's own environment comes with the program.
				Env:   []string{},
				Files: []*os.File{theirSpec, null, null, theirEvents},
				Sys:   &syscall.SysProcAttr{Setsid: true},
			})
		}
	}
	if err != nil {
		s.close()
		return nil, err
	}
	s.name = sync.OnceValue(func() executor.Process { return supervisor.Identify(s.process.Pid) })
	go func() {
		defer close(s.ended)
		_, _ = s.process.Wait() // it says by itself what there is to say
	}()
	return s, nil
}

// program is the path of this program. On Linux it is the one that runs, even
// if another has been installed at its path since.
func program() (string, error) {
	const self = "/proc/self/exe"
	if _, err := os.Stat(self); err == nil {
		return self, nil
	}
	return os.Executable()
}

// runs reports whether the supervisor has not ended.
func (s *supervised) runs() bool {
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

func (s *supervised) identity() executor.Process { return s.name() }

// give hands over the program. That it has arrived shows by what is told of it.
func (s *supervised) give(spec supervisor.Spec) {
	_, _ = s.spec.Write(spec.Text())
}

// next waits for the next event. There is none any more when the supervisor has
// ended, or has been left.
func (s *supervised) next() (supervisor.Event, error) {
	line, err := s.lines.ReadString('\n')
	if err != nil {
		return supervisor.Event{}, err
	}
	event, ok := supervisor.ReadEvent(line)
	if !ok {
		return event, fmt.Errorf("the supervisor says %q", line)
	}
	return event, nil
}

// leave has next return.
func (s *supervised) leave() { _ = s.events.SetReadDeadline(time.Now()) }

// margin is what a supervisor may need beyond the grace that it gives.
const margin = 5 * time.Second

// end asks the supervisor to end its program, and kills the supervisor if it
// does not even end itself: the program may have stopped it. It does not wait.
func (s *supervised) end(grace time.Duration) {
	_ = s.process.Signal(syscall.SIGTERM)
	_ = s.process.Signal(syscall.SIGCONT)
	go func() {
		select {
		case <-s.ended:
		case <-time.After(grace + margin):
			_ = s.process.Kill()
		}
	}()
}

// close lets go of the supervisor. It ends when it has no program.
func (s *supervised) close() {
	s.spec.Close()
	s.events.Close()
}
