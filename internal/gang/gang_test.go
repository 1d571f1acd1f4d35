package gang

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/artifact"
)

func newGangs(t *testing.T) *Gangs {
	t.Helper()
	store, err := artifact.Open(t.Context(), "file://"+filepath.ToSlash(filepath.Join(t.TempDir(), "store")))
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	g := New(store)
	g.early = 50 * time.Millisecond
	return g
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const long = time.Minute

var morning = time.Date(2026, 1, 1, 8, 0, 0, 0, time.UTC)

func of(id string, size int) Gang {
	return Gang{Queue: "gpu", ID: id, Since: morning, Try: 1, Size: size}
}

// records are all that is left in the store.
func (t *Gangs) records(tt *testing.T) []string {
	keys, err := t.store.ListRecords(context.WithoutCancel(tt.Context()), "gangs/")
	must(tt, err)
	return keys
}

func TestAllInstancesGoOnWithTheSameList(t *testing.T) {
	gangs, g := newGangs(t), of("job.train", 3)
	var want []Member
	for i := range g.Size {
		want = append(want, Member{Worker: fmt.Sprint("w", i), Address: "10.0.0.1", Ports: []int{1000 + i}})
	}
	var group sync.WaitGroup
	for i := range g.Size {
		group.Go(func() {
			var formed *Formed
			var err error
			if i == 0 {
				formed, err = gangs.Lead(t.Context(), g, 1, want[0], long, nil)
			} else {
				formed, err = eventually(t.Context(), func() (*Formed, error) { return gangs.Join(t.Context(), g, i, want[i]) })
			}
			if err != nil {
				t.Errorf("instance %d: %v", i, err)
				return
			}
			if diff := cmp.Diff(want, formed.Members); diff != "" {
				t.Errorf("instance %d: %s", i, diff)
			}
			if err := formed.Say(t.Context(), "end", i, i*i); err != nil {
				t.Error(err)
			}
			if i > 0 {
				return
			}
			var said []int
			err = formed.Heard(t.Context(), "end", 0, func(i int, text []byte) error {
				var n int
				defer func() { said = append(said, i, n) }()
				return json.Unmarshal(text, &n)
			})
			if diff := cmp.Diff([]int{1, 1, 2, 4}, said); diff != "" || err != nil {
				t.Errorf("heard %v, %v", said, err)
			}
			formed.Forget(t.Context(), g)
		})
	}
	group.Wait()
	if left := gangs.records(t); len(left) > 0 {
		t.Errorf("left in the store: %v", left)
	}
}

// eventually does what Temporal does: it tries again what has not formed.
func eventually(ctx context.Context, join func() (*Formed, error)) (*Formed, error) {
	for {
		formed, err := join()
		if _, again := errors.AsType[*NotFormed](err); !again || ctx.Err() != nil {
			return formed, err
		}
	}
}

func TestAGangThatIsNotCompleteGivesUp(t *testing.T) {
	gangs, g := newGangs(t), of("job.train", 3)
	var there int
	joined := make(chan error, 1)
	go func() {
		_, err := eventually(t.Context(), func() (*Formed, error) {
			formed, err := gangs.Join(t.Context(), g, 2, Member{})
			if n, ok := errors.AsType[*NotFormed](err); ok && n.Found > 0 {
				return nil, fmt.Errorf("called off: %s", n.Error())
			}
			return formed, err
		})
		joined <- err
	}()
	_, err := gangs.Lead(t.Context(), g, 1, Member{}, 3*time.Second, func(found int) { there = found })
	if diff := cmp.Diff(&NotFormed{Found: 2, Size: 3}, err); diff != "" || there != 2 {
		t.Errorf("the leader got %v and was told of %d", err, there)
	}
	if err := <-joined; err.Error() != "called off: 2 of 3 instances were there" {
		t.Errorf("the other got %v", err)
	}
}

func TestNobodyRunsWhenOneLeavesBeforeTheDecision(t *testing.T) {
	gangs, g := newGangs(t), of("job.train", 3)
	leaving, leave := context.WithCancel(t.Context())
	go func() {
		_, _ = eventually(leaving, func() (*Formed, error) { return gangs.Join(leaving, g, 1, Member{}) })
	}()
	_, err := gangs.Lead(t.Context(), g, 1, Member{}, long, func(found int) {
		if found == 2 {
			leave()
		}
	})
	if diff := cmp.Diff(&NotFormed{Found: 1, Size: 3}, err); diff != "" {
		t.Errorf("the leader got %v", err)
	}
	// The last one comes too late, and does not wait.
	gangs.early = long
	if _, err := gangs.Join(t.Context(), g, 2, Member{}); !errors.As(err, new(*NotFormed)) {
		t.Errorf("the last one got %v", err)
	}
}

func TestALeaderWhoLeavesCallsOff(t *testing.T) {
	gangs, g := newGangs(t), of("job.train", 2)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := gangs.Lead(ctx, g, 1, Member{}, long, func(int) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the leader got %v", err)
	}
	if _, err := gangs.Join(t.Context(), g, 1, Member{}); !errors.As(err, new(*NotFormed)) {
		t.Errorf("the other got %v", err)
	}
}

func TestALeaderWhoDiesIsNotAwaitedForEver(t *testing.T) {
	gangs, g := newGangs(t), of("job.train", 2)
	gangs.slack = 10 * time.Millisecond
	_, err := gangs.store.CreateRecord(t.Context(), g.round(1)+"open-0-10", []byte("{}"))
	must(t, err)
	if _, err := gangs.Join(t.Context(), g, 1, Member{}); !errors.As(err, new(*NotFormed)) {
		t.Errorf("got %v", err)
	}
}

func TestAnInstanceThatWasLostIsNotInTheGangTwice(t *testing.T) {
	gangs, g := newGangs(t), of("job.train", 2)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = eventually(t.Context(), func() (*Formed, error) { return gangs.Join(t.Context(), g, 1, Member{}) })
	}()
	_, err := gangs.Lead(t.Context(), g, 1, Member{}, long, nil)
	must(t, err)
	<-done
	if _, err := gangs.Join(t.Context(), g, 1, Member{}); !errors.Is(err, ErrMissed) {
		t.Errorf("coming back got %v", err)
	}
	// The next try knows nothing of this one.
	g.Try = 2
	if _, err := gangs.Join(t.Context(), g, 1, Member{}); !errors.As(err, new(*NotFormed)) {
		t.Errorf("in the next try got %v", err)
	}
}

func TestOneSlotForAll(t *testing.T) {
	gangs, g := newGangs(t), of("job.train", 3)
	_, err := gangs.Alone(t.Context(), g, 1)
	must(t, err)
	formed, err := gangs.Join(t.Context(), g, 2, Member{})
	if err != nil || !formed.Alone {
		t.Errorf("the others got %+v, %v", formed, err)
	}
}

func TestTheYoungerGangGivesWay(t *testing.T) {
	gangs := newGangs(t)
	older, younger := of("old.train", 2), of("young.train", 2)
	younger.Since = morning.Add(time.Second)
	elsewhere := younger
	elsewhere.Queue = "cpu"

	waits := make(chan struct{})
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		var once sync.Once
		_, err := gangs.Lead(ctx, older, 1, Member{}, long, func(int) { once.Do(func() { close(waits) }) })
		ended <- err
	}()
	<-waits
	var notFormed *NotFormed
	if _, err := gangs.Lead(t.Context(), younger, 1, Member{}, long, nil); !errors.As(err, &notFormed) || !notFormed.Older {
		t.Errorf("the younger one's leader got %v", err)
	}
	gangs.early = long
	if _, err := gangs.Join(t.Context(), younger, 1, Member{}); !errors.As(err, &notFormed) {
		t.Errorf("the younger one's other instance got %v", err)
	}
	if _, err := gangs.Lead(t.Context(), elsewhere, 1, Member{}, time.Millisecond, nil); !errors.As(err, &notFormed) || notFormed.Older {
		t.Errorf("on another queue: %v", err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the older one's leader got %v", err)
	}
}

// Many gangs want all of the slots, which are handed out in no order.
func TestGangsThatNeedAllSlotsAllGetTheirTurn(t *testing.T) {
	gangs := newGangs(t)
	const slots, size, count = 3, 3, 5
	free := make(chan struct{}, slots)
	var group sync.WaitGroup
	var mu sync.Mutex
	running := make(map[int]int)
	for n := range count {
		g := of(fmt.Sprint("job", n), size)
		g.Since = morning.Add(time.Duration(n) * time.Second)
		for i := range size {
			group.Go(func() {
				for round := 1; ; round++ {
					free <- struct{}{}
					var formed *Formed
					var err error
					if i == 0 {
						formed, err = gangs.Lead(t.Context(), g, round, Member{}, 2*time.Second, nil)
					} else {
						formed, err = gangs.Join(t.Context(), g, i, Member{})
					}
					if formed != nil {
						mu.Lock()
						if running[n]++; len(running) != 1 {
							t.Errorf("run at once: %v", running)
						}
						mu.Unlock()
						said := formed.Say(t.Context(), "end", i, nil)
						heard := formed.Heard(t.Context(), "end", i, func(int, []byte) error { return nil })
						if said != nil || heard != nil {
							t.Errorf("gang %d: said %v, heard %v", n, said, heard)
						}
						mu.Lock()
						if running[n]--; running[n] == 0 {
							delete(running, n)
						}
						mu.Unlock()
					}
					<-free
					if _, again := errors.AsType[*NotFormed](err); !again {
						if err != nil {
							t.Errorf("gang %d: %v", n, err)
						}
						return
					}
					time.Sleep(time.Duration(20+10*n+i) * time.Millisecond)
				}
			})
		}
	}
	group.Wait()
}
