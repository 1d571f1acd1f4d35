package runs

import (
	"cmp"
	"time"

	"github.com/millrace-ml/millrace/pipeline"
)

// Summary is a job in the shape that "az ml job list -o json" gives it.
func Summary(j Job) map[string]any {
	d := map[string]any{
		"name":             j.Name,
		"id":               id("jobs", j.Name),
		"display_name":     orName(j.DisplayName, j.Name),
		"type":             string(j.Type),
		"status":           string(j.Status),
		"experiment_name":  orName(j.Experiment, "Default"),
		"description":      orNull(j.Description),
		"tags":             nonNil(j.Tags),
		"properties":       nonNil(j.Properties),
		"archived":         j.Archived,
		"compute":          orNull(j.Compute),
		"creation_context": creation(j.Created, j.CreatedBy, j.Modified, j.ModifiedBy),
		"resourceGroup":    ResourceGroup,
		"services":         j.Services(),
		"start_time":       stamp(j.Started),
		"end_time":         stamp(j.Ended),
	}
	if j.Parent != "" {
		d["parent_job_name"] = j.Parent
	}
	return d
}

// creation says who made a thing and who changed it last, and when.
func creation(created time.Time, by string, modified time.Time, modifiedBy string) map[string]any {
	c := map[string]any{"created_at": stamp(created), "created_by": by, "created_by_type": "User"}
	if !modified.IsZero() {
		c["last_modified_at"], c["last_modified_by"], c["last_modified_by_type"] = stamp(modified), modifiedBy, "User"
	}
	return c
}

// Services are the pages that a job has, in az's shape. Only the Temporal UI
// has one.
func (j *Job) Services() map[string]any {
	return map[string]any{
		"Studio":   map[string]any{"endpoint": orNull(j.UI), "type": "Studio"},
		"Tracking": map[string]any{"endpoint": nil, "type": "Tracking"},
	}
}

// Document is a job in the shape that "az ml job show -o json" gives it, with
// "steps" added: a list of what happened, in the order of the plan.
func (j *Job) Document() map[string]any {
	d := Summary(*j)
	d["file"] = j.File
	if j.Failure != nil {
		d["error"] = failure(j.Failure, j.FailedStep)
	}
	if j.Plan == nil {
		return d
	}
	if j.Type == pipeline.SweepJob && len(j.Steps) == 1 {
		d["properties"] = j.withBest(nonNil(j.Properties), &j.Steps[0])
	}
	d["settings"] = map[string]any{
		"continue_on_step_failure": j.Plan.Settings.ContinueOnStepFailure,
		"force_rerun":              j.Plan.Settings.ForceRerun,
		"default_compute":          orNull(j.Plan.Settings.DefaultCompute),
		"default_datastore":        orNull(j.Plan.Settings.DefaultDatastore),
	}
	d["inputs"] = j.inputs(j.Plan.Inputs, nil)
	outputs := map[string]any{}
	for _, out := range j.Plan.Outputs {
		o := map[string]any{"type": string(out.Type), "mode": orNull(string(out.Mode)), "path": orNull(out.Path)}
		if out.From != nil {
			if content, ok := j.output(*out.From); ok {
				o["digest"] = string(content.Digest)
				if out.Path == "" {
					o["path"] = j.defaultPath(out.From.Step, out.From.Output)
				}
			}
			for _, a := range j.Assets {
				if a.Step == out.From.Step && a.Output == out.From.Output {
					if ref, err := pipeline.ParseAssetRef(a.Asset, a.Kind); err == nil {
						o["name"], o["version"] = ref.Name, ref.Version
					}
				}
			}
		}
		outputs[out.Name] = o
	}
	outputs["default"] = map[string]any{
		"type": "uri_folder", "mode": "rw_mount",
		"path": "azureml://datastores/workspaceartifactstore/paths/ExperimentRun/dcid." + j.Name + "/",
	}
	d["outputs"] = outputs
	steps := make([]any, len(j.Steps))
	for i, state := range j.Steps {
		steps[i] = j.stepDocument(j.Plan.Step(state.Name), state)
	}
	d["steps"] = steps
	if j.Type == pipeline.PipelineJob {
		jobs := map[string]any{}
		for i := range j.Plan.Steps {
			step := &j.Plan.Steps[i]
			n := node(step)
			n["inputs"] = j.inputs(step.Inputs, nil)
			outputs := map[string]any{}
			for _, out := range step.Outputs {
				outputs[out.Name] = map[string]any{"type": string(out.Type), "mode": orNull(string(out.Mode)), "path": orNull(out.Path)}
			}
			n["outputs"] = outputs
			jobs[step.Name] = n
		}
		d["jobs"] = jobs
	} else {
		for key, value := range node(&j.Plan.Steps[0]) {
			if _, taken := d[key]; !taken || d[key] == nil {
				d[key] = value
			}
		}
	}
	return d
}

func (j *Job) stepDocument(step *pipeline.Step, s pipeline.StepState) map[string]any {
	d := map[string]any{
		"name":       s.Name,
		"status":     string(s.Status),
		"reused":     s.Reused != nil,
		"queue":      s.Queue,
		"worker":     orNull(s.Worker),
		"attempts":   s.Attempts,
		"start_time": stamp(s.Started),
		"end_time":   stamp(s.Ended),
		"waiting":    orNull(waiting(s)),
		"warning":    orNull(s.Warning),
		"skipped":    orNull(s.Skipped),
		"metrics":    measured(s.Metrics),
	}
	if s.Parts != nil {
		d["parts"] = parts(s.Parts)
	}
	if len(s.Values) > 0 {
		d["values"] = s.Values
	}
	if s.Question != nil {
		d["approval"] = s.Question
	}
	if len(s.Tries) > 0 {
		d["earlier_attempts"] = s.Tries
	}
	d["reused_from"], d["exit_code"], d["error"] = nil, nil, nil
	if s.Reused != nil {
		d["reused_from"] = map[string]any{"job": s.Reused.Job, "step": s.Reused.Step}
	}
	if s.ExitCode != nil {
		d["exit_code"] = *s.ExitCode
	}
	if s.Failure != nil {
		d["error"] = failure(s.Failure, "")
	}
	if step == nil {
		return d
	}
	d["inputs"] = j.inputs(step.Inputs, s.Inputs)
	outputs := map[string]any{}
	for _, out := range step.Outputs {
		o := map[string]any{"type": string(out.Type), "path": orNull(out.Path), "digest": nil}
		if content, ok := s.Outputs[out.Name]; ok {
			o["digest"] = string(content.Digest)
			if out.Path == "" {
				o["path"] = j.defaultPath(s.Name, out.Name)
			}
		}
		outputs[out.Name] = o
	}
	d["outputs"] = outputs
	return d
}

// measured are the metrics of a step.
func measured(metrics map[string]pipeline.Metric) map[string]any {
	d := make(map[string]any, len(metrics))
	for key, m := range metrics {
		d[key] = map[string]any{"last": m.Last, "min": m.Min, "max": m.Max, "count": m.Count, "step": m.Step}
	}
	return d
}

// parts counts what a step is made of.
func parts(p *pipeline.Parts) map[string]any {
	return map[string]any{
		"what": p.What, "total": orUnset(p.Total), "running": p.Running, "completed": p.Completed,
		"reused": p.Reused, "failed": p.Failed, "stopped": p.Stopped, "best": orNull(p.Best),
	}
}

// waiting is what a step waits for, with its place among those that do.
func waiting(s pipeline.StepState) string {
	if s.Place == "" {
		return s.Waiting
	}
	return s.Waiting + ": " + s.Place
}

func (j *Job) inputs(ports []pipeline.Input, open map[string]pipeline.Value) map[string]any {
	inputs := map[string]any{}
	for _, in := range ports {
		switch b := in.Binding; {
		case b.Literal != nil:
			inputs[in.Name] = pipeline.WithoutSecrets(*b.Literal)
		case b.Source != nil:
			i := map[string]any{"type": string(in.Type), "mode": orNull(string(in.Mode)), "path": pipeline.WithoutSecrets(cmp.Or(b.Source.Asset, b.Source.URI))}
			if b.Source.Artifact != nil {
				i["digest"] = string(b.Source.Artifact.Digest)
			} else if v := open[in.Name]; v.Artifact != nil {
				i["digest"] = string(v.Artifact.Digest)
			}
			inputs[in.Name] = i
		case b.Step != nil:
			i := map[string]any{"type": string(in.Type), "mode": orNull(string(in.Mode)), "path": "${{parent.jobs." + b.Step.Step + ".outputs." + b.Step.Output + "}}"}
			switch v := open[in.Name]; {
			case v.Literal != nil: // of a control output
				inputs[in.Name] = pipeline.WithoutSecrets(*v.Literal)
				continue
			case v.Artifact != nil:
				i["digest"] = string(v.Artifact.Digest)
			}
			inputs[in.Name] = i
		case open[in.Name].Literal != nil:
			inputs[in.Name] = pipeline.WithoutSecrets(*open[in.Name].Literal)
		case b.Parameter != "":
			inputs[in.Name] = "${{parent.inputs." + b.Parameter + "}}"
		case b.Joined != nil:
			inputs[in.Name] = b.Joined.String()
		default:
			inputs[in.Name] = nil
		}
	}
	return inputs
}

// defaultPath is where an output without a path of its own is said to be.
func (j *Job) defaultPath(step, output string) string {
	return "azureml://datastores/workspaceblobstore/paths/azureml/" + j.Plan.StepJobName(step) + "/" + output + "/"
}

func failure(f *pipeline.Failure, step string) map[string]any {
	d := map[string]any{"kind": string(f.Kind), "message": f.Message, "hint": orNull(f.Hint), "log_tail": f.LogTail, "exit_code": nil}
	if f.ExitCode != nil {
		d["exit_code"] = *f.ExitCode
	}
	if step != "" {
		d["step"] = step
	}
	return d
}

// stamp is a time as az prints it, or null.
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000+00:00")
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func orName(s, name string) string {
	if s == "" {
		return name
	}
	return s
}

func nonNil(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
