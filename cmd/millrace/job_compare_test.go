package main

import (
	"testing"

	"github.com/millrace-ml/millrace/runs"
)

// TestShownValuesTellWhatDiffers: of long texts that begin alike, the cells show
// the place where they part, and not twice the same beginning.
func TestShownValuesTellWhatDiffers(t *testing.T) {
	short, long := "python train.py --rate 0.1 --depth 3", "python train.py --rate 0.1 --epochs 5 --depth 3"
	for _, c := range []struct {
		values []*string
		want   []string
	}{
		{[]*string{&short, &long}, []string{"... --depth 3", "... --epochs 5 -..."}},
		{[]*string{&short, nil}, []string{"python train.py ...", "-"}},
		{[]*string{&short, &short}, []string{"python train.py ...", "python train.py ..."}},
	} {
		alike := commonStart(c.values)
		for i, v := range c.values {
			if got := shownValue(runs.CodeSection, v, alike, 19); got != c.want[i] {
				t.Errorf("value %d: got %q, want %q", i, got, c.want[i])
			}
		}
	}
}
