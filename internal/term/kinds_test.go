package term

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/pipeline"
)

func sweeping(parts pipeline.Parts) pipeline.StepState {
	s := running("tune", "cpu", 0)
	s.Parts = &parts
	return s
}

func trials(done, running int) pipeline.Parts {
	return pipeline.Parts{What: "trials", Total: 60, Completed: done, Running: running}
}

func TestPlainSaysSeldomHowFarAStepOfManyPartsIs(t *testing.T) {
	var b strings.Builder
	now := noon
	p := NewProgress(&Stream{Writer: &b}, func() time.Time { return now })
	for second := range 59 {
		now = at(float64(second))
		p.Update(Snapshot{Status: pipeline.Running, Steps: []pipeline.StepState{sweeping(trials(second, 2))}})
	}
	ended := done("tune", 0, 120)
	ended.Parts = &pipeline.Parts{What: "trials", Total: 60, Completed: 48, Stopped: 12, Best: "tune.7"}
	ended.Metrics = map[string]pipeline.Metric{"loss": {Last: 0.25, Count: 1}}
	now = at(120)
	p.Update(Snapshot{Status: pipeline.Running, Steps: []pipeline.StepState{ended}})
	p.Close()
	want := "12:00:00 tune Running on cpu\n" +
		"12:00:30 tune trials 30/60, 2 running, 1/s, 30s left\n" +
		"12:02:00 tune Completed 2m00s, trials 60/60, 12 stopped early, best tune.7, loss 0.25\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestLiveShowsPartsAndMetricsInTheLineOfTheStep(t *testing.T) {
	p := newPlayer(110, 10)
	tune, train := sweeping(trials(0, 2)), running("train", "gpu", 0)
	p.show(0, pipeline.Running, tune, train)
	tune.Parts = &pipeline.Parts{What: "trials", Total: 60, Completed: 20, Running: 2, Stopped: 3, Best: "tune.7"}
	train.Metrics = map[string]pipeline.Metric{"loss": {Last: 0.25}, "acc": {Last: 0.91}}
	p.show(10, pipeline.Running, tune, train)
	p.sees(t, `  tune   Running on cpu  10s  trials 23/60, 2 running, 3 stopped early, best tune.7, 2.3/s, 16s left
  train  Running on gpu  10s  acc 0.91, loss 0.25
0 of 2 steps done, 2 running, 10s
`)
	skipped := pipeline.StepState{Name: "deploy", Status: pipeline.Completed, Ended: at(11), Skipped: "good is false"}
	p.show(11, pipeline.Running, tune, train, skipped)
	p.sees(t, `- deploy skipped: good is false
  tune   Running on cpu  11s  trials 23/60, 2 running, 3 stopped early, best tune.7, 2.3/s, 16s left
  train  Running on gpu  11s  acc 0.91, loss 0.25
1 of 3 steps done (1 skipped), 2 running, 11s
`)
}

func TestAStepThatSaysHowFarItIsIsTakenAtItsWord(t *testing.T) {
	p := newPlayer(110, 10)
	score := running("score", "cpu", 0)
	score.Parts, score.Waiting = &pipeline.Parts{What: "mini-batches", Total: 30, Completed: 22}, "22 of 30 mini-batches; 3.1 a second, 3s left"
	check := done("check", 0, 1)
	check.Values = map[string]string{"good": "true", "bad": "false\x1b[31m"}
	p.show(10, pipeline.Running, check, score)
	p.sees(t, `+ check Completed 1.0s, bad: false, good: true
  score  Running on cpu  10s  22 of 30 mini-batches; 3.1 a second, 3s left
1 of 2 steps done, 1 running, 10s
`)
}

func TestPartsThatEndInBurstsHaveARateAllTheSame(t *testing.T) {
	var all paces
	for second := range 41 {
		all.look([]pipeline.StepState{sweeping(pipeline.Parts{What: "batches", Total: 100, Completed: second / 10 * 20})}, at(float64(second)))
	}
	if got := all.of(sweeping(pipeline.Parts{Total: 100, Completed: 80})); got != ", 2/s, 10s left" {
		t.Errorf("got %q", got)
	}
}

func TestTheTimeThatIsLeftIsSaidInUnitsOfPeople(t *testing.T) {
	for want, rate := range map[string]float64{"3.5/s": 3.5, "30/min": 0.5, "18/h": 0.005, "1235/s": 1234.56} {
		if got := speed(rate); got != want {
			t.Errorf("%v: %q, want %q", rate, got, want)
		}
	}
	var all paces
	for second := range 11 {
		all.look([]pipeline.StepState{sweeping(trials(second*6, 1))}, at(float64(second)))
	}
	if got := all.of(sweeping(trials(60, 0))); got != ", 6/s" {
		t.Errorf("at the end: %q", got)
	}
	if got := all.of(running("other", "cpu", 0)); got != "" {
		t.Errorf("another step: %q", got)
	}
}
