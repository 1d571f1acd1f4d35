package asset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/artifact/s3test"
	"github.com/millrace-ml/millrace/pipeline"
)

// creatorStore is set for processes that create one version each.
const creatorStore = "MILLRACE_TEST_CREATOR_STORE"

// TestMain lets the test binary be a process that says when it is ready, waits
// for its stdin to end and creates a version.
func TestMain(m *testing.M) {
	if url := os.Getenv(creatorStore); url != "" {
		if err := createOne(url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func createOne(url string) error {
	ctx := context.Background()
	s, err := artifact.Open(ctx, url)
	if err != nil {
		return err
	}
	c := New(s)
	if _, err := c.Names(ctx, pipeline.ComponentAsset); err != nil {
		return err // now there is a connection
	}
	fmt.Println("ready")
	if _, err := os.Stdin.Read(make([]byte, 1)); err == nil {
		return fmt.Errorf("stdin holds something")
	}
	v := train("")
	v.CreatedBy = strconv.Itoa(os.Getpid())
	made, _, err := c.Create(ctx, v)
	if err != nil {
		return err
	}
	fmt.Println(made.Version)
	return s.Close()
}

// creator is a process that creates a version when its stdin ends.
type creator struct {
	*exec.Cmd
	heard sync.Once
	said  bytes.Buffer
	// ready is closed when it has said something, or has ended.
	ready, ended chan struct{}
	err          error
}

func startCreator(t *testing.T, url string, gate *os.File) *creator {
	t.Helper()
	c := &creator{Cmd: exec.CommandContext(t.Context(), os.Args[0]), ready: make(chan struct{}), ended: make(chan struct{})}
	c.Env = append(os.Environ(), creatorStore+"="+url)
	c.Stdin, c.Stdout, c.Stderr = gate, c, os.Stderr
	must(t, c.Start())
	go func() {
		c.err = c.Wait()
		c.heard.Do(func() { close(c.ready) })
		close(c.ended)
	}()
	return c
}

// Write takes what the process says.
func (c *creator) Write(b []byte) (int, error) {
	c.heard.Do(func() { close(c.ready) })
	return c.said.Write(b)
}

// Twenty processes create versions of one component at the same moment: there
// are twenty versions then, none lost and none doubled.
func TestProcessesNeverGetTheSameVersion(t *testing.T) {
	const many = 20
	for kind, url := range map[string]string{"file": "file://" + t.TempDir() + "/store", "s3": s3test.Start(t)} {
		t.Run(kind, func(t *testing.T) {
			gate, start, err := os.Pipe()
			must(t, err)
			var creators []*creator
			for range many {
				creators = append(creators, startCreator(t, url, gate))
			}
			for _, c := range creators {
				<-c.ready
			}
			must(t, gate.Close())
			must(t, start.Close()) // now
			by := map[string]string{}
			for _, c := range creators {
				<-c.ended
				must(t, c.err)
				_, version, _ := strings.Cut(strings.TrimSpace(c.said.String()), "\n")
				by[version] = strconv.Itoa(c.Process.Pid)
			}
			wantCrowd(t, open(t, url), many, by)
		})
	}
}

// wantCrowd checks that there are the versions from 1 on, each by who was told
// that it is his, and that the number says the order.
func wantCrowd(t *testing.T, c *Catalog, many int, by map[string]string) {
	t.Helper()
	all, err := c.Versions(t.Context(), pipeline.ComponentAsset, "train")
	must(t, err)
	var want []string
	for n := many; n > 0; n-- {
		want = append(want, strconv.Itoa(n))
	}
	if got := numbers(all); got != strings.Join(want, " ") || len(by) != many {
		t.Errorf("versions %s; %d were told of one", got, len(by))
	}
	for _, v := range all {
		if v.CreatedBy != by[v.Version] {
			t.Errorf("version %s is by %s; %s was told that it is his", v.Version, v.CreatedBy, by[v.Version])
		}
	}
	if latest := find(t, c, "train"); latest.Version != strconv.Itoa(many) {
		t.Errorf("the latest is %s", latest.Version)
	}
}

func TestManyCreateAtOnce(t *testing.T) {
	everyCatalog(t, func(t *testing.T, c *Catalog) {
		many := 200
		if c.Store().Dir() == "" {
			many = 50 // there may be a server to ask
		}
		var all sync.WaitGroup
		var mu sync.Mutex
		by := map[string]string{}
		for i := range many {
			all.Go(func() {
				v := train("")
				v.CreatedBy, v.Created = strconv.Itoa(i), time.Now()
				made, created, err := c.Create(t.Context(), v)
				if err != nil || !created {
					t.Errorf("Create = %v, %v", created, err)
				}
				mu.Lock()
				defer mu.Unlock()
				by[made.Version] = v.CreatedBy
			})
		}
		all.Wait()
		wantCrowd(t, c, many, by)
	})
}

// Of many who create one version, all get the asset if they agree on what it
// is, and all but one are refused if they do not.
func TestOneOfManyCreatesAVersion(t *testing.T) {
	everyCatalog(t, func(t *testing.T, c *Catalog) {
		const many = 32
		for round := range 10 {
			agree := round%2 == 0
			made, same := make([]bool, many), make([]bool, many)
			var all sync.WaitGroup
			for i := range many {
				all.Go(func() {
					v := train(strconv.Itoa(round))
					if !agree {
						v.Definition = strconv.Itoa(i)
					}
					var err error
					_, made[i], err = c.Create(t.Context(), v)
					same[i] = err == nil
				})
			}
			all.Wait()
			count := func(list []bool) int { return len(slices.DeleteFunc(list, func(b bool) bool { return !b })) }
			wantSame := 1
			if agree {
				wantSame = many
			}
			if m, s := count(made), count(same); m != 1 || s != wantSame {
				t.Errorf("round %d: %d created it, %d got it", round, m, s)
			}
		}
	})
}

// Whoever reads notes while others write them finds what one of them wrote.
func TestNotesAreNeverTorn(t *testing.T) {
	everyCatalog(t, func(t *testing.T, c *Catalog) {
		create(t, c, train("1"))
		note := func(text string) {
			_, err := c.Note(t.Context(), ref(t, "train:1"), func(n *Notes) error {
				n.Description, n.Stage = strings.Repeat(text, 5000), text
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
		note("0")
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				for round := range 10 {
					note(strconv.Itoa((i + round) % 10))
					v := find(t, c, "train:1")
					if v.Notes.Description != strings.Repeat(v.Notes.Stage, 5000) {
						t.Errorf("torn: %.20s...", v.Notes.Description)
					}
				}
			})
		}
		all.Wait()
	})
}

func TestVersionsComeAndGo(t *testing.T) {
	everyCatalog(t, func(t *testing.T, c *Catalog) {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 20 {
					if _, _, err := c.Create(t.Context(), train("1")); err != nil {
						t.Error(err)
					}
					_, err := c.Note(t.Context(), ref(t, "train:1"), func(n *Notes) error { n.Stage = "x"; return nil })
					if err != nil && !errors.Is(err, ErrNotFound) {
						t.Error(err)
					}
					if err := c.Forget(t.Context(), pipeline.ComponentAsset, "train", "1"); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if names, err := c.Names(t.Context(), pipeline.ComponentAsset); len(names) != 0 || err != nil {
			t.Errorf("Names = %v, %v", names, err)
		}
	})
}
