package gang

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/millrace-ml/millrace/internal/artifact"
)

// Lead opens a round for the first instance, and waits for the others as long
// as patience says. Rounds of one try have growing numbers. Told, if not nil,
// is called with how many are there. The error is a [*NotFormed] where they
// are not all there in time.
func (t *Gangs) Lead(ctx context.Context, g Gang, number int, me Member, patience time.Duration, told func(found int)) (*Formed, error) {
	name := g.round(number)
	t.forget(ctx, g, name)
	begin := time.Now()
	opened := fmt.Sprintf("%sopen-%d-%d", name, begin.UnixMilli(), patience.Milliseconds())
	if _, err := t.store.CreateRecord(ctx, opened, []byte("{}")); err != nil {
		return nil, fmt.Errorf("open a round for a gang: %w", err)
	}
	found := 1
	for p := pace(0); ; {
		seen, err := t.look(ctx, g.queue(), g.queue())
		if err != nil {
			_, _ = t.callOff(ctx, name, decision{Found: found})
			return nil, fmt.Errorf("look for the instances of the step: %w", err)
		}
		r := seen.newest(g)
		if r == nil {
			r = new(round)
		}
		if found = 1 + r.joined; told != nil {
			told(found)
		}
		switch {
		case r.decided:
			// An instance that was there has left.
			return nil, &NotFormed{Found: found - 1, Size: g.Size}
		case found == g.Size:
			return t.form(ctx, g, name, me)
		}
		older := seen.older(g)
		if older || time.Since(begin) > patience || !p.wait(ctx) {
			d, err := t.callOff(ctx, name, decision{Found: found, Older: older})
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil {
				return nil, fmt.Errorf("give up forming a gang: %w", err)
			}
			return t.formed(g, name, d)
		}
	}
}

// form decides that the gang is complete.
func (t *Gangs) form(ctx context.Context, g Gang, name string, me Member) (*Formed, error) {
	d := decision{Members: make([]Member, g.Size)}
	d.Members[0] = me
	for i := 1; i < g.Size; i++ {
		text, err := t.store.ReadRecord(ctx, join(name, i))
		if err == nil {
			err = json.Unmarshal(text, &d.Members[i])
		}
		if err != nil {
			_, _ = t.callOff(ctx, name, decision{Found: i})
			return nil, fmt.Errorf("read where instance %d is: %w", i, err)
		}
	}
	d, err := t.decide(ctx, name, d)
	if err != nil {
		return nil, fmt.Errorf("form a gang: %w", err)
	}
	return t.formed(g, name, d)
}

// Alone tells the other instances that the first one runs them all.
func (t *Gangs) Alone(ctx context.Context, g Gang, number int) (*Formed, error) {
	name := g.round(number)
	t.forget(ctx, g, name)
	d, err := t.decide(ctx, name, decision{Alone: true})
	if err != nil {
		return nil, fmt.Errorf("decide to run all instances here: %w", err)
	}
	return t.formed(g, name, d)
}

func join(name string, instance int) string { return fmt.Sprintf("%sjoin-%d", name, instance) }

// Join joins the round that is open, for an instance other than the first, and
// waits until it is decided. The error is a [*NotFormed] where there is none,
// or it is called off; [ErrMissed] where the gang runs already.
func (t *Gangs) Join(ctx context.Context, g Gang, instance int, me Member) (*Formed, error) {
	text, err := json.Marshal(me)
	if err != nil {
		return nil, err
	}
	begin, joined := time.Now(), 0 // the round that was joined, 0 before
	for p := pace(0); ; {
		seen, err := t.look(ctx, g.queue(), g.queue())
		if err != nil {
			return nil, t.left(ctx, g, joined, fmt.Errorf("look for the first instance of the step: %w", err))
		}
		r := seen.newest(g)
		switch {
		case joined > 0 && (r == nil || r.number != joined):
			return nil, &NotFormed{Size: g.Size} // the round was called off, and cleared away
		case r == nil && (seen.older(g) || time.Since(begin) > t.early):
			return nil, &NotFormed{Size: g.Size, Older: seen.older(g)}
		case r == nil:
		case r.decided:
			return t.join(ctx, g, g.round(r.number), joined)
		case joined == 0:
			created, err := t.store.CreateRecord(ctx, join(g.round(r.number), instance), text)
			if err != nil {
				return nil, fmt.Errorf("join a gang: %w", err)
			}
			if begin, joined = time.Now(), r.number; !created {
				// An earlier attempt of this instance was lost. Nobody must
				// count on it.
				return nil, t.left(ctx, g, joined, &NotFormed{Size: g.Size})
			}
		case time.Since(begin) > r.patience+t.slack: // the leader is dead
			return nil, t.left(ctx, g, joined, &NotFormed{Found: r.joined, Size: g.Size})
		}
		if !p.wait(ctx) {
			return nil, t.left(ctx, g, joined, ctx.Err())
		}
	}
}

// join reads the decision, for an instance that has joined the round or has not.
func (t *Gangs) join(ctx context.Context, g Gang, name string, joined int) (*Formed, error) {
	d, err := t.decided(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("join a gang: %w", err)
	}
	formed, err := t.formed(g, name, d)
	if err == nil && !formed.Alone && joined == 0 {
		return nil, ErrMissed
	}
	return formed, err
}

// left calls off a round that this instance has joined and leaves. If it was
// too late for that, the gang runs without this instance.
func (t *Gangs) left(ctx context.Context, g Gang, joined int, why error) error {
	if joined == 0 {
		return why
	}
	d, err := t.callOff(ctx, g.round(joined), decision{})
	if err == nil && len(d.Members) > 0 {
		return ErrMissed
	}
	if err != nil {
		return errors.Join(why, err)
	}
	return why
}

// forget deletes what is left of earlier rounds. Any that stay do no harm.
func (t *Gangs) forget(ctx context.Context, g Gang, except string) {
	keys, err := t.store.ListRecords(ctx, g.folder())
	if err != nil {
		return
	}
	for _, key := range keys {
		if except == "" || !strings.HasPrefix(key, except) {
			_ = t.store.DeleteRecord(ctx, key)
		}
	}
}

// Formed is a gang that is complete.
type Formed struct {
	// Members are all instances, in order.
	Members []Member
	// Alone is set where the first instance runs them all.
	Alone bool

	gangs *Gangs
	round string
	size  int
}

// Say tells the others something, once, under a word of lower-case letters.
func (f *Formed) Say(ctx context.Context, word string, instance int, what any) error {
	text, err := json.Marshal(what)
	if err == nil {
		err = f.gangs.store.WriteRecord(ctx, fmt.Sprintf("%s%s-%d", f.round, word, instance), text)
	}
	if err != nil {
		return fmt.Errorf("tell the other instances: %w", err)
	}
	return nil
}

// Heard waits until all members but the given one have said something under a
// word, and hands what they said to each, in order.
func (f *Formed) Heard(ctx context.Context, word string, but int, each func(instance int, text []byte) error) error {
	for i := range f.size {
		if i == but {
			continue
		}
		var text []byte
		for p := pace(0); ; {
			var err error
			text, err = f.gangs.store.ReadRecord(ctx, fmt.Sprintf("%s%s-%d", f.round, word, i))
			if err == nil {
				break
			}
			if !errors.Is(err, artifact.ErrGone) {
				return fmt.Errorf("hear from instance %d: %w", i, err)
			}
			if !p.wait(ctx) {
				return ctx.Err()
			}
		}
		if err := each(i, text); err != nil {
			return fmt.Errorf("hear from instance %d: %w", i, err)
		}
	}
	return nil
}

// Forget deletes what the gang has written.
func (f *Formed) Forget(ctx context.Context, g Gang) { f.gangs.forget(ctx, g, "") }
