package tracking

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/millrace-ml/millrace/internal/step"
)

// Tracker opens the sessions of a worker. It is a [step.Tracker].
type Tracker struct {
	// URI sends programs to an MLflow server elsewhere; "" serves them here.
	URI string
	// User is who the runs are said to be of.
	User string
	// Network is what this worker connects all containers to; "" leaves that to
	// the file.
	Network string

	routes func() map[string]endpoint
}

// New makes the tracker of a process: all of t but what it makes itself.
func New(t Tracker) *Tracker {
	t.routes = sync.OnceValue(routes)
	return &t
}

// record is what the next worker has to know of a session.
type record struct {
	Address string    `json:"address,omitempty"` // where the programs find it
	Token   string    `json:"token,omitempty"`
	Started time.Time `json:"started,omitzero"`
}

// Open begins the session of an attempt, or goes on with that of an earlier
// worker.
func (t *Tracker) Open(of step.Tracked) (step.Session, error) {
	s := &session{Tracker: t, of: of, done: make(chan struct{})}
	s.kept = record{Token: rand.Text() + rand.Text(), Started: time.Now()}
	resumed := of.Record != nil && json.Unmarshal(of.Record, &s.kept) == nil
	s.state = s.begin()
	s.lines = lines{path: filepath.Join(of.Folder, linesFile)}
	if resumed {
		if err := s.resume(); err != nil {
			return nil, err
		}
	} else if s.serves() {
		listener, err := net.Listen("tcp", net.JoinHostPort(localhost, "0"))
		if err != nil {
			return nil, fmt.Errorf("listen for what programs report: %w", err)
		}
		s.kept.Address = listener.Addr().String()
		s.serve(listener)
	}
	s.background.Go(s.watch)
	return s, nil
}

const localhost = "127.0.0.1"

// serves reports whether the programs report to this process. Containers reach
// this machine's loopback only where they share its network.
func (s *session) serves() bool {
	return s.URI == "" && !s.of.Elsewhere && (!s.of.Container || cmp.Or(s.Network, s.of.Network) == "host")
}

// resume takes up what an earlier worker has kept, and its address.
func (s *session) resume() error {
	root, err := s.root()
	if err != nil {
		return err
	}
	s.journal.root = root
	if err := s.journal.read(s.state.apply); err != nil {
		return fmt.Errorf("take up what was reported: %w", err)
	}
	if s.kept.Address == "" {
		return nil
	}
	if listener, err := net.Listen("tcp", s.kept.Address); err == nil {
		s.serve(listener)
		return nil
	}
	s.of.Note("metrics cannot be taken for the moment: somebody else has the address " + s.kept.Address)
	s.background.Go(s.listenLater)
	return nil
}

// listenLater waits until the address comes free: the program knows no other.
func (s *session) listenLater() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-s.done:
			return
		case <-tick.C:
			if listener, err := net.Listen("tcp", s.kept.Address); err == nil {
				s.serve(listener)
				return
			}
		}
	}
}

// root is the attempt's folder. It is opened when something is read or written
// for the first time.
func (s *session) root() (*os.Root, error) {
	s.rootMu.Lock()
	defer s.rootMu.Unlock()
	if s.opened == nil {
		root, err := os.OpenRoot(s.of.Folder)
		if err != nil {
			return nil, fmt.Errorf("keep what was reported: %w", err)
		}
		s.opened = root
	}
	return s.opened, nil
}

// runID is what the run of an attempt is called: letters, digits, hyphens and
// underscores.
func runID(name string) string {
	id := []byte(name)[:min(len(name), 200)]
	for i, c := range id {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case i > 0 && (c == '-' || c == '_'):
		case i == 0:
			id[i] = 'r'
		default:
			id[i] = '_'
		}
	}
	return string(id)
}

// rankOf is the number of a process among those of a step; 0 for the first, or
// for the only one.
func rankOf(process string) string {
	rank, ok := strings.CutPrefix(process, "rank_")
	if !ok || rank == "0" {
		return ""
	}
	return rank
}
