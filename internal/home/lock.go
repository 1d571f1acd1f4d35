package home

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Server is what the process that serves a home tells the others.
type Server struct {
	Address   string    `json:"address"`
	Namespace string    `json:"namespace"`
	UI        string    `json:"ui,omitempty"`
	PID       int       `json:"pid"`
	Started   time.Time `json:"started"`
}

// ErrServed says that another process serves this home.
var ErrServed = errors.New("another process serves this home")

// Lock is the right to serve a home. The kernel takes it back when the process
// ends, however it ends.
type Lock struct {
	home *Home
	file *os.File
}

func (h *Home) lockFile() string   { return filepath.Join(h.dir, "run", "server.lock") }
func (h *Home) serverFile() string { return filepath.Join(h.dir, "run", "server.json") }

// Lock takes the right to serve this home, or returns ErrServed.
func (h *Home) Lock() (*Lock, error) {
	f, err := lock(h.lockFile())
	if err != nil {
		return nil, err
	}
	// What a dead predecessor announced leads nowhere.
	if err := os.Remove(h.serverFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
		f.Close()
		return nil, fmt.Errorf("lock home: %w", err)
	}
	return &Lock{home: h, file: f}, nil
}

// lock opens and locks a file, or returns ErrServed when somebody holds it.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock home: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		f.Close()
		return nil, ErrServed
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return f, nil
}

// Announce tells other processes where the server is.
func (l *Lock) Announce(s Server) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("announce server: %w", err)
	}
	path := l.home.serverFile()
	if err := os.WriteFile(path+".new", append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("announce server: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("announce server: %w", err)
	}
	return nil
}

// Unlock gives the home back. It takes back the announcement first, so that
// nobody is sent to a server that is gone.
func (l *Lock) Unlock() error {
	removed := os.Remove(l.home.serverFile())
	if errors.Is(removed, os.ErrNotExist) {
		removed = nil
	}
	return errors.Join(removed, l.file.Close())
}

// Server returns what the serving process announced. It is false where none has
// announced itself; one that has may still be dead, or just starting.
func (h *Home) Server() (Server, bool) {
	data, err := os.ReadFile(h.serverFile())
	if err != nil {
		return Server{}, false
	}
	var s Server
	if json.Unmarshal(data, &s) != nil || s.Address == "" {
		return Server{}, false
	}
	return s, true
}

// Served reports whether a living process holds the lock.
func (h *Home) Served() bool {
	f, err := lock(h.lockFile())
	if err != nil {
		return errors.Is(err, ErrServed)
	}
	f.Close()
	return false
}

const followerPrefix = "follow-"

// Follow notes that this process follows a job, until the returned function is
// called or the process ends. The serving process stays for its followers.
func (h *Home) Follow(job string) (stop func(), err error) {
	path := filepath.Join(h.dir, "run", fmt.Sprintf("%s%s.%d", followerPrefix, job, os.Getpid()))
	f, err := lock(path)
	if err != nil {
		return nil, fmt.Errorf("follow job %s: %w", job, err)
	}
	return func() {
		os.Remove(path)
		f.Close()
	}, nil
}

// Followed lists the jobs that living processes follow, this one's included.
func (h *Home) Followed() []string {
	entries, err := os.ReadDir(filepath.Join(h.dir, "run"))
	if err != nil {
		return nil
	}
	own := fmt.Sprintf(".%d", os.Getpid())
	var jobs []string
	for _, e := range entries {
		name, ok := strings.CutPrefix(e.Name(), followerPrefix)
		if !ok {
			continue
		}
		path := filepath.Join(h.dir, "run", e.Name())
		if f, err := lock(path); err == nil && !strings.HasSuffix(name, own) {
			os.Remove(path) // its process is gone
			f.Close()
			continue
		} else if err == nil {
			f.Close()
		}
		jobs = append(jobs, name[:strings.LastIndexByte(name, '.')])
	}
	return jobs
}
