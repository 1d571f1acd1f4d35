package runs_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/runs"
)

func TestCreatingARegistryAgainMovesItNowhere(t *testing.T) {
	w := newWorkspace(t)
	url := "file://" + t.TempDir()
	create := func(r runs.Registry) (runs.Registry, error) {
		r.Name = "team"
		return w.CreateRegistry(t.Context(), r)
	}
	first, err := create(runs.Registry{URL: url, Description: "ours", Tags: map[string]string{"a": "b"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, again := range []runs.Registry{{URL: url}, {URL: url + "/"}, {}} {
		r, err := create(again)
		if err != nil || r.URL != url || r.Description != "ours" || r.Tags["a"] != "b" || !r.Created.Equal(first.Created) {
			t.Errorf("%+v: %+v, %v", again, r, err)
		}
	}
	if r, err := create(runs.Registry{URL: url, Description: "theirs"}); err != nil || r.Description != "theirs" {
		t.Errorf("%+v, %v", r, err)
	}
	other := filepath.Join(t.TempDir(), "other")
	if _, err := create(runs.Registry{URL: "file://" + other}); !errors.Is(err, runs.ErrOtherURL) || !strings.Contains(err.Error(), url) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(other); err == nil {
		t.Error("its folder was made")
	}
	if err := w.DeleteRegistry(t.Context(), "team"); err != nil {
		t.Fatal(err)
	}
	if _, err := create(runs.Registry{URL: "file://" + other}); err != nil {
		t.Errorf("after it was deleted: %v", err)
	}
}

func TestTheFolderThatIsMadeForARegistryIsNamed(t *testing.T) {
	w := newWorkspace(t)
	here, gone := t.TempDir(), filepath.Join(t.TempDir(), "x/y")
	for _, test := range []struct{ name, url, made string }{
		{"own", "", ""}, {"here", "file://" + here, ""}, {"gone", "file://" + gone, gone}, {"gone", "file://" + gone, ""}, {"bucket", "mem://", ""},
	} {
		if r, err := w.CreateRegistry(t.Context(), runs.Registry{Name: test.name, URL: test.url}); err != nil || r.Made != test.made {
			t.Errorf("%s: made %q, %v, want %q", test.name, r.Made, err, test.made)
		}
	}
}

// In another home the same name is another asset.
func TestTheLineageOfSharedAssetsStaysInItsHome(t *testing.T) {
	folder := t.TempDir()
	homes := map[string]workspace{"ours": newWorkspace(t), "theirs": newWorkspace(t)}
	for name, w := range homes {
		w.registry(folder)
		w.write("rows.csv", name)
		w.write("rows.yml", "name: rows\nversion: 5\ntype: uri_file\npath: rows.csv\n")
		w.create(pipeline.DataAsset, "rows.yml", "")
	}
	homes["ours"].share(pipeline.DataAsset, "rows")
	for name, want := range map[string]string{"ours": "azureml:rows:5", "theirs": "azureml:rows:5 in another store"} {
		w := homes[name]
		l, err := w.Lineage(t.Context(), "azureml://registries/team/data/rows/versions/5", runs.LineageOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if up := l.Up(); len(up) != 1 || up[0].Node.Name != want {
			t.Errorf("%s: it was made from %+v, want %s", name, up[0].Node, want)
		}
		if l, err = w.Lineage(t.Context(), "azureml:rows:5", runs.LineageOptions{}); err != nil {
			t.Fatal(err)
		}
		if down := len(l.Down()); (down == 1) != (name == "ours") {
			t.Errorf("%s: %d assets were made from its own", name, down)
		}
	}
	// A copy of what a job made names the store of the job, too.
	w := homes["ours"]
	w.write("copy.yml", "name: copy\ntype: uri_file\npath: azureml:rows:5\n")
	id, err := w.Catalog(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	ours, err := id.Identity(t.Context())
	if v := w.create(pipeline.DataAsset, "copy.yml", "team"); err != nil || v.Origin == nil || v.Origin.Store != ours || ours == "" {
		t.Errorf("made from %+v, %v", v.Origin, err)
	}
}
