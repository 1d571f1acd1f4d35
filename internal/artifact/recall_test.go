package artifact

import (
	"errors"
	"testing"

	"github.com/millrace-ml/millrace/pipeline"
)

func TestADigestIsRecalledAsWhatItNames(t *testing.T) {
	everyStore(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		tree, err := s.ImportTree(ctx, folder(t, map[string]string{"a": "1", "sub/b": "22", "none/": ""}), Copy)
		must(t, err)
		empty, err := s.PutTree(ctx, Tree{})
		must(t, err)
		wanted := []pipeline.Artifact{tree, empty}
		for _, text := range []string{"", "x", manifestHeading + "no entry\n", manifestHeading[:5]} {
			file, err := s.PutBytes(ctx, []byte(text))
			must(t, err)
			wanted = append(wanted, file)
		}
		for _, want := range wanted {
			if got, err := s.Recall(ctx, want.Digest); err != nil || got != want {
				t.Errorf("recalled %+v, %v; want %+v", got, err, want)
			}
		}
		if _, err := s.Recall(ctx, hashBytes([]byte("never stored"))); !errors.Is(err, ErrGone) {
			t.Errorf("error = %v", err)
		}
		if _, err := s.Recall(ctx, "../../etc/passwd"); err == nil {
			t.Error("that is no digest")
		}
	})
}
