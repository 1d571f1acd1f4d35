package docker

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/moby/moby/api/types/jsonstream"
)

// progress tells in few words what an engine tells in many.
type progress struct {
	name string
	say  func(string)
	last time.Time
	done map[string]int64 // bytes of each layer
	all  map[string]int64
	// lines are the last ones that a build has printed.
	lines []string
}

// colour is what terminals take for one.
var colour = regexp.MustCompile("\x1b\\[[0-9;]*m")

// kept is how many lines of a build are.
const kept = 20

// between is the least time between two lines about a download.
const between = 2 * time.Second

func newProgress(name string, say func(string)) *progress {
	return &progress{name: name, say: say, last: time.Now(), done: map[string]int64{}, all: map[string]int64{}}
}

// pulled takes note of a message about a layer.
func (p *progress) pulled(m jsonstream.Message) {
	switch {
	case m.ID == "" || m.Status == "Extracting":
		return
	case m.Status == "Downloading" && m.Progress != nil:
		p.done[m.ID], p.all[m.ID] = m.Progress.Current, max(m.Progress.Total, m.Progress.Current)
	case m.Status == "Download complete" || m.Status == "Pull complete":
		p.done[m.ID] = p.all[m.ID]
	case m.Status == "Pulling fs layer" || m.Status == "Waiting":
		p.all[m.ID] = max(p.all[m.ID], 0)
	}
	if time.Since(p.last) < between {
		return
	}
	p.last = time.Now()
	var done, all int64
	for id, size := range p.all {
		done, all = done+p.done[id], all+size
	}
	p.say(fmt.Sprintf("pulling %s: %s of %s", p.name, units.HumanSize(float64(done)), units.HumanSize(float64(all))))
}

// built passes on what a build prints, line by line, without what it says of
// itself.
func (p *progress) built(m jsonstream.Message) {
	for line := range strings.Lines(m.Stream) {
		line = strings.TrimRight(colour.ReplaceAllString(line, ""), " \r\n")
		if line == "" || strings.HasPrefix(line, " ---> ") {
			continue
		}
		p.say(line)
		if p.lines = append(p.lines, line); len(p.lines) > kept {
			p.lines = p.lines[1:]
		}
	}
	if m.Status != "" {
		p.pulled(m)
	}
}
