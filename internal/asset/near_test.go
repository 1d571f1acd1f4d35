package asset

import (
	"strings"
	"testing"
)

func TestNearNames(t *testing.T) {
	names := []string{"my_train", "my_trains", "train_model", "Score", "score_2", "split_csv", "split_tsv", "x", "y"}
	for name, want := range map[string]string{
		"my_trian":    "my_train my_trains",
		"my_train2":   "my_train my_trains",
		"score":       "Score score_2",
		"SCORE_2":     "score_2 Score",
		"split":       "split_csv split_tsv",
		"split_xsv":   "split_csv split_tsv",
		"train":       "train_model",
		"trainmodel":  "train_model",
		"z":           "x y",
		"something":   "",
		"evaluate":    "",
		"tarin_modle": "train_model",
	} {
		if got := strings.Join(Near(name, names), " "); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	many := []string{"a1", "a2", "a3", "a4"}
	if got := Near("a", many); len(got) != 3 {
		t.Errorf("offered %v", got)
	}
}
