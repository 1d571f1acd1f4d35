package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/millrace-ml/millrace/internal/record"
	"github.com/millrace-ml/millrace/pipeline"
)

// UnrollInput asks what iterations of a loop are given.
type UnrollInput struct {
	// Job is the name of the loop's own job.
	Job string `json:"job"`
	// Parent is the job that the loop is a step of.
	Parent string          `json:"parent,omitempty"`
	Plan   pipeline.Digest `json:"plan"`
	// Step is the index of the loop in the plan. Inputs are the ports that the
	// plan leaves open, Given the inputs of the loop around it, where it stands in
	// the body of one.
	Step   int                       `json:"step"`
	Inputs map[string]pipeline.Value `json:"inputs,omitempty"`
	Given  map[string]pipeline.Value `json:"given,omitempty"`
	// From and Most say which items of a ParallelFor are asked for.
	From int `json:"from"`
	Most int `json:"most"`
}

// UnrollResult is what iterations are given.
type UnrollResult struct {
	// Values are those of all, or of the first of a DoWhile.
	Values map[string]pipeline.Value `json:"values,omitempty"`
	// Items are the iterations of a ParallelFor that were asked for, Total how
	// many there are in all.
	Items []UnrolledItem `json:"items,omitempty"`
	Total int            `json:"total,omitempty"`
}

// UnrolledItem is an iteration, and what only it is given.
type UnrolledItem struct {
	Name   string                    `json:"name"`
	Values map[string]pipeline.Value `json:"values,omitempty"`
}

// Unroll finds what iterations of a loop are given.
func (a *Activities) Unroll(ctx context.Context, in UnrollInput) (UnrollResult, error) {
	plan, err := a.planOf(ctx, in.Plan, in.Parent, "")
	if err != nil {
		return UnrollResult{}, err
	}
	step := &plan.Steps[in.Step]
	result := UnrollResult{Values: make(map[string]pipeline.Value)}
	all := values(step, in.Inputs)
	for _, port := range step.Loop.Body.Inputs {
		if v, ok := all[port.Name]; ok && port.Binding.Parameter == port.Name {
			result.Values[port.Name] = v
		}
	}
	if step.Kind != pipeline.ParallelFor {
		return result, nil
	}
	items, err := loopItems(step, all, in.Given)
	if err != nil {
		return UnrollResult{}, a.failed(err, StepFailed{})
	}
	result.Total = len(items)
	for _, item := range items[min(in.From, len(items)):min(in.From+in.Most, len(items))] {
		for _, port := range step.Loop.Body.Inputs {
			_, common := result.Values[port.Name]
			if _, own := item.Values[port.Name]; port.Binding.Parameter == port.Name && !port.Optional && !common && !own {
				return UnrollResult{}, a.failed(loopFailure("item %s does not set input %q, which the body needs", item.Name, port.Name), StepFailed{})
			}
		}
		result.Items = append(result.Items, item)
	}
	return result, nil
}

// loopItems are the items of a ParallelFor.
func loopItems(step *pipeline.Step, inputs, given map[string]pipeline.Value) ([]UnrolledItem, error) {
	loop := step.Loop
	if loop.ItemsInput != "" {
		v := inputs[loop.ItemsInput]
		if v.Literal == nil {
			return nil, loopFailure("there is no text to take the items from")
		}
		return readItems(*v.Literal, loop.Body.Inputs)
	}
	items := make([]UnrolledItem, len(loop.Items))
	for i, item := range loop.Items {
		items[i].Name = item.Name
		items[i].Values = make(map[string]pipeline.Value, len(item.Inputs))
		for _, in := range item.Inputs {
			one := &pipeline.Step{Inputs: []pipeline.Input{in}}
			open := make(map[string]pipeline.Value)
			if v, ok := in.Binding.In(given); ok {
				open[in.Name] = v
			}
			if v, ok := values(one, open)[in.Name]; ok {
				items[i].Values[in.Name] = v
			} else if b := in.Binding; b.Source != nil {
				// It is read when the step that needs it starts.
				items[i].Values[in.Name] = pipeline.Value{URI: b.Source.URI}
			}
		}
	}
	return items, nil
}

func loopFailure(format string, args ...any) error {
	return &pipeline.Failure{Kind: pipeline.UserFailure, Message: fmt.Sprintf(format, args...)}
}

// BeginInput records a job that is an iteration.
type BeginInput struct {
	Job    string                    `json:"job"`
	Plan   pipeline.Digest           `json:"plan"`
	Parent string                    `json:"parent"`
	Number int                       `json:"number"`
	Root   string                    `json:"root"`
	Values map[string]pipeline.Value `json:"values,omitempty"`

	Experiment string `json:"experiment,omitempty"`
}

// Begin records that an iteration of a loop has begun.
func (a *Activities) Begin(ctx context.Context, in BeginInput) error {
	root, err := a.Records.Submitted(ctx, in.Root)
	if err != nil {
		root = record.Submitted{} // it is only to be shown
	}
	return a.Records.SubmitChild(ctx, record.Submitted{
		Name: in.Job, Type: pipeline.PipelineJob, Plan: in.Plan, Created: time.Now().UTC(), CreatedBy: root.CreatedBy,
		File: root.File, Schedule: root.Schedule, Experiment: in.Experiment, DisplayName: in.Job,
		Parent: in.Parent, Number: in.Number, Root: in.Root, Values: in.Values,
	})
}

// readItems reads items that are known only now: JSON, a list of objects or an
// object of objects.
func readItems(text string, ports []pipeline.Input) ([]UnrolledItem, error) {
	known := make(map[string]pipeline.PortType, len(ports))
	for _, p := range ports {
		known[p.Name] = p.Type
	}
	var keys []string
	var objects []json.RawMessage
	var err error
	switch trimmed := strings.TrimSpace(text); {
	case strings.HasPrefix(trimmed, "["):
		err = json.Unmarshal([]byte(trimmed), &objects)
		for i := range objects {
			keys = append(keys, fmt.Sprint(i+1))
		}
	case strings.HasPrefix(trimmed, "{"):
		keys, objects, err = members(trimmed)
		keys = pipeline.ItemNames(keys)
	default:
		err = loopFailure("they are neither a list nor an object")
	}
	if err != nil {
		return nil, loopFailure("these items are not JSON that a parallel_for can take: %v", err)
	}
	if len(objects) > MaxItems {
		return nil, loopFailure("there are %d items, and a parallel_for has at most %d", len(objects), MaxItems)
	}
	items := make([]UnrolledItem, len(objects))
	for i, object := range objects {
		sets := make(map[string]any)
		d := json.NewDecoder(strings.NewReader(string(object)))
		d.UseNumber()
		if err := d.Decode(&sets); err != nil {
			return nil, loopFailure("item %s is no object of inputs and values", keys[i])
		}
		items[i] = UnrolledItem{Name: keys[i], Values: make(map[string]pipeline.Value, len(sets))}
		for name, v := range sets {
			kind, ok := known[name]
			if !ok {
				return nil, loopFailure("item %s sets %q, which is no input of the body", keys[i], name)
			}
			text, err := itemText(kind, v)
			if err != nil {
				return nil, loopFailure("item %s, input %q: %v", keys[i], name, err)
			}
			items[i].Values[name] = pipeline.Text(text)
		}
	}
	return items, nil
}

// MaxItems is the most items that a parallel_for runs its body with.
const MaxItems = 10_000

// members are the pairs of a JSON object, in their order.
func members(text string) (keys []string, values []json.RawMessage, err error) {
	d := json.NewDecoder(strings.NewReader(text))
	if _, err := d.Token(); err != nil {
		return nil, nil, err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, nil, err
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return nil, nil, err
		}
		keys, values = append(keys, fmt.Sprint(key)), append(values, v)
	}
	_, err = d.Token()
	return keys, values, err
}

// itemText is what a command sees of a JSON value.
func itemText(kind pipeline.PortType, v any) (string, error) {
	var text string
	switch v := v.(type) {
	case string:
		text = v
	case json.Number:
		text = v.String()
	case bool:
		if text = "False"; v {
			text = "True"
		}
	default:
		return "", fmt.Errorf("it is no text, number or boolean; data is given under the inputs of the body, or in items that stand in the file")
	}
	if !kind.IsLiteral() {
		return "", fmt.Errorf("it takes data, which items that are known only when the job runs cannot give")
	}
	if kind == pipeline.String {
		return text, nil
	}
	return literalText(kind, text)
}
