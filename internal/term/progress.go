package term

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/millrace-ml/millrace/pipeline"
)

// Snapshot is what is known of a job at one moment.
type Snapshot struct {
	Status  pipeline.Status
	Started time.Time
	// Steps stand in the same order in every snapshot of a job.
	Steps []pipeline.StepState
}

// Progress shows how a job goes on, from one snapshot to the next. Its methods
// may be called from several goroutines.
type Progress interface {
	// Update takes the newest snapshot.
	Update(Snapshot)
	// Busy says what is done before there is a snapshot.
	Busy(text string)
	// Note says a sentence that stays.
	Note(text string)
	// Log shows a line that a step printed; step is "" where there is but one.
	Log(step, line string)
	// Close leaves the stream ready for other output. Notes still come through
	// afterwards, and Close may be called again.
	Close()
}

// NewProgress returns the progress that suits the stream: redrawn in place on a
// terminal, a line for each event elsewhere.
func NewProgress(s *Stream, now func() time.Time) Progress {
	if s.Terminal {
		return newLive(s, now)
	}
	return &plain{stream: s, now: now}
}

// event is a change worth a line.
type event struct {
	step string
	at   time.Time
	kind eventKind
	text string
}

type eventKind int

const (
	began eventKind = iota
	tried
	answered
	completed
	reused
	skipped
	failed
	canceled
)

// tracker finds out what changed between two snapshots.
type tracker struct {
	seen   map[string]pipeline.StepState
	warned map[string]bool
}

// warnings returns those that no snapshot before had. Many steps have the same.
func (t *tracker) warnings(steps []pipeline.StepState) []string {
	var lines []string
	for _, s := range steps {
		if s.Warning == "" || t.warned[s.Warning] {
			continue
		}
		if t.warned == nil {
			t.warned = make(map[string]bool)
		}
		t.warned[s.Warning] = true
		lines = append(lines, "warning: "+Clean(s.Warning))
	}
	return lines
}

// next returns the changes since the snapshot before, in the order in which
// they happened.
func (t *tracker) next(steps []pipeline.StepState, now time.Time) []event {
	if t.seen == nil {
		t.seen = make(map[string]pipeline.StepState, len(steps))
	}
	var events []event
	for _, s := range steps {
		before := t.seen[s.Name]
		t.seen[s.Name] = s
		changes := append(tries(before, s), answers(before, s)...)
		if e, ok := change(before, s); ok {
			changes = append(changes, e)
		}
		for _, e := range changes {
			e.step = s.Name
			if e.at.IsZero() {
				e.at = now
			}
			events = append(events, e)
		}
	}
	sort.SliceStable(events, func(i, j int) bool { return events[i].at.Before(events[j].at) })
	return events
}

func change(before, s pipeline.StepState) (event, bool) {
	if s.Status == pipeline.Running {
		if before.Status != pipeline.Running {
			return event{at: s.Started, kind: began, text: "Running" + on(s)}, true
		}
		if s.Attempts > before.Attempts && before.Attempts > 0 {
			return event{at: s.Started, kind: began, text: "Running again" + on(s)}, true
		}
	}
	if s.Status == before.Status || !s.Status.Ended() {
		return event{}, false
	}
	e := event{at: s.Ended, text: string(s.Status)}
	switch s.Status {
	case pipeline.Completed:
		if s.Reused != nil {
			return event{at: s.Ended, kind: reused, text: "reused from " + s.Reused.Job + "." + s.Reused.Step}, true
		}
		if s.Skipped != "" {
			return event{at: s.Ended, kind: skipped, text: "skipped: " + Clean(s.Skipped)}, true
		}
		e.kind = completed
		if !s.Started.IsZero() {
			e.text += " " + Duration(s.Ended.Sub(s.Started))
		}
		e.text += told(s)
	case pipeline.Failed:
		e.kind = failed
		if s.Parts != nil {
			e.text += ", " + s.Parts.String()
		}
		if s.Failure != nil {
			e.text += ": " + Clean(s.Failure.Message)
		}
	case pipeline.Canceled:
		e.kind = canceled
	}
	return e, true
}

// tries are the attempts that have failed since the snapshot before, and were or
// will be followed by another.
func tries(before, s pipeline.StepState) (events []event) {
	var last time.Time // the state keeps the latest ones only, so their number tells nothing
	if n := len(before.Tries); n > 0 {
		last = before.Tries[n-1].Ended
	}
	for i, try := range s.Tries {
		if !try.Ended.After(last) {
			continue
		}
		text := "try failed: " + Clean(firstOf(try.Message))
		if try.ExitCode != nil && *try.ExitCode != 0 {
			text = fmt.Sprintf("try failed with exit code %d", *try.ExitCode)
		}
		if next, ok := nextTry(s); ok && i == len(s.Tries)-1 {
			text += "; " + next
		}
		events = append(events, event{at: try.Ended, kind: tried, text: text})
	}
	return events
}

// nextTry says which attempt a step that is to be tried again comes to, and when.
func nextTry(s pipeline.StepState) (string, bool) {
	if s.Status != pipeline.Queued || len(s.Tries) == 0 || !strings.HasPrefix(s.Waiting, "attempt ") {
		return "", false
	}
	next, _, _ := strings.Cut(s.Waiting, ": ") // why is said of the try
	return Clean(next), true
}

func firstOf(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// answers is the word that somebody has given to the approval of a step; a step
// that was rejected fails, which says by whom.
func answers(before, s pipeline.StepState) []event {
	if s.Question == nil || s.Question.Answer == nil || !s.Question.Answer.Approved ||
		before.Question != nil && before.Question.Answer != nil {
		return nil
	}
	word := s.Question.Answer
	return []event{{at: word.Time, kind: answered, text: Clean(strings.TrimPrefix(word.Words(), "was "))}}
}

// fewMetrics is how many are shown in a line about a step.
const fewMetrics = 3

// told is what a step has said of itself, after a comma: its parts, what its control
// outputs hold, its metrics.
func told(s pipeline.StepState) string {
	words := []string{""} // it goes on where something else ends
	if s.Parts != nil {
		words = append(words, Clean(s.Parts.String()))
	}
	for i, name := range slices.Sorted(maps.Keys(s.Values)) {
		if i < fewMetrics {
			words = append(words, name+": "+Cut(Clean(s.Values[name]), 40))
		}
	}
	if m := Metrics(s.Metrics, fewMetrics); m != "" {
		words = append(words, m)
	}
	return strings.Join(words, ", ")
}

// on says where a step runs, and that it is not its first attempt.
func on(s pipeline.StepState) string {
	text := ""
	if s.Queue != "" {
		text = " on " + s.Queue
	}
	if s.Attempts > 1 {
		text += fmt.Sprintf(", attempt %d", s.Attempts)
	}
	return text
}

// wait is a reason to wait, and the steps that have it, in their order.
type wait struct {
	steps  []string
	reason string
	place  string // of the first of the steps
	making bool   // it is how far an environment has come
	asks   bool   // somebody has to answer
}

// waits lists what steps wait for. Many steps wait for the same thing.
func waits(steps []pipeline.StepState) []wait {
	var list []wait
	at := map[string]int{}
	for _, s := range steps {
		if s.Status != pipeline.Queued || s.Waiting == "" {
			continue
		}
		i, ok := at[s.Waiting]
		if !ok {
			i = len(list)
			at[s.Waiting] = i
			list = append(list, wait{reason: s.Waiting, place: s.Place, making: s.Making, asks: s.Question.Open()})
		}
		list[i].steps = append(list[i].steps, s.Name)
	}
	return list
}

func (w wait) who() string {
	if n := len(w.steps) - 1; n > 0 {
		return fmt.Sprintf("%s and %d more", w.steps[0], n)
	}
	return w.steps[0]
}

// counts is the footer's view of a snapshot.
type counts struct {
	total, done, reused, skipped, running, waiting, failed int
}

func count(steps []pipeline.StepState) counts {
	c := counts{total: len(steps)}
	for _, s := range steps {
		switch s.Status {
		case pipeline.Completed:
			c.done++
			if s.Reused != nil {
				c.reused++
			}
			if s.Skipped != "" {
				c.skipped++
			}
		case pipeline.Running, pipeline.Finalizing, pipeline.CancelRequested:
			c.running++
		case pipeline.Queued:
			c.waiting++
		case pipeline.Failed:
			c.failed++
		}
	}
	return c
}

func (c counts) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %s done", c.done, Count(c.total, "step"))
	switch {
	case c.reused > 0 && c.skipped > 0:
		fmt.Fprintf(&b, " (%d reused, %d skipped)", c.reused, c.skipped)
	case c.reused > 0:
		fmt.Fprintf(&b, " (%d reused)", c.reused)
	case c.skipped > 0:
		fmt.Fprintf(&b, " (%d skipped)", c.skipped)
	}
	for _, part := range []struct {
		n    int
		word string
	}{{c.running, "running"}, {c.waiting, "waiting"}, {c.failed, "failed"}} {
		if part.n > 0 {
			fmt.Fprintf(&b, ", %d %s", part.n, part.word)
		}
	}
	return b.String()
}
