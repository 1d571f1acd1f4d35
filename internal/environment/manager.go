package environment

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/millrace-ml/millrace/pipeline"
)

// Manager makes environments ready on this machine. Its methods may be called
// from any goroutine; any number of processes may share its folders.
type Manager struct {
	// Folder holds the environments, Tools what they are made with.
	Folder, Tools string
	// Locks are those of the store.
	Locks *Locks
	// Environ is the worker's own environment, as from [os.Environ].
	Environ []string
	// Max is how many bytes the folder may hold; 0 means no limit.
	Max int64
	// Strict refuses what is not exactly as it was asked for.
	Strict bool
	// Images resolves and makes ready the images of environments; nil where
	// steps run as processes of the machine.
	Images Images

	mu      sync.Mutex
	pythons []interpreter
	missed  map[string]bool // versions of Python that could not be fetched

	tooling sync.Mutex
	uvPath  string
}

// Images makes docker images ready.
type Images interface {
	// Named returns what people call the image that an environment means, or ""
	// for one whose steps run as processes of the machine all the same.
	Named(e pipeline.Environment) string
	// Image returns what names that image exactly, on any machine, and has it
	// there: pulled, or built.
	Image(ctx context.Context, e pipeline.Environment, say func(line string)) (exact string, err error)
	// Ready has that very image there.
	Ready(ctx context.Context, e pipeline.Environment, exact string, say func(line string)) error
}

// Watch is who follows what is done.
type Watch struct {
	// Say is told in words what is going on; may be nil.
	Say func(line string)
	// Log gets everything that the tools print; may be nil.
	Log io.Writer

	hold *os.File // the lock that is held meanwhile
}

func (w Watch) say(line string) {
	if w.Say != nil {
		w.Say(line)
	}
}

func (w Watch) log() io.Writer {
	if w.Log == nil {
		return io.Discard
	}
	return w.Log
}

// Places are the folders below a home.
func Places(home string) (folder, tools string) {
	return filepath.Join(home, "envs"), filepath.Join(home, "tools")
}

// DefaultMax is how many bytes environments may take up.
const DefaultMax = 20 << 30

func (m *Manager) env(name string) string {
	value := ""
	for _, text := range m.Environ { // the last one counts, as for programs
		if v, ok := strings.CutPrefix(text, name+"="); ok {
			value = v
		}
	}
	return value
}

// Prepare resolves an environment for a queue, unless that was done, and makes
// it ready on this machine. It returns nil for one without packages. With renew
// it is resolved anew.
func (m *Manager) Prepare(ctx context.Context, e pipeline.Environment, queue string, renew bool, w Watch) (*Lock, error) {
	lock, err := m.Resolve(ctx, e, queue, renew, w)
	if lock == nil || err != nil {
		return nil, err
	}
	if lock.Kind == Image {
		return lock, m.Images.Ready(ctx, e, lock.Image, w.say) // may have been resolved elsewhere
	}
	return lock, m.Make(ctx, lock, w)
}

// Resolve returns the lock of an environment for a queue, and finds it out
// where there is none yet. It returns nil for an environment without packages.
func (m *Manager) Resolve(ctx context.Context, e pipeline.Environment, queue string, renew bool, w Watch) (*Lock, error) {
	spec, err := m.Wanted(e)
	if spec == nil || err != nil {
		return nil, err
	}
	if !renew {
		if lock, err := m.Locks.Find(ctx, spec, queue); lock != nil || err != nil {
			return lock, m.allowed(lock, err)
		}
	}
	var lock *Lock
	if spec.Image != "" {
		lock = &Lock{Kind: Image, Name: spec.Name, Created: time.Now().UTC()}
		lock.Image, err = m.Images.Image(ctx, e, w.say)
	} else {
		lock, err = m.resolve(ctx, spec, w)
	}
	if err != nil {
		return nil, err
	}
	lock, err = m.Locks.Keep(ctx, spec, queue, lock, renew)
	return lock, m.allowed(lock, err)
}

// allowed refuses a lock that is not as it was asked for, where that is the
// setting.
func (m *Manager) allowed(lock *Lock, err error) error {
	if err != nil || lock == nil || !m.Strict || len(lock.Changed) == 0 {
		return err
	}
	f := invalid("the environment %s cannot be had as it is asked for: %s", lock.Name, strings.Join(lock.Changed, "; "))
	f.Hint = "change what it asks for, or leave out --strict-environments"
	return f
}
