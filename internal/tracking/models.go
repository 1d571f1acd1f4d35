package tracking

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// loggedModel is a model that a run has made, as clients of MLflow 3 have it.
type loggedModel struct {
	ID         string  `json:"model_id"`
	Name       string  `json:"name"`
	Experiment string  `json:"experiment_id"`
	Run        string  `json:"source_run_id,omitempty"`
	Type       string  `json:"model_type,omitempty"`
	Status     string  `json:"status"`
	Artifacts  string  `json:"artifact_uri"`
	Created    int64   `json:"creation_timestamp_ms"`
	Updated    int64   `json:"last_updated_timestamp_ms"`
	Params     []pair  `json:"params"`
	Tags       []pair  `json:"tags"`
	Metrics    []point `json:"metrics"`
	Deleted    bool    `json:"deleted,omitempty"`
}

// document is the model as answers have it.
func (m *loggedModel) document() map[string]any {
	return map[string]any{
		"info": map[string]any{
			"model_id": m.ID, "experiment_id": m.Experiment, "name": m.Name, "creation_timestamp_ms": m.Created,
			"last_updated_timestamp_ms": m.Updated, "artifact_uri": m.Artifacts, "status": m.Status,
			"model_type": m.Type, "source_run_id": m.Run, "tags": m.Tags,
		},
		"data": map[string]any{"params": m.Params, "metrics": m.Metrics},
	}
}

// measure takes in a value that is said of the model.
func (m *loggedModel) measure(p point) {
	p.Run = m.Run
	for i, there := range m.Metrics {
		if there.Key != p.Key || there.DatasetName != p.DatasetName || there.DatasetDigest != p.DatasetDigest {
			continue
		}
		if laterOf(there.sample(), p.sample()) {
			m.Metrics[i] = p
		}
		return
	}
	m.Metrics = append(m.Metrics, p)
}

func (p point) sample() sample {
	return sample{step: int64(p.Step), time: int64(p.Timestamp), value: float64(*p.Value)}
}

func modelCalls() map[string]endpoint {
	return map[string]endpoint{
		"POST logged-models":          on((*session).createModel),
		"POST logged-models/search":   on((*session).searchModels),
		"GET logged-models/*":         onModel(func(*loggedModel, modelCall) error { return nil }),
		"PATCH logged-models/*":       onModel(finalize),
		"POST logged-models/*/params": onModel(addModelParams),
		"PATCH logged-models/*/tags": onModel(func(m *loggedModel, in modelCall) error {
			m.Tags = changed(m.Tags, in.Tags, "")
			return nil
		}),
		"DELETE logged-models/*/tags/*": onModel(func(m *loggedModel, in modelCall) error {
			m.Tags = changed(m.Tags, nil, in.tag)
			return nil
		}),
		"DELETE logged-models/*":                    onModel(func(m *loggedModel, _ modelCall) error { m.Deleted = true; return nil }),
		"GET logged-models/*/artifacts/directories": listModel,
	}
}

type modelCall struct {
	Experiment string          `json:"experiment_id"`
	Name       string          `json:"name"`
	Type       string          `json:"model_type"`
	Run        string          `json:"source_run_id"`
	Status     json.RawMessage `json:"status"`
	Params     []pair          `json:"params"`
	Tags       []pair          `json:"tags"`
	Folder     string          `json:"artifact_directory_path"`

	tag string
}

// onModel is an endpoint for one model, which it may change.
func onModel(change func(*loggedModel, modelCall) error) endpoint {
	return func(s *session, c call) (any, error) {
		var in modelCall
		if err := c.into(&in); err != nil {
			return nil, invalid("%v", err)
		}
		m, err := s.model(c.path[0])
		if err != nil {
			return nil, err
		}
		if len(c.path) > 1 {
			in.tag = c.path[1]
		}
		next := *m
		next.Params, next.Tags, next.Metrics = slices.Clone(m.Params), slices.Clone(m.Tags), slices.Clone(m.Metrics)
		if err := change(&next, in); err != nil {
			return nil, err
		}
		if len(next.Params)+len(next.Tags) > maxThings {
			return nil, invalid("a model has at most %d parameters and tags", maxThings)
		}
		if !same(m, &next) {
			next.Updated = millis(time.Now())
			if err := s.record(event{Model: &next}); err != nil {
				return nil, err
			}
		}
		return map[string]any{"model": next.document()}, nil
	}
}

func same(a, b *loggedModel) bool {
	return a.Status == b.Status && a.Deleted == b.Deleted && slices.Equal(a.Params, b.Params) && slices.Equal(a.Tags, b.Tags)
}

// changed are tags with some set and one taken away.
func changed(tags, set []pair, without string) []pair {
	var all pairs
	for _, t := range append(slices.Clone(tags), set...) {
		all.set(t.Key, t.Value)
	}
	all.remove(without)
	return all.all()
}

func (s *session) model(id string) (*loggedModel, error) {
	m := s.state.models[id]
	if m == nil || m.Deleted {
		return nil, missing("Logged model with ID '%s' not found.", id)
	}
	return m, nil
}

func (s *session) createModel(in modelCall) (any, error) {
	if in.Experiment != "" {
		if err := s.checkExperiment(in.Experiment); err != nil {
			return nil, err
		}
	}
	if in.Name != "" && strings.ContainsAny(in.Name, `/\:.%"'`+"\x00") {
		return nil, invalid("Invalid model name (%q) provided. Model name must be a non-empty string and cannot contain the following characters: "+
			`('/', ':', '.', '%%', '"', "'")`, in.Name)
	}
	if len(s.state.models) >= maxThings {
		return nil, invalid("a step has at most %d models", maxThings)
	}
	for _, p := range append(slices.Clone(in.Params), in.Tags...) {
		if err := checkKey("Param", p.Key); err != nil {
			return nil, err
		}
	}
	id := "m-" + newID()
	if in.Name == "" {
		in.Name = "model-" + id[2:10]
	}
	now := millis(time.Now())
	m := &loggedModel{
		ID: id, Name: in.Name, Experiment: s.state.experiment.ID, Run: in.Run, Type: in.Type,
		Status: "LOGGED_MODEL_PENDING", Artifacts: "mlflow-artifacts:/models/" + id + "/artifacts",
		Created: now, Updated: now, Params: changed(nil, in.Params, ""), Tags: changed(nil, in.Tags, ""), Metrics: []point{},
	}
	return map[string]any{"model": m.document()}, s.record(event{Model: m})
}

func finalize(m *loggedModel, in modelCall) error {
	text := strings.Trim(string(in.Status), `"`)
	for i, name := range []string{"LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"} {
		if text == name || text == strconv.Itoa(i+1) {
			m.Status = name
			return nil
		}
	}
	return invalid("Invalid status of a model: %.40s", text)
}

func addModelParams(m *loggedModel, in modelCall) error {
	for _, p := range in.Params {
		if before, ok := tagOf(m.Params, p.Key).(string); ok && before != p.Value {
			return invalid("Changing param values is not allowed. Param with key='%s' was already logged with value='%s'.", p.Key, before)
		}
		m.Params = changed(m.Params, []pair{{p.Key, cut(p.Value, maxParam)}}, "")
	}
	return nil
}

// logModel is what clients of MLflow 2 say of a model beside its files.
func (s *session) logModel(in struct {
	runCall
	Text string `json:"model_json"`
}) (any, error) {
	r, err := s.activeRun(in.id())
	if err != nil {
		return nil, err
	}
	var one map[string]any
	if json.Unmarshal([]byte(in.Text), &one) != nil {
		return nil, invalid("Malformed model info: it is no object of JSON")
	}
	const history = "mlflow.log-model.history"
	var all []any
	if text, ok := r.tags.get(history); ok {
		_ = json.Unmarshal([]byte(text), &all)
	}
	text, err := json.Marshal(append(all, one))
	if err != nil {
		return nil, err
	}
	return nothing{}, s.record(event{Run: r.ID, Tags: []pair{{history, string(text)}}})
}
