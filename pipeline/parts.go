package pipeline

import (
	"fmt"
	"strings"
)

// Done is how many parts have ended, one way or the other.
func (p *Parts) Done() int { return p.Completed + p.Failed + p.Stopped }

// String is one line for people: "trials 12/60, 2 running, 3 stopped early, best
// train.7".
func (p *Parts) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d", p.What, p.Done())
	if p.Total > 0 {
		fmt.Fprintf(&b, "/%d", p.Total)
	}
	for _, part := range []struct {
		n    int
		word string
	}{{p.Running, "running"}, {p.Reused, "reused"}, {p.Failed, "failed"}, {p.Stopped, "stopped early"}} {
		if part.n > 0 {
			fmt.Fprintf(&b, ", %d %s", part.n, part.word)
		}
	}
	if p.Best != "" {
		b.WriteString(", best " + p.Best)
	}
	return b.String()
}
