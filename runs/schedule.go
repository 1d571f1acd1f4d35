package runs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/internal/schedule"
	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/workflows"
)

// Schedule is what every door shows of a schedule.
type Schedule struct {
	schedule.Record
	// Known is set where the server was asked and knows the schedule. What follows
	// is then what the server says; else Disabled and Note are what was last told.
	Known bool
	// Unknown is set where the server was asked and does not know the schedule,
	// which then does not fire.
	Unknown bool
	// Next are the moments at which it fires next; none while it does not fire.
	Next []time.Time
	// Missed and Skipped count moments at which no job was started: the server was
	// away, or another job of the schedule was running.
	Missed, Skipped int
	// Running are the names of its jobs that run now, where the server keeps count of
	// them: unless they may overlap.
	Running []string
}

var (
	// ErrUnnamed says that a schedule was given no name.
	ErrUnnamed = errors.New("the schedule has no name")
	// ErrUnknownSchedule says that the server does not know a schedule that there is.
	ErrUnknownSchedule = errors.New("the server does not know this schedule")
	// ErrEnabled says that a schedule has to be disabled first.
	ErrEnabled = errors.New("the schedule is enabled")
)

const (
	// catchUp is how long after its time a job is still made, where the schedule
	// does not say: long enough for a restart, too short for a night in which the
	// machine was off to become a heap of jobs in the morning.
	catchUp = 10 * time.Minute
	// upcoming is how many moments are shown.
	upcoming = 5
)

// EarlierJob finds what a job was made from, for schedules that make it again.
func (l *Library) EarlierJob(name string) (azureml.Closed, error) {
	s, err := l.Service()
	if err != nil {
		return azureml.Closed{}, err
	}
	_, closed, err := s.closed(l.Context, name)
	switch {
	case errors.Is(err, ErrNotFound):
		return closed, &azureml.Unknown{
			Message: fmt.Sprintf("there is no job %q", name),
			Hint:    fmt.Sprintf("`%s job list -o table` shows the jobs there are; the path of a job file begins with ./", l.Program),
		}
	case errors.Is(err, ErrNotKept):
		return closed, &azureml.Unknown{Message: err.Error()}
	}
	return closed, err
}

// CreateSchedule hands a schedule to the server, in the place of one that has its
// name. What its job needs is taken into the store now, and the job is the same
// each time, whatever becomes of the files.
func (s *Service) CreateSchedule(ctx context.Context, f *azureml.Schedule, name string) (*Schedule, error) {
	if name == "" {
		name = f.Name
	}
	if name == "" {
		return nil, ErrUnnamed
	}
	if err := schedule.CheckName(name); err != nil {
		return nil, err
	}
	if s.Temporal == nil {
		return nil, fmt.Errorf("create schedule %s: %w", name, ErrNoServer)
	}
	before, err := schedule.Take(ctx, s.Store, name)
	exists := err == nil
	if err != nil && !errors.Is(err, asset.ErrNotFound) {
		return nil, err
	}
	now, by := time.Now().UTC(), whoami()
	r := schedule.Record{
		Making:  schedule.Making{Schedule: name, Trigger: f.Trigger, Since: now, CreatedBy: by, Definition: f.Job.Text(), File: f.Job.File},
		Overlap: string(f.Overlap), CatchupWindow: catchUp, CreateJob: f.CreateJob,
		DisplayName: f.DisplayName, Description: f.Description, Tags: f.Tags, Properties: f.Properties, Created: now,
	}
	if f.CatchupWindow != nil {
		r.CatchupWindow = *f.CatchupWindow
	}
	if r.Overlap == "" {
		// As in Azure ML, where a job never waits for another.
		r.Overlap = string(azureml.AllowAll)
	}
	if exists {
		r.Created, r.CreatedBy, r.Modified, r.ModifiedBy = before.Created, before.CreatedBy, now, by
		if reflect.DeepEqual(before.Trigger, r.Trigger) {
			r.Since = before.Since // what is counted from then goes on
		}
	}
	if err := s.keepTemplate(ctx, f, &r.Making); err != nil {
		return nil, fmt.Errorf("create schedule %s: %w", name, err)
	}
	if err := s.hand(ctx, &r); err != nil {
		return nil, err
	}
	return s.ShowSchedule(ctx, name)
}

// keepTemplate takes into the store what a schedule's job needs.
func (s *Service) keepTemplate(ctx context.Context, f *azureml.Schedule, m *schedule.Making) error {
	plan, err := azureml.Template(f.Job)
	if err != nil {
		return err
	}
	if f.From != nil {
		if err := s.address(ctx, plan, *f.From); err != nil {
			return err
		}
	}
	if err := s.prepare(ctx, plan); err != nil {
		return err
	}
	if m.Closed, err = s.keepClosed(ctx, f.Job, plan); err != nil {
		return err
	}
	data, err := json.Marshal(plan)
	if err != nil {
		return err
	}
	kept, err := s.Store.PutBytes(ctx, data)
	m.Plan, m.Type = kept.Digest, plan.Type
	return err
}

// hand writes the record of a schedule and tells the server of it. The record
// comes first: a schedule that nobody could see would be worse than one that does
// not fire, which says so.
func (s *Service) hand(ctx context.Context, r *schedule.Record) error {
	spec, err := r.Spec()
	if err != nil {
		return err
	}
	r.Alarms, r.Keeper = spec.Alarms(time.Now()), s.Keeper
	if r.Digest, err = schedule.Keep(ctx, s.Store, r.Making); err != nil {
		return err
	}
	if err := schedule.Put(ctx, s.Store, *r); err != nil {
		return err
	}
	if err := s.tell(ctx, r); err != nil {
		return fmt.Errorf("hand schedule %s to the server: %w", r.Schedule, err)
	}
	return nil
}

// ShowSchedule returns a schedule. A missing one is an [asset.NotFound].
func (s *Service) ShowSchedule(ctx context.Context, name string) (*Schedule, error) {
	r, err := schedule.Take(ctx, s.Store, name)
	if err != nil {
		return nil, err
	}
	return s.scheduleState(ctx, r)
}

// ListSchedules returns all schedules, by name. Those whose records are damaged
// are in the error, an [asset.Damaged].
func (s *Service) ListSchedules(ctx context.Context) ([]Schedule, error) {
	all, damaged := schedule.All(ctx, s.Store)
	if err := asset.IgnoreDamaged(damaged); err != nil {
		return nil, err
	}
	var list []Schedule
	for _, name := range slices.Sorted(maps.Keys(all)) {
		sc, err := s.scheduleState(ctx, all[name])
		if err != nil {
			return nil, err
		}
		list = append(list, *sc)
	}
	return list, damaged
}

// scheduleState adds what the server says, and when the schedule fires next.
func (s *Service) scheduleState(ctx context.Context, r schedule.Record) (*Schedule, error) {
	sc := &Schedule{Record: r}
	if s.Temporal != nil {
		d, err := s.Temporal.ScheduleClient().GetHandle(ctx, r.Schedule).Describe(ctx)
		if _, gone := errors.AsType[*serviceerror.NotFound](err); err != nil && !gone {
			return nil, fmt.Errorf("ask for schedule %s: %w", r.Schedule, err)
		} else if gone {
			sc.Unknown = true
		} else {
			sc.described(d)
		}
	}
	if sc.Disabled || sc.Unknown {
		return sc, nil
	}
	spec, err := r.Spec()
	if err != nil {
		return nil, err
	}
	for next := spec.Next(time.Now()); !next.IsZero() && len(sc.Next) < upcoming; next = spec.Next(next) {
		sc.Next = append(sc.Next, next)
	}
	return sc, nil
}

func (sc *Schedule) described(d *client.ScheduleDescription) {
	sc.Known = true
	if state := d.Schedule.State; state != nil {
		sc.Disabled, sc.Note = state.Paused, noted(&sc.Record, state.Note)
	}
	sc.Missed, sc.Skipped = d.Info.NumActionsMissedCatchupWindow, d.Info.NumActionsSkippedOverlap
	for _, w := range d.Info.RunningWorkflows {
		if job, ok := jobOf(sc.Schedule, w.WorkflowID); ok {
			sc.Running = append(sc.Running, job)
		}
	}
}

// EnableSchedule lets a schedule fire, or keeps it from that. The note says why.
// A server that does not know the schedule is told of it.
func (s *Service) EnableSchedule(ctx context.Context, name string, enabled bool, note string) (*Schedule, error) {
	r, err := schedule.Take(ctx, s.Store, name)
	if err != nil {
		return nil, err
	}
	if s.Temporal == nil {
		return nil, fmt.Errorf("schedule %s: %w", name, ErrNoServer)
	}
	r.Disabled, r.Note = !enabled, note
	r.Modified, r.ModifiedBy = time.Now().UTC(), whoami()
	if err := s.hand(ctx, &r); err != nil {
		return nil, err
	}
	return s.ShowSchedule(ctx, name)
}

// ScheduleNotes are what may be changed of a schedule. All else takes creating it
// again.
type ScheduleNotes struct {
	DisplayName string            `json:"display_name"`
	Description string            `json:"description"`
	Tags        map[string]string `json:"tags"`
	Properties  map[string]string `json:"properties"`
}

// UpdateSchedule changes what describes a schedule.
func (s *Service) UpdateSchedule(ctx context.Context, name string, change func(*ScheduleNotes) error) (*Schedule, error) {
	r, err := schedule.Take(ctx, s.Store, name)
	if err != nil {
		return nil, err
	}
	n := ScheduleNotes{r.DisplayName, r.Description, maps.Clone(r.Tags), maps.Clone(r.Properties)}
	if err := change(&n); err != nil {
		return nil, err
	}
	r.DisplayName, r.Description, r.Tags, r.Properties = n.DisplayName, n.Description, n.Tags, n.Properties
	r.Modified, r.ModifiedBy = time.Now().UTC(), whoami()
	if err := schedule.Put(ctx, s.Store, r); err != nil {
		return nil, err
	}
	return s.scheduleState(ctx, r)
}

// DeleteSchedule forgets a schedule, which must be disabled, as in Azure ML. Its
// jobs stay.
func (s *Service) DeleteSchedule(ctx context.Context, name string) error {
	sc, err := s.ShowSchedule(ctx, name)
	if err != nil {
		return err
	}
	if s.Temporal == nil {
		return fmt.Errorf("delete schedule %s: %w", name, ErrNoServer)
	}
	if !sc.Disabled && sc.Known {
		return fmt.Errorf("delete schedule %s: %w", name, ErrEnabled)
	}
	err = s.Temporal.ScheduleClient().GetHandle(ctx, name).Delete(ctx)
	if _, gone := errors.AsType[*serviceerror.NotFound](err); err != nil && !gone {
		return fmt.Errorf("delete schedule %s: %w", name, err)
	}
	return schedule.Drop(ctx, s.Store, name)
}

// ScheduledJobs returns the jobs that a schedule has made, the most recent first.
func (s *Service) ScheduledJobs(ctx context.Context, name string, most int) ([]Job, error) {
	if _, err := schedule.Take(ctx, s.Store, name); err != nil {
		return nil, err
	}
	return s.Select(ctx, Selection{Schedule: name, Most: most, Archived: TakeIn})
}

// maker makes the jobs of schedules.
func (s *Service) maker() schedule.Maker { return schedule.Maker{Store: s.Store, Records: s.records} }

// prepare takes into the store what a plan needs, and says where its steps run.
func (s *Service) prepare(ctx context.Context, plan *pipeline.Plan) error {
	if err := s.Route(ctx, plan); err != nil {
		return err
	}
	// The graph does not depend on what is pinned but for the choice of what
	// to fetch: it can be judged before anything is copied.
	if graph, err := json.Marshal(workflows.NewGraph(plan)); err != nil {
		return err
	} else if len(graph) > maxGraph {
		return fmt.Errorf("%d steps are too many for one job; split it into several", len(plan.Steps))
	}
	if err := s.pin(ctx, plan); err != nil {
		return err
	}
	return s.keepBodies(ctx, plan)
}
