package term

import (
	"fmt"
	"sync"
	"time"
)

// plain writes a line for each event: for pipes, files and dumb terminals.
type plain struct {
	mu      sync.Mutex
	stream  *Stream
	now     func() time.Time
	tracker tracker
}

func (p *plain) Update(s Snapshot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.tracker.next(s.Steps, p.now()) {
		fmt.Fprintf(p.stream, "%s %s %s\n", e.at.Local().Format(time.TimeOnly), e.step, e.text)
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

func (p *plain) Close() {}

// prefixed puts the name of a step before a line that it printed.
func prefixed(step, line string) string {
	if step == "" {
		return line
	}
	return step + " | " + line
}
