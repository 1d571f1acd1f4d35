package runs

import (
	"maps"

	"github.com/millrace-ml/millrace/pipeline"
)

// Azure runs each step of a pipeline as a job of its own, a child of the
// pipeline's. Here steps are parts of their job, and are shown as children where
// somebody asks for those.

// Children are the steps of a pipeline job as child jobs, in the order of the
// plan.
func (j *Job) Children() []map[string]any {
	children := []map[string]any{}
	if j.Plan == nil || j.Type != pipeline.PipelineJob {
		return children
	}
	for _, state := range j.Steps {
		children = append(children, j.Child(state.Name))
	}
	return children
}

// Child is a step in the shape of a child job, or nil.
func (j *Job) Child(name string) map[string]any {
	step := j.Plan.Step(name)
	if step == nil {
		return nil
	}
	state := j.step(name)
	d := j.stepDocument(step, state)
	job := j.Plan.StepJobName(name)
	maps.Copy(d, node(step))
	d["name"], d["step"], d["id"] = job, name, id("jobs", job)
	d["parent_job_name"] = j.Name
	d["display_name"] = orName(step.DisplayName, name)
	d["experiment_name"] = orName(j.Experiment, "Default")
	d["description"], d["tags"], d["properties"], d["archived"] = nil, map[string]string{}, j.withBest(map[string]string{}, &state), j.Archived
	d["creation_context"] = creation(j.Created, j.CreatedBy, j.Modified, j.ModifiedBy)
	d["resourceGroup"] = ResourceGroup
	d["services"] = j.Services()
	return d
}
