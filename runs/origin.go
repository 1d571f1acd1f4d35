package runs

import (
	"context"

	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/pipeline"
)

// locate says in an origin which store it is in: that of a registry, or that of
// the jobs (""). Names mean something else in other homes, which will read it.
func (s *Service) locate(ctx context.Context, o *asset.Origin, registry string) error {
	c, err := s.Catalog(ctx, registry)
	if err != nil {
		return err
	}
	if o.Store, err = c.Identify(ctx); err != nil && ctx.Err() == nil {
		return nil // a store that may only be read stays without
	}
	return err
}

// locateFrom does so for a version that is about to be created in a registry.
func (s *Service) locateFrom(ctx context.Context, v *asset.Version) error {
	if v.Origin == nil {
		return nil
	}
	registry := ""
	if ref, err := pipeline.ParseAssetRef(v.Origin.Asset, v.Kind); err == nil {
		registry = ref.Registry
	}
	return s.locate(ctx, v.Origin, registry)
}
