package tracking

import (
	"slices"
)

// experiment is what the runs of an attempt belong to. There is one: under
// whatever name a program asks for one, it gets this, for the step's run is in
// it already.
type experiment struct {
	ID        string   `json:"experiment_id"`
	Name      string   `json:"name"`
	Artifacts string   `json:"artifact_location"`
	Stage     string   `json:"lifecycle_stage"`
	Created   int64    `json:"creation_time"`
	Updated   int64    `json:"last_update_time"`
	Tags      []pair   `json:"tags"`
	Names     []string `json:"names,omitempty"` // others that it was asked for by
}

func (s *session) newExperiment() experiment {
	return experiment{
		ID: s.of.ExperimentID, Name: s.of.Experiment, Artifacts: "mlflow-artifacts:/", Stage: "active",
		Created: millis(s.kept.Started), Updated: millis(s.kept.Started), Tags: []pair{},
	}
}

// named is the experiment under one of its names.
func (s *session) named(name string) map[string]any {
	e := s.state.experiment
	e.Name, e.Names = name, nil
	return map[string]any{"experiment": e}
}

type experimentCall struct {
	ID    string `json:"experiment_id"`
	Name  string `json:"experiment_name"`
	New   string `json:"name"`
	Key   string `json:"key"`
	Value string `json:"value"`
	Tags  []pair `json:"tags"`
}

func experimentCalls() map[string]endpoint {
	return map[string]endpoint{
		"GET experiments/get-by-name": on(func(s *session, in experimentCall) (any, error) {
			if in.Name != s.state.experiment.Name && !slices.Contains(s.state.experiment.Names, in.Name) {
				return nil, missing("Could not find experiment with name '%s'", in.Name)
			}
			return s.named(in.Name), nil
		}),
		"GET experiments/get": on(func(s *session, in experimentCall) (any, error) {
			if err := s.checkExperiment(in.ID); err != nil {
				return nil, err
			}
			return s.named(s.state.experiment.Name), nil
		}),
		"POST experiments/create": on((*session).createExperiment),
		"POST experiments/search": on((*session).searchExperiments),
		"GET experiments/search":  on((*session).searchExperiments),
		"POST experiments/set-experiment-tag": on(func(s *session, in experimentCall) (any, error) {
			if err := checkKey("Tag", in.Key); err != nil {
				return nil, err
			}
			return nothing{}, s.tagExperiment(in.ID, func(tags *pairs) { tags.set(in.Key, cut(in.Value, 20_000)) })
		}),
		"POST experiments/delete-experiment-tag": on(func(s *session, in experimentCall) (any, error) {
			return nothing{}, s.tagExperiment(in.ID, func(tags *pairs) { tags.remove(in.Key) })
		}),
		"POST experiments/update":  on(keepExperiment),
		"POST experiments/delete":  on(keepExperiment),
		"POST experiments/restore": on(keepExperiment),
	}
}

// keepExperiment refuses to change what belongs to the job.
func keepExperiment(*session, experimentCall) (any, error) {
	return nil, &refusal{notAllowed, "the experiment is that of the job: a step does not rename or delete it"}
}

func (s *session) checkExperiment(id string) error {
	// 0 is the default one, for programs that count on there being one.
	if id != s.state.experiment.ID && id != "0" {
		return missing("No Experiment with id=%s exists: a step has one, and that is %s", id, s.state.experiment.ID)
	}
	return nil
}

func (s *session) createExperiment(in experimentCall) (any, error) {
	if err := checkName("Experiment", in.New); err != nil {
		return nil, err
	}
	e := s.state.experiment
	if in.New == e.Name || slices.Contains(e.Names, in.New) {
		return nil, &refusal{alreadyThere, "Experiment '" + in.New + "' already exists."}
	}
	if len(e.Names) >= maxThings {
		return nil, invalid("there are too many experiments")
	}
	e.Names = append(slices.Clone(e.Names), in.New)
	return map[string]any{"experiment_id": e.ID}, s.record(event{Experiment: &e})
}

func (s *session) searchExperiments(in searchCall) (any, error) {
	e := s.state.experiment
	found := []map[string]any{}
	wanted, err := parseFilter(in.Filter)
	if err != nil {
		return nil, err
	}
	for _, name := range append([]string{e.Name}, e.Names...) {
		e.Name = name
		if wanted.holds(func(kind, key string) any {
			switch {
			case kind == "tag":
				return tagOf(e.Tags, key)
			case key == "name":
				return name
			case key == "creation_time":
				return float64(e.Created)
			case key == "last_update_time":
				return float64(e.Updated)
			}
			return nil
		}) {
			found = append(found, s.named(name)["experiment"].(experiment).document())
		}
	}
	return map[string]any{"experiments": found}, nil
}

func (e experiment) document() map[string]any {
	return map[string]any{
		"experiment_id": e.ID, "name": e.Name, "artifact_location": e.Artifacts, "lifecycle_stage": e.Stage,
		"creation_time": e.Created, "last_update_time": e.Updated, "tags": e.Tags,
	}
}

func (s *session) tagExperiment(id string, change func(*pairs)) error {
	if err := s.checkExperiment(id); err != nil {
		return err
	}
	e := s.state.experiment
	var tags pairs
	for _, t := range e.Tags {
		tags.set(t.Key, t.Value)
	}
	change(&tags)
	if len(tags.list) > maxThings {
		return invalid("there are too many tags")
	}
	e.Tags = tags.all()
	return s.record(event{Experiment: &e})
}

func tagOf(tags []pair, key string) any {
	for _, t := range tags {
		if t.Key == key {
			return t.Value
		}
	}
	return nil
}
