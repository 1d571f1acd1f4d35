package runs

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/internal/datastore"
	environments "github.com/millrace-ml/millrace/internal/environment"
	"github.com/millrace-ml/millrace/pipeline"
)

// Library finds what files refer to by name. It asks for the service only when
// something has to be looked up, so that a file that stands alone needs no
// store.
type Library struct {
	// Context bounds the look-ups of one file.
	Context context.Context
	// Service is where assets and jobs are.
	Service func() (*Service, error)
	// Program is how the person called the program, for hints.
	Program string
}

// Find returns the version that a reference means.
func (l *Library) Find(ref pipeline.AssetRef) (*azureml.Asset, error) {
	if a := curatedEnvironment(ref); a != nil {
		return a, nil
	}
	if isCurated(ref) {
		instead := "its steps run with the software of the machine"
		if set := environments.StandIn(ref.Name); set != "" {
			instead = "the packages of " + set + " stand for it"
		}
		return nil, &azureml.Unknown{
			Message:   fmt.Sprintf("%q is none of the curated environments that are known here; %s", ref.Name, instead),
			Hint:      nearCurated(ref),
			Tolerable: true,
		}
	}
	s, err := l.Service()
	if err != nil {
		return nil, err
	}
	c, err := s.Catalog(l.Context, ref.Registry)
	if missing, ok := errors.AsType[*asset.NotFound](err); ok {
		hint := fmt.Sprintf("`%s registry list` shows those there are; `%s registry create -n %s --url URL` adds one", l.Program, l.Program, ref.Registry)
		if len(missing.Near) > 0 {
			hint = fmt.Sprintf("did you mean %q?", missing.Near[0])
		}
		return nil, &azureml.Unknown{Message: fmt.Sprintf("there is no registry %q", ref.Registry), Hint: hint}
	}
	if err != nil {
		return nil, err
	}
	v, err := c.Find(l.Context, ref)
	if missing, ok := errors.AsType[*asset.NotFound](err); ok {
		missing.Ref.Registry = ref.Registry
		hint := l.howTo(ref, missing)
		if other := l.otherKind(c, ref); other != "" && len(missing.Versions) == 0 {
			hint = other
		}
		return nil, &azureml.Unknown{Message: plainly(missing), Hint: hint}
	}
	if err != nil {
		return nil, err
	}
	return found(v, ref.Registry), nil
}

// plainly is what there is not, without what there is: that is the hint's.
func plainly(missing *asset.NotFound) string {
	message, _, _ := strings.Cut(missing.Error(), " (")
	return strings.Replace(message, "no data ", "no data asset ", 1)
}

// otherKind says how data is referred to that is a model, and the other way
// round: files tell the two apart by the type of the input only.
func (l *Library) otherKind(c *asset.Catalog, ref pipeline.AssetRef) string {
	other := map[pipeline.AssetKind]pipeline.AssetKind{pipeline.DataAsset: pipeline.ModelAsset, pipeline.ModelAsset: pipeline.DataAsset}[ref.Kind]
	if other == "" {
		return ""
	}
	v, err := c.Find(l.Context, pipeline.AssetRef{Kind: other, Name: ref.Name, Version: ref.Version, Label: ref.Label})
	if err != nil {
		return ""
	}
	return fmt.Sprintf("there is %s of that name: write \"type: %s\" beside the path", other.Words(), v.Type)
}

// howTo says what there is in the place of what is missing, or how to make it.
func (l *Library) howTo(ref pipeline.AssetRef, missing *asset.NotFound) string {
	near := ref
	switch {
	case len(missing.Near) > 0:
		near.Name = missing.Near[0]
		return fmt.Sprintf("did you mean %q?", near.String())
	case len(missing.Versions) > 0 && !missing.Archived:
		return "its versions are " + strings.Join(missing.Versions, ", ") + " (the newest first)"
	case len(missing.Versions) > 0:
		return fmt.Sprintf("`%s %s restore -n %s` brings it back", l.Program, ref.Kind, ref.Name)
	}
	where := ""
	if ref.Registry != "" {
		where = " --registry-name " + ref.Registry
	}
	noun := fmt.Sprintf("%s %s", l.Program, ref.Kind)
	return fmt.Sprintf("create it with `%s create -f FILE%s`; `%s list%s` shows those there are", noun, where, noun, where)
}

// found is a version as the dialect wants it.
func found(v asset.Version, registry string) *azureml.Asset {
	a := &azureml.Asset{
		Ref: v.Ref(registry), Type: pipeline.PortType(v.Type),
		Definition: v.Definition, Artifacts: v.Artifacts, URI: v.URI, Artifact: v.Artifact,
	}
	if a.Artifact != nil && a.URI == "" {
		name := v.Artifact.Name
		if v.Artifact.Tree {
			name = v.Name
		}
		a.URI = datastore.UploadURI(*v.Artifact, name)
	}
	return a
}

// isCurated tells references to Azure's own environments: in its registry, or in
// a workspace by the prefix of their names.
func isCurated(ref pipeline.AssetRef) bool {
	return ref.Kind == pipeline.EnvironmentAsset &&
		(ref.Registry == environments.CuratedRegistry || strings.HasPrefix(ref.Name, environments.CuratedPrefix))
}

// curatedEnvironment knows the environments of Azure's registry by name. What is
// in them is up to the worker.
func curatedEnvironment(ref pipeline.AssetRef) *azureml.Asset {
	if !isCurated(ref) {
		return nil
	}
	if _, ok := environments.FindCurated(ref.Name); !ok {
		return nil
	}
	return &azureml.Asset{Ref: ref}
}

func nearCurated(ref pipeline.AssetRef) string {
	name := strings.TrimPrefix(ref.Name, environments.CuratedPrefix)
	var names []string
	for _, c := range environments.AllCurated() {
		names = append(names, c.Name)
	}
	near := asset.Near(name, names)
	if len(near) == 0 {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", near[0])
}

// Output returns what an earlier job made, or a part of it.
func (l *Library) Output(job, output, path string) (*azureml.Asset, error) {
	s, err := l.Service()
	if err != nil {
		return nil, err
	}
	made, kind, err := s.jobOutput(l.Context, job, output)
	if err == nil {
		part, selecting := s.Store.Select(l.Context, made, path)
		if selecting == nil {
			if part.Digest != made.Digest && !part.Tree {
				kind = pipeline.URIFile
			}
			name := part.Name
			if part.Tree {
				name = output
			}
			return &azureml.Asset{Type: kind, URI: datastore.UploadURI(part, name), Artifact: &part}, nil
		}
		if err = selecting; errors.Is(err, artifact.ErrGone) {
			return nil, &azureml.Unknown{
				Message: fmt.Sprintf("output %q of job %s has no %q", output, job, path),
				Hint:    fmt.Sprintf("`%s job download -n %s --output-name %s` shows what it has", l.Program, job, output),
			}
		}
	}
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, &azureml.Unknown{Message: fmt.Sprintf("there is no job %q", job), Hint: fmt.Sprintf("`%s job list -o table` shows the jobs there are", l.Program)}
	case errors.Is(err, ErrNoOutput), errors.Is(err, ErrNotMade):
		return nil, &azureml.Unknown{Message: err.Error()}
	}
	return nil, err
}

// Connection reports that there is no connection of a name, or nil.
func (l *Library) Connection(name string) error {
	s, err := l.Service()
	if err != nil {
		return err
	}
	_, err = s.connections().Find(l.Context, name)
	missing, ok := errors.AsType[*asset.NotFound](err)
	if !ok {
		return err
	}
	hint := fmt.Sprintf("make it with `%s connection create -f FILE`; `%s connection list` shows those there are", l.Program, l.Program)
	if len(missing.Near) > 0 {
		hint = fmt.Sprintf("did you mean %q?", missing.Near[0])
	}
	return &azureml.Unknown{Message: fmt.Sprintf("there is no connection %q", name), Hint: hint}
}

// Place reports why nothing can be read from or written to an address in a
// datastore, or nil.
func (l *Library) Place(uri string) error {
	u, err := datastore.ParseURI(uri)
	if err == nil && datastore.IsFixed(u.Datastore) {
		return nil
	}
	if err == nil {
		var s *Service
		if s, err = l.Service(); err != nil {
			return err
		}
		err = datastore.New(s.Store).Check(l.Context, uri)
	}
	if failure, ok := errors.AsType[*pipeline.Failure](err); ok && failure.Kind != pipeline.Infrastructure {
		return &azureml.Unknown{Message: failure.Message, Hint: failure.Hint}
	}
	return err
}
