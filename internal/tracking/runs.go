package tracking

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// rankMark stands in the identifiers of the runs of further processes, between
// that of the step's and the number of the process.
const rankMark = "-rank-"

// runDocument is a run as answers have it.
type runDocument struct {
	Info info `json:"info"`
	Data struct {
		Metrics []point `json:"metrics"`
		Params  []pair  `json:"params"`
		Tags    []pair  `json:"tags"`
	} `json:"data"`
	Inputs struct {
		Datasets []datasetInput `json:"dataset_inputs"`
		Models   []modelUse     `json:"model_inputs"`
	} `json:"inputs"`
	Outputs struct {
		Models []modelUse `json:"model_outputs"`
	} `json:"outputs"`
}

func (r *run) document() runDocument {
	d := runDocument{Info: r.info}
	d.Data.Metrics = make([]point, 0, len(r.keys))
	for _, key := range r.keys {
		d.Data.Metrics = append(d.Data.Metrics, r.metrics[key].latest.point(key))
	}
	d.Data.Params, d.Data.Tags = r.params.all(), r.tags.all()
	d.Inputs.Datasets, d.Inputs.Models, d.Outputs.Models = slices.Clip(r.datasets), slices.Clip(r.used), slices.Clip(r.made)
	return d
}

// runCall names a run, in the words of old and of new clients.
type runCall struct {
	ID   string `json:"run_id"`
	UUID string `json:"run_uuid"`
}

func (c runCall) id() string {
	if c.ID == "" {
		return c.UUID
	}
	return c.ID
}

func runCalls() map[string]endpoint {
	return map[string]endpoint{
		"POST runs/create":  on((*session).createRun),
		"POST runs/update":  on((*session).updateRun),
		"POST runs/delete":  on(func(s *session, in runCall) (any, error) { return nothing{}, s.setStage(in.id(), "deleted") }),
		"POST runs/restore": on(func(s *session, in runCall) (any, error) { return nothing{}, s.setStage(in.id(), "active") }),
		"GET runs/get": on(func(s *session, in runCall) (any, error) {
			r, err := s.run(in.id())
			if err != nil {
				return nil, err
			}
			return map[string]any{"run": r.document()}, nil
		}),
		"POST runs/search":        on((*session).searchRuns),
		"POST runs/log-metric":    on((*session).logMetric),
		"POST runs/log-parameter": on((*session).logParam),
		"POST runs/set-tag":       on((*session).setTag),
		"POST runs/delete-tag":    on((*session).deleteTag),
		"POST runs/log-batch":     on((*session).logBatch),
		"POST runs/log-inputs":    on((*session).logInputs),
		"POST runs/outputs":       on((*session).logOutputs),
		"POST runs/log-model":     on((*session).logModel),

		"GET metrics/get-history":               on((*session).history),
		"GET metrics/get-history-bulk":          on((*session).histories),
		"GET metrics/get-history-bulk-interval": on((*session).histories),
		"GET artifacts/list":                    on((*session).listRunArtifacts),
	}
}

// run finds a run. Those of the step's further processes begin when they are
// first asked for.
func (s *session) run(id string) (*run, error) {
	if r := s.state.runs[id]; r != nil {
		return r, nil
	}
	rank, ok := strings.CutPrefix(id, runID(s.of.Run)+rankMark)
	if n, err := strconv.Atoi(rank); ok && err == nil && n > 0 && n < 100_000 && strconv.Itoa(n) == rank {
		of := s.newInfo(id, s.of.Step+" process "+rank)
		err := s.record(event{Run: id, Info: of, Tags: []pair{
			{"mlflow.runName", of.Name}, {"mlflow.user", s.User}, {"mlflow.parentRunId", s.state.own},
		}})
		return s.state.runs[id], err
	}
	if id == "" {
		return nil, invalid("Missing value for required parameter 'run_id'.")
	}
	return nil, missing("Run with id=%s not found: a step sees its own runs", id)
}

// activeRun is run for what may only be done to one that is not deleted.
func (s *session) activeRun(id string) (*run, error) {
	r, err := s.run(id)
	if err == nil && r.Stage != "active" {
		err = invalid("The run %s must be in the 'active' state. Current state is deleted.", id)
	}
	return r, err
}

type createRunCall struct {
	Experiment string  `json:"experiment_id"`
	User       string  `json:"user_id"`
	Name       string  `json:"run_name"`
	Start      integer `json:"start_time"`
	Tags       []pair  `json:"tags"`
}

func (s *session) createRun(in createRunCall) (any, error) {
	if in.Experiment != "" {
		if err := s.checkExperiment(in.Experiment); err != nil {
			return nil, err
		}
	}
	if len(s.state.runs) >= maxRuns {
		return nil, invalid("a step has at most %d runs", maxRuns)
	}
	tags, err := s.checkTags(in.Tags)
	if err != nil {
		return nil, err
	}
	id := newID()
	if name, ok := tagOf(tags, "mlflow.runName").(string); ok && in.Name == "" {
		in.Name = name
	}
	if in.Name == "" {
		in.Name = "run-" + id[:8]
	}
	of := s.newInfo(id, in.Name)
	of.Start = millis(time.Now())
	if in.Start > 0 {
		of.Start = int64(in.Start)
	}
	if in.User != "" {
		of.User = in.User
	}
	if tagOf(tags, "mlflow.runName") == nil {
		tags = append(tags, pair{"mlflow.runName", in.Name})
	}
	if err := s.record(event{Run: id, Info: of, Tags: tags}); err != nil {
		return nil, err
	}
	return map[string]any{"run": s.state.runs[id].document()}, nil
}

type updateRunCall struct {
	runCall
	Status json.RawMessage `json:"status"`
	End    integer         `json:"end_time"`
	Name   string          `json:"run_name"`
}

// updateRun changes what a run is said to be. The attempt's own run ends when
// its program does: what the program says of its end is noted, no more.
func (s *session) updateRun(in updateRunCall) (any, error) {
	r, err := s.activeRun(in.id())
	if err != nil {
		return nil, err
	}
	of := r.info
	if status := runStatus(in.Status); status != "" {
		of.Status = status
	}
	if in.End > 0 {
		of.End = int64(in.End)
	}
	e := event{Run: of.ID, Info: &of}
	if in.Name != "" {
		of.Name = in.Name
		e.Tags = []pair{{"mlflow.runName", in.Name}}
	}
	return map[string]any{"run_info": of}, s.record(e)
}

// runStatus reads a status by name or by number.
func runStatus(raw json.RawMessage) string {
	text := strings.Trim(string(raw), `"`)
	for i, name := range []string{"RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"} {
		if text == name || text == strconv.Itoa(i+1) {
			return name
		}
	}
	return ""
}

func (s *session) setStage(id, stage string) error {
	r, err := s.run(id)
	if err != nil {
		return err
	}
	of := r.info
	of.Stage = stage
	return s.record(event{Run: id, Info: &of})
}
