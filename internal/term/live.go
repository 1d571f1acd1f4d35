package term

import (
	"fmt"
	"sort"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/millrace-ml/millrace/pipeline"
)

// live redraws a few lines at the bottom of a terminal: one for each running
// step and a footer with the counts. What has happened scrolls up above them
// and stays.
//
// Only this type writes to the stream between newLive and Close.
type live struct {
	stream *Stream
	now    func() time.Time
	stop   chan struct{}

	mu       sync.Mutex
	closed   bool
	busy     string
	tracker  tracker
	snapshot Snapshot
	said     map[string]bool // what is too long for a line at the bottom
	pending  []string        // lines to scroll up with the next frame
	events   []event         // likewise, and perhaps to be summed up
	since    time.Time       // when lines about steps began to be counted
	lines    int             // and how many there were
	calm     time.Time       // until then ends of steps are gathered
	began    time.Time
	paces    paces
	panel    *Panel // the lines at the bottom
}

const (
	// frame is how often the screen is looked after; it is written to only
	// where something changed.
	frame = 200 * time.Millisecond
	// flood is how many steps may end within a lull before they are gathered
	// for as long, and their lines summed up in one.
	flood = 10
	lull  = 2 * time.Second
)

func newLive(s *Stream, now func() time.Time) *live {
	l := &live{stream: s, panel: NewPanel(s), now: now, stop: make(chan struct{}), began: now()}
	go l.loop()
	return l
}

func (l *live) loop() {
	tick := time.NewTicker(frame)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			l.redraw()
		case <-l.stop:
			return
		}
	}
}

// redraw brings the screen up to date.
func (l *live) redraw() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.draw(l.bottom())
}

func (l *live) Update(s Snapshot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.snapshot = s
	l.paces.look(s.Steps, l.now())
	for _, w := range l.tracker.warnings(s.Steps) {
		l.pending = append(l.pending, l.stream.Paint(Yellow, w))
	}
	l.sayLong(waits(s.Steps))
	for _, e := range l.tracker.next(s.Steps, l.now()) {
		if e.kind >= completed { // what runs and waits shows at the bottom
			l.events = append(l.events, e)
		}
	}
}

// sayLong scrolls up, once, what is said of the making of an environment that
// the line of the step has no room for: most likely why it failed.
func (l *live) sayLong(waiting []wait) {
	width, _ := l.stream.Window()
	for _, w := range waiting {
		line := w.who() + " " + Clean(w.reason)
		if !w.making || l.said[line] || utf8.RuneCountInString(line)+len("    ") < width {
			continue
		}
		if l.said == nil {
			l.said = make(map[string]bool)
		}
		l.said[line] = true
		l.pending = append(l.pending, line)
	}
}

func (l *live) Busy(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy = text
}

func (l *live) Note(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flush()
	l.pending = append(l.pending, text)
	l.draw(l.bottom())
}

func (l *live) Log(step, line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flush()
	if step != "" {
		step = l.stream.Paint(Cyan, step)
	}
	l.pending = append(l.pending, prefixed(step, Clean(line)))
}

// Close draws what is still to be said and takes the bottom lines away.
func (l *live) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.closed = true
	close(l.stop)
	l.calm = time.Time{}
	l.draw(nil)
}

// flush turns the events into lines. Where many steps end at once the lines of
// the reused and the completed ones are summed up; failures never are.
func (l *live) flush() {
	number := map[eventKind]int{}
	for _, e := range l.events {
		number[e.kind]++
	}
	now := l.now()
	gather := now.Before(l.calm)
	if now.Sub(l.since) > lull {
		l.since, l.lines = now, 0
	}
	said := map[eventKind]bool{}
	var kept []event
	for _, e := range l.events {
		switch n := number[e.kind]; {
		case e.kind != failed && gather:
			kept = append(kept, e)
		case e.kind != failed && n > flood:
			if !said[e.kind] {
				said[e.kind] = true
				l.lines += n
				l.pending = append(l.pending, l.mark(e.kind)+" "+Count(n, "step")+" "+sumWord(e.kind))
			}
		default:
			l.lines++
			l.pending = append(l.pending, l.mark(e.kind)+" "+e.step+" "+l.paint(e))
		}
	}
	l.events = kept
	if l.lines > flood && !gather {
		l.calm, l.lines = now.Add(lull), 0
	}
}

func sumWord(k eventKind) string {
	switch k {
	case reused:
		return "reused"
	case skipped:
		return "skipped"
	case canceled:
		return string(pipeline.Canceled)
	}
	return string(pipeline.Completed)
}

func (l *live) mark(k eventKind) string {
	switch k {
	case completed:
		return l.stream.Paint(Green, "+")
	case reused:
		return l.stream.Paint(Blue, "=")
	case skipped:
		return l.stream.Paint(Faint, "-")
	case failed:
		return l.stream.Paint(Red, "x")
	}
	return l.stream.Paint(Yellow, "-")
}

func (l *live) paint(e event) string {
	switch e.kind {
	case failed:
		return l.stream.Paint(Red, e.text)
	case reused, skipped:
		return l.stream.Paint(Faint, e.text)
	}
	return e.text
}

// bottom makes the lines to redraw: never more than the terminal is high, with
// the line below them left free, and never wider than it.
func (l *live) bottom() []string {
	if l.closed {
		return nil
	}
	width, height := l.stream.Window()
	if l.snapshot.Steps == nil {
		if l.busy == "" {
			return nil
		}
		return []string{Cut(l.busy+", "+wholeSeconds(l.now().Sub(l.began)), width-1)}
	}
	rows := l.rows()
	if room := max(0, height-2); len(rows) > room {
		more := len(rows) - room
		if room > 0 {
			more++
			rows = append(rows[:room-1:room-1], fmt.Sprintf("  and %d more", more))
		} else {
			rows = nil
		}
	}
	footer := count(l.snapshot.Steps).String() + ", " + wholeSeconds(l.now().Sub(l.began))
	if l.snapshot.Status == pipeline.CancelRequested {
		footer = "Canceling: " + footer
	}
	for i, row := range rows {
		rows[i] = Cut(row, width-1)
	}
	return append(rows, l.stream.Paint(Bold, Cut(footer, width-1)))
}

// rows makes a line for each step that runs, the longest running first, and
// one for each thing that steps wait for.
func (l *live) rows() []string {
	var running []pipeline.StepState
	name := 0
	for _, s := range l.snapshot.Steps {
		switch s.Status {
		case pipeline.Running, pipeline.Finalizing, pipeline.CancelRequested:
			running = append(running, s)
			name = max(name, len(s.Name))
		}
	}
	waiting := waits(l.snapshot.Steps)
	for _, w := range waiting {
		name = max(name, len(w.who()))
	}
	name = min(name, 40)
	sort.SliceStable(running, func(i, j int) bool { return running[i].Started.Before(running[j].Started) })
	var rows []string
	for _, s := range running {
		text := "  " + pad(s.Name, name) + "  " + string(s.Status) + on(s)
		if !s.Started.IsZero() {
			text += "  " + wholeSeconds(l.now().Sub(s.Started))
		}
		if far := l.paces.howFar(s); far != "" {
			text += "  " + far
		}
		if m := Metrics(s.Metrics, fewMetrics); m != "" {
			text += "  " + m
		}
		rows = append(rows, text)
	}
	for _, w := range waiting {
		text := "  " + pad(w.who(), name) + "  " + Clean(w.reason)
		if w.place != "" {
			text += ": " + Clean(w.place)
		}
		rows = append(rows, text)
	}
	return rows
}

// draw scrolls up the pending lines and replaces the bottom ones.
func (l *live) draw(bottom []string) {
	l.flush()
	l.panel.Show(l.pending, bottom)
	l.pending = nil
}
