package term

import (
	"math"
	"time"

	"github.com/millrace-ml/millrace/pipeline"
)

// paces tells how fast the parts of steps are done, from what was seen of them.
type paces map[string]*pace

// pace is how many parts of a step were done at two moments, an earlier one and
// one after that, and how many a second since the first.
type pace struct {
	at, then   time.Time
	done, half int
	last       int
	rate       float64
}

const (
	// paceFrom is how long parts are watched before there is a rate: they often
	// end in bursts, or are told of in such.
	paceFrom = 3 * time.Second
	// paceAge is the time after which the earlier half is forgotten.
	paceAge = 30 * time.Second
)

// look takes in how far steps are.
func (all *paces) look(steps []pipeline.StepState, now time.Time) {
	for _, s := range steps {
		if s.Parts == nil || s.Status != pipeline.Running {
			continue
		}
		if *all == nil {
			*all = make(paces)
		}
		done := s.Parts.Done()
		p := (*all)[s.Name]
		switch {
		case p == nil || done < p.last:
			(*all)[s.Name] = &pace{at: now, then: now, done: done, half: done, last: done}
			continue
		case done == p.last:
			continue
		}
		p.last = done
		if took := now.Sub(p.at); took >= paceFrom {
			p.rate = float64(done-p.done) / took.Seconds()
		}
		if now.Sub(p.then) >= paceAge {
			p.at, p.done, p.then, p.half = p.then, p.half, now, done
		}
	}
}

// howFar is what there is to say of a step that runs: its own words, or how many
// of its parts are done.
func (all paces) howFar(s pipeline.StepState) string {
	if s.Waiting != "" || s.Parts == nil {
		return Clean(s.Waiting)
	}
	return Clean(s.Parts.String()) + all.of(s)
}

// of is the rate of a step, and the time that is left at that rate; "" where
// nobody can tell.
func (all paces) of(s pipeline.StepState) string {
	p := all[s.Name]
	if p == nil || p.rate <= 0 || s.Parts == nil {
		return ""
	}
	text := ", " + speed(p.rate)
	if left := s.Parts.Total - s.Parts.Done(); left > 0 {
		seconds := math.Min(float64(left)/p.rate, 100*365*86400)
		text += ", " + wholeSeconds(time.Duration(seconds*float64(time.Second))) + " left"
	}
	return text
}

// speed writes a rate: by the second, minute or hour.
func speed(rate float64) string {
	for _, unit := range []struct {
		seconds float64
		name    string
	}{{1, "s"}, {60, "min"}} {
		if rate*unit.seconds >= 1 {
			return Number(math.Round(rate*unit.seconds*10)/10) + "/" + unit.name
		}
	}
	return Number(math.Round(rate*36000)/10) + "/h"
}
