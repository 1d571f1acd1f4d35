package asset

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Whatever bytes lie under a key, they are a version that is written again as
// it was read, or an error.
func FuzzVersion(f *testing.F) {
	key := versionKey("component", "train", "1")
	v := train("1")
	v.Artifact, v.Flavors = &someFile, map[string]any{"a": []any{1.5, nil}}
	b, err := encode(storedVersion{schema, v})
	must(f, err)
	f.Add(b)
	f.Add([]byte(`{"schema":1,"kind":"component","name":"train","version":"1","notes":{"tags":null}}`))
	f.Add([]byte(`{"schema":1,"kind":"component","name":"train","version":"1","created":"x"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := parseVersion(key, b)
		if err != nil {
			return
		}
		again, err := encode(storedVersion{schema, v})
		must(t, err)
		w, err := parseVersion(key, again)
		must(t, err)
		if what := difference(v, w); what != "" {
			t.Errorf("%s:\n%s", what, cmp.Diff(v, w))
		}
	})
}
