// Command bench measures what Millrace costs beside the programs that it runs,
// and prints one table. It drives bin/millrace as a user would, on a home of its
// own that it deletes afterwards.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

func main() {
	b := bench{}
	flag.StringVar(&b.binary, "binary", "bin/millrace", "the program to measure")
	flag.StringVar(&b.only, "only", "", "measure only this: steps, reuse, start or data")
	flag.IntVar(&b.repeats, "repeats", 5, "how often to measure each thing")
	flag.IntVar(&b.chain, "chain", 200, "steps in the chain")
	flag.IntVar(&b.fan, "fan", 1000, "steps in the fan-out")
	flag.Int64Var(&b.size, "size", 1<<30, "bytes to pass through steps")
	dir := flag.String("dir", os.TempDir(), "where to make the folder to work in")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := b.run(ctx, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is what is measured, how often, and where.
type bench struct {
	binary     string
	only       string
	repeats    int
	chain, fan int
	size       int64
	// slots is how many programs run at once, in Millrace and in plain loops.
	slots int
	// dir is the folder for homes, pipeline files and data.
	dir string
	// table is what has been measured so far.
	table table
}

func (b *bench) run(ctx context.Context, parent string) (err error) {
	if b.binary, err = filepath.Abs(b.binary); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp(parent, "millrace-bench-"); err != nil {
		return err
	}
	defer remove(b.dir)
	b.slots = runtime.NumCPU()

	measures := []struct {
		name string
		run  func(context.Context) error
	}{
		{"steps", b.steps},
		{"reuse", b.reuse},
		{"start", b.start},
		{"data", b.data},
	}
	for _, m := range measures {
		if b.only != "" && b.only != m.name {
			continue
		}
		fmt.Fprintf(os.Stderr, "measuring %s\n", m.name)
		if err := m.run(ctx); err != nil {
			return fmt.Errorf("measure %s: %w", m.name, err)
		}
	}

	fmt.Printf("%s/%s, %d cores, %s, %s; %d repeats\n\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(),
		runtime.Version(), time.Now().Format("2 January 2006"), b.repeats)
	return b.table.write(os.Stdout)
}

// remove deletes a folder with all that is in it. The store keeps its files
// and folders read-only, so they are made writable first.
func remove(dir string) {
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	_ = os.RemoveAll(dir)
}
