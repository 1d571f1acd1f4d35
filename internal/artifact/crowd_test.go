package artifact

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/pipeline"
)

func TestManyImportAndStageTheSameAtOnce(t *testing.T) {
	everyStore(t, func(t *testing.T, s *Store) {
		const many = 16
		dirs, staged := make([]string, many), make([]string, many)
		for i := range many {
			dirs[i], staged[i] = folder(t, sample), filepath.Join(t.TempDir(), "out")
		}
		var all sync.WaitGroup
		for i := range many {
			all.Go(func() {
				a, err := s.ImportTree(t.Context(), dirs[i], Transfer(i%2))
				if err == nil {
					err = s.Stage(t.Context(), a, staged[i], Present(i/2%2))
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for _, dir := range staged {
			if diff := cmp.Diff(sample, contents(t, dir)); diff != "" {
				t.Error(diff)
			}
		}
	})
}

const writerStore = "MILLRACE_TEST_WRITER_STORE"

// TestMain lets the test binary be a process that writes to a store until it is
// killed, or one that reads from a store with a cache.
func TestMain(m *testing.M) {
	if url := os.Getenv(writerStore); url != "" {
		if err := writeForever(url, os.Getenv("TMPDIR")); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	if url := os.Getenv(readerStore); url != "" {
		if err := readMuch(url, os.Getenv("TMPDIR")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func writeForever(url, dir string) error {
	ctx := context.Background()
	s, err := Open(ctx, url)
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		in := filepath.Join(dir, fmt.Sprint("in", i))
		if err := os.Mkdir(in, 0o755); err != nil {
			return err
		}
		for j := range 10 {
			text := strings.Repeat(fmt.Sprintln(i, j), 1+rand.IntN(100_000))
			if err := os.WriteFile(filepath.Join(in, fmt.Sprint(j)), []byte(text), 0o755); err != nil {
				return err
			}
		}
		a, err := s.ImportTree(ctx, in, Transfer(i%2))
		if err != nil {
			return err
		}
		if _, err := s.Put(ctx, io.LimitReader(zeroes{}, rand.Int64N(10<<20))); err != nil {
			return err
		}
		if err := s.Stage(ctx, a, filepath.Join(dir, fmt.Sprint("out", i)), Link); err != nil {
			return err
		}
		fmt.Println(a.Digest)
	}
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A process that is killed at any moment leaves only whole blobs, and all that
// it reported are there.
func TestKilledWritersLeaveNothingTorn(t *testing.T) {
	s := localStore(t)
	for round := range 8 {
		writer := exec.Command(os.Args[0])
		writer.Env = append(os.Environ(), writerStore+"=file://"+s.Dir(), "TMPDIR="+t.TempDir())
		writer.Stderr = os.Stderr
		out, err := writer.StdoutPipe()
		must(t, err)
		must(t, writer.Start())
		lines := bufio.NewScanner(out)
		var reported []string
		for len(reported) <= round%4 && lines.Scan() {
			reported = append(reported, lines.Text())
		}
		must(t, writer.Process.Kill())
		_ = writer.Wait()
		if len(reported) <= round%4 {
			t.Fatal("the writer ended by itself")
		}
		for _, text := range reported {
			if err := s.Verify(t.Context(), pipeline.Artifact{Digest: pipeline.Digest(text), Tree: true}); err != nil {
				t.Error(err)
			}
		}
	}
	blobs := 0
	must(t, filepath.WalkDir(filepath.Join(s.Dir(), "blobs"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		blobs++
		want := pipeline.Digest("blake3:" + strings.TrimSuffix(d.Name(), runnableSuffix))
		if ok, err := hasContent(t.Context(), path, want); err != nil || !ok {
			return errors.Join(err, fmt.Errorf("%s is torn", path))
		}
		return nil
	}))
	if blobs == 0 {
		t.Error("there are no blobs")
	}
}
