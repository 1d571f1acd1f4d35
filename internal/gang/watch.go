package gang

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// sight is what the records of a queue say.
type sight map[string]map[string]*round // gang -> "TRY.ROUND" -> round

// round is one attempt of a gang to form.
type round struct {
	number   int
	opened   time.Time // by the leader's clock; zero: not opened
	patience time.Duration
	joined   int
	decided  bool
}

// look reads what is going on under a prefix.
func (t *Gangs) look(ctx context.Context, queue, prefix string) (sight, error) {
	keys, err := t.store.ListRecords(ctx, prefix)
	if err != nil {
		return nil, err
	}
	seen := make(sight)
	for _, key := range keys {
		parts := strings.Split(strings.TrimPrefix(key, queue), "/")
		if len(parts) != 3 {
			continue
		}
		_, text, _ := strings.Cut(parts[1], ".")
		number, err := strconv.Atoi(text)
		if err != nil {
			continue
		}
		gang := seen[parts[0]]
		if gang == nil {
			gang = make(map[string]*round)
			seen[parts[0]] = gang
		}
		r := gang[parts[1]]
		if r == nil {
			r = &round{number: number}
			gang[parts[1]] = r
		}
		switch word, value, _ := strings.Cut(parts[2], "-"); word {
		case "open":
			var at, patience int64
			if _, err := fmt.Sscanf(value, "%d-%d", &at, &patience); err == nil {
				r.opened, r.patience = time.UnixMilli(at), time.Duration(patience)*time.Millisecond
			}
		case "join":
			r.joined++
		case "decision":
			r.decided = true
		}
	}
	return seen, nil
}

// stale is how long after its end a round still counts as open: the clocks of
// machines differ, and a leader may be late. After that its leader is dead.
const stale = time.Minute

// older reports whether a gang that came before this one is forming.
func (s sight) older(g Gang) bool {
	for name, rounds := range s {
		if name >= g.name() {
			continue
		}
		for _, r := range rounds {
			if !r.decided && !r.opened.IsZero() && time.Since(r.opened) < r.patience+stale {
				return true
			}
		}
	}
	return false
}

// newest is the last round of this try of the gang; nil before the first.
func (s sight) newest(g Gang) *round {
	var last *round
	for name, r := range s[g.name()] {
		if try, _, _ := strings.Cut(name, "."); try == strconv.Itoa(g.Try) && (last == nil || r.number > last.number) {
			last = r
		}
	}
	return last
}

// pace waits a little longer each time, and reports whether ctx goes on.
type pace time.Duration

// slowest bounds how long something that has happened goes unseen.
const slowest = 500 * time.Millisecond

func (p *pace) wait(ctx context.Context) bool {
	*p = min(max(pace(20*time.Millisecond), *p*3/2), pace(slowest))
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Duration(*p)):
		return true
	}
}
