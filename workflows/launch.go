package workflows

import (
	"fmt"

	"go.temporal.io/sdk/temporal"

	"github.com/millrace-ml/millrace/pipeline"
)

// Launch is what the workflow of a job is started with, whoever starts it.
type Launch struct {
	Input PipelineInput `json:"input"`
	// Summary and Details are what the Temporal UI says of the job.
	Summary string `json:"summary"`
	Details string `json:"details"`
	// File is the path of the job's file.
	File       string           `json:"file,omitempty"`
	Type       pipeline.JobType `json:"type"`
	Experiment string           `json:"experiment,omitempty"`
}

// NewLaunch makes the launch of a job, given its pinned plan and the digest of it.
func NewLaunch(plan *pipeline.Plan, digest pipeline.Digest, file string) Launch {
	title := plan.DisplayName
	if title == "" {
		title = plan.Name
	}
	return Launch{
		Input:   PipelineInput{Job: plan.Name, Plan: digest, Graph: NewGraph(plan), Experiment: plan.Experiment},
		Summary: fmt.Sprintf("%s: %d steps", title, len(plan.Steps)),
		Details: description(plan, file),
		File:    file, Type: plan.Type, Experiment: plan.Experiment,
	}
}

// Memo is what is kept beside the workflow.
func (l Launch) Memo() map[string]any {
	return map[string]any{"file": l.File, "plan": l.Input.Plan}
}

// Attributes are the search attributes that a job starts with.
func (l Launch) Attributes() temporal.SearchAttributes {
	return temporal.NewSearchAttributes(
		temporal.NewSearchAttributeKeyKeyword(attributeType).ValueSet(string(l.Type)),
		temporal.NewSearchAttributeKeyKeyword(attributeExperiment).ValueSet(l.Experiment),
		temporal.NewSearchAttributeKeyKeyword(attributeStatus).ValueSet(string(pipeline.Running)),
		temporal.NewSearchAttributeKeyInt64(attributeSteps).ValueSet(int64(len(l.Input.Graph.Nodes))),
	)
}
