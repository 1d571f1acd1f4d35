package environment

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/millrace-ml/millrace/internal/artifact"
)

// Kind is what a lock becomes on a machine.
type Kind string

// A lock is made into a virtual environment, or names an image.
const (
	Venv  Kind = "venv"
	Image Kind = "image"
)

// Lock is what a spec resolved to: the exact software, the same for every job
// and worker until somebody renews it.
type Lock struct {
	Kind Kind   `json:"kind"`
	Name string `json:"name"`
	// Image is the digest of a docker image.
	Image string `json:"image,omitempty"`
	// Python is the version it was resolved for, "3.11.7", and Platform the
	// machine, "linux/amd64".
	Python   string `json:"python,omitempty"`
	Platform string `json:"platform,omitempty"`
	// Requirements are the exact packages with their hashes, as uv writes them.
	Requirements string   `json:"requirements,omitempty"`
	Options      []string `json:"options,omitempty"`
	// Changed says what is not as it was asked for.
	Changed []string `json:"changed,omitempty"`
	// Notes say what was translated or left out.
	Notes   []string  `json:"notes,omitempty"`
	Created time.Time `json:"created"`
}

// Digest names the software, and with it the folder of the environment.
func (l *Lock) Digest() string {
	return digest(Lock{Kind: l.Kind, Image: l.Image, Python: l.Python, Platform: l.Platform, Requirements: l.Requirements, Options: l.Options})
}

// pinned is the line of a package in the requirements: its hashes follow.
var pinned = regexp.MustCompile(`(?m)^([A-Za-z0-9][^\s\\;]*(?: @ [^\s\\]+)?)`)

// Packages lists the packages, "name==version" each, by name.
func (l *Lock) Packages() []string {
	packages := pinned.FindAllString(l.Requirements, -1)
	slices.Sort(packages)
	return packages
}

// Words say what it is: "sklearn-1.5: Python 3.11.7, 61 packages".
func (l *Lock) Words() string {
	if l.Kind == Image {
		return l.Name + ": image " + l.Image
	}
	return fmt.Sprintf("%s: Python %s, %s", l.Name, l.Python, count(len(l.Packages()), "package"))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Records keeps locks: a store.
type Records interface {
	ReadRecord(ctx context.Context, key string) ([]byte, error)
	CreateRecord(ctx context.Context, key string, b []byte) (bool, error)
	WriteRecord(ctx context.Context, key string, b []byte) error
}

// lockSchema is the version of the stored form of a [Lock].
const lockSchema = 1

type storedLock struct {
	Schema int `json:"schema"`
	Lock
}

var plainQueue = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,60}$`)

// lockKey is where the lock of a spec for a queue is kept.
func lockKey(spec *Spec, queue string) string {
	if !plainQueue.MatchString(queue) {
		queue = "=" + digest(queue)
	}
	return "environments/" + queue + "/" + spec.Key()
}

// Locks are the locks in a store. Those read last are remembered for some
// seconds: every step of a job asks for its own.
type Locks struct {
	Store Records

	mu    sync.Mutex
	known map[string]known
}

type known struct {
	lock *Lock
	read time.Time
}

const (
	rememberedFor = 5 * time.Second
	remembered    = 1000
)

// Find returns the lock of a spec for a queue; nil where there is none yet, or
// none that can be read.
func (l *Locks) Find(ctx context.Context, spec *Spec, queue string) (*Lock, error) {
	key := lockKey(spec, queue)
	l.mu.Lock()
	k, ok := l.known[key]
	l.mu.Unlock()
	if ok && time.Since(k.read) < rememberedFor {
		return k.lock, nil
	}
	b, err := l.Store.ReadRecord(ctx, key)
	if errors.Is(err, artifact.ErrGone) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up an environment: %w", err)
	}
	lock := parseLock(b)
	if lock != nil {
		l.remember(key, lock)
	}
	return lock, nil
}

// parseLock returns nil for what is damaged or of another version: it is
// resolved anew.
func parseLock(b []byte) *Lock {
	var stored storedLock
	if json.Unmarshal(b, &stored) != nil || stored.Schema != lockSchema || stored.Kind == "" {
		return nil
	}
	return &stored.Lock
}

func (l *Locks) remember(key string, lock *Lock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil || len(l.known) >= remembered {
		l.known = make(map[string]known)
	}
	l.known[key] = known{lock, time.Now()}
}

// Keep keeps a lock and returns the one that counts: of many who resolve at
// once the first wins, unless it is renewed on purpose.
func (l *Locks) Keep(ctx context.Context, spec *Spec, queue string, lock *Lock, renew bool) (*Lock, error) {
	key := lockKey(spec, queue)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // people read it
	if err := enc.Encode(storedLock{lockSchema, *lock}); err != nil {
		return nil, fmt.Errorf("keep an environment: %w", err)
	}
	for {
		if !renew {
			created, err := l.Store.CreateRecord(ctx, key, b.Bytes())
			if err != nil {
				return nil, fmt.Errorf("keep an environment: %w", err)
			}
			if !created {
				there, err := l.Find(ctx, spec, queue)
				if err != nil || there != nil {
					return there, err
				}
				renew = true // what is there cannot be read
				continue
			}
		} else if err := l.Store.WriteRecord(ctx, key, b.Bytes()); err != nil {
			return nil, fmt.Errorf("keep an environment: %w", err)
		}
		l.remember(key, lock)
		return lock, nil
	}
}
