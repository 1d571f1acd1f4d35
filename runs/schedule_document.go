package runs

import (
	"maps"
	"time"

	"github.com/millrace-ml/millrace/internal/recurrence"
)

// Document is a schedule in the shape that "az ml schedule show -o json" gives it,
// with what az does not know: when it fires next, what the server counts, and what
// our own keys say.
func (s *Schedule) Document() map[string]any {
	next := make([]any, len(s.Next))
	for i, t := range s.Next {
		next[i] = t.Format(time.RFC3339)
	}
	provisioning := "Succeeded"
	if s.Unknown {
		provisioning = "Failed" // the word az has for what is asked for and is not there
	}
	return map[string]any{
		"id":                 "azureml:schedules/" + s.Schedule,
		"name":               s.Schedule,
		"display_name":       orNull(s.DisplayName),
		"description":        orNull(s.Description),
		"tags":               nonNil(s.Tags),
		"properties":         nonNil(s.Properties),
		"is_enabled":         !s.Disabled && !s.Unknown,
		"provisioning_state": provisioning,
		"resourceGroup":      ResourceGroup,
		"trigger":            s.trigger(),
		"create_job":         s.createJob(),
		"creation_context":   creation(s.Created, s.CreatedBy, s.Modified, s.ModifiedBy),
		"fires":              s.Trigger.Words(),
		"next_fire_times":    next,
		"note":               orNull(s.Note),
		"running_jobs":       append([]string{}, s.Running...),
		"missed":             s.Missed,
		"unknown_to_server":  s.Unknown,
		"skipped":            s.Skipped,
	}
}

func (s *Schedule) trigger() map[string]any {
	t := s.Trigger
	zone := t.Zone
	if zone == "" {
		zone = "UTC"
	}
	d := map[string]any{
		"type":           string(t.Type),
		"start_time":     orNull(t.Start),
		"end_time":       orNull(t.End),
		"time_zone":      zone,
		"overlap":        s.Overlap,
		"catchup_window": s.CatchupWindow.String(),
	}
	if t.Type == recurrence.Cron {
		d["expression"] = t.Expression
		return d
	}
	d["frequency"], d["interval"], d["schedule"] = string(t.Frequency), t.Interval, nil
	if p := t.Schedule; p != nil {
		d["schedule"] = map[string]any{"hours": p.Hours, "minutes": p.Minutes, "week_days": orNone(p.WeekDays), "month_days": orNone(p.MonthDays)}
	}
	return d
}

func orNone[T any](list []T) any {
	if len(list) == 0 {
		return nil
	}
	return list
}

// createJob is the job as the file has it, as a mapping in any case.
func (s *Schedule) createJob() map[string]any {
	d := map[string]any{"type": string(s.Type)}
	switch job := s.CreateJob.(type) {
	case string:
		d["job"] = job
	case map[string]any:
		maps.Copy(d, job)
	}
	return d
}
