package term

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/pipeline"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.Local)

func at(seconds float64) time.Time { return noon.Add(time.Duration(seconds * float64(time.Second))) }

func idle(name string) pipeline.StepState {
	return pipeline.StepState{Name: name, Status: pipeline.NotStarted}
}

func queued(name, why string) pipeline.StepState {
	return pipeline.StepState{Name: name, Status: pipeline.Queued, Waiting: why}
}

func running(name, queue string, since float64) pipeline.StepState {
	return pipeline.StepState{Name: name, Status: pipeline.Running, Queue: queue, Started: at(since), Attempts: 1}
}

func done(name string, from, to float64) pipeline.StepState {
	return pipeline.StepState{Name: name, Status: pipeline.Completed, Started: at(from), Ended: at(to), Attempts: 1}
}

func reusedAt(name string, when float64) pipeline.StepState {
	return pipeline.StepState{
		Name: name, Status: pipeline.Completed, Started: at(when), Ended: at(when),
		Reused: &pipeline.Origin{Job: "calm_river_1", Step: name},
	}
}

func failedWith(name, message string, when float64) pipeline.StepState {
	return pipeline.StepState{
		Name: name, Status: pipeline.Failed, Started: at(0), Ended: at(when), Attempts: 1,
		Failure: &pipeline.Failure{Kind: pipeline.UserFailure, Message: message},
	}
}

// tape is a run of a small pipeline, moment by moment.
var tape = []struct {
	now   float64
	steps []pipeline.StepState
}{
	{0, []pipeline.StepState{idle("prepare"), idle("train"), idle("evaluate"), idle("report")}},
	{0.5, []pipeline.StepState{reusedAt("prepare", 0.4), running("train", "gpu", 0.5), idle("evaluate"), queued("report", "waits for a slot on queue cpu")}},
	{62, []pipeline.StepState{reusedAt("prepare", 0.4), running("train", "gpu", 0.5), idle("evaluate"), queued("report", "waits for a slot on queue cpu")}},
	{63, []pipeline.StepState{reusedAt("prepare", 0.4), done("train", 0.5, 62.7), running("evaluate", "cpu", 62.8), running("report", "cpu", 62.9)}},
	{64, []pipeline.StepState{reusedAt("prepare", 0.4), done("train", 0.5, 62.7), failedWith("evaluate", "exit code 1", 63.9), done("report", 62.9, 63.5)}},
}

func TestPlainWritesALineForEachEventInTheOrderOfTheirTimes(t *testing.T) {
	var b strings.Builder
	now := noon
	p := NewProgress(&Stream{Writer: &b}, func() time.Time { return now })
	p.Busy("starting")
	p.Note("job calm_river_2: 4 steps")
	for _, moment := range tape {
		now = at(moment.now)
		p.Update(Snapshot{Status: pipeline.Running, Steps: moment.steps})
	}
	p.Log("report", "wrote report.html")
	p.Close()
	want := `job calm_river_2: 4 steps
12:00:00 prepare reused from calm_river_1.prepare
12:00:00 train Running on gpu
12:01:02 report waits for a slot on queue cpu
12:01:02 train Completed 1m02s
12:01:02 evaluate Running on cpu
12:01:02 report Running on cpu
12:01:03 report Completed 0.6s
12:01:03 evaluate Failed: exit code 1
report | wrote report.html
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestPlainSaysWhenAStepIsTriedAgain(t *testing.T) {
	var b strings.Builder
	p := NewProgress(&Stream{Writer: &b}, func() time.Time { return noon })
	first := running("train", "gpu", 1)
	second := running("train", "gpu", 5)
	second.Attempts = 2
	for _, s := range []pipeline.StepState{first, first, second, second} {
		p.Update(Snapshot{Steps: []pipeline.StepState{s}})
	}
	want := "12:00:01 train Running on gpu\n12:00:05 train Running again on gpu, attempt 2\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestPlainSaysOfEachTryThatItFailedAndWhatComesNext(t *testing.T) {
	var b strings.Builder
	now := noon
	p := &plain{stream: &Stream{Writer: &b}, now: func() time.Time { return now }}
	defer p.Close()
	code := 75
	show := func(seconds float64, s pipeline.StepState) {
		now = at(seconds)
		p.Update(Snapshot{Steps: []pipeline.StepState{s}})
	}
	show(1, running("flaky", "cpu", 1))
	pause := queued("flaky", "attempt 2 of 3 in 20s: exit code 75")
	pause.Attempts, pause.Tries = 1, []pipeline.Try{{Number: 1, ExitCode: &code, Ended: at(2)}}
	show(2, pause)
	show(12, pause) // said already
	again := running("flaky", "cpu", 22)
	again.Attempts, again.Tries = 2, pause.Tries
	show(22, again)
	last := running("flaky", "cpu", 24)
	last.Attempts = 3
	last.Tries = append(slices.Clip(again.Tries), pipeline.Try{Number: 2, Message: "ran longer than its limit of 1s\nand more", Ended: at(23)})
	show(24, last)
	want := `12:00:01 flaky Running on cpu
12:00:02 flaky try failed with exit code 75; attempt 2 of 3 in 20s
12:00:22 flaky Running on cpu, attempt 2
12:00:23 flaky try failed: ran longer than its limit of 1s
12:00:24 flaky Running again on cpu, attempt 3
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestPlainSaysAtOnceThatAnApprovalWaitsAndThenWhoAnswered(t *testing.T) {
	var b strings.Builder
	p := &plain{stream: &Stream{Writer: &b}, now: func() time.Time { return noon }}
	defer p.Close()
	ask := queued("ask", "waits for approval: `millrace job approve calm_river_1 ask`")
	ask.Question = &pipeline.Question{Asked: noon}
	approved := done("ask", 0, 9)
	approved.Question = &pipeline.Question{Asked: noon, Answer: &pipeline.Answer{Approved: true, By: "ann", Time: at(8)}}
	for _, s := range []pipeline.StepState{ask, ask, approved, approved} {
		p.Update(Snapshot{Steps: []pipeline.StepState{s}})
	}
	want := "12:00:00 ask waits for approval: `millrace job approve calm_river_1 ask`\n12:00:08 ask approved by ann\n12:00:09 ask Completed 9.0s\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestPlainSaysOnceWhatManyStepsWaitForLong(t *testing.T) {
	var b strings.Builder
	now := noon
	p := &plain{stream: &Stream{Writer: &b}, now: func() time.Time { return now }}
	defer p.Close()
	const slot = "waits for a slot on queue cpu"
	p.Update(Snapshot{Steps: []pipeline.StepState{queued("a", slot), queued("b", slot), queued("c", slot), queued("d", "fetches its inputs")}})
	for second := range 10 {
		now = at(float64(second))
		p.mu.Lock()
		p.sayWaits()
		p.mu.Unlock()
		if second == 3 {
			p.Update(Snapshot{Steps: []pipeline.StepState{running("a", "cpu", 3), queued("b", slot), queued("c", slot), queued("d", slot)}})
		}
	}
	want := "12:00:03 a Running on cpu\n12:00:05 b and 1 more waits for a slot on queue cpu\n12:00:08 d waits for a slot on queue cpu\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestLiveShowsWhatManyStepsWaitForInOneLine(t *testing.T) {
	p := newPlayer(60, 20)
	steps := []pipeline.StepState{running("a", "cpu", 0)}
	for i := range 40 {
		steps = append(steps, queued(fmt.Sprintf("b%d", i), "waits for a slot on queue cpu"))
	}
	p.show(3, pipeline.Running, steps...)
	p.sees(t, "  a               Running on cpu  3s\n  b0 and 39 more  waits for a slot on queue cpu\n0 of 41 steps done, 1 running, 40 waiting, 3s\n")
}

// player is a live display that is drawn when the test says so.
type player struct {
	*live
	screen *screen
	clock  time.Time
}

func newPlayer(width, height int) *player {
	p := &player{screen: newScreen(width, height), clock: noon}
	stream := &Stream{Writer: p.screen, Terminal: true, Size: func() (int, int) { return p.screen.width, p.screen.height }}
	p.live = &live{stream: stream, panel: NewPanel(stream), now: func() time.Time { return p.clock }, stop: make(chan struct{}), began: noon}
	return p
}

func (p *player) show(now float64, status pipeline.Status, steps ...pipeline.StepState) {
	p.clock = at(now)
	p.Update(Snapshot{Status: status, Steps: steps})
	p.redraw()
}

func (p *player) sees(t *testing.T, want string) {
	t.Helper()
	if diff := cmp.Diff(want, p.screen.String()); diff != "" {
		t.Error(diff)
	}
}

func TestLiveShowsWhatRunsAboveAFooterAndKeepsWhatHasEnded(t *testing.T) {
	p := newPlayer(60, 20)
	p.Busy("starting")
	p.redraw()
	p.sees(t, "starting, 0s\n")
	p.Note("job calm_river_2: 4 steps")
	for _, moment := range tape[:3] {
		p.show(moment.now, pipeline.Running, moment.steps...)
	}
	p.sees(t, `job calm_river_2: 4 steps
= prepare reused from calm_river_1.prepare
  train   Running on gpu  1m01s
  report  waits for a slot on queue cpu
1 of 4 steps done (1 reused), 1 running, 1 waiting, 1m02s
`)
	for _, moment := range tape[3:] {
		p.show(moment.now, pipeline.Running, moment.steps...)
	}
	p.Close()
	p.Note("asked to stop")
	p.sees(t, `job calm_river_2: 4 steps
= prepare reused from calm_river_1.prepare
+ train Completed 1m02s
+ report Completed 0.6s
x evaluate Failed: exit code 1
asked to stop

`)
}

func TestLiveSaysThatAJobIsBeingCanceled(t *testing.T) {
	p := newPlayer(60, 20)
	p.show(3, pipeline.CancelRequested, running("train", "gpu", 0))
	p.sees(t, "  train  Running on gpu  3s\nCanceling: 0 of 1 step done, 1 running, 3s\n")
}

func TestLiveNeverNeedsMoreThanTheTerminalHas(t *testing.T) {
	var steps []pipeline.StepState
	for i := range 30 {
		steps = append(steps, running(fmt.Sprintf("a_step_with_a_rather_long_name_%02d", i), "cpu", 0))
	}
	for _, size := range [][2]int{{80, 24}, {40, 6}, {20, 3}, {10, 2}, {5, 1}, {1, 1}} {
		p := newPlayer(size[0], size[1])
		for now := range 5 {
			p.show(float64(now), pipeline.Running, steps...)
		}
		if n := len(p.screen.rows); n > size[1] {
			t.Errorf("%dx%d: %d rows:\n%s", size[0], size[1], n, p.screen)
		}
		for _, row := range p.screen.rows {
			if len(row) > size[0] {
				t.Errorf("%dx%d: row %q is too wide", size[0], size[1], string(row))
			}
		}
	}
	p := newPlayer(60, 6)
	p.show(1, pipeline.Running, steps...)
	p.sees(t, `  a_step_with_a_rather_long_name_00  Running on cpu  1s
  a_step_with_a_rather_long_name_01  Running on cpu  1s
  a_step_with_a_rather_long_name_02  Running on cpu  1s
  and 27 more
0 of 30 steps done, 30 running, 1s
`)
}

func TestLiveSurvivesANarrowerWindow(t *testing.T) {
	p := newPlayer(60, 20)
	p.Note("job calm_river_2: 1 step")
	p.show(1, pipeline.Running, running("train_the_model", "gpu", 0))
	p.screen.narrow(24)
	p.show(2, pipeline.Running, running("train_the_model", "gpu", 0))
	p.sees(t, `job calm_river_2: 1 step
  train_the_model  Runni
ng on gpu  1s
  train_the_model  R...
0 of 1 step done, 1 ...
`)
}

func TestLiveGathersStepsForAWhileWhenManyEnd(t *testing.T) {
	p := newPlayer(60, 20)
	var steps []pipeline.StepState
	for moment := range 20 {
		now := float64(moment) * 0.2
		for range 12 - moment%2*8 { // twelve, four, twelve, ...
			steps = append(steps, done(fmt.Sprintf("s%d", len(steps)), now, now))
		}
		p.show(now, pipeline.Running, steps...)
	}
	p.Close()
	p.sees(t, "+ 12 steps Completed\n+ 80 steps Completed\n+ 68 steps Completed\n\n")
}

func TestLiveWritesNothingWhereNothingChanged(t *testing.T) {
	p := newPlayer(60, 20)
	p.show(1, pipeline.Running, running("train", "gpu", 0))
	writes := 0
	p.stream.Writer = writerFunc(func(b []byte) (int, error) { writes++; return len(b), nil })
	p.show(1.5, pipeline.Running, running("train", "gpu", 0))
	if writes != 0 {
		t.Errorf("wrote %d times", writes)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestLiveSumsUpManyStepsThatEndAtOnce(t *testing.T) {
	p := newPlayer(60, 20)
	var steps []pipeline.StepState
	for i := range 312 {
		steps = append(steps, reusedAt(fmt.Sprintf("s%d", i), 0.1))
	}
	steps = append(steps, done("last", 0.1, 0.2), failedWith("broken", "exit code 2", 0.3))
	p.show(1, pipeline.Running, steps...)
	p.Close()
	p.sees(t, "= 312 steps reused\n+ last Completed 0.1s\nx broken Failed: exit code 2\n\n")
}

func TestLiveShowsForeignTextWithoutItsControlCharacters(t *testing.T) {
	p := newPlayer(60, 20)
	p.Log("train", "\x1b[2Jepoch 1\repoch 2\x07")
	p.show(1, pipeline.Running, failedWith("train", "bad \x1b[31mred\x1b[0m news", 1))
	p.Close()
	p.sees(t, "train | epoch 2\nx train Failed: bad red news\n\n")
}

func TestColoursAreUsedOnlyWhereTheyAreWelcome(t *testing.T) {
	for _, color := range []bool{true, false} {
		var b strings.Builder
		stream := &Stream{Writer: &b, Terminal: true, Color: color}
		l := &live{stream: stream, panel: NewPanel(stream), now: func() time.Time { return noon }, stop: make(chan struct{})}
		l.Update(Snapshot{Steps: []pipeline.StepState{done("train", 0, 1), running("next", "cpu", 1)}})
		l.redraw()
		if got := strings.Contains(b.String(), "\x1b[3"); got != color {
			t.Errorf("colours %v: wrote %q", color, b.String())
		}
	}
}

func TestAWarningThatManyStepsHaveIsSaidOnce(t *testing.T) {
	const old, other = "environment tools: Python 3.5 is asked for", "environment more: six==9 has no build"
	warned := func(s pipeline.StepState, warning string) pipeline.StepState {
		s.Warning = warning
		return s
	}
	moments := [][]pipeline.StepState{
		{warned(queued("a", ""), old), warned(reusedAt("b", 0), old), idle("c")},
		{warned(queued("a", ""), old), warned(reusedAt("b", 0), old), warned(queued("c", ""), other)},
	}
	for _, terminal := range []bool{false, true} {
		var b strings.Builder
		p := NewProgress(&Stream{Writer: &b, Terminal: terminal}, func() time.Time { return noon })
		for _, steps := range moments {
			p.Update(Snapshot{Steps: steps})
		}
		p.Close()
		for _, want := range []string{"warning: " + old + "\n", "warning: " + other + "\n"} {
			if n := strings.Count(b.String(), want); n != 1 {
				t.Errorf("terminal %v: %q is said %d times in %q", terminal, want, n, b.String())
			}
		}
	}
}

func TestPlainSaysAtOnceHowFarAnEnvironmentHasCome(t *testing.T) {
	var b strings.Builder
	p := NewProgress(&Stream{Writer: &b}, func() time.Time { return noon })
	defer p.Close()
	for _, reason := range []string{"resolving environment tools", "resolving environment tools", "making environment tools"} {
		first := queued("a", reason)
		first.Making = true
		p.Update(Snapshot{Steps: []pipeline.StepState{first, queued("b", "waits for its environment to be made")}})
	}
	want := "12:00:00 a resolving environment tools\n12:00:00 a making environment tools\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestLiveSaysInFullWhyAnEnvironmentIsMadeAgain(t *testing.T) {
	var b strings.Builder
	p := NewProgress(&Stream{Writer: &b, Terminal: true}, func() time.Time { return noon })
	short, long := queued("a", "making environment tools"), queued("a", "its environment is made again: "+strings.Repeat("no way ", 40)+"out")
	for _, s := range []pipeline.StepState{short, long, short, long} {
		s.Making = true
		p.Update(Snapshot{Steps: []pipeline.StepState{s}})
	}
	p.Close()
	if got, want := b.String(), "a "+long.Waiting+"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
