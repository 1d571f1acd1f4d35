package term

import (
	"fmt"
	"slices"
	"strings"
)

// Panel is a few lines at the bottom of a terminal that are drawn again and
// again, without flicker: in one write, and only where something changed.
type Panel struct {
	stream *Stream
	drawn  []string // as they stand
	width  int      // of the terminal when they were drawn
}

// NewPanel makes a panel without lines. Only the panel writes to the stream
// until its lines are gone.
func NewPanel(s *Stream) *Panel { return &Panel{stream: s} }

// Show scrolls up the lines above, which stay, and puts lines in the place of
// those that the panel has: as many as fit, see [Panel.Fit]. Wrapping is off
// while they are drawn, so that each is one row. Some terminals break those
// lines into several when they are made narrower; their remains then stay, for
// nobody can tell such a terminal from one where going up further would delete
// what is to stay.
func (p *Panel) Show(above, lines []string) {
	width, _ := p.stream.Window()
	if len(above) == 0 && width == p.width && slices.Equal(p.drawn, lines) {
		return
	}
	var b strings.Builder
	if len(p.drawn) > 0 {
		b.WriteByte('\r')
		if up := len(p.drawn) - 1; up > 0 {
			fmt.Fprintf(&b, "\x1b[%dA", up)
		}
		b.WriteString("\x1b[J")
	}
	for _, line := range above {
		b.WriteString(line + "\n")
	}
	if len(lines) > 0 {
		b.WriteString("\x1b[?7l" + strings.Join(lines, "\n") + "\x1b[?7h")
	}
	p.drawn, p.width = lines, width
	_, _ = p.stream.Write([]byte(b.String()))
}

// Fit makes lines fit the terminal: never more than it is high, with the line
// below them left free, and never wider than it.
func (p *Panel) Fit(lines []string) []string {
	width, height := p.stream.Window()
	room := max(0, height-2)
	fit := make([]string, 0, min(len(lines), room))
	for i, line := range lines {
		if more := len(lines) - i; i == room-1 && more > 1 {
			line = fmt.Sprintf("and %d more", more)
		} else if i >= room {
			break
		}
		fit = append(fit, Cut(line, width-1))
	}
	return fit[:min(len(fit), room)]
}
