package runs

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/pipeline"
)

// CreateAsset keeps an asset in a registry, or in the store of the jobs (""). It
// takes everything that the file refers to along: local files, and for a
// registry also the assets of the store that it names.
func (s *Service) CreateAsset(ctx context.Context, f *azureml.AssetFile, registry string) (asset.Version, error) {
	c, err := s.Catalog(ctx, registry)
	if err != nil {
		return asset.Version{}, err
	}
	return keep(ctx, c, f, whoami(), func(v *asset.Version) error {
		if registry != "" {
			return s.promote(ctx, v, c, registry)
		}
		return nil
	})
}

// keep creates a version of what a file says. prepare may change it before.
func keep(ctx context.Context, c *asset.Catalog, f *azureml.AssetFile, by string, prepare func(*asset.Version) error) (asset.Version, error) {
	v := asset.Version{
		Kind: f.Kind, Name: f.Name, Version: f.Version, Type: f.Type, Flavors: f.Flavors,
		CreatedBy: by,
		Notes:     asset.Notes{DisplayName: f.DisplayName, Description: f.Description, Stage: f.Stage, Tags: f.Tags, Properties: f.Properties},
	}
	p := pinner{ctx: ctx, store: c.Store()}
	var err error
	switch f.Kind {
	case pipeline.ComponentAsset, pipeline.EnvironmentAsset:
		v.Definition, v.Artifacts, err = f.Definition(p)
	default:
		err = p.fill(&v, f.Source)
	}
	if err == nil && prepare != nil {
		err = prepare(&v)
	}
	if err != nil {
		return v, fmt.Errorf("create %s %s: %w", f.Kind, f.Name, err)
	}
	made, _, err := c.Create(ctx, v)
	return made, err
}

// pinner takes local files into a store.
type pinner struct {
	ctx   context.Context
	store *artifact.Store
}

// PinCode takes a snapshot of code.
func (p pinner) PinCode(c *pipeline.Code) (pipeline.Artifact, error) {
	if c.Artifact == nil {
		a, err := p.store.ImportFiles(p.ctx, c.Files)
		if err != nil {
			return a, fmt.Errorf("take the code into the store: %w", err)
		}
		c.Artifact = &a
	}
	return *c.Artifact, nil
}

// PinSource takes local data.
func (p pinner) PinSource(src *pipeline.Source) (pipeline.Artifact, error) {
	if src.Artifact == nil {
		a, err := local(p.ctx, p.store, src.Local)
		if err != nil {
			return a, fmt.Errorf("%s: take %s into the store: %w", src.Position, src.Local, err)
		}
		src.Artifact = &a
	}
	return *src.Artifact, nil
}

// fill says where data or a model is, and what it was made from.
func (p pinner) fill(v *asset.Version, src *pipeline.Source) error {
	if src.Local != "" || src.Artifact != nil {
		a, err := p.PinSource(src)
		if err != nil {
			return err
		}
		v.Artifact = &a
	} else {
		v.URI = src.URI
	}
	v.Origin = origin(src.Asset)
	return nil
}

// origin is what an asset was made from, by the reference to it.
func origin(ref string) *asset.Origin {
	if ref == "" {
		return nil
	}
	rest, ok := strings.CutPrefix(ref, "azureml://jobs/")
	if !ok {
		return &asset.Origin{Asset: ref}
	}
	job, rest, _ := strings.Cut(rest, "/outputs/")
	output, _, _ := strings.Cut(rest, "/")
	return &asset.Origin{Job: job, Output: output}
}

// Share copies a version of an asset, and the assets that it refers to, into a
// registry. The name and version of the copy are those of as, where it has any.
func (s *Service) Share(ctx context.Context, ref, as pipeline.AssetRef) (asset.Version, error) {
	from, err := s.Catalog(ctx, ref.Registry)
	if err != nil {
		return asset.Version{}, err
	}
	v, err := from.Find(ctx, ref)
	if err != nil {
		return v, err
	}
	to, err := s.Catalog(ctx, as.Registry)
	if err != nil {
		return v, err
	}
	v.Origin = &asset.Origin{Asset: v.Ref(ref.Registry).String()}
	if as.Name != "" {
		v.Name = as.Name
	}
	if as.Version != "" {
		v.Version = as.Version
	}
	v.Created, v.CreatedBy = time.Time{}, whoami()
	if err := s.promote(ctx, &v, to, as.Registry); err != nil {
		return v, fmt.Errorf("share %s %s: %w", v.Kind, v.Name, err)
	}
	made, _, err := to.Create(ctx, v)
	return made, err
}

// promote brings what an asset consists of into the store of a registry, and
// has its definition refer to copies there of the assets it refers to.
func (s *Service) promote(ctx context.Context, v *asset.Version, to *asset.Catalog, registry string) error {
	for _, a := range v.Artifacts {
		if err := s.bring(ctx, to.Store(), a); err != nil {
			return err
		}
	}
	if v.Artifact != nil {
		return s.bring(ctx, to.Store(), *v.Artifact)
	}
	var failed error
	v.Definition = azureml.Rewrite(v.Definition, func(ref pipeline.AssetRef) pipeline.AssetRef {
		if ref.Registry != "" || failed != nil {
			return ref
		}
		copied, err := s.Share(ctx, ref, pipeline.AssetRef{Registry: registry})
		if err != nil {
			failed = err
			return ref
		}
		return copied.Ref(registry)
	})
	return failed
}

// bring makes sure that a store has an artifact, from whichever store has it.
func (s *Service) bring(ctx context.Context, to *artifact.Store, a pipeline.Artifact) error {
	have, err := to.Has(ctx, a)
	if err != nil || have {
		return err
	}
	sources := []*artifact.Store{s.Store}
	all, unreachable := s.ListRegistries(ctx)
	if err := asset.IgnoreDamaged(unreachable); err != nil {
		return err
	}
	for _, r := range all {
		c, err := s.Catalog(ctx, r.Name)
		if err != nil {
			unreachable = err
			continue
		}
		sources = append(sources, c.Store())
	}
	for _, from := range sources {
		if from == to {
			continue
		}
		if have, err := from.Has(ctx, a); err == nil && have {
			return to.Borrow(ctx, from, a)
		}
	}
	if unreachable != nil {
		return fmt.Errorf("%s is in none of the stores that can be reached: %w", a.Digest, unreachable)
	}
	return fmt.Errorf("%s: %w", a.Digest, artifact.ErrGone)
}
