package runs

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/millrace-ml/millrace/internal/metrics"
	"github.com/millrace-ml/millrace/pipeline"
)

// toldFile is where a step's artifacts hold what it has reported besides series
// of metrics.
const (
	toldFile    = "tracking/run.json"
	maxToldFile = 64 << 20
)

// told is what a step has reported: in its own run, and in others that it began.
type told struct {
	Run  toldRun   `json:"run"`
	Runs []toldRun `json:"runs"`
}

type toldRun struct {
	ID     string            `json:"run_id"`
	Name   string            `json:"name"`
	Params map[string]string `json:"params"`
}

// told reads what a step has reported; nothing where it has left nothing.
func (s *Service) told(ctx context.Context, state *pipeline.StepState) (told, error) {
	var t told
	data, err := s.kept(ctx, state, toldFile, maxToldFile)
	if data == nil || err != nil {
		return t, err
	}
	if err := json.Unmarshal(data, &t); err != nil {
		return told{}, fmt.Errorf("read %s of step %s: %w", toldFile, state.Name, err)
	}
	return t, nil
}

// entitle gives series the names of their runs in place of their ids: none to
// those of the step's own run.
func (t *told) entitle(series []metrics.Series) {
	times := map[string]int{}
	for _, r := range t.Runs {
		times[r.Name]++
	}
	names := map[string]string{t.Run.ID: ""}
	for _, r := range t.Runs {
		switch {
		case r.Name == "":
			names[r.ID] = r.ID
		case times[r.Name] > 1:
			names[r.ID] = fmt.Sprintf("%s (%.8s)", r.Name, r.ID)
		default:
			names[r.ID] = r.Name
		}
	}
	for i := range series {
		if name, ok := names[series[i].Run]; ok {
			series[i].Run = name
		}
	}
}
