package environment

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// fileID tells files apart that may have several names.
type fileID struct{ device, inode uint64 }

func idOf(info fs.FileInfo) (id fileID, many bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fileID{}, false
	}
	return fileID{uint64(stat.Dev), stat.Ino}, stat.Nlink > 1 //nolint:unconvert // of another type on macOS
}

// Built lists the environments of this machine, those used last first.
func (m *Manager) Built() ([]Made, error) {
	entries, err := os.ReadDir(m.Folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Made
	for _, e := range entries {
		if !isDigest(e.Name()) {
			continue
		}
		if made := m.read(e.Name()); made != nil {
			all = append(all, *made)
		}
	}
	slices.SortFunc(all, func(a, b Made) int { return b.Used.Compare(a.Used) })
	return all, nil
}

// read returns an environment that is whole, or nil.
func (m *Manager) read(name string) *Made {
	path := filepath.Join(m.path(name), marker)
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	text, err := os.ReadFile(path)
	var made Made
	if err != nil || json.Unmarshal(text, &made) != nil {
		return nil
	}
	made.Digest, made.Path, made.Used, made.Users = name, m.path(name), info.ModTime(), m.users(name)
	return &made
}

// Pruning says which environments are removed: those that are in use never.
type Pruning struct {
	// All removes all of them, and what uv keeps.
	All bool
	// Unused removes those that were not used for as long; 0 for none.
	Unused time.Duration
	// Most removes those used least lately until no more bytes are there; 0 for
	// none.
	Most int64
}

// Prune removes environments, and what was left half made. It returns those
// that it removed, and the bytes that came free.
func (m *Manager) Prune(ctx context.Context, p Pruning) (removed []Made, freed int64, err error) {
	before := m.size()
	m.sweep()
	all, err := m.Built()
	if err != nil {
		return nil, 0, err
	}
	slices.Reverse(all) // the one used least lately first
	now := before
	for _, made := range all {
		wanted := p.All || p.Unused > 0 && time.Since(made.Used) >= p.Unused || p.Most > 0 && now > p.Most
		if !wanted || len(made.Users) > 0 {
			continue
		}
		ok, err := m.remove(made.Digest)
		if err != nil {
			return removed, before - m.size(), err
		}
		if ok {
			removed = append(removed, made)
			now = m.size()
		}
	}
	if p.All || p.Most > 0 && now > p.Most {
		// What uv keeps to make others from; environments have links to it.
		if _, err := os.Stat(filepath.Join(m.Folder, cacheFolder)); err == nil {
			if path, err := m.uv(ctx, Watch{}); err == nil {
				_, _ = m.runTool(ctx, Watch{}, path, "", "cache", "clean")
			}
		}
	}
	return removed, before - m.size(), nil
}

// size is what the environments take up, with what uv keeps.
func (m *Manager) size() int64 { return sizeOf(m.Folder, make(map[fileID]bool)) }

// remove removes an environment that nobody uses, or returns false.
func (m *Manager) remove(name string) (bool, error) {
	lock, err := tryLock(filepath.Join(m.Folder, locksFolder, name))
	if lock == nil || err != nil {
		return false, err
	}
	defer lock.Close()
	if len(m.users(name)) > 0 {
		return false, nil
	}
	// Not whole any more, whatever happens to the rest.
	if err := os.Remove(filepath.Join(m.path(name), marker)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return false, err
	}
	if err := os.RemoveAll(m.path(name)); err != nil {
		return false, err
	}
	os.RemoveAll(filepath.Join(m.Folder, usesFolder, name))
	return true, nil
}

// sweep removes what a process left that ended while it made an environment.
func (m *Manager) sweep() {
	entries, _ := os.ReadDir(m.Folder)
	for _, e := range entries {
		if !isDigest(e.Name()) {
			continue
		}
		if _, err := os.Stat(filepath.Join(m.path(e.Name()), marker)); errors.Is(err, os.ErrNotExist) {
			_ = os.MkdirAll(filepath.Join(m.Folder, locksFolder), 0o755)
			_, _ = m.remove(e.Name())
		}
	}
}

// trim keeps the folder within its limit, after it has grown.
func (m *Manager) trim(ctx context.Context, w Watch) error {
	if m.Max <= 0 || m.size() <= m.Max {
		return nil
	}
	removed, _, err := m.Prune(ctx, Pruning{Most: m.Max})
	for _, made := range removed {
		w.say("removed environment " + made.Name + ", which was not used for the longest time")
	}
	return err
}
