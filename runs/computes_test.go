package runs

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/pipeline"
)

func TestComputesAreKeptAndDecideTheQueue(t *testing.T) {
	p, ctx := newPast(t), context.Background()
	p.Queues = map[string]string{"configured": "highmem", "both": "highmem"}
	for _, c := range []Compute{
		{Name: "cpu-cluster", Type: "amlcompute", MaxInstances: 8},
		{Name: "gpu-cluster", Type: "amlcompute", Size: "Standard_NC12", MaxInstances: 4},
		{Name: "trainers", Type: "amlcompute", Size: "STANDARD_ND40RS_V2"},
		{Name: "gpu-in-name-only", Type: "amlcompute", Size: "Standard_DS3_v2"},
		{Name: "said", Type: "amlcompute", Size: "Standard_NC6s_v3", Queue: "highmem"},
		{Name: "both", Type: "amlcompute", Size: "Standard_NC6s_v3"},
	} {
		if _, err := p.CreateCompute(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{
		"cpu-cluster": "cpu", "gpu-cluster": "gpu", "trainers": "gpu", "gpu-in-name-only": "cpu", "said": "highmem", "both": "highmem",
		"configured": "highmem", "local": "cpu", "serverless": "cpu",
	}
	plan := &pipeline.Plan{Name: "job"}
	for name := range want {
		plan.Steps = append(plan.Steps, pipeline.Step{Name: name, Compute: name})
	}
	p.must(p.Route(ctx, plan))
	got := map[string]string{}
	for _, s := range plan.Steps {
		got[s.Name] = s.Queue
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	list, err := p.ListComputes(ctx)
	p.must(err)
	shown := map[string]string{}
	for _, c := range list {
		shown[c.Name], _ = p.ComputeDocument(c)["queue"].(string)
	}
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Errorf("what is shown is not what happens: %s", diff)
	}
}

func TestAComputeIsChangedAndForgotten(t *testing.T) {
	p, ctx := newPast(t), context.Background()
	if _, err := p.ShowCompute(ctx, "cpu-clutser"); !errors.Is(err, asset.ErrNotFound) {
		t.Error(err)
	}
	first, err := p.CreateCompute(ctx, Compute{Name: "box", Type: "computeinstance", Size: "Standard_DS3_v2"})
	p.must(err)
	second, err := p.UpdateCompute(ctx, "box", func(c *Compute) error { c.Stopped = true; return nil })
	p.must(err)
	if !second.Created.Equal(first.Created) || second.Modified.IsZero() || p.ComputeDocument(second)["state"] != "Stopped" {
		t.Errorf("%+v", second)
	}
	p.must(p.DeleteCompute(ctx, "box"))
	if err := p.DeleteCompute(ctx, "box"); !errors.Is(err, asset.ErrNotFound) {
		t.Error(err)
	}
	if err := p.DeleteCompute(ctx, "local"); !errors.Is(err, ErrBuiltIn) {
		t.Error(err)
	}
	_, err = p.CreateCompute(ctx, Compute{Name: "local", Type: "amlcompute", Size: "Standard_NC12"})
	p.must(err)
	p.must(p.DeleteCompute(ctx, "local"))
	if c, err := p.ShowCompute(ctx, "local"); err != nil || c.Type != "local" {
		t.Errorf("%+v, %v", c, err)
	}
	for _, c := range []Compute{{Name: "a b"}, {Name: "a", Queue: "pipelines"}, {Name: "a", MinInstances: 2, MaxInstances: 1}} {
		if _, err := p.CreateCompute(ctx, c); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
