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

func TestPartsOfAGPUAreLentInItsPlace(t *testing.T) {
	const smi = `GPU 0: NVIDIA H200 (UUID: GPU-1f2e)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-c9f2)
  MIG 3g.20gb     Device  0: (UUID: MIG-6a55)
  MIG 1g.5gb      Device  1: (UUID: MIG-GPU-c9f2/1/0)
GPU 2: NVIDIA H200 (UUID: GPU-77aa)
`
	if got, want := listed(smi), []string{"0", "MIG-6a55", "MIG-GPU-c9f2/1/0", "2"}; !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

func TestGPUsAreChosen(t *testing.T) {
	t.Setenv("CUDA_VISIBLE_DEVICES", "0,1,GPU-ab")
	for which, want := range map[string][]string{
		"":               {"0", "1", "GPU-ab"},
		"auto":           {"0", "1", "GPU-ab"},
		"all":            {"0", "1", "GPU-ab"},
		"none":           nil,
		"1":              {"1"},
		"0, GPU-8932f93": {"0", "GPU-8932f93"},
		"fake:3":         {"0", "1", "2"},
	} {
		if got, err := ChooseGPUs(t.Context(), which, true); err != nil || !slices.Equal(got, want) {
			t.Errorf("--gpus %q gives %q, %v; want %q", which, got, err, want)
		}
	}
	if got, err := ChooseGPUs(t.Context(), "auto", false); err != nil || got != nil {
		t.Errorf("where no queue wants GPUs, auto gives %q, %v", got, err)
	}
	for _, which := range []string{"some", "0,0", "7", "fake:x", "fake:-1", "0,rm -rf"} {
		if got, err := ChooseGPUs(t.Context(), which, true); err == nil {
			t.Errorf("--gpus %q gives %q, want an error", which, got)
		}
	}
	t.Setenv("CUDA_VISIBLE_DEVICES", "")
	for _, which := range []string{"all", "0", "0,7", "GPU-ab"} {
		if got, err := ChooseGPUs(t.Context(), which, true); err == nil {
			t.Errorf("--gpus %s gives %q where there is none, want an error", which, got)
		}
	}
	if got, err := ChooseGPUs(t.Context(), "fake:1", true); err != nil || len(got) != 1 {
		t.Errorf("--gpus fake:1 gives %q, %v", got, err)
	}
}
