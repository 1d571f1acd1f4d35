package sweep

import (
	"fmt"
	"math"
	"slices"

	"github.com/millrace-ml/millrace/pipeline"
)

// Report is how a trial stands after so many reports of the metric.
type Report struct {
	Count int `json:"count"`
	// Best is the best value so far, Mean the mean of all values so far.
	Best pipeline.Number64 `json:"best"`
	Mean pipeline.Number64 `json:"mean"`
}

// Judged reports whether trials are judged after so many reports. In the end the
// interval doubles again and again, so that a trial with a million reports is
// judged some hundred times.
func Judged(e *pipeline.EarlyTermination, count int) bool {
	interval := max(e.Interval, 1)
	if count <= 0 || count < e.Delay || count%interval != 0 {
		return false
	}
	const all = 100
	nth := count / interval
	for apart := 1; ; apart *= 2 {
		if nth <= all*apart {
			return nth%apart == 0
		}
	}
}

// Judge says which trials are not worth going on with. Its fields are what it
// remembers, to be kept while a sweep goes on elsewhere.
type Judge struct {
	Rounds []Round `json:"rounds,omitempty"`
}

// Round is how the trials stood that have made so many reports.
type Round struct {
	Count int `json:"count"`
	// Best is the best value of all, of bandit.
	Best *pipeline.Number64 `json:"best,omitempty"`
	// Marks are what is compared in the other policies, by trial.
	Marks []Mark `json:"marks,omitempty"`
}

// Mark is a trial's mean or best value.
type Mark struct {
	Trial int               `json:"trial"`
	Value pipeline.Number64 `json:"value"`
}

// The most rounds, and marks of one round, that are remembered: the latest.
const (
	mostRounds = 800
	mostMarks  = 200
)

// Look takes a report in, and says why the trial is not worth going on with; ""
// where it is. Ended reports whether another trial has ended.
func (j *Judge) Look(e *pipeline.EarlyTermination, minimise bool, trial int, r Report, ended func(trial int) bool) string {
	if !Judged(e, r.Count) || math.IsNaN(float64(r.Best)) {
		return ""
	}
	round := j.round(r.Count)
	switch e.Type {
	case "bandit":
		return round.bandit(e, minimise, r)
	case "median_stopping":
		return round.median(minimise, trial, r)
	case "truncation_selection":
		return round.truncate(e, minimise, trial, r, ended)
	}
	return ""
}

func (j *Judge) round(count int) *Round {
	i, found := slices.BinarySearchFunc(j.Rounds, count, func(r Round, count int) int { return r.Count - count })
	if !found {
		j.Rounds = slices.Insert(j.Rounds, i, Round{Count: count})
		if len(j.Rounds) > mostRounds {
			j.Rounds = slices.Delete(j.Rounds, 0, 1)
			i = max(i-1, 0)
		}
	}
	return &j.Rounds[i]
}

func better(minimise bool, a, b pipeline.Number64) bool {
	if minimise {
		return a < b
	}
	return a > b
}

// bandit ends a trial that is worse than the best one at the same point of its
// life by more than the slack.
func (r *Round) bandit(e *pipeline.EarlyTermination, minimise bool, now Report) string {
	if r.Best == nil || better(minimise, now.Best, *r.Best) {
		best := now.Best
		r.Best = &best
	}
	best := float64(*r.Best)
	var limit float64
	switch {
	case e.SlackAmount > 0 && minimise:
		limit = best + e.SlackAmount
	case e.SlackAmount > 0:
		limit = best - e.SlackAmount
	case minimise == (best >= 0):
		limit = best * (1 + e.SlackFactor)
	default:
		limit = best / (1 + e.SlackFactor)
	}
	if better(minimise, pipeline.Number64(limit), now.Best) {
		return fmt.Sprintf("%s after %d reports, and the best had %s: the limit was %s",
			short(now.Best), now.Count, short(*r.Best), short(pipeline.Number64(limit)))
	}
	return ""
}

// mark notes a trial's value, and returns those of all others.
func (r *Round) mark(trial int, value pipeline.Number64) (others []Mark) {
	r.Marks = slices.DeleteFunc(r.Marks, func(m Mark) bool { return m.Trial == trial || math.IsNaN(float64(m.Value)) })
	others = slices.Clone(r.Marks)
	r.Marks = append(r.Marks, Mark{trial, value})
	if len(r.Marks) > mostMarks {
		r.Marks = r.Marks[1:]
	}
	return others
}

// median ends a trial whose best value is worse than the median of the means of
// the others.
func (r *Round) median(minimise bool, trial int, now Report) string {
	others := r.mark(trial, now.Mean)
	if len(others) == 0 {
		return ""
	}
	slices.SortFunc(others, func(a, b Mark) int {
		switch {
		case a.Value < b.Value:
			return -1
		case a.Value > b.Value:
			return 1
		}
		return 0
	})
	n := len(others)
	middle := others[n/2].Value
	if n%2 == 0 {
		middle = (others[n/2-1].Value + middle) / 2
	}
	if better(minimise, middle, now.Best) {
		return fmt.Sprintf("%s at best after %d reports, and the median of the means of the others was %s", short(now.Best), now.Count, short(middle))
	}
	return ""
}

// truncate ends a trial that is among the worst.
func (r *Round) truncate(e *pipeline.EarlyTermination, minimise bool, trial int, now Report, ended func(int) bool) string {
	others := r.mark(trial, now.Best)
	if e.ExcludeFinished {
		others = slices.DeleteFunc(others, func(m Mark) bool { return ended(m.Trial) })
	}
	worse := 0
	for _, m := range others {
		if better(minimise, now.Best, m.Value) {
			worse++
		}
	}
	if all := len(others) + 1; worse < all*e.Percentage/100 {
		return fmt.Sprintf("%s after %d reports: among the worst %d%% of %d trials", short(now.Best), now.Count, e.Percentage, all)
	}
	return ""
}

func short(v pipeline.Number64) string { return fmt.Sprintf("%.6g", float64(v)) }
