package lineage_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/internal/lineage"
	"github.com/millrace-ml/millrace/pipeline"
)

// The same name is another asset in another store, and the same job another job.
func TestOriginsInOtherStoresAreNotTakenForThoseHere(t *testing.T) {
	w := trained(t) // it has a model azureml:iris:1, and jobs
	other := newWorld(t)
	identify := func(c *asset.Catalog) string {
		id, err := c.Identify(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	here, there := identify(w.catalog), identify(other.catalog)
	for name, test := range map[string]struct {
		origin  asset.Origin
		content string
		want    string
	}{
		"an asset here":          {asset.Origin{Asset: "azureml:iris:1", Store: here}, "model", "model azureml:iris:1 (shared )\n  output first/train/model"},
		"an asset elsewhere":     {asset.Origin{Asset: "azureml:iris:1", Store: there}, "theirs", "model azureml:iris:1 in another store (shared )\n"},
		"the same elsewhere":     {asset.Origin{Asset: "azureml:iris:1", Store: there}, "model", "model azureml:iris:1 in another store (shared )\n"},
		"an earlier record":      {asset.Origin{Asset: "azureml:iris:1"}, "model", "model azureml:iris:1 (shared )\n  output first/train/model"},
		"an earlier record of x": {asset.Origin{Asset: "azureml:iris:1"}, "theirs", "model azureml:iris:1 in another store (shared )\n"},
		"none there":             {asset.Origin{Asset: "azureml:iris:9"}, "theirs", "model azureml:iris:9 in another store (shared )\n"},
		"an output here":         {asset.Origin{Job: "second", Step: "train", Output: "model", Store: here}, "model", "output first/train/model (registered )\n"},
		"an output elsewhere":    {asset.Origin{Job: "second", Output: "best", Store: there}, "theirs", "output second/best in another store (registered )\n"},
		"an earlier output":      {asset.Origin{Job: "second", Output: "best"}, "model", "output first/train/model (registered )\n"},
		"an earlier output of x": {asset.Origin{Job: "second", Output: "best"}, "theirs", "output second/best in another store (registered )\n"},
		"a registry":             {asset.Origin{Asset: "azureml://registries/ours/models/iris/versions/1", Store: here}, "model", "model azureml:iris:1 (shared )\n"},
		"another registry":       {asset.Origin{Asset: "azureml://registries/gone/models/iris/versions/1", Store: there}, "model", "models/iris/versions/1 in another store (shared )\n"},
	} {
		t.Run(name, func(t *testing.T) {
			team := newWorld(t)
			team.clock = w.clock
			team.create(asset.Version{Kind: pipeline.ModelAsset, Name: "flowers", Version: "7", Type: "custom_model", Artifact: w.content(test.content), Origin: &test.origin})
			g, err := lineage.Read(t.Context(), lineage.Options{Store: w.store, Registries: []string{"team"},
				Registry: func(_ context.Context, name string) (*asset.Catalog, error) {
					if name != "team" {
						return nil, asset.ErrNotFound
					}
					return team.catalog, nil
				}})
			if err != nil {
				t.Fatal(err)
			}
			l := g.Around(w.find(g, "azureml://registries/team/models/flowers/versions/7"), lineage.Upstream, 0)
			if up := draw(l.Up(), 0); !strings.Contains(up, test.want) {
				t.Errorf("made from\n%s", up)
			}
			iris, err := g.Find(t.Context(), "azureml:iris:1", pipeline.ModelAsset)
			if err != nil {
				t.Fatal(err)
			}
			down := draw(g.Around(iris, lineage.Downstream, 0).Down(), 0)
			if shared := strings.Contains(down, "flowers"); shared != strings.Contains(test.want, "model azureml:iris:1 (shared )") {
				t.Errorf("made from azureml:iris:1\n%s", down)
			}
		})
	}
}

// Signatures are not shown, and make no two places of one.
func TestSecretsInPlacesAreNotShown(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"one", "two"} {
		w.job(pipeline.Plan{Name: name, Type: pipeline.CommandJob, Steps: []pipeline.Step{{Name: "main",
			Inputs: []pipeline.Input{source("rows", pipeline.Source{URI: "https://host/rows.csv?sig=HIDDEN" + name})}}}},
			pipeline.StepState{Name: "main"})
	}
	w.create(asset.Version{Kind: pipeline.DataAsset, Name: "rows", Version: "1", Type: "uri_file", URI: "https://host/rows.csv?sig=HIDDENasset"})
	l := w.around("https://host/rows.csv?sig=HIDDEN")
	text, err := json.Marshal(l)
	if err != nil || strings.Contains(string(text)+l.Title, "HIDDEN") {
		t.Errorf("%s\n%s, %v", l.Title, text, err)
	}
	if down := draw(l.Down(), 0); strings.Count(down, "step ") != 2 || !strings.Contains(down, "data azureml:rows:1") {
		t.Errorf("made from it\n%s", down)
	}
}
