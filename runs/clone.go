package runs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/internal/datastore"
	"github.com/millrace-ml/millrace/internal/record"
	"github.com/millrace-ml/millrace/pipeline"
)

// ErrNotKept says that what a job was made from was not kept with it.
var ErrNotKept = errors.New("what it was made from was not kept")

// closer takes into the store what the closed form of a job needs beyond its
// plan: data that no step reads.
type closer struct {
	pinner
	local map[string]pipeline.Artifact // what the plan has, by path
}

// PinSource takes local data, where the plan has not taken it already.
func (c closer) PinSource(src *pipeline.Source) (pipeline.Artifact, error) {
	if a, ok := c.local[src.Local]; ok && src.Local != "" {
		return a, nil
	}
	return c.pinner.PinSource(src)
}

// keepClosed stores the closed form of a job whose plan is pinned.
func (s *Service) keepClosed(ctx context.Context, job *azureml.Job, plan *pipeline.Plan) (pipeline.Digest, error) {
	c := closer{pinner{ctx, s.Store}, map[string]pipeline.Artifact{}}
	for in := range inputsOf(plan) {
		if src := in.Binding.Source; src != nil && src.Local != "" && src.Artifact != nil {
			c.local[src.Local] = *src.Artifact
		}
	}
	closed, err := job.Close(c)
	if err != nil {
		return "", err
	}
	data, err := json.Marshal(closed)
	if err != nil {
		return "", err
	}
	stored, err := s.Store.PutBytes(ctx, data)
	return stored.Digest, err
}

// inputsOf are the inputs of a plan and of its steps.
func inputsOf(plan *pipeline.Plan) iter.Seq[*pipeline.Input] {
	return func(yield func(*pipeline.Input) bool) {
		lists := [][]pipeline.Input{plan.Inputs}
		for i := range plan.Steps {
			lists = append(lists, plan.Steps[i].Inputs)
		}
		for _, list := range lists {
			for i := range list {
				if !yield(&list[i]) {
					return
				}
			}
		}
	}
}

// CloneOptions say how a clone differs from the job it is made from.
type CloneOptions struct {
	// Name is the clone's; "" finds a new one.
	Name string
	// Set are "path=value" pairs that change its file.
	Set []string
	// Assets finds what the pairs refer to by name, and what the job did.
	Assets azureml.Assets
}

// maxClosed bounds what is read of a closed job, in bytes.
const maxClosed = 64 << 20

// Clone reads an earlier job again, to be submitted with changes. Its code, data
// and components are those that were submitted then, whatever has become of the
// files. Mistakes come back as [azureml.Problems]; the job has what else there is
// to say.
func (s *Service) Clone(ctx context.Context, from string, o CloneOptions) (Submission, *azureml.Job, error) {
	submitted, closed, err := s.closed(ctx, from)
	if err != nil {
		return Submission{}, nil, err
	}
	job, err := azureml.LoadClosed("job "+from, closed, azureml.LoadOptions{Set: o.Set, Assets: o.Assets})
	if err != nil {
		return Submission{}, job, err
	}
	name := o.Name
	if name == "" {
		name = NewName()
	}
	plan, err := azureml.Compile(job, azureml.CompileOptions{Name: name})
	if err != nil {
		return Submission{}, nil, err
	}
	if err := s.address(ctx, plan, closed); err != nil {
		return Submission{}, nil, fmt.Errorf("clone job %s: %w", from, err)
	}
	return Submission{
		Plan: plan, Source: job, File: submitted.File, Definition: azureml.Changed(submitted.Definition, o.Set),
	}, job, nil
}

// closed returns what a job was made from, in a form that needs no files.
func (s *Service) closed(ctx context.Context, name string) (record.Submitted, azureml.Closed, error) {
	var closed azureml.Closed
	submitted, err := s.records.Submitted(ctx, name)
	if err != nil {
		return submitted, closed, err
	}
	if submitted.Closed == "" {
		return submitted, closed, fmt.Errorf("job %s: %w: submit its file %s again", name, ErrNotKept, submitted.File)
	}
	data, err := s.Store.ReadAll(ctx, submitted.Closed, maxClosed)
	if err == nil {
		err = json.Unmarshal(data, &closed)
	}
	if err != nil {
		return submitted, closed, fmt.Errorf("read what job %s was made from: %w", name, err)
	}
	return submitted, closed, nil
}

// address gives data that a closed job has in the store the address under which
// everybody else knows it, and finds the parts of it that inputs name.
func (s *Service) address(ctx context.Context, plan *pipeline.Plan, closed azureml.Closed) error {
	whole := make(map[pipeline.Digest]pipeline.Artifact, len(closed.Artifacts))
	for _, a := range closed.Artifacts {
		whole[a.Digest] = a
	}
	for in := range inputsOf(plan) {
		src := in.Binding.Source
		if src == nil {
			continue
		}
		digest, below, ok := azureml.SplitArtifact(src.URI)
		if !ok {
			continue
		}
		a := whole[digest]
		src.URI = datastore.UploadURI(a, a.Name) + below
		if src.Artifact != nil {
			continue
		}
		part, err := s.Store.Select(ctx, a, below)
		if err != nil {
			return fmt.Errorf("%s: input %s: %w", src.Position, in.Name, err)
		}
		if src.Artifact = &part; !part.Tree {
			in.Type = pipeline.URIFile
		}
	}
	return nil
}
