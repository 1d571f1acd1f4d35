package workers

import (
	"maps"
	"runtime"
	"testing"
)

func TestEachQueueHasTheSlotsOfWhatItsStepsRunOn(t *testing.T) {
	cores := runtime.NumCPU()
	for name, test := range map[string]struct {
		slots int
		lend  bool
		found int
		want  map[string]int
	}{
		"on four GPUs":            {lend: true, found: 4, want: map[string]int{"cpu": cores, "gpu": 4, "highmem": 4}},
		"where no GPU was found":  {lend: true, want: map[string]int{"cpu": cores, "gpu": 1, "highmem": cores}},
		"where none is to be had": {want: map[string]int{"cpu": cores, "gpu": 1, "highmem": cores}},
		"as many as was said":     {lend: true, slots: 3, want: map[string]int{"cpu": 3, "gpu": 3, "highmem": 3}},
	} {
		t.Run(name, func(t *testing.T) {
			got := make(map[string]int)
			for _, s := range Serve([]string{"cpu", "gpu", "highmem"}, test.slots, test.lend, test.found) {
				for _, q := range s.Queues {
					got[q] = s.Count(test.found)
					if q == "cpu" && s.GPUs || test.found > 0 && q != "cpu" && !s.GPUs {
						t.Errorf("queue %s lends GPUs: %t", q, s.GPUs)
					}
				}
			}
			if !maps.Equal(got, test.want) {
				t.Errorf("slots are %v, want %v", got, test.want)
			}
		})
	}
}
