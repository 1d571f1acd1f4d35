package runs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/millrace-ml/millrace/internal/record"
)

// Labels are what people may change of a job.
type Labels = record.Labels

// ErrStep says that what was named is a step of a job, and no job of its own.
var ErrStep = errors.New("is a step of another job")

// Label changes what people may change of a job, and returns the job as it is
// then. Of two who do so at once, the later one stays.
func (s *Service) Label(ctx context.Context, name string, change func(*Labels) error) (*Job, error) {
	job, step, err := s.ShowAny(ctx, name)
	if err != nil {
		return nil, err
	}
	if step != "" {
		return nil, fmt.Errorf("%s %w, %s", name, ErrStep, job.Name)
	}
	l := Labels{
		DisplayName: job.DisplayName, Experiment: job.Experiment, Description: job.Description,
		Tags: maps.Clone(job.Tags), Properties: maps.Clone(job.Properties), Archived: job.Archived,
	}
	if err := change(&l); err != nil {
		return nil, err
	}
	l.Modified, l.ModifiedBy = time.Now().UTC(), whoami()
	if err := s.records.Label(ctx, name, l); err != nil {
		return nil, err
	}
	job.label(l)
	return job, nil
}

// Archive takes a job out of lists, or brings it back.
func (s *Service) Archive(ctx context.Context, name string, archived bool) (*Job, error) {
	return s.Label(ctx, name, func(l *Labels) error {
		l.Archived = archived
		return nil
	})
}

func (j *Job) label(l Labels) {
	j.DisplayName, j.Experiment, j.Description = l.DisplayName, l.Experiment, l.Description
	j.Tags, j.Properties, j.Archived = l.Tags, l.Properties, l.Archived
	j.Modified, j.ModifiedBy = l.Modified, l.ModifiedBy
}

// Selection says which jobs are wanted.
type Selection struct {
	// Most is how many, the newest first; 0 is all.
	Most int
	// Archived jobs are left out, unless they are asked for.
	Archived ArchivedJobs
	// Tags are those that the jobs must have; an empty value is any.
	Tags map[string]string
	// Schedule is the schedule that has made them; "" is any, or none.
	Schedule string
}

// ArchivedJobs says what is done with archived jobs.
type ArchivedJobs int

// What is done with archived jobs.
const (
	LeaveOut ArchivedJobs = iota
	TakeIn
	TakeOnly
)

func (sel Selection) wants(j *Job) bool {
	if sel.Archived == LeaveOut && j.Archived || sel.Archived == TakeOnly && !j.Archived ||
		sel.Schedule != "" && j.Schedule != sel.Schedule {
		return false
	}
	for key, value := range sel.Tags {
		if got, ok := j.Tags[key]; !ok || value != "" && got != value {
			return false
		}
	}
	return true
}

// Select returns jobs, the most recently submitted first, without their steps.
func (s *Service) Select(ctx context.Context, sel Selection) ([]Job, error) {
	labelled, err := s.records.Labelled(ctx)
	if err != nil {
		return nil, err
	}
	var jobs []Job
	var failed error
	err = s.records.Recent(ctx, func(name string, _ time.Time) bool {
		if sel.Archived == TakeOnly && !labelled[name] || sel.Schedule != "" && !strings.HasPrefix(name, sel.Schedule+"-") {
			return true
		}
		submitted, err := s.records.Submitted(ctx, name)
		if errors.Is(err, ErrNotFound) {
			return true // its submission was cut short
		}
		if failed = err; failed != nil {
			return false
		}
		job := s.describe(submitted, nil)
		if labelled[name] {
			failed = s.relabel(ctx, job)
		}
		if failed == nil && sel.wants(job) {
			jobs = append(jobs, *job)
		}
		return failed == nil && (sel.Most <= 0 || len(jobs) < sel.Most)
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return nil, err
	}
	for i := range jobs {
		if err := s.state(ctx, &jobs[i]); err != nil {
			return nil, err
		}
	}
	return slices.Clip(jobs), nil
}

// relabel gives a job what people have changed of it.
func (s *Service) relabel(ctx context.Context, job *Job) error {
	l, ok, err := s.records.Labels(ctx, job.Name)
	if ok {
		job.label(l)
	}
	return err
}
