package runs

import (
	"slices"
	"testing"
	"time"
)

func TestAStepKnowsItsPlace(t *testing.T) {
	now := time.Now()
	at := func(step int, task string, priority int32, after time.Duration) queued {
		return queued{step: step, task: task, priority: priority, since: now.Add(after)}
	}
	job := []queued{
		at(0, "cpu", 3, 0), at(1, "cpu", 3, 1), at(2, "cpu", 3, 2), at(3, "gpu", 3, 0), at(4, "cpu", 2, 9), at(5, "cpu", 4, 0),
	}
	for _, test := range []struct {
		name    string
		step    queued
		backlog map[int32]int
		want    string
	}{
		{"the urgent one is first", job[4], map[int32]int{2: 1, 3: 3, 4: 1}, ""},
		{"then comes who came first", job[0], map[int32]int{2: 1, 3: 3, 4: 1}, "1 step ahead of it"},
		{"then the others", job[2], map[int32]int{2: 1, 3: 3, 4: 1}, "3 steps ahead of it"},
		{"last who has time", job[5], map[int32]int{2: 1, 3: 3, 4: 1}, "4 steps ahead of it"},
		{"of other jobs nobody knows who came first", job[0], map[int32]int{2: 1, 3: 10}, "up to 8 steps ahead of it"},
		{"the server counts late", job[2], map[int32]int{}, "3 steps ahead of it"},
		{"other queues do not matter", job[3], map[int32]int{3: 1}, ""},
	} {
		line := slices.DeleteFunc(slices.Clone(job), func(q queued) bool { return q.task != test.step.task })
		slices.SortFunc(line, queued.turn)
		if got := place(test.step, line, test.backlog); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}
