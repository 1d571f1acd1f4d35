package artifact

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/artifact/s3test"
	"github.com/millrace-ml/millrace/pipeline"
)

// downloads counts the requests for the bytes of blobs.
type downloads struct{ n atomic.Int64 }

func isDownload(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/")
}

func (d *downloads) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isDownload(r) {
			d.n.Add(1)
		}
		h.ServeHTTP(w, r)
	})
}

// noise is content that no mistake in putting parts together leaves as it is.
func noise(seed uint64, size int) []byte {
	b := make([]byte, size)
	source := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	_, _ = source.Read(b)
	return b
}

const mib = 1 << 20

func putNoise(t testing.TB, s *Store, seed uint64, size int) (pipeline.Artifact, []byte) {
	t.Helper()
	b := noise(seed, size)
	a, err := s.Put(t.Context(), bytes.NewReader(b))
	must(t, err)
	return a, b
}

func stageFile(t testing.TB, s *Store, a pipeline.Artifact, how Present) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "staged")
	must(t, s.Stage(t.Context(), a, path, how))
	return path
}

func wantContent(t testing.TB, path string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s has %d bytes that are not the %d wanted, %v", path, len(got), len(want), err)
	}
}

func TestWhatWasDownloadedOnceIsLinked(t *testing.T) {
	var got downloads
	bare := open(t, s3test.Start(t, got.wrap))
	a, err := bare.ImportTree(t.Context(), folder(t, sample), Copy)
	must(t, err)
	s := withCache(t, bare, t.TempDir(), 1<<30)
	for round := range 3 {
		dst := filepath.Join(t.TempDir(), "in")
		must(t, s.Stage(t.Context(), a, dst, Present(round/2)))
		if diff := cmp.Diff(sample, contents(t, dst)); diff != "" {
			t.Error(diff)
		}
		// The manifest, and seven files that differ, of which one is empty.
		if n := got.n.Load(); n != 7 {
			t.Errorf("%d downloads after round %d", n, round)
		}
	}
	one, two := filepath.Join(t.TempDir(), "1"), filepath.Join(t.TempDir(), "2")
	for _, dst := range []string{one, two} {
		must(t, s.Stage(t.Context(), a, dst, Link))
	}
	for name, mode := range map[string]os.FileMode{"a.txt": 0o444, "run.sh": 0o555} {
		info, err := os.Stat(filepath.Join(one, name))
		must(t, err)
		if info.Mode().Perm() != mode {
			t.Errorf("%s has mode %v, want %v", name, info.Mode(), mode)
		}
		if inode(t, filepath.Join(one, name)) != inode(t, filepath.Join(two, name)) {
			t.Errorf("%s is there twice", name)
		}
	}
	if n := s.Stats(); n.Hits == 0 || n.Misses == 0 || n.Downloaded == 0 || n.CacheBytes == 0 || n.CacheMax != 1<<30 {
		t.Errorf("stats = %+v", n)
	}
}

func TestWhatAStepHasMadeIsThereForTheNext(t *testing.T) {
	var got downloads
	s := withCache(t, open(t, s3test.Start(t, got.wrap)), t.TempDir(), 1<<30)
	tree, err := s.ImportTree(t.Context(), folder(t, sample), Move)
	must(t, err)
	file, b := putNoise(t, s, 1, 3*mib) // a stream
	dst := filepath.Join(t.TempDir(), "in")
	must(t, s.Stage(t.Context(), tree, dst, Link))
	if diff := cmp.Diff(sample, contents(t, dst)); diff != "" {
		t.Error(diff)
	}
	wantContent(t, stageFile(t, s, file, Link), b)
	if n := got.n.Load(); n != 0 {
		t.Errorf("%d downloads", n)
	}
	// What the bucket has lost is gone, whatever the cache has.
	must(t, s.Bucket().Delete(t.Context(), blobKey(tree.Digest)))
	if ok, err := s.Has(t.Context(), tree); ok || err != nil {
		t.Errorf("Has = %v, %v without the manifest", ok, err)
	}
}

func TestOneOfManyDownloads(t *testing.T) {
	var got downloads
	bare := open(t, s3test.Start(t, got.wrap))
	a, b := putNoise(t, bare, 1, 3*partSize+5)
	dir := t.TempDir()
	var all sync.WaitGroup
	for i := range 10 {
		s := withCache(t, bare, dir, 1<<30) // each pair shares as two processes do
		for range 2 {
			path := stagePath(t, i)
			all.Go(func() {
				if err := s.Stage(t.Context(), a, path, Link); err != nil {
					t.Error(err)
				}
				wantContent(t, path, b)
			})
		}
	}
	all.Wait()
	if n := got.n.Load(); n != 4 {
		t.Errorf("%d downloads, want one of each part", n)
	}
}

func stagePath(t *testing.T, i int) string {
	return filepath.Join(t.TempDir(), strconv.Itoa(i))
}

// cut lets the first request for each part, and for each place in it, end in
// the middle.
func cut(h http.Handler) http.Handler {
	var seen sync.Map
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, again := seen.LoadOrStore(r.URL.Path+r.Header.Get("Range"), true); !isDownload(r) || again {
			h.ServeHTTP(w, r)
			return
		}
		h.ServeHTTP(&shortWriter{w, 3 * mib}, r)
	})
}

type shortWriter struct {
	http.ResponseWriter
	left int
}

func (w *shortWriter) Write(b []byte) (int, error) {
	if len(b) > w.left {
		_, _ = w.ResponseWriter.Write(b[:w.left])
		panic(http.ErrAbortHandler)
	}
	w.left -= len(b)
	return w.ResponseWriter.Write(b)
}

func TestBrokenLineGoesOnWhereItBroke(t *testing.T) {
	bare := open(t, s3test.Start(t, cut))
	a, b := putNoise(t, bare, 1, 2*partSize+17)
	s := withCache(t, bare, t.TempDir(), 1<<30)
	wantContent(t, stageFile(t, s, a, Link), b)
	if n := s.Stats().Downloaded; n != a.Size {
		t.Errorf("%d bytes came for %d", n, a.Size)
	}
}

func entryOf(s *Store, a pipeline.Artifact) string { return s.cache.entry(a.Digest, false) }

func TestCorruptionIsNoticedBeforeAnEntryIsGivenOut(t *testing.T) {
	for name, corrupt := range map[string]func(t *testing.T, path string, b []byte){
		"written through a link": func(t *testing.T, path string, b []byte) {
			must(t, os.Chmod(path, 0o644))
			b = bytes.Clone(b)
			b[7]++
			must(t, os.WriteFile(path, b, 0))
		},
		"shorter": func(t *testing.T, path string, b []byte) {
			must(t, os.Chmod(path, 0o644))
			must(t, os.Truncate(path, 1))
			must(t, os.Chtimes(path, time.Time{}, mark(bootID())))
		},
		"length without bytes after a power cut": func(t *testing.T, path string, b []byte) {
			must(t, os.Chmod(path, 0o644))
			must(t, os.Truncate(path, 0))
			must(t, os.Truncate(path, int64(len(b))))
			must(t, os.Chtimes(path, time.Time{}, mark("the last start of the machine")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got downloads
			bare := open(t, s3test.Start(t, got.wrap))
			a, b := putNoise(t, bare, 1, 2*mib)
			s := withCache(t, bare, t.TempDir(), 1<<30)
			stageFile(t, s, a, Link)
			before, err := s.Fingerprint(t.Context(), a)
			must(t, err)
			corrupt(t, entryOf(s, a), b)
			if after, err := s.Fingerprint(t.Context(), a); err != nil || after == before && name != "shorter" {
				t.Errorf("the fingerprint says nothing, %v", err)
			}
			for _, how := range []Present{Link, Writable} {
				wantContent(t, stageFile(t, s, a, how), b)
			}
			if n := got.n.Load(); n != 2 {
				t.Errorf("%d downloads", n)
			}
		})
	}
}

func TestTamperedInputIsFoundInTheCache(t *testing.T) {
	bare := open(t, "mem://")
	a, b := putNoise(t, bare, 1, 1000)
	s := withCache(t, bare, t.TempDir(), 1<<30)
	staged := stageFile(t, s, a, Link)
	before, err := s.Fingerprint(t.Context(), a)
	must(t, err)
	must(t, os.Chmod(staged, 0o644))
	must(t, os.WriteFile(staged, noise(2, 1000), 0))
	after, err := s.Fingerprint(t.Context(), a)
	if err != nil || after == before {
		t.Fatalf("the write went unnoticed, %v", err)
	}
	if err := s.Verify(t.Context(), a); !errors.Is(err, ErrDamaged) {
		t.Errorf("Verify = %v", err)
	}
	must(t, bare.Verify(t.Context(), a)) // the bucket's is as it was
	wantContent(t, stageFile(t, s, a, Link), b)
}

func TestEntriesOfTheLastStartAreReadNotDownloaded(t *testing.T) {
	var got downloads
	bare := open(t, s3test.Start(t, got.wrap))
	a, b := putNoise(t, bare, 1, mib)
	s := withCache(t, bare, t.TempDir(), 1<<30)
	stageFile(t, s, a, Link)
	must(t, os.Chtimes(entryOf(s, a), time.Time{}, mark("the last start of the machine")))
	wantContent(t, stageFile(t, s, a, Link), b)
	if n := got.n.Load(); n != 1 {
		t.Errorf("%d downloads", n)
	}
	if info, err := os.Stat(entryOf(s, a)); err != nil || !isMarked(info, mib, s.cache.mark) {
		t.Errorf("the entry does not bear today's mark, %v", err)
	}
}

// A power cut may leave the note that a part is there, and not the part.
func TestDownloadThatWasLeftWrongStartsAnew(t *testing.T) {
	bare := open(t, s3test.Start(t))
	a, b := putNoise(t, bare, 1, 3*partSize)
	s := withCache(t, bare, t.TempDir(), 1<<30)
	part := s.cache.partPath(a.Digest)
	must(t, os.MkdirAll(filepath.Dir(part), 0o755))
	must(t, os.WriteFile(part, append(make([]byte, a.Size), 0, 1, 0), 0o600))
	wantContent(t, stageFile(t, s, a, Link), b)
	if _, err := os.Stat(part); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the download is still there: %v", err)
	}
}

func TestDamageInTheBucketDoesNotEnterTheCache(t *testing.T) {
	bare := open(t, "mem://")
	a, b := putNoise(t, bare, 1, 2*partSize)
	b[partSize]++
	must(t, bare.Bucket().WriteAll(t.Context(), blobKey(a.Digest), b, nil))
	s := withCache(t, bare, t.TempDir(), 1<<30)
	for _, how := range []Present{Link, Writable} {
		err := s.Stage(t.Context(), a, filepath.Join(t.TempDir(), "in"), how)
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("Stage = %v", err)
		}
	}
	must(t, bare.Bucket().WriteAll(t.Context(), blobKey(a.Digest), b[:partSize], nil))
	if err := s.Stage(t.Context(), a, filepath.Join(t.TempDir(), "in"), Link); !errors.Is(err, ErrGone) {
		t.Errorf("Stage of half a blob = %v", err)
	}
	if left := s.Stats().CacheBytes; left != 0 {
		t.Errorf("%d bytes are left", left)
	}
}

func TestTheLeastRecentlyUsedGoes(t *testing.T) {
	bare := open(t, "mem://")
	s := withCache(t, bare, t.TempDir(), 3*mib+mib/2)
	var made []pipeline.Artifact
	for i := range 5 {
		a, _ := putNoise(t, bare, uint64(i), mib)
		made = append(made, a)
	}
	have := func() string {
		var list []string
		for i, a := range made {
			if s.cache.marked(entryOf(s, a), mib) {
				list = append(list, strconv.Itoa(i))
			}
		}
		return strings.Join(list, " ")
	}
	inUse := stageFile(t, s, made[0], Link)
	for _, step := range []struct {
		use  int
		want string
	}{{1, "0 1"}, {2, "0 1 2"}, {1, "0 1 2"}, {3, "0 1 3"}, {4, "0 3 4"}} {
		must(t, os.Remove(stageFile(t, s, made[step.use], Link)))
		if got := have(); got != step.want {
			t.Errorf("after use of %d the cache has %s, want %s", step.use, got, step.want)
		}
	}
	wantContent(t, inUse, noise(0, mib))
	if n := s.Stats(); n.Evicted != 2 || n.EvictedBytes != 2*mib || n.CacheBytes != 3*mib {
		t.Errorf("stats = %+v", n)
	}
	// A lower bound holds from the start.
	withCache(t, bare, filepath.Dir(s.cache.room.dir), mib)
	if got := have(); got != "0" {
		t.Errorf("the cache has %s within a lower bound", got)
	}
}

func TestWhatFindsNoRoomComesStraight(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, s *Store){
		"too large": func(_ *testing.T, s *Store) { s.cache.room.max = mib },
		"all in use": func(t *testing.T, s *Store) {
			a, _ := putNoise(t, s, 9, mib)
			stageFile(t, s, a, Link)
			s.cache.room.max = 2*mib + 1
		},
		"the folder is a file": func(t *testing.T, s *Store) {
			must(t, os.RemoveAll(s.cache.room.dir))
			must(t, os.WriteFile(s.cache.room.dir, nil, 0o600))
		},
		"the folder is gone": func(t *testing.T, s *Store) { must(t, os.RemoveAll(s.cache.room.dir)) },
		"a download is no file": func(t *testing.T, s *Store) {
			parts := filepath.Join(s.cache.room.dir, partsFolder)
			must(t, os.MkdirAll(parts, 0o755))
			must(t, os.Symlink("/dev/null", filepath.Join(parts, hashBytes(noise(0, 2*mib)).Hex())))
			must(t, os.Mkdir(filepath.Join(parts, hashBytes(noise(1, 2*mib)).Hex()), 0o755))
		},
	} {
		t.Run(name, func(t *testing.T) {
			bare := open(t, "mem://")
			s := withCache(t, bare, t.TempDir(), 1<<30)
			spoil(t, s)
			var tree Tree
			for i := range uint64(2) {
				a, _ := putNoise(t, bare, i, 2*mib)
				tree.Entries = append(tree.Entries, Entry{Path: fmt.Sprint(i), Mode: Plain, Size: a.Size, Digest: a.Digest})
			}
			a, err := s.PutTree(t.Context(), tree)
			must(t, err)
			for _, how := range []Present{Link, Writable} {
				dst := filepath.Join(t.TempDir(), "in")
				must(t, s.Stage(t.Context(), a, dst, how))
				for i := range uint64(2) {
					wantContent(t, filepath.Join(dst, fmt.Sprint(i)), noise(i, 2*mib))
				}
			}
		})
	}
}

func TestNoCacheWhereNoneIsWantedOrNeeded(t *testing.T) {
	for url, bound := range map[string]int64{"mem://": 0, "file://" + t.TempDir(): 1 << 30} {
		s := open(t, url)
		if with, err := s.WithCache(filepath.Join(t.TempDir(), "cache"), bound); with != s || err != nil {
			t.Errorf("%s: another store, %v", url, err)
		}
	}
	n, err := CacheMax(filepath.Join(t.TempDir(), "not", "there"))
	if err != nil || n <= 0 || n > 20<<30 {
		t.Errorf("CacheMax = %d, %v", n, err)
	}
}

func TestWhoeverLeavesDoesNotStopTheOthers(t *testing.T) {
	var f flights
	started, finish := make(chan struct{}), make(chan struct{})
	work := func(ctx context.Context) error {
		close(started)
		select {
		case <-finish:
			return nil
		case <-ctx.Done():
			return errors.New("cancelled under those who wait")
		}
	}
	first, leave := context.WithCancel(t.Context())
	results := make(chan error, 2)
	go func() { results <- f.do(first, "x", work) }()
	<-started
	go func() { results <- f.do(t.Context(), "x", work) }()
	for waiting := 0; waiting < 2; {
		f.mu.Lock()
		waiting = f.flying["x"].waiting
		f.mu.Unlock()
	}
	leave()
	if err := <-results; !errors.Is(err, context.Canceled) {
		t.Errorf("the one who left got %v", err)
	}
	close(finish)
	if err := <-results; err != nil {
		t.Errorf("the other got %v", err)
	}

	// The last to leave ends the work.
	ended := make(chan struct{})
	all, end := context.WithCancel(t.Context())
	go end()
	_ = f.do(all, "y", func(ctx context.Context) error {
		defer close(ended)
		<-ctx.Done()
		return ctx.Err()
	})
	<-ended
}
