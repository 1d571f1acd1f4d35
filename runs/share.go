package runs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/internal/datastore"
	"github.com/millrace-ml/millrace/pipeline"
)

// Share copies a version of an asset, and the assets that it refers to, into a
// registry. The name and version of the copy are those of as, where it has any.
func (s *Service) Share(ctx context.Context, ref, as pipeline.AssetRef) (asset.Version, error) {
	if as.Version != "" {
		if err := pipeline.CheckAssetVersion(as.Version); err != nil {
			return asset.Version{}, err
		}
	}
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
	if err := s.share(ctx, to, as.Registry).copied(&v, ref.Registry); err != nil {
		return v, fmt.Errorf("share %s %s: %w", v.Kind, v.Name, err)
	}
	if as.Name != "" {
		v.Name = as.Name
	}
	if as.Version != "" {
		v.Version = as.Version
	}
	made, _, err := to.Create(ctx, v)
	return made, err
}

// sharing is one asset on its way into a registry, with all that it refers to.
type sharing struct {
	*Service
	ctx      context.Context
	to       *asset.Catalog
	registry string
	// copies are the assets that have been copied, by their references here, and
	// chain those that are being copied, each referring to the next.
	copies map[string]pipeline.AssetRef
	chain  []string
}

func (s *Service) share(ctx context.Context, to *asset.Catalog, registry string) *sharing {
	return &sharing{Service: s, ctx: ctx, to: to, registry: registry, copies: map[string]pipeline.AssetRef{}}
}

// copied makes a version what it is to be in the registry.
func (s *sharing) copied(v *asset.Version, from string) error {
	here := v.Ref(from).String()
	if slices.Contains(s.chain, here) {
		return fmt.Errorf("it refers to itself: %s", strings.Join(append(s.chain, here), " -> "))
	}
	s.chain = append(s.chain, here)
	defer func() { s.chain = s.chain[:len(s.chain)-1] }()
	v.Origin = &asset.Origin{Asset: here}
	if err := s.locate(s.ctx, v.Origin, from); err != nil {
		return err
	}
	v.Created, v.CreatedBy, v.Notes.Archived = time.Time{}, whoami(), false
	return s.promote(v)
}

// promote brings what an asset consists of into the store of the registry, and
// has its definition refer to copies there of what it refers to.
func (s *sharing) promote(v *asset.Version) error {
	if v.Artifact == nil && strings.HasPrefix(v.URI, "azureml://datastores/") {
		// A datastore of that name is another place elsewhere.
		content, err := datastore.New(s.Store).Fetch(s.ctx, v.URI, pipeline.PortType(v.Type), nil)
		if err != nil {
			return err
		}
		v.Artifact, v.URI = &content, ""
	}
	if v.Artifact != nil {
		return s.bring(s.ctx, s.to.Store(), *v.Artifact)
	}
	into := &referrer{sharing: s, artifacts: v.Artifacts}
	var err error
	if v.Definition, err = azureml.Rewrite(v.Definition, into); err != nil {
		return err
	}
	v.Artifacts = into.artifacts
	for _, a := range v.Artifacts {
		if err := s.bring(s.ctx, s.to.Store(), a); err != nil {
			return err
		}
	}
	return nil
}

// referrer finds what a definition is to refer to in the registry.
type referrer struct {
	*sharing
	artifacts []pipeline.Artifact
}

// Asset copies an asset of the store of the jobs. Others are where they can be
// found already.
func (r *referrer) Asset(ref pipeline.AssetRef) (pipeline.AssetRef, error) {
	if ref.Registry != "" || isCurated(ref) {
		return ref, nil
	}
	if there, known := r.copies[string(ref.Kind)+" "+ref.String()]; known {
		return there, nil
	}
	v, err := asset.New(r.Store).Find(r.ctx, ref)
	if err != nil {
		return ref, err
	}
	if err := r.copied(&v, ""); err != nil {
		return ref, err
	}
	there, err := r.place(v)
	if err != nil {
		return ref, err
	}
	r.copies[string(ref.Kind)+" "+ref.String()] = there.Ref(r.registry)
	return there.Ref(r.registry), nil
}

// place keeps a copy in the registry: under its own version or, where the
// registry has something else there, another. Nobody has asked for a certain
// version of what an asset refers to.
func (r *referrer) place(v asset.Version) (asset.Version, error) {
	same, found, err := r.to.Same(r.ctx, v)
	if err != nil || found {
		return same, err
	}
	made, _, err := r.to.Create(r.ctx, v)
	if errors.Is(err, asset.ErrExists) {
		v.Version = ""
		made, _, err = r.to.Create(r.ctx, v)
	}
	return made, err
}

// Output keeps what a job made with the definition: elsewhere there is no such
// job.
func (r *referrer) Output(job, output, path string) (pipeline.Artifact, error) {
	made, _, err := r.jobOutput(r.ctx, job, output)
	if err == nil {
		made, err = r.Store.Select(r.ctx, made, path)
	}
	if err != nil {
		return made, err
	}
	if !slices.ContainsFunc(r.artifacts, func(a pipeline.Artifact) bool { return a.Digest == made.Digest }) {
		r.artifacts = append(slices.Clip(r.artifacts), made)
	}
	return made, nil
}

// bring makes sure that a store has an artifact, from whichever store has it.
func (s *Service) bring(ctx context.Context, to *artifact.Store, a pipeline.Artifact) error {
	have, err := to.Has(ctx, a)
	if err != nil || have {
		return err
	}
	lent, err := s.borrow(ctx, to, a, append([]*artifact.Store{s.Store}, s.Open.stores()...))
	if err != nil || lent {
		return err
	}
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
		if lent, err := s.borrow(ctx, to, a, []*artifact.Store{c.Store()}); err != nil || lent {
			return err
		}
	}
	if unreachable != nil {
		return fmt.Errorf("content %s is in none of the stores that can be reached: %w", a.Digest, unreachable)
	}
	return fmt.Errorf("content %s is missing in every store: create or share again what it belongs to (%w)", a.Digest, artifact.ErrGone)
}

// borrow takes an artifact from the first of the stores that has it.
func (s *Service) borrow(ctx context.Context, to *artifact.Store, a pipeline.Artifact, from []*artifact.Store) (bool, error) {
	for _, store := range from {
		if store == to {
			continue
		}
		if have, err := store.Has(ctx, a); err == nil && have {
			return true, to.Borrow(ctx, store, a)
		}
	}
	return false, nil
}
