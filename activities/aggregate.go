package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/step"
	"github.com/millrace-ml/millrace/pipeline"
)

// AggregateInput joins what the iterations of a ParallelFor have made.
type AggregateInput struct {
	UnrollInput
}

// AggregateResult is the outputs of all iterations.
type AggregateResult struct {
	Outputs map[string]pipeline.Artifact `json:"outputs,omitempty"`
	Values  map[string]string            `json:"values,omitempty"`
}

// Aggregate joins what the iterations of a ParallelFor have made: of data it makes
// a folder with that of each iteration and a file MLTable that lists them in their
// order, of values the list of them in JSON.
func (a *Activities) Aggregate(ctx context.Context, in AggregateInput) (AggregateResult, error) {
	defer beat(ctx)()
	plan, err := a.planOf(ctx, in.Plan, in.Parent, "")
	if err != nil {
		return AggregateResult{}, err
	}
	s := &plan.Steps[in.Step]
	items, err := loopItems(s, values(s, in.Inputs), in.Given)
	if err != nil {
		return AggregateResult{}, a.failed(err, StepFailed{})
	}
	made, err := a.made(ctx, in.Job, s.Loop.Body, items)
	if err != nil {
		return AggregateResult{}, a.failed(err, StepFailed{})
	}
	result := AggregateResult{Outputs: make(map[string]pipeline.Artifact), Values: make(map[string]string)}
	for _, out := range s.Loop.Body.Outputs {
		if s.Output(out.Name) == nil {
			continue
		}
		if out.Type.IsLiteral() {
			text := listOf(out, made)
			if len(text) > step.MaxValue {
				return AggregateResult{}, a.failed(loopFailure("the values of output %q take %d bytes, and at most %d are passed on", out.Name, len(text), step.MaxValue), StepFailed{})
			}
			kept, err := a.Store.PutBytes(ctx, []byte(text))
			if err != nil {
				return AggregateResult{}, a.failed(err, StepFailed{})
			}
			kept.Name = out.Name
			result.Values[out.Name], result.Outputs[out.Name] = text, kept
			continue
		}
		folder, err := a.folderOf(ctx, out, made)
		if err != nil {
			return AggregateResult{}, a.failed(fmt.Errorf("join output %q of the iterations: %w", out.Name, err), StepFailed{})
		}
		result.Outputs[out.Name] = folder
	}
	return result, nil
}

// iterationResult is what one iteration has made, by output.
type iterationResult struct {
	name    string // of its folder
	outputs map[string]pipeline.Artifact
	values  map[string]string
}

// made reads what iterations have made from their records.
func (a *Activities) made(ctx context.Context, loop string, body *pipeline.Plan, items []UnrolledItem) ([]iterationResult, error) {
	results := make([]iterationResult, len(items))
	width := len(fmt.Sprint(len(items)))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i, item := range items {
		group.Go(func() error {
			job := loop + "-" + item.Name
			end, err := a.Records.Ended(ctx, job)
			if err != nil {
				return err
			}
			r := iterationResult{name: item.Name, outputs: make(map[string]pipeline.Artifact), values: make(map[string]string)}
			if item.Name == fmt.Sprint(i+1) {
				r.name = fmt.Sprintf("%0*d", width, i+1) // so that a listing has them in order
			}
			states := make(map[string]*pipeline.StepState, len(end.Steps))
			for n := range end.Steps {
				states[end.Steps[n].Name] = &end.Steps[n]
			}
			for _, out := range body.Outputs {
				if out.From == nil || states[out.From.Step] == nil {
					continue
				}
				state := states[out.From.Step]
				if content, ok := state.Outputs[out.From.Output]; ok {
					r.outputs[out.Name] = content
				}
				if text, ok := state.Values[out.From.Output]; ok {
					r.values[out.Name] = text
				}
			}
			results[i] = r
			return nil
		})
	}
	return results, group.Wait()
}

// listOf is the JSON list of a value of all iterations; null where one has none.
func listOf(out pipeline.JobOutput, made []iterationResult) string {
	texts := make([]string, len(made))
	for i, r := range made {
		texts[i] = "null"
		if text, ok := r.values[out.Name]; ok {
			texts[i] = jsonText(out.Type, text)
		}
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

func jsonText(kind pipeline.PortType, text string) string {
	switch {
	case kind == pipeline.Boolean:
		return strings.ToLower(text)
	case kind != pipeline.String && json.Valid([]byte(text)):
		return text
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		return `""`
	}
	return string(quoted)
}

// folderOf is a folder with an output of all iterations.
func (a *Activities) folderOf(ctx context.Context, out pipeline.JobOutput, made []iterationResult) (pipeline.Artifact, error) {
	var all artifact.Tree
	var list strings.Builder
	list.WriteString("paths:\n")
	listed := func(kind, at string) {
		fmt.Fprintf(&list, "- %s: %s\n", kind, jsonText(pipeline.String, "./"+at)) // JSON is YAML
	}
	for _, r := range made {
		content, ok := r.outputs[out.Name]
		if !ok {
			continue
		}
		if !content.Tree {
			at := path.Join(r.name, fileOf(content, out.Name))
			all.Entries = append(all.Entries, artifact.Entry{Path: at, Mode: artifact.Plain, Size: content.Size, Digest: content.Digest})
			listed("file", at)
			continue
		}
		tree, err := a.Store.Manifest(ctx, content.Digest)
		if err != nil {
			return pipeline.Artifact{}, err
		}
		for _, e := range tree.Entries {
			e.Path = path.Join(r.name, e.Path)
			all.Entries = append(all.Entries, e)
		}
		if len(tree.Entries) == 0 {
			all.Entries = append(all.Entries, artifact.Entry{Path: r.name, Mode: artifact.EmptyFolder})
		}
		listed("folder", r.name)
	}
	file, err := a.Store.PutBytes(ctx, []byte(list.String()))
	if err != nil {
		return pipeline.Artifact{}, err
	}
	all.Entries = append(all.Entries, artifact.Entry{Path: "MLTable", Mode: artifact.Plain, Size: file.Size, Digest: file.Digest})
	return a.Store.PutTree(ctx, all)
}

func fileOf(content pipeline.Artifact, output string) string {
	if content.Name != "" {
		return content.Name
	}
	return output
}

// literalText checks the text of a value that is given to a literal input.
func literalText(kind pipeline.PortType, text string) (string, error) {
	value, problem := step.Value(kind, []byte(text))
	if problem != "" {
		return "", errors.New("it takes " + string(kind) + "; " + problem)
	}
	return value, nil
}
