package step_test

import (
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/artifact/s3test"
	"github.com/millrace-ml/millrace/pipeline"
)

// A store that takes nothing for a while does not cost the program's work.
func TestWhatAProgramMadeWaitsForTheStore(t *testing.T) {
	var refused atomic.Int32
	url := s3test.Start(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut && refused.Add(1) <= 3 {
				http.Error(w, "not now", http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	store, err := artifact.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	w := newWorld(t)
	w.store, w.Store = store, store
	a := attempt(`echo ran; echo -n made > ${{outputs.model}}`)
	a.Step.Outputs = []pipeline.Output{{Name: "model", Type: pipeline.URIFile, File: "model.txt"}}
	result, log := w.run(t, a)
	made, err := store.ReadAll(t.Context(), result.Outputs["model"].Digest, 100)
	if string(made) != "made" {
		t.Errorf("the output holds %q, %v", made, err)
	}
	mustContain(t, "log", log, "ran\nmillrace: the outputs cannot be stored yet, and are tried again: output \"model\": ")
	if left, _ := filepath.Glob(filepath.Join(w.Work, "job", "*")); len(left) > 0 {
		t.Errorf("the attempt has left %v", left)
	}
}
