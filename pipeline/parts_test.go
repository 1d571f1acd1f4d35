package pipeline

import "testing"

func TestPartsAreCountedInOneLine(t *testing.T) {
	for want, parts := range map[string]Parts{
		"trials 0":      {What: "trials"},
		"iterations 3":  {What: "iterations", Completed: 3},
		"batches 20/20": {What: "batches", Total: 20, Completed: 20},
		"batches 7/2000, 4 running, 2 reused, 1 failed":                           {What: "batches", Total: 2000, Completed: 6, Reused: 2, Failed: 1, Running: 4},
		"trials 12/60, 2 running, 3 stopped early, best train.7":                  {What: "trials", Total: 60, Completed: 9, Stopped: 3, Running: 2, Best: "train.7"},
		"trials 60/60, 1 reused, 4 failed, 30 stopped early, best train_model.59": {What: "trials", Total: 60, Completed: 26, Reused: 1, Failed: 4, Stopped: 30, Best: "train_model.59"},
	} {
		if got := parts.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
