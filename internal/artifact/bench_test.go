package artifact

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/millrace-ml/millrace/internal/artifact/s3test"
)

func benchFolder(b *testing.B, files, size int) string {
	dir := filepath.Join(b.TempDir(), "in")
	for i := range files {
		path := filepath.Join(dir, fmt.Sprintf("d%03d/f%06d", i/1000, i))
		must(b, os.MkdirAll(filepath.Dir(path), 0o755))
		must(b, os.WriteFile(path, fmt.Appendf(nil, "%*d", size, i), 0o644))
	}
	return dir
}

// What a small step costs: one 100 byte file in, one out.
func BenchmarkSmallStep(b *testing.B) {
	s, ctx, root := localStore(b), context.Background(), b.TempDir()
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		dir := filepath.Join(root, fmt.Sprint(i), "out")
		must(b, os.MkdirAll(dir, 0o755))
		must(b, os.WriteFile(filepath.Join(dir, "f"), fmt.Appendf(nil, "%100d", i), 0o644))
		b.StartTimer()
		a, err := s.ImportTree(ctx, dir, Move)
		must(b, err)
		must(b, s.Stage(ctx, a, filepath.Join(root, fmt.Sprint(i), "in"), Link))
	}
}

// A 1 GiB output handed through five steps, beside one read through the hash.
func BenchmarkPass1GiB(b *testing.B) {
	const size = 1 << 30
	ctx := context.Background()
	write := func(b *testing.B, path string) {
		must(b, os.WriteFile(path, make([]byte, size), 0o644))
	}
	b.Run("hash", func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "f")
		write(b, path)
		b.SetBytes(size)
		for b.Loop() {
			f, err := os.Open(path)
			must(b, err)
			_, err = hashFile(ctx, f)
			must(b, err)
			must(b, f.Close())
		}
	})
	b.Run("five steps", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			b.StopTimer()
			s, dir := localStore(b), b.TempDir()
			path := filepath.Join(dir, "out")
			write(b, path)
			b.StartTimer()
			a, err := s.ImportFile(ctx, path, Move)
			must(b, err)
			for step := range 5 {
				must(b, s.Stage(ctx, a, filepath.Join(dir, fmt.Sprint(step)), Link))
			}
		}
	})
}

func BenchmarkTree10k(b *testing.B) {
	const files, size = 10_000, 1000
	ctx := context.Background()
	b.Run("import", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			s, dir := localStore(b), benchFolder(b, files, size)
			b.StartTimer()
			_, err := s.ImportTree(ctx, dir, Move)
			must(b, err)
		}
	})
	s := localStore(b)
	a, err := s.ImportTree(ctx, benchFolder(b, files, size), Move)
	must(b, err)
	b.Run("import again", func(b *testing.B) {
		dir := benchFolder(b, files, size)
		for b.Loop() {
			_, err := s.ImportTree(ctx, dir, Copy)
			must(b, err)
		}
	})
	b.Run("has", func(b *testing.B) {
		for b.Loop() {
			ok, err := s.Has(ctx, a)
			must(b, err)
			if !ok {
				b.Fatal("gone")
			}
		}
	})
	for _, how := range []Present{Link, Writable} {
		b.Run(fmt.Sprintf("stage/%d", how), func(b *testing.B) {
			root := b.TempDir()
			for i := 0; b.Loop(); i++ {
				must(b, s.Stage(ctx, a, filepath.Join(root, fmt.Sprint(i)), how))
			}
		})
	}
}

// A tree of 1 GiB in 64 files, in a bucket, as the input of five steps on one
// worker: brought each time, or once.
func BenchmarkFiveConsumersOf1GiB(b *testing.B) {
	const files, size = 64, 16 << 20
	ctx := context.Background()
	bare := open(b, s3test.Start(b))
	var tree Tree
	for i := range files {
		a, err := bare.Put(ctx, bytes.NewReader(noise(uint64(i), size)))
		must(b, err)
		tree.Entries = append(tree.Entries, Entry{Path: fmt.Sprintf("%02d", i), Mode: Plain, Size: size, Digest: a.Digest})
	}
	a, err := bare.PutTree(ctx, tree)
	must(b, err)
	for name, bound := range map[string]int64{"without": 0, "with": 4 << 30} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(5 * files * size)
			for b.Loop() {
				b.StopTimer()
				dir := b.TempDir()
				s := withCache(b, bare, dir, bound)
				b.StartTimer()
				for step := range 5 {
					must(b, s.Stage(ctx, a, filepath.Join(dir, fmt.Sprint(step)), Link))
				}
				b.StopTimer()
				must(b, os.RemoveAll(dir))
				b.StartTimer()
			}
		})
	}
}
