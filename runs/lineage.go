package runs

import (
	"context"

	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/internal/lineage"
	"github.com/millrace-ml/millrace/pipeline"
)

// LineageOptions say how far the lineage is followed.
type LineageOptions struct {
	// Kind is that of an asset whose reference does not say it; "" takes any.
	Kind pipeline.AssetKind
	// Direction is which way to go, Depth through how many steps; 0 is all.
	Direction lineage.Direction
	Depth     int
}

// Lineage follows what something was made from, and what was made from it. The
// start is a reference to an asset, a digest, a job, or a part of a job; see
// [lineage.Graph.Find]. All of it is read from the store: no server is asked.
func (s *Service) Lineage(ctx context.Context, start string, o LineageOptions) (*lineage.Lineage, error) {
	shared, err := s.ListRegistries(ctx)
	if asset.IgnoreDamaged(err) != nil {
		return nil, err
	}
	read := lineage.Options{Store: s.Store, Registry: s.Catalog}
	for _, r := range shared {
		if !r.BuiltIn { // nothing is ever copied into those
			read.Registries = append(read.Registries, r.Name)
		}
	}
	g, err := lineage.Read(ctx, read)
	if err != nil {
		return nil, err
	}
	from, err := g.Find(ctx, start, o.Kind)
	if err != nil {
		return nil, err
	}
	return g.Around(from, o.Direction, o.Depth), nil
}
