package tracking

import (
	"fmt"
	"sort"
)

type metricCall struct {
	ID   string `json:"run_id"`
	UUID string `json:"run_uuid"`
	point
}

func (s *session) logMetric(in metricCall) (any, error) {
	in.Run = ""
	return nothing{}, s.log(runCall{in.ID, in.UUID}.id(), []point{in.point}, nil, nil)
}

type pairCall struct {
	runCall
	pair
}

func (s *session) logParam(in pairCall) (any, error) {
	return nothing{}, s.log(in.id(), nil, []pair{in.pair}, nil)
}

func (s *session) setTag(in pairCall) (any, error) {
	return nothing{}, s.log(in.id(), nil, nil, []pair{in.pair})
}

func (s *session) deleteTag(in pairCall) (any, error) {
	r, err := s.activeRun(in.id())
	if err != nil {
		return nil, err
	}
	if _, ok := r.tags.get(in.Key); !ok {
		return nil, missing("No tag with name: %s in run with id %s", in.Key, r.ID)
	}
	return nothing{}, s.record(event{Run: r.ID, Untag: in.Key})
}

type batchCall struct {
	runCall
	Metrics []point `json:"metrics"`
	Params  []pair  `json:"params"`
	Tags    []pair  `json:"tags"`
}

func (s *session) logBatch(in batchCall) (any, error) {
	switch {
	case len(in.Metrics) > maxMetrics:
		return nil, invalid("A batch logging request can contain at most %d metrics. Got %d metrics. "+
			"Please split up metrics across multiple requests and try again.", maxMetrics, len(in.Metrics))
	case len(in.Params) > maxPairs, len(in.Tags) > maxPairs:
		return nil, invalid("A batch logging request can contain at most %d params and %d tags. Got %d params and %d tags. "+
			"Please split them up across multiple requests and try again.", maxPairs, maxPairs, len(in.Params), len(in.Tags))
	}
	return nothing{}, s.log(in.id(), in.Metrics, in.Params, in.Tags)
}

// log takes in what is said of a run: all of it, or nothing.
func (s *session) log(id string, points []point, params, tags []pair) error {
	r, err := s.activeRun(id)
	if err != nil {
		return err
	}
	for i, p := range points {
		if err := checkPoint(p); err != nil {
			return err
		}
		points[i].Run = ""
	}
	if params, err = s.checkParams(r, params); err != nil {
		return err
	}
	if tags, err = s.checkTags(tags); err != nil {
		return err
	}
	if len(r.params.list)+len(params) > maxThings || len(r.tags.list)+len(tags) > maxThings || len(r.keys)+len(points) > maxThings {
		return invalid("a run has at most %d metrics, parameters and tags each", maxThings)
	}
	if len(points)+len(params)+len(tags) == 0 {
		return nil
	}
	if s.state.points > maxPoints {
		s.note("points", fmt.Sprintf("more than %d values of metrics were logged: further ones are summed up, and not kept one by one", maxPoints))
	}
	return s.record(event{Run: r.ID, Metrics: points, Params: params, Tags: tags})
}

// checkParams checks parameters and returns the new ones: a parameter is set
// once, though as often as one likes to the same value.
func (s *session) checkParams(r *run, params []pair) ([]pair, error) {
	var fresh pairs
	for _, p := range params {
		if err := checkKey("Param", p.Key); err != nil {
			return nil, err
		}
		value := cut(p.Value, maxParam)
		if value != p.Value {
			s.note("long param", fmt.Sprintf("the value of parameter %q is cut to %d characters, as those of others that are longer", p.Key, maxParam))
		}
		before, ok := r.params.get(p.Key)
		if !ok {
			before, ok = fresh.get(p.Key)
		}
		if ok && before != value {
			return nil, invalid("Changing param values is not allowed. Param with key='%s' was already logged with value='%s' for run ID='%s'. "+
				"Attempted logging new value '%s'.", p.Key, before, r.ID, value)
		}
		if !ok {
			fresh.set(p.Key, value)
		}
	}
	return fresh.list, nil
}

func (s *session) checkTags(tags []pair) ([]pair, error) {
	checked := make([]pair, len(tags))
	for i, t := range tags {
		if err := checkKey("Tag", t.Key); err != nil {
			return nil, err
		}
		checked[i] = pair{t.Key, cut(t.Value, maxTag)}
		if checked[i] != t {
			s.note("long tag", fmt.Sprintf("the value of tag %q is cut to %d characters, as those of others that are longer", t.Key, maxTag))
		}
	}
	return checked, nil
}

type inputsCall struct {
	runCall
	Datasets []datasetInput `json:"datasets"`
	Models   []modelUse     `json:"models"`
}

func (s *session) logInputs(in inputsCall) (any, error) {
	r, err := s.activeRun(in.id())
	if err != nil {
		return nil, err
	}
	if len(r.datasets)+len(in.Datasets) > maxThings || len(r.used)+len(in.Models) > maxThings {
		return nil, invalid("a run has at most %d inputs", maxThings)
	}
	seen := make(map[string]bool)
	for _, d := range r.datasets {
		seen[fmt.Sprint(d.Dataset["name"], d.Dataset["digest"])] = true
	}
	fresh := event{Run: r.ID, Used: in.Models}
	for _, d := range in.Datasets {
		name, _ := d.Dataset["name"].(string)
		digest, _ := d.Dataset["digest"].(string)
		if name == "" || digest == "" {
			return nil, invalid("Dataset name and digest cannot be empty")
		}
		if key := fmt.Sprint(name, digest); !seen[key] {
			seen[key] = true
			fresh.Data = append(fresh.Data, d)
		}
	}
	return nothing{}, s.record(fresh)
}

func (s *session) logOutputs(in inputsCall) (any, error) {
	r, err := s.activeRun(in.id())
	if err != nil {
		return nil, err
	}
	if len(r.made)+len(in.Models) > maxThings {
		return nil, invalid("a run has at most %d models", maxThings)
	}
	return nothing{}, s.record(event{Run: r.ID, Made: in.Models})
}

type historyCall struct {
	runCall
	IDs   texts   `json:"run_ids"`
	Key   string  `json:"metric_key"`
	Max   integer `json:"max_results"`
	Page  string  `json:"page_token"`
	From  integer `json:"start_step"`
	Until integer `json:"end_step"`
}

func (s *session) history(in historyCall) (any, error) {
	r, err := s.run(in.id())
	if err != nil {
		return nil, err
	}
	of := r.metrics[in.Key]
	if of == nil {
		return map[string]any{"metrics": []point{}}, nil
	}
	from, until, next, err := page(len(of.samples), in.Page, int(in.Max), len(of.samples))
	if err != nil {
		return nil, err
	}
	all := make([]point, 0, until-from)
	for _, sample := range of.samples[from:until] {
		all = append(all, sample.point(in.Key))
	}
	return answerPage("metrics", all, next), nil
}

// histories are those of one metric in several runs, thinned out where there is
// too much of them.
func (s *session) histories(in historyCall) (any, error) {
	most := int(in.Max)
	if most <= 0 || most > 25_000 {
		most = 2500
	}
	all := []point{}
	for _, id := range in.IDs {
		r, err := s.run(id)
		if err != nil {
			return nil, err
		}
		of := r.metrics[in.Key]
		if of == nil {
			continue
		}
		var wanted []sample
		for _, one := range of.samples {
			if in.Until == 0 && in.From == 0 || one.step >= int64(in.From) && one.step <= int64(in.Until) {
				wanted = append(wanted, one)
			}
		}
		sort.SliceStable(wanted, func(i, j int) bool { return laterOf(wanted[i], wanted[j]) })
		every := max(1, (len(wanted)+most-1)/most)
		for i, one := range wanted {
			if i%every == 0 || i == len(wanted)-1 {
				p := one.point(in.Key)
				p.Run = id
				all = append(all, p)
			}
		}
	}
	return map[string]any{"metrics": all}, nil
}
