// Package home is the folder in which Millrace keeps everything it owns on one
// machine: the Temporal database, the store, the folders of running attempts.
// One process at a time serves a home; the others find it here.
package home

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

// Home is an opened MILLRACE_HOME.
type Home struct {
	dir string
}

// Open makes sure that the folder exists, readable by its owner only, and
// returns it. The path may be relative.
func Open(dir string) (*Home, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find home %q: %w", dir, err)
	}
	for _, d := range []string{abs, filepath.Join(abs, "run")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("create home: %w (choose another folder with MILLRACE_HOME or --home)", err)
		}
	}
	return &Home{dir: abs}, nil
}

// Dir is the absolute path of the home.
func (h *Home) Dir() string { return h.dir }

// Database is the file of the embedded Temporal server.
func (h *Home) Database() string { return filepath.Join(h.dir, "temporal.db") }

// StoreURL is the store that is used when no other is configured.
func (h *Home) StoreURL() string {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(h.dir, "store"))}
	return u.String()
}

// Registries is the folder of the registries that have no place of their own.
func (h *Home) Registries() string { return filepath.Join(h.dir, "registries") }

// ServerLog is where the embedded server writes what it has to say.
func (h *Home) ServerLog() string { return filepath.Join(h.dir, "server.log") }

// plainPath is a path that a shell command can hold without quotes.
var plainPath = regexp.MustCompile(`^[A-Za-z0-9_./+@%=:-]+$`)

// Work is the folder under which steps run. Commands contain its paths without
// quotes, as they do in Azure ML, so a home whose own path would need quotes
// has its work elsewhere: below the folder for temporary files, under a name
// that only this home and user have.
func (h *Home) Work() string {
	if plainPath.MatchString(h.dir) {
		return filepath.Join(h.dir, "work")
	}
	sum := sha256.Sum256([]byte(h.dir))
	return filepath.Join("/tmp", "millrace-"+strconv.Itoa(os.Getuid())+"-"+hex.EncodeToString(sum[:6]))
}
