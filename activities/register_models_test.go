package activities

import (
	"testing"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/pipeline"
)

func TestModelsOfProgramsBecomeAssets(t *testing.T) {
	a := newActivities(t)
	file, err := a.Store.PutBytes(t.Context(), []byte("weights"))
	if err != nil {
		t.Fatal(err)
	}
	entry := func(path string) artifact.Entry {
		return artifact.Entry{Path: path, Mode: artifact.Plain, Size: file.Size, Digest: file.Digest}
	}
	tree, err := a.Store.PutTree(t.Context(), artifact.Tree{Entries: []artifact.Entry{entry("classifier/MLmodel"), entry("tracking/run.json")}})
	if err != nil {
		t.Fatal(err)
	}
	plan := making(pipeline.AssetName{Name: "rows"}, pipeline.AssetName{Name: "net"})
	in := RegisterInput{Job: "job", Plan: a.keep(t, plan), Models: []StepModels{{Step: "train", Artifacts: tree, Models: []pipeline.Model{
		{Name: "iris", Path: "classifier", Type: pipeline.MLflowModel, Description: "of flowers", Tags: map[string]string{"kind": "small"}},
		{Name: "gone", Path: "nothing", Type: pipeline.CustomModel},
	}}}}
	for range 2 { // also when the worker has died over it
		got, err := a.Register(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		same(t, refs(got), []string{"model artifacts azureml:iris:1"})
	}
	ref, err := pipeline.ParseAssetRef("azureml:iris:1", pipeline.ModelAsset)
	if err != nil {
		t.Fatal(err)
	}
	v, err := asset.New(a.Store).Find(t.Context(), ref)
	if err != nil || v.Type != string(pipeline.MLflowModel) || v.Notes.Description != "of flowers" || v.Notes.Tags["kind"] != "small" || v.Artifact.Files != 1 {
		t.Errorf("got %+v, %v", v, err)
	}
}

func TestHeartbeatsHaveTheFirstMetrics(t *testing.T) {
	var l live
	for i := range pipeline.MaxMetrics + 5 {
		l.hear(string(rune('A'+i)), 1, float64(i))
	}
	l.hear("A", 2, -1)
	b := l.says().(Beat)
	if len(b.Metrics) != pipeline.MaxMetrics || b.Metrics["A"].Count != 2 || b.Metrics["A"].Last != -1 {
		t.Errorf("got %+v", b)
	}
}
