package artifact

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace-ml/millrace/internal/artifact/s3test"
	"github.com/millrace-ml/millrace/pipeline"
)

// What a process that reads from a store is told: where, its cache and its
// bound, the blobs as digest/size, and how many times it shall read one.
const (
	readerStore  = "MILLRACE_TEST_READER_STORE"
	readerCache  = "MILLRACE_TEST_READER_CACHE"
	readerBound  = "MILLRACE_TEST_READER_BOUND"
	readerBlobs  = "MILLRACE_TEST_READER_BLOBS"
	readerRounds = "MILLRACE_TEST_READER_ROUNDS"
)

// readMuch stages blobs in random order and manner, looks at each, and now and
// then makes one.
func readMuch(url, dir string) error {
	ctx := context.Background()
	bound, _ := strconv.ParseInt(os.Getenv(readerBound), 10, 64)
	rounds, _ := strconv.Atoi(os.Getenv(readerRounds))
	s, err := Open(ctx, url)
	if err == nil {
		s, err = s.WithCache(os.Getenv(readerCache), bound)
	}
	if err != nil {
		return err
	}
	blobs := strings.Fields(os.Getenv(readerBlobs))
	for round := range rounds {
		digest, length, _ := strings.Cut(blobs[rand.IntN(len(blobs))], "/")
		size, _ := strconv.ParseInt(length, 10, 64)
		path := filepath.Join(dir, fmt.Sprintf("%d-%d", os.Getpid(), round))
		if err := s.Stage(ctx, pipeline.Artifact{Digest: pipeline.Digest(digest), Size: size}, path, Present(rand.IntN(2))); err != nil {
			return err
		}
		if ok, err := hasContent(ctx, path, pipeline.Digest(digest)); err != nil || !ok {
			return fmt.Errorf("staged something else for %s, %w", digest, err)
		}
		if rand.IntN(4) > 0 { // else it stays linked
			if err := os.Remove(path); err != nil {
				return err
			}
		}
		if rand.IntN(4) == 0 {
			made := path + ".out"
			if err := os.WriteFile(made, noise(rand.Uint64(), rand.IntN(mib)), 0o644); err != nil {
				return err
			}
			if _, err := s.ImportFile(ctx, made, Move); err != nil {
				return err
			}
		}
	}
	return nil
}

// readers starts processes that share a cache.
type readers struct {
	url, cache string
	bound      int64
	rounds     int
	blobs      []string
}

func (r readers) start(t *testing.T, output *bytes.Buffer) *exec.Cmd {
	t.Helper()
	p := exec.Command(os.Args[0])
	p.Env = append(os.Environ(), readerStore+"="+r.url, readerCache+"="+r.cache, "TMPDIR="+filepath.Dir(r.cache),
		readerBound+"="+fmt.Sprint(r.bound), readerRounds+"="+fmt.Sprint(r.rounds), readerBlobs+"="+strings.Join(r.blobs, " "))
	p.Stderr = output
	must(t, p.Start())
	return p
}

func named(a pipeline.Artifact) string { return fmt.Sprintf("%s/%d", a.Digest, a.Size) }

func TestManyProcessesShareASmallCache(t *testing.T) {
	r := readers{url: s3test.Start(t), cache: filepath.Join(t.TempDir(), "cache"), bound: 24 * mib, rounds: 60}
	bare := open(t, r.url)
	for i := range 24 {
		a, _ := putNoise(t, bare, uint64(i), 10_000+i*i*20_000) // up to 10 MiB, two parts
		r.blobs = append(r.blobs, named(a))
	}
	s, err := bare.WithCache(r.cache, r.bound)
	must(t, err)
	const many = 4
	var all sync.WaitGroup
	var running atomic.Int32
	running.Store(many)
	for i := range many {
		all.Go(func() {
			defer running.Add(-1)
			if i == 0 { // one is killed again and again, and comes back
				for _, after := range []int{20, 70, 150, 400} {
					p := r.start(t, new(bytes.Buffer))
					time.Sleep(time.Duration(after) * time.Millisecond)
					_ = p.Process.Kill()
					_ = p.Wait()
				}
			}
			var output bytes.Buffer
			if err := r.start(t, &output).Wait(); err != nil {
				t.Errorf("%v: %s", err, output.String())
			}
		})
	}
	for running.Load() > 0 {
		must(t, s.cache.room.locked(func(noted int64) (int64, error) {
			if held := heldBy(s); held > noted || noted > r.bound {
				t.Errorf("the cache holds %d bytes, has noted %d, and may have %d", held, noted, r.bound)
			}
			return noted, nil
		}))
		time.Sleep(time.Millisecond)
	}
	all.Wait()
	if n := s.Stats().CacheBytes; n < r.bound/4 {
		t.Errorf("the cache has only %d bytes", n)
	}
	for _, f := range s.cache.room.files() {
		if f.part || strings.HasSuffix(f.path, runnableSuffix) {
			continue
		}
		if ok, err := hasContent(t.Context(), f.path, pipeline.Digest("blake3:"+filepath.Base(f.path))); err != nil || !ok {
			t.Errorf("%s is not what its name says, %v", f.path, err)
		}
	}
}

// heldBy is what the files of a cache hold, without the tails of downloads.
// Entries are listed first, so that a download that is renamed meanwhile is not
// counted twice.
func heldBy(s *Store) int64 {
	var n int64
	seen := map[string]bool{}
	files := s.cache.room.files()
	for _, part := range []bool{false, true} {
		for _, f := range files {
			if name := filepath.Base(f.path); f.part == part && !seen[name] {
				seen[name] = true
				n += f.size
				if part && f.size > 0 {
					n -= int64(partsOf(f.size - 1))
				}
			}
		}
	}
	return n
}

func TestOneOfManyProcessesDownloads(t *testing.T) {
	var got downloads
	r := readers{url: s3test.Start(t, got.wrap), cache: filepath.Join(t.TempDir(), "cache"), bound: 1 << 30, rounds: 1}
	a, _ := putNoise(t, open(t, r.url), 1, 5*partSize)
	r.blobs = []string{named(a)}
	var output [4]bytes.Buffer
	var all []*exec.Cmd
	for i := range output {
		all = append(all, r.start(t, &output[i]))
	}
	for i, p := range all {
		if err := p.Wait(); err != nil {
			t.Errorf("%v: %s", err, output[i].String())
		}
	}
	if n := got.n.Load(); n != 5 {
		t.Errorf("%d downloads, want one of each part", n)
	}
}

func TestKilledDownloadGoesOnFromThePartsThatAreThere(t *testing.T) {
	const parts, before = 7, 3
	var got downloads
	var slow atomic.Bool
	slow.Store(true)
	hold := make(chan struct{})
	url := s3test.Start(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if isDownload(r) && got.n.Add(1) > before && slow.Load() {
				select {
				case <-hold:
				case <-r.Context().Done():
				}
			}
			h.ServeHTTP(w, r)
		})
	})
	defer close(hold)
	bare := open(t, url)
	a, b := putNoise(t, bare, 1, (parts-1)*partSize+1000)
	r := readers{url: url, cache: filepath.Join(t.TempDir(), "cache"), bound: 1 << 30, rounds: 1, blobs: []string{named(a)}}
	s, err := bare.WithCache(r.cache, r.bound)
	must(t, err)
	killed := r.start(t, new(bytes.Buffer))
	for there := 0; there < before; {
		there = 0
		file, err := os.ReadFile(s.cache.partPath(a.Digest))
		if err == nil && int64(len(file)) == a.Size+parts {
			there = bytes.Count(file[a.Size:], []byte{1})
		} else if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	must(t, killed.Process.Kill())
	_ = killed.Wait()
	slow.Store(false)
	got.n.Store(0)
	wantContent(t, stageFile(t, s, a, Link), b)
	if n := got.n.Load(); n != parts-before {
		t.Errorf("%d parts came after the kill, want %d", n, parts-before)
	}
	if noted := s.Stats().CacheBytes; noted != a.Size {
		t.Errorf("%d bytes are noted for %d", noted, a.Size)
	}
}
