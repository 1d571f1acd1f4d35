package cache

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/artifact"
)

func aliveAlways(context.Context, Owner) (bool, error) { return true, nil }
func aliveNever(context.Context, Owner) (bool, error)  { return false, nil }

func TestClaimPassesOn(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		c, ctx := New(store), t.Context()
		a, b := Owner{Workflow: "a", Activity: "1", Job: "job-a"}, Owner{Workflow: "b", Activity: "1"}
		holder := func() string {
			o, err := c.Holder(ctx, testKey)
			must(t, err)
			if o == nil {
				return "nobody"
			}
			return o.Workflow
		}
		if got := holder(); got != "nobody" {
			t.Errorf("at first %s holds it", got)
		}
		first, _, err := c.Claim(ctx, testKey, a, aliveAlways)
		must(t, err)

		// Held: the other is told by whom.
		claim, by, err := c.Claim(ctx, testKey, b, aliveAlways)
		if claim != nil || err != nil || by == nil {
			t.Fatalf("Claim = %v, %v, %v", claim, by, err)
		}
		if diff := cmp.Diff(a, *by); diff != "" {
			t.Error(diff)
		}

		// A retried attempt takes its own claim over without asking; what the
		// earlier attempt does then has no effect.
		second, _, err := c.Claim(ctx, testKey, a, aliveNever)
		if second == nil || err != nil {
			t.Fatalf("Claim = %v, %v", second, err)
		}
		must(t, first.Release(ctx))
		if got := holder(); got != "a" {
			t.Errorf("after the void release %s holds it", got)
		}

		// Released, it goes to whoever asks; twice is harmless.
		must(t, second.Release(ctx))
		if got := holder(); got != "nobody" {
			t.Errorf("after the release %s holds it", got)
		}
		third, _, err := c.Claim(ctx, testKey, b, aliveAlways)
		if third == nil || err != nil {
			t.Fatalf("Claim = %v, %v", third, err)
		}
		must(t, second.Release(ctx))
		if got := holder(); got != "b" {
			t.Errorf("in the end %s holds it", got)
		}

		// The dead hold nothing.
		fourth, _, err := c.Claim(ctx, testKey, a, aliveNever)
		if fourth == nil || err != nil {
			t.Fatalf("Claim = %v, %v", fourth, err)
		}
	})
}

func TestClaimSaysWhenItCannotTellWhoIsAlive(t *testing.T) {
	c := New(openStore(t, "mem://"))
	_, _, err := c.Claim(t.Context(), testKey, Owner{Workflow: "a"}, aliveAlways)
	must(t, err)
	unreachable := errors.New("unreachable")
	claim, holder, err := c.Claim(t.Context(), testKey, Owner{Workflow: "b"},
		func(context.Context, Owner) (bool, error) { return false, unreachable })
	if claim != nil || holder != nil || !errors.Is(err, unreachable) {
		t.Errorf("Claim = %v, %v, %v", claim, holder, err)
	}
}

func TestDamagedClaimIsFree(t *testing.T) {
	store := openStore(t, "mem://")
	must(t, store.WriteRecord(t.Context(), claimKey(testKey, 7), nil))
	must(t, store.WriteRecord(t.Context(), claimsPrefix(testKey)+"note.txt", nil))
	claim, _, err := New(store).Claim(t.Context(), testKey, Owner{Workflow: "a"}, aliveAlways)
	if claim == nil || err != nil {
		t.Errorf("Claim = %v, %v", claim, err)
	}
}

// crowd is many owners who want one step. Some finish and release, some die
// while they hold it.
type crowd struct {
	cache  *Cache
	mu     sync.Mutex
	living map[string]bool
	inside atomic.Int32
	ran    atomic.Int32
}

func (c *crowd) alive(_ context.Context, o Owner) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.living[o.Activity], nil
}

func (c *crowd) set(id string, living bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.living[id] = living
}

func (c *crowd) member(t *testing.T, id int, random *rand.Rand, rounds int) {
	pause := func() {
		for range random.IntN(20) {
			runtime.Gosched()
		}
	}
	for round := 0; round < rounds; {
		me := fmt.Sprintf("%d/%d", id, round)
		c.set(me, true)
		claim, _, err := c.cache.Claim(t.Context(), testKey, Owner{Activity: me},
			func(ctx context.Context, o Owner) (bool, error) {
				living, err := c.alive(ctx, o)
				pause() // what was true may no longer be
				return living, err
			})
		if err != nil {
			t.Error(err)
			return
		}
		if claim == nil {
			pause()
			continue
		}
		if n := c.inside.Add(1); n != 1 {
			t.Errorf("%d owners at once", n)
		}
		pause()
		c.inside.Add(-1)
		c.ran.Add(1)
		if random.IntN(3) == 0 {
			c.set(me, false) // killed: nothing is released
		} else if err := claim.Release(t.Context()); err != nil {
			t.Error(err)
		}
		round++
	}
}

func TestNeverTwoLiveOwners(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		members, rounds := 12, 60
		if store.Dir() == "" {
			rounds = 20 // there may be a server to ask
		}
		c := &crowd{cache: New(store), living: map[string]bool{}}
		var all sync.WaitGroup
		for id := range members {
			all.Go(func() { c.member(t, id, rand.New(rand.NewPCG(1, uint64(id))), rounds) })
		}
		all.Wait()
		if n := c.ran.Load(); int(n) != members*rounds {
			t.Errorf("%d of %d ran", n, members*rounds)
		}
		left, err := store.ListRecords(t.Context(), claimsPrefix(testKey))
		must(t, err)
		if len(left) > members {
			t.Errorf("%d claims are left behind", len(left))
		}
	})
}
