package artifact

import (
	"os"
	"path/filepath"
	"slices"
	"time"
)

// kept is a file of the cache, as eviction sees it.
type kept struct {
	path  string
	size  int64
	last  time.Time
	links int
	part  bool
}

// evict deletes files, those first that were not used for longest, until no
// more than want bytes are left, and returns how many are. What an attempt
// holds a link to stays: deleting it would free nothing. Whoever links to an
// entry at this very moment keeps the bytes.
func (r *room) evict(want int64) int64 {
	files := r.files()
	var total int64
	for _, f := range files {
		total += f.size
	}
	if total <= want {
		return total
	}
	slices.SortFunc(files, func(a, b kept) int { return a.last.Compare(b.last) })
	for _, f := range files {
		if total <= want {
			break
		}
		if f.links > 1 {
			continue
		}
		remove := os.Remove
		if f.part {
			remove = removeAbandoned
		}
		if remove(f.path) == nil {
			total -= f.size
			r.evicted(f.size)
		}
	}
	return total
}

// files lists what counts: entries and downloads. What cannot be looked at has
// been deleted since.
func (r *room) files() []kept {
	var all []kept
	parts := filepath.Join(r.dir, partsFolder)
	folders := []string{parts}
	blobs := filepath.Join(r.dir, "blobs")
	prefixes, _ := os.ReadDir(blobs)
	for _, p := range prefixes {
		folders = append(folders, filepath.Join(blobs, p.Name()))
	}
	for _, folder := range folders {
		entries, _ := os.ReadDir(folder)
		for _, e := range entries {
			info, err := e.Info()
			if err != nil || !info.Mode().IsRegular() {
				continue
			}
			all = append(all, kept{
				path: filepath.Join(folder, e.Name()), size: info.Size(),
				last: accessed(info), links: links(info), part: folder == parts,
			})
		}
	}
	return all
}
