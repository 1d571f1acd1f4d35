package runs

import (
	"time"

	"github.com/millrace-ml/millrace/internal/record"
	"github.com/millrace-ml/millrace/pipeline"
)

// Job is what every door shows of a job: what was asked, and what happened.
type Job struct {
	Name        string
	Type        pipeline.JobType
	DisplayName string
	Experiment  string
	Description string
	Tags        map[string]string
	Properties  map[string]string
	// Archived jobs are left out of lists.
	Archived  bool
	Status    pipeline.Status
	Created   time.Time
	CreatedBy string
	// Parent is the job that this one is a part of, as the iteration of a loop is;
	// "" for what people submit.
	Parent string
	// Schedule is the name of the schedule that made the job, if one did.
	Schedule string
	// Modified is when people last changed what they may; zero for never.
	Modified   time.Time
	ModifiedBy string
	// Started and Ended are zero while that has not happened.
	Started, Ended time.Time
	// File is the path of the file that was submitted, Definition its text.
	File, Definition string
	// Compute is the default compute that the file names.
	Compute string
	// FailedStep and Failure say what failed first, where something did.
	FailedStep string
	Failure    *pipeline.Failure
	// Plan is nil in lists.
	Plan *pipeline.Plan
	// Steps stand in the order of the plan; nil in lists.
	Steps []pipeline.StepState
	// Assets are what outputs have become, once the job has completed.
	Assets []record.Registered
	// UI is the URL of the job's page in the Temporal UI; "" where none runs.
	UI string
}

// Counts is how many of a job's steps are where.
type Counts struct {
	Total, Done, Reused, Skipped, Running, Waiting, Failed, Canceled, NotStarted int
}

// Count counts the steps. Done includes the reused and the skipped ones; Waiting are steps that
// are ready and wait for a slot or for the same step of another job.
func (j *Job) Count() Counts {
	c := Counts{Total: len(j.Steps)}
	for _, s := range j.Steps {
		switch s.Status {
		case pipeline.Completed:
			c.Done++
			if s.Reused != nil {
				c.Reused++
			}
			if s.Skipped != "" {
				c.Skipped++
			}
		case pipeline.Running, pipeline.Finalizing, pipeline.CancelRequested:
			c.Running++
		case pipeline.Queued:
			c.Waiting++
		case pipeline.Failed:
			c.Failed++
		case pipeline.Canceled:
			c.Canceled++
		default:
			c.NotStarted++
		}
	}
	return c
}
