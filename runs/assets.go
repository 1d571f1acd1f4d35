package runs

import (
	"context"
	"fmt"
	"strings"

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
	if registry == "" {
		return keep(ctx, c, f, whoami(), nil)
	}
	into := s.share(ctx, c, registry)
	return keep(ctx, c, f, whoami(), func(v *asset.Version) error {
		if err := s.locateFrom(ctx, v); err != nil {
			return err
		}
		return into.promote(v)
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
