package lineage

import (
	"context"
	"path"

	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/pipeline"
)

// Origins name a job or an asset of one certain store. In a registry lie copies
// from the stores of others, where the same names are other things.

// elsewhere is added to the names of things in stores that are not read.
const elsewhere = " in another store"

// identity notes which store a registry is. One without an identity is the
// origin of nothing that tells its own.
func (r *reader) identity(ctx context.Context, c *asset.Catalog, registry string) error {
	id, err := c.Identity(ctx)
	if err != nil {
		return r.damaged(ctx, err)
	}
	if _, known := r.called[id]; id != "" && !known {
		r.called[id] = registry
	}
	return nil
}

// home is the registry that has an origin, given what the registry was called by
// who wrote it down; here is false where its store is none that can be read.
func (r *reader) home(ctx context.Context, o *asset.Origin, called string) (registry string, here bool) {
	if registry, here = r.called[o.Store]; here || called == "" {
		return registry, here
	}
	c, err := r.catalog(ctx, called)
	if err != nil {
		return "", false
	}
	id, err := c.Identity(ctx)
	return called, err == nil && id == o.Store
}

// madeFrom is what an asset was made from: an output, or another asset; nil
// where that is not recorded, or the job is not.
func (r *reader) madeFrom(ctx context.Context, v version) *Node {
	switch {
	case v.Origin == nil:
		return nil
	case v.Origin.Asset != "":
		return r.copyOf(ctx, v)
	}
	g, o := r.graph, v.Origin
	if registry, here := r.home(ctx, o, ""); o.Store != "" && (!here || registry != "") {
		return g.strange(Output, path.Join(o.Job, o.Step, o.Output), o.Store)
	}
	made := g.outputOf(o.Job, o.Output)
	if o.Step != "" {
		made = g.made(stepName{o.Job, o.Step}, o.Output)
	}
	if made != nil && o.Store == "" && v.registry != "" && !sameContent(v.Version, asset.Version{Artifact: made.Content}) {
		return g.strange(Output, path.Join(o.Job, o.Step, o.Output), o.Store)
	}
	return made
}

// copyOf is the asset that another one was made from.
func (r *reader) copyOf(ctx context.Context, v version) *Node {
	ref, err := pipeline.ParseAssetRef(v.Origin.Asset, v.Kind)
	if err != nil {
		return nil
	}
	ref.Kind = v.Kind
	called := ref.String()
	switch {
	case v.Origin.Store != "":
		var here bool
		if ref.Registry, here = r.home(ctx, v.Origin, ref.Registry); !here {
			return r.graph.strange(Kind(v.Kind), called, v.Origin.Store)
		}
	case v.registry != "":
		// Earlier records do not say whose asset it is. With the same content it
		// does not matter.
		c, err := r.catalog(ctx, ref.Registry)
		if err != nil {
			return r.graph.strange(Kind(v.Kind), called, "")
		}
		if there, err := c.Find(ctx, ref); err != nil || !sameContent(v.Version, there) {
			return r.graph.strange(Kind(v.Kind), called, "")
		}
	}
	return r.graph.asset(ref)
}

// sameContent tells whether one version can be a copy of the other.
func sameContent(a, b asset.Version) bool {
	if a.Artifact != nil && b.Artifact != nil {
		return a.Artifact.Digest == b.Artifact.Digest
	}
	return a.Artifact == b.Artifact && a.Definition == b.Definition && a.URI == b.URI
}

// strange is a thing in a store that is not read.
func (g *Graph) strange(kind Kind, name, store string) *Node {
	return g.node("elsewhere:"+store+":"+string(kind)+":"+name, func() Node {
		return Node{Kind: kind, Name: name + elsewhere, Missing: "nothing more is recorded here"}
	})
}
