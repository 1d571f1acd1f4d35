package term

import (
	"math"
	"time"

	"github.com/millrace-ml/millrace/pipeline"
)

// paces tells how fast the parts of steps are done, from what was seen of them.
type paces map[string]*pace

// pace is how many parts of a step were done at a moment, and how many a second
// since.
type pace struct {
	at   time.Time
	done int
	rate float64
}

// paceAge is the time after which a rate is measured anew.
const paceAge = 5 * time.Second

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
		if p == nil || done < p.done {
			(*all)[s.Name] = &pace{at: now, done: done}
			continue
		}
		took := now.Sub(p.at)
		if took < paceAge {
			continue
		}
		rate := float64(done-p.done) / took.Seconds()
		if p.rate > 0 {
			rate = (rate + p.rate) / 2 // so that the time left does not jump about
		}
		*p = pace{at: now, done: done, rate: rate}
	}
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
