package near_test

import (
	"testing"

	"github.com/millrace-ml/millrace/internal/near"
)

func TestDistanceCountsWhatAHandGetsWrong(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"train", "train", 0}, {"", "abc", 3}, {"trian", "train", 1}, {"trai", "train", 1},
		{"traain", "train", 1}, {"brain", "train", 1}, {"train", "score", 5}, {"größe", "grösse", 2}, {"ab", "ba", 1},
	} {
		if got, back := near.Distance(tt.a, tt.b), near.Distance(tt.b, tt.a); got != tt.want || back != tt.want {
			t.Errorf("%q and %q are %d and %d apart, want %d", tt.a, tt.b, got, back, tt.want)
		}
	}
}
