package workers

import (
	"slices"
	"testing"
)

func TestVisibleDevicesBoundTheGPUs(t *testing.T) {
	for list, want := range map[string][]string{
		"":             nil,
		"-1":           nil,
		"0":            {"0"},
		"1, 3":         {"1", "3"},
		"0,-1,2":       {"0"},
		"GPU-8932f937": {"GPU-8932f937"},
	} {
		if got := devices(list); !slices.Equal(got, want) {
			t.Errorf("CUDA_VISIBLE_DEVICES=%q gives %v, want %v", list, got, want)
		}
	}
}

func TestEverySlotLendsADeviceOfItsOwn(t *testing.T) {
	pool := newRoom([]string{"0", "1"}, 3).devices
	got := []string{<-pool, <-pool, <-pool}
	if !slices.Equal(got, []string{"0", "1", ""}) {
		t.Errorf("three slots lend %q", got)
	}
}
