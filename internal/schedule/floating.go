package schedule

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/internal/datastore"
	"github.com/millrace-ml/millrace/pipeline"
)

// refresh looks up anew what data a name alone, or a label, means. What a registry
// holds stays as it was when the schedule was made: its store is not at hand
// where jobs are made.
func (k Maker) refresh(ctx context.Context, plan *pipeline.Plan) error {
	r := refresher{ctx, asset.New(k.Store), map[string]asset.Version{}}
	if err := r.inputs(plan.Inputs); err != nil {
		return err
	}
	for i := range plan.Steps {
		if err := r.inputs(plan.Steps[i].Inputs); err != nil {
			return err
		}
	}
	return nil
}

type refresher struct {
	ctx     context.Context
	catalog *asset.Catalog
	found   map[string]asset.Version // by kind and reference
}

func (r refresher) inputs(inputs []pipeline.Input) error {
	for i := range inputs {
		in := &inputs[i]
		src := in.Binding.Source
		if src == nil || src.Floating == "" {
			continue
		}
		ref, err := pipeline.ParseAssetRef(src.Floating, "")
		if err != nil || ref.Registry != "" {
			continue
		}
		pinned, err := pipeline.ParseAssetRef(src.Asset, "")
		if err != nil {
			continue
		}
		old, err := r.find(pinned, in.Type)
		if err != nil {
			return fmt.Errorf("input %s: %w", in.Name, err)
		}
		ref.Kind = old.Kind
		latest, err := r.find(ref, in.Type)
		if err != nil {
			return fmt.Errorf("input %s: %w", in.Name, err)
		}
		if err := replace(in, old, latest); err != nil {
			return fmt.Errorf("input %s: %w", in.Name, err)
		}
	}
	return nil
}

// find looks a version up. Data and models are told apart by the type of the
// input, or else by what there is.
func (r refresher) find(ref pipeline.AssetRef, kind pipeline.PortType) (asset.Version, error) {
	kinds := []pipeline.AssetKind{pipeline.DataAsset, pipeline.ModelAsset}
	switch {
	case ref.Kind != "":
		kinds = []pipeline.AssetKind{ref.Kind}
	case kind == pipeline.CustomModel || kind == pipeline.MLflowModel || kind == pipeline.TritonModel:
		kinds = []pipeline.AssetKind{pipeline.ModelAsset, pipeline.DataAsset}
	}
	var missing error
	for _, ref.Kind = range kinds {
		key := string(ref.Kind) + " " + ref.Short()
		v, known := r.found[key]
		if known {
			return v, nil
		}
		v, err := r.catalog.Find(r.ctx, ref)
		switch {
		case err == nil:
			r.found[key] = v
			return v, nil
		case !errors.Is(err, asset.ErrNotFound):
			return v, err
		case missing == nil:
			missing = err
		}
	}
	return asset.Version{}, missing
}

// replace puts one version in the place of another. What lies below the one then
// lies below the other.
func replace(in *pipeline.Input, old, latest asset.Version) error {
	src := in.Binding.Source
	if latest.Artifact != nil && latest.Artifact.Tree && in.Type == pipeline.URIFile && src.Artifact != nil {
		return fmt.Errorf("version %s of %s is a folder, and the type is uri_file", latest.Version, latest.Name)
	}
	was, is := address(old), address(latest)
	switch rest, below := strings.CutPrefix(src.URI, strings.TrimSuffix(was, "/")+"/"); {
	case src.URI == was:
		src.URI, src.Artifact = is, latest.Artifact
	case below:
		src.URI, src.Artifact = strings.TrimSuffix(is, "/")+"/"+rest, nil
	default:
		return fmt.Errorf("%s is not a part of version %s of %s", src.URI, old.Version, old.Name)
	}
	src.Asset = latest.Ref("").String()
	return nil
}

// address is where a version is said to be.
func address(v asset.Version) string {
	switch {
	case v.URI != "" || v.Artifact == nil:
		return v.URI
	case v.Artifact.Tree:
		return datastore.UploadURI(*v.Artifact, v.Name)
	}
	return datastore.UploadURI(*v.Artifact, v.Artifact.Name)
}
