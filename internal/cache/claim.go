package cache

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millrace-ml/millrace/internal/artifact"
)

// Owner says who runs a step.
type Owner struct {
	// Workflow, Run and Activity are Temporal's names for the execution that
	// runs the step. The attempts of one activity are one owner.
	Workflow string `json:"workflow"`
	Run      string `json:"run"`
	Activity string `json:"activity"`
	// Job and Step are its names for people.
	Job   string    `json:"job"`
	Step  string    `json:"step"`
	Since time.Time `json:"since"`
}

func (o Owner) is(other Owner) bool {
	return o.Workflow == other.Workflow && o.Run == other.Run && o.Activity == other.Activity
}

// Claim is the right to run a step. While it is held, and its owner alive,
// nobody else gets it.
type Claim struct {
	cache  *Cache
	key    Key
	number int
}

// The claims of a key are numbered objects that are written once. The highest
// number counts: it says who runs the step, or that nobody does. Whoever finds
// that nobody does, or that the owner is dead, writes the next number; of all
// who try, one can.
//
// Lower numbers are deleted, so that someone who was slow might write one of
// them anew. Therefore the highest is never deleted, numbers only grow, and
// whoever has written one looks again: only if it is the highest does he hold
// the step. (Were the last claim deleted on release, numbering would begin
// again, and two could each see theirs as the highest.) The price is one small
// object that stays for every key.
type claimRecord struct {
	// Owner is nil when the claim has been released.
	Owner *Owner `json:"owner"`
}

func claimsPrefix(k Key) string { return "claims/" + string(k) + "/" }

func claimKey(k Key, number int) string { return claimsPrefix(k) + strconv.Itoa(number) }

// Claim tries to become the one who runs a step. It returns the claim, or who
// holds it. The result may have been recorded just before: look it up again
// when you hold the claim.
//
// An owner may claim what is already its own, as a retried attempt does; the
// claim of the earlier attempt is then void. Alive is asked about any other
// owner that is found; it must not call one dead that goes on running, and may
// call a dead one alive for some time.
func (c *Cache) Claim(
	ctx context.Context, k Key, owner Owner, alive func(context.Context, Owner) (bool, error),
) (*Claim, *Owner, error) {
	if _, err := ParseKey(string(k)); err != nil {
		return nil, nil, fmt.Errorf("claim a step: %w", err)
	}
	b, err := json.Marshal(claimRecord{&owner})
	if err != nil {
		return nil, nil, fmt.Errorf("claim a step: %w", err)
	}
	for {
		last, err := c.claims(ctx, k)
		if err != nil {
			return nil, nil, fmt.Errorf("claim a step: %w", err)
		}
		if last.owner != nil && !last.owner.is(owner) {
			living, err := alive(ctx, *last.owner)
			if err != nil {
				return nil, nil, fmt.Errorf("claim a step: ask after %s: %w", last.owner.Workflow, err)
			}
			if living {
				return nil, last.owner, nil
			}
		}
		claim := &Claim{cache: c, key: k, number: last.number + 1}
		won, err := c.store.CreateRecord(ctx, claimKey(k, claim.number), b)
		if err != nil {
			return nil, nil, fmt.Errorf("claim a step: %w", err)
		}
		if !won {
			continue // somebody was faster; see who
		}
		highest, err := c.isHighest(ctx, claim)
		if err != nil {
			return nil, nil, fmt.Errorf("claim a step: %w", err)
		}
		if highest {
			c.forget(ctx, k, last.numbers)
			return claim, nil, nil
		}
		c.forget(ctx, k, []int{claim.number})
	}
}

func (c *Cache) isHighest(ctx context.Context, claim *Claim) (bool, error) {
	numbers, err := c.claimNumbers(ctx, claim.key)
	return err == nil && slices.Max(append(numbers, claim.number)) == claim.number, err
}

// Release lets the next one have the step. It does nothing if the claim has
// passed to somebody else, and may be called again.
func (cl *Claim) Release(ctx context.Context) error {
	b, err := json.Marshal(claimRecord{})
	if err != nil {
		return fmt.Errorf("release a step: %w", err)
	}
	if _, err := cl.cache.store.CreateRecord(ctx, claimKey(cl.key, cl.number+1), b); err != nil {
		return fmt.Errorf("release a step: %w", err)
	}
	cl.cache.forget(ctx, cl.key, []int{cl.number})
	return nil
}

// Holder returns who has claimed a step, alive or not, or nil.
func (c *Cache) Holder(ctx context.Context, k Key) (*Owner, error) {
	if _, err := ParseKey(string(k)); err != nil {
		return nil, fmt.Errorf("look for a claim: %w", err)
	}
	last, err := c.claims(ctx, k)
	if err != nil {
		return nil, fmt.Errorf("look for a claim: %w", err)
	}
	return last.owner, nil
}

// lastClaim is the state of a key's claims.
type lastClaim struct {
	numbers []int  // all that were listed
	number  int    // the highest, -1 if there is none
	owner   *Owner // nil if the step is free
}

func (c *Cache) claims(ctx context.Context, k Key) (lastClaim, error) {
	for {
		numbers, err := c.claimNumbers(ctx, k)
		if err != nil || len(numbers) == 0 {
			return lastClaim{number: -1}, err
		}
		last := lastClaim{numbers: numbers, number: slices.Max(numbers)}
		b, err := c.store.ReadRecord(ctx, claimKey(k, last.number))
		if errors.Is(err, artifact.ErrGone) {
			continue // there is a higher one by now
		}
		if err != nil {
			return last, err
		}
		var r claimRecord
		if json.Unmarshal(b, &r) == nil {
			last.owner = r.Owner
		} // else a power cut has ended whoever wrote it
		return last, nil
	}
}

func (c *Cache) claimNumbers(ctx context.Context, k Key) ([]int, error) {
	if err := ctx.Err(); err != nil {
		return nil, err // where loops end
	}
	keys, err := c.store.ListRecords(ctx, claimsPrefix(k))
	if err != nil {
		return nil, err
	}
	var numbers []int
	for _, key := range keys {
		n, err := strconv.Atoi(strings.TrimPrefix(key, claimsPrefix(k)))
		if err == nil && n >= 0 {
			numbers = append(numbers, n)
		}
	}
	return numbers, nil
}

// forget deletes claims that a higher one has made void. Any that stay do no
// harm, so that an error is none.
func (c *Cache) forget(ctx context.Context, k Key, numbers []int) {
	for _, n := range numbers {
		_ = c.store.DeleteRecord(ctx, claimKey(k, n))
	}
}
