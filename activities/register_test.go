package activities

import (
	"errors"
	"fmt"
	"testing"

	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/pipeline"
)

// content is an artifact that differs from that of another number.
func content(n int) pipeline.Artifact {
	return pipeline.Artifact{Digest: pipeline.Digest(fmt.Sprintf("blake3:%064d", n)), Tree: true, Size: 1, Files: 1}
}

// making is a plan of one step with two outputs that become assets.
func making(data, model pipeline.AssetName) *pipeline.Plan {
	return &pipeline.Plan{Schema: pipeline.PlanSchema, Type: pipeline.PipelineJob, Name: "job", Steps: []pipeline.Step{{
		Name: "train",
		Outputs: []pipeline.Output{
			{Name: "rows", Type: pipeline.URIFolder, Asset: &data},
			{Name: "net", Type: pipeline.MLflowModel, Asset: &model},
			{Name: "rest", Type: pipeline.URIFolder},
		},
	}}}
}

func (a *Activities) register(t *testing.T, plan *pipeline.Plan, rows, net int) RegisterResult {
	t.Helper()
	return a.registerFor(t, plan.Name, plan, rows, net)
}

func (a *Activities) registerFor(t *testing.T, job string, plan *pipeline.Plan, rows, net int) RegisterResult {
	t.Helper()
	r, err := a.Register(t.Context(), RegisterInput{Job: job, Plan: a.keep(t, plan), Outputs: map[string]map[string]pipeline.Artifact{
		"train": {"rows": content(rows), "net": content(net), "rest": content(99)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func refs(r RegisterResult) (list []string) {
	for _, a := range r.Assets {
		list = append(list, string(a.Kind)+" "+a.Output+" "+a.Asset)
	}
	return list
}

func same(t *testing.T, got, want []string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestOutputsBecomeAssets(t *testing.T) {
	a := newActivities(t)
	plan := making(pipeline.AssetName{Name: "rows"}, pipeline.AssetName{Name: "net", Version: "5"})
	same(t, refs(a.register(t, plan, 1, 2)), []string{"data rows azureml:rows:1", "model net azureml:net:5"})
	v, err := asset.New(a.Store).Find(t.Context(), pipeline.AssetRef{Kind: pipeline.ModelAsset, Name: "net"})
	if err != nil {
		t.Fatal(err)
	}
	if v.Type != "mlflow_model" || *v.Artifact != content(2) || *v.Origin != (asset.Origin{Job: "job", Step: "train", Output: "net"}) {
		t.Errorf("kept %+v", v)
	}
}

func TestTheSameContentStaysTheSameVersion(t *testing.T) {
	a := newActivities(t)
	plan := making(pipeline.AssetName{Name: "rows"}, pipeline.AssetName{Name: "net"})
	for i, tt := range []struct {
		rows, net int
		want      []string
	}{
		{1, 2, []string{"data rows azureml:rows:1", "model net azureml:net:1"}},
		{1, 2, []string{"data rows azureml:rows:1", "model net azureml:net:1"}},
		{1, 3, []string{"data rows azureml:rows:1", "model net azureml:net:2"}},
		{1, 2, []string{"data rows azureml:rows:1", "model net azureml:net:3"}},
	} {
		same(t, refs(a.registerFor(t, fmt.Sprint("job", i), plan, tt.rows, tt.net)), tt.want)
	}
}

func TestASecondAttemptRegistersNothingTwice(t *testing.T) {
	a := newActivities(t)
	plan := making(pipeline.AssetName{Name: "rows"}, pipeline.AssetName{Name: "net"})
	first := []string{"data rows azureml:rows:1", "model net azureml:net:1"}
	same(t, refs(a.registerFor(t, "first", plan, 1, 2)), first)
	same(t, refs(a.registerFor(t, "second", plan, 3, 4)), []string{"data rows azureml:rows:2", "model net azureml:net:2"})
	same(t, refs(a.registerFor(t, "first", plan, 1, 2)), first)

	// What the first attempt has made is taken back when the second may not.
	plan = making(pipeline.AssetName{Name: "rows"}, pipeline.AssetName{Name: "net", Version: "1"})
	catalog := asset.New(a.Store)
	if _, _, err := catalog.Create(t.Context(), version("third", "train", plan.Steps[0].Outputs[0], content(5))); err != nil {
		t.Fatal(err)
	}
	plan.Steps[0].Outputs[0].Asset.Version = "3"
	if r := a.registerFor(t, "third", plan, 5, 6); r.Failure == nil {
		t.Fatalf("got %+v", r)
	}
	if _, err := catalog.Find(t.Context(), pipeline.AssetRef{Kind: pipeline.DataAsset, Name: "rows", Version: "3"}); !errors.Is(err, asset.ErrNotFound) {
		t.Errorf("half of the outputs stay registered: %v", err)
	}
}

func TestWhereOneOutputCannotBeRegisteredNoneIs(t *testing.T) {
	a := newActivities(t)
	a.register(t, making(pipeline.AssetName{Name: "rows"}, pipeline.AssetName{Name: "net", Version: "5"}), 1, 2)
	r := a.register(t, making(pipeline.AssetName{Name: "rows", Version: "new"}, pipeline.AssetName{Name: "net", Version: "5"}), 3, 4)
	if r.Failure == nil || r.Failure.Kind != pipeline.UserFailure || len(r.Assets) != 0 {
		t.Fatalf("got %+v", r)
	}
	versions, err := asset.New(a.Store).Versions(t.Context(), pipeline.DataAsset, "rows")
	if err != nil || len(versions) != 1 || versions[0].Version != "1" {
		t.Errorf("there are %+v, %v", versions, err)
	}
}
