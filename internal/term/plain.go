package term

import (
	"fmt"
	"sync"
	"time"

	"github.com/millrace-ml/millrace/pipeline"
)

// plain writes a line for each event: for pipes, files and dumb terminals.
type plain struct {
	mu      sync.Mutex
	stream  *Stream
	now     func() time.Time
	tracker tracker
	waiting map[string]waiting // by step
	parts   map[string]saidOf  // by step
	paces   paces
	steps   []pipeline.StepState
	stop    chan struct{} // nil until something is watched
}

// waiting is what a step waits for, since when, and whether that was said.
type waiting struct {
	reason string
	since  time.Time
	said   bool
}

// unusual is how long a step waits before that is worth a line: every step waits
// for a moment. How far an environment has come is said at once, and so is that
// somebody has to approve something.
const unusual = 5 * time.Second

func (p *plain) Update(s Snapshot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.tracker.warnings(s.Steps) {
		fmt.Fprintln(p.stream, w)
	}
	for _, e := range p.tracker.next(s.Steps, p.now()) {
		p.line(e.at, e.step, e.text)
	}
	p.steps = s.Steps
	p.paces.look(s.Steps, p.now())
	p.sayWaits()
	p.sayParts()
	if p.stop == nil {
		p.stop = make(chan struct{})
		go p.watch(p.stop)
	}
}

func (p *plain) line(at time.Time, who, what string) {
	fmt.Fprintf(p.stream, "%s %s %s\n", at.Local().Format(time.TimeOnly), who, what)
}

// watch looks after the steps that wait: no update comes where nothing happens.
func (p *plain) watch(stop chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.mu.Lock()
			p.sayWaits()
			p.sayParts()
			p.mu.Unlock()
		case <-stop:
			return
		}
	}
}

// sayWaits writes a line for what steps wait for unusually long, and for how
// far environments have come, once.
func (p *plain) sayWaits() {
	now := p.now()
	current := map[string]waiting{}
	for _, w := range waits(p.steps) {
		long := wait{reason: w.reason}
		for _, step := range w.steps {
			was, known := p.waiting[step]
			if !known || was.reason != w.reason {
				was = waiting{reason: w.reason, since: now}
			}
			if !was.said && !p.tried(step) && (w.making || w.asks || now.Sub(was.since) >= unusual) {
				was.said = true
				long.steps = append(long.steps, step)
			}
			current[step] = was
		}
		if long.steps != nil {
			p.line(now, long.who(), Clean(long.reason))
		}
	}
	p.waiting = current
}

// tried tells whether a step waits for its next attempt: the line about the one
// that failed has said so.
func (p *plain) tried(step string) bool {
	_, waits := nextTry(p.tracker.seen[step])
	return waits
}

// seldom is how often a line says how far a step of many parts is.
const seldom = 30 * time.Second

// saidOf is what was last said of the parts of a step, and when.
type saidOf struct {
	text string
	at   time.Time
}

// sayParts says now and then how far the steps of many parts are.
func (p *plain) sayParts() {
	now := p.now()
	for _, s := range p.steps {
		if s.Status != pipeline.Running || s.Parts == nil {
			continue
		}
		last, known := p.parts[s.Name]
		text := s.Parts.String() // which changes only where something has
		switch {
		case !known:
			// The first line comes when there has been time for some of them.
			last.at = now
		case text != last.text && now.Sub(last.at) >= seldom:
			p.line(now, s.Name, p.paces.howFar(s))
			last = saidOf{text, now}
		default:
			continue
		}
		if p.parts == nil {
			p.parts = make(map[string]saidOf)
		}
		p.parts[s.Name] = last
	}
}

func (p *plain) Busy(string) {}

func (p *plain) Note(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintln(p.stream, text)
}

func (p *plain) Log(step, line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintln(p.stream, prefixed(step, line))
}

func (p *plain) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.steps = nil
	if p.stop != nil {
		close(p.stop)
		p.stop = nil
	}
}

// prefixed puts the name of a step before a line that it printed.
func prefixed(step, line string) string {
	if step == "" {
		return line
	}
	return step + " | " + line
}
