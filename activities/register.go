package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/pipeline"
)

// Register keeps the outputs of a job that are to become assets: all of them, or
// none. An output whose content is that of the latest version already stays that
// version, so that reuse makes no new ones, nor does a second attempt.
func (a *Activities) Register(ctx context.Context, in RegisterInput) (RegisterResult, error) {
	plan, err := a.plan(ctx, in.Plan)
	if err != nil {
		return RegisterResult{}, err
	}
	var wanted []asset.Version // in the order of the plan
	for i := range plan.Steps {
		step := &plan.Steps[i]
		for _, out := range step.Outputs {
			if content, ok := in.Outputs[step.Name][out.Name]; ok && out.Asset != nil {
				wanted = append(wanted, version(in.Job, step.Name, out, content))
			}
		}
	}
	models, err := a.models(ctx, in)
	if err != nil {
		return RegisterResult{}, err
	}
	wanted = append(wanted, models...)
	result := RegisterResult{Assets: make([]Registered, len(wanted))}
	catalog := asset.New(a.Store)
	var made []asset.Version
	for _, i := range canBeRefusedFirst(wanted) {
		from := wanted[i].Origin
		v, own, err := register(ctx, catalog, wanted[i])
		if err != nil {
			a.forget(ctx, catalog, made)
		}
		if errors.Is(err, asset.ErrExists) {
			return RegisterResult{Failure: &pipeline.Failure{
				Kind:    pipeline.UserFailure,
				Message: fmt.Sprintf("output %s of step %s cannot be registered: %v", from.Output, from.Step, err),
				Hint:    "leave out the version of the output to get the next number, or choose another",
			}}, nil
		}
		if err != nil {
			return RegisterResult{}, fmt.Errorf("register output %s of step %s: %w", from.Output, from.Step, err)
		}
		if own {
			made = append(made, v)
		}
		result.Assets[i] = Registered{Step: from.Step, Output: from.Output, Kind: v.Kind, Asset: v.Ref("").String()}
	}
	return result, nil
}

// canBeRefusedFirst are the places of versions in the order in which to create
// them: those that name their version may exist with other content.
func canBeRefusedFirst(wanted []asset.Version) []int {
	var named, numbered []int
	for i, v := range wanted {
		if v.Version != "" {
			named = append(named, i)
		} else {
			numbered = append(numbered, i)
		}
	}
	return append(named, numbered...)
}

// forget takes back what was registered before something could not be.
func (a *Activities) forget(ctx context.Context, catalog *asset.Catalog, made []asset.Version) {
	ctx = context.WithoutCancel(ctx)
	for _, v := range made {
		_ = catalog.Forget(ctx, v.Kind, v.Name, v.Version)
	}
}

// version is what an output becomes.
func version(job, step string, out pipeline.Output, content pipeline.Artifact) asset.Version {
	v := asset.Version{
		Kind: pipeline.DataAsset, Name: out.Asset.Name, Version: out.Asset.Version, Type: string(out.Type), CreatedBy: asset.Whoami(),
		Artifact: &content, Origin: &asset.Origin{Job: job, Step: step, Output: out.Name},
	}
	switch out.Type {
	case pipeline.CustomModel, pipeline.MLflowModel, pipeline.TritonModel:
		v.Kind = pipeline.ModelAsset
	}
	return v
}

// register keeps one output, and reports whether the version is this job's own:
// a second attempt finds what the first has made.
func register(ctx context.Context, catalog *asset.Catalog, v asset.Version) (kept asset.Version, own bool, err error) {
	if v.Version != "" {
		if kept, own, err = catalog.Create(ctx, v); err == nil && kept.Origin != nil {
			own = *kept.Origin == *v.Origin
		}
		return kept, own, err
	}
	all, err := catalog.Versions(ctx, v.Kind, v.Name)
	if asset.IgnoreDamaged(err) != nil && !errors.Is(err, asset.ErrNotFound) {
		return v, false, err
	}
	same := func(there asset.Version) bool {
		return there.Type == v.Type && there.Artifact != nil && there.Artifact.Digest == v.Artifact.Digest
	}
	for _, there := range all {
		if same(there) && there.Origin != nil && *there.Origin == *v.Origin {
			return there, true, nil
		}
	}
	latest := slices.IndexFunc(all, func(there asset.Version) bool { return !there.Notes.Archived })
	if latest >= 0 && same(all[latest]) {
		return all[latest], false, nil
	}
	return catalog.Create(ctx, v)
}
