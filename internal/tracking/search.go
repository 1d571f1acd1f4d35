package tracking

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strings"
)

type searchCall struct {
	Experiments texts           `json:"experiment_ids"`
	Filter      string          `json:"filter"`
	View        json.RawMessage `json:"run_view_type"`
	Max         integer         `json:"max_results"`
	Order       json.RawMessage `json:"order_by"`
	Page        string          `json:"page_token"`
}

// most is how many a search finds at once where nobody says.
const most = 1000

func (s *session) searchRuns(in searchCall) (any, error) {
	wanted, err := parseFilter(in.Filter)
	if err != nil {
		return nil, err
	}
	orders, err := in.orders()
	if err != nil {
		return nil, err
	}
	var found []*run
	for _, id := range s.state.order {
		r := s.state.runs[id]
		if in.shows(r.Stage) && in.inExperiment(r.Experiment) && wanted.holds(r.look) {
			found = append(found, r)
		}
	}
	arrange(found, orders, (*run).look, func(a, b *run) int {
		return cmp.Or(cmp.Compare(b.Start, a.Start), strings.Compare(a.ID, b.ID))
	})
	from, until, next, err := page(len(found), in.Page, int(in.Max), most)
	if err != nil {
		return nil, err
	}
	runs := make([]runDocument, 0, until-from)
	for _, r := range found[from:until] {
		runs = append(runs, r.document())
	}
	return answerPage("runs", runs, next), nil
}

func (c searchCall) inExperiment(id string) bool {
	return len(c.Experiments) == 0 || slices.Contains(c.Experiments, id) || slices.Contains(c.Experiments, "0")
}

// shows reports whether runs in a stage are asked for.
func (c searchCall) shows(stage string) bool {
	switch strings.Trim(string(c.View), `"`) {
	case "ALL", "3":
		return true
	case "DELETED_ONLY", "2":
		return stage == "deleted"
	}
	return stage == "active"
}

// look finds what a filter or an order names.
func (r *run) look(kind, key string) any {
	switch kind {
	case "metric":
		if m := r.metrics[key]; m != nil {
			return m.latest.value
		}
		return nil
	case "param":
		return textOrNil(r.params.get(key))
	case "tag":
		return textOrNil(r.tags.get(key))
	case "dataset":
		for _, d := range r.datasets {
			if text, ok := d.Dataset[key].(string); ok {
				return text
			}
		}
		return nil
	}
	switch key {
	case "run_id":
		return r.ID
	case "run_name", "Run name", "run name":
		return r.Name
	case "status":
		return r.Status
	case "user_id":
		return r.User
	case "artifact_uri":
		return r.Artifacts
	case "start_time", "created", "Created":
		return float64(r.Start)
	case "end_time":
		if r.End > 0 {
			return float64(r.End)
		}
	}
	return nil
}

func textOrNil(text string, ok bool) any {
	if !ok {
		return nil
	}
	return text
}

func (s *session) searchModels(in searchCall) (any, error) {
	wanted, err := parseFilter(in.Filter)
	if err != nil {
		return nil, err
	}
	orders, err := in.orders()
	if err != nil {
		return nil, err
	}
	var found []*loggedModel
	for _, id := range s.state.modelOrder {
		if m := s.state.models[id]; !m.Deleted && in.inExperiment(m.Experiment) && wanted.holds(m.look) {
			found = append(found, m)
		}
	}
	// The last of those of one moment is the latest.
	slices.Reverse(found)
	arrange(found, orders, (*loggedModel).look, func(a, b *loggedModel) int { return cmp.Compare(b.Created, a.Created) })
	from, until, next, err := page(len(found), in.Page, int(in.Max), 100)
	if err != nil {
		return nil, err
	}
	models := make([]map[string]any, 0, until-from)
	for _, m := range found[from:until] {
		models = append(models, m.document())
	}
	return answerPage("models", models, next), nil
}

func (m *loggedModel) look(kind, key string) any {
	switch kind {
	case "metric":
		for _, p := range m.Metrics {
			if p.Key == key {
				return float64(*p.Value)
			}
		}
		return nil
	case "param":
		return tagOf(m.Params, key)
	case "tag":
		return tagOf(m.Tags, key)
	}
	switch key {
	case "model_id":
		return m.ID
	case "name", "model_name":
		return m.Name
	case "model_type":
		return m.Type
	case "status":
		return strings.TrimPrefix(m.Status, "LOGGED_MODEL_")
	case "source_run_id":
		return m.Run
	case "creation_timestamp", "creation_time", "creation_timestamp_ms":
		return float64(m.Created)
	case "last_updated_timestamp", "last_updated_timestamp_ms":
		return float64(m.Updated)
	}
	return nil
}

func (s *session) searchRegistered(in searchCall) (any, error) {
	wanted, err := parseFilter(in.Filter)
	if err != nil {
		return nil, err
	}
	found := []map[string]any{}
	for _, name := range slices.Sorted(keysOf(s.state.registered)) {
		m := s.state.registered[name]
		if wanted.holds(func(kind, key string) any {
			if kind == "tag" {
				return registryTag(m.Tags, key)
			}
			return map[string]any{"name": m.Name}[key]
		}) {
			found = append(found, m.document())
		}
	}
	from, until, next, err := page(len(found), in.Page, int(in.Max), 100)
	if err != nil {
		return nil, err
	}
	return answerPage("registered_models", found[from:until], next), nil
}

func (s *session) searchVersions(in searchCall) (any, error) {
	wanted, err := parseFilter(in.Filter)
	if err != nil {
		return nil, err
	}
	found := []modelVersion{}
	for _, name := range slices.Sorted(keysOf(s.state.registered)) {
		m := s.state.registered[name]
		for _, v := range slices.Backward(m.Versions) {
			if wanted.holds(func(kind, key string) any {
				if kind == "tag" {
					return registryTag(v.Tags, key)
				}
				number, _ := asNumber(v.Version)
				return map[string]any{
					"name": v.Name, "run_id": v.Run, "source_path": v.Source, "version_number": number, "version": v.Version, "model_id": v.Model,
				}[key]
			}) {
				found = append(found, m.withAliases(v))
			}
		}
	}
	from, until, next, err := page(len(found), in.Page, int(in.Max), 10_000)
	if err != nil {
		return nil, err
	}
	return answerPage("model_versions", found[from:until], next), nil
}

// registryTag is a tag of what is registered. Clients ask for what is no prompt.
func registryTag(tags []pair, key string) any {
	tag := tagOf(tags, key)
	if tag == nil && key == "mlflow.prompt.is_prompt" {
		return "false"
	}
	return tag
}

// order is one of the things that results are put in order by.
type order struct {
	kind, key string
	falling   bool
}

// orders reads "metrics.loss DESC", or, for logged models, objects that say so.
func (c searchCall) orders() ([]order, error) {
	if len(c.Order) == 0 {
		return nil, nil
	}
	var list texts
	if decode(c.Order, &list) != nil {
		var objects []struct {
			Name      string `json:"field_name"`
			Ascending *bool  `json:"ascending"`
		}
		if decode(c.Order, &objects) != nil {
			return nil, invalid("Invalid order_by: %.200s", c.Order)
		}
		for _, o := range objects {
			text := "`" + o.Name + "`"
			if kind, key, ok := strings.Cut(o.Name, "."); ok {
				text = kind + ".`" + key + "`"
			}
			if o.Ascending != nil && !*o.Ascending {
				text += " DESC"
			}
			list = append(list, text)
		}
	}
	var all []order
	for _, text := range list {
		one, err := parseOrder(text)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func parseOrder(text string) (order, error) {
	var o order
	words, err := split(text)
	if err != nil {
		return o, err
	}
	p := &parser{words: words, text: text}
	name, ok := p.next()
	if !ok {
		return o, invalid("Invalid order_by clause %q", text)
	}
	key := name.text
	if name.dotted {
		rest, _ := p.next()
		key += rest.text
	}
	if o.kind, o.key, err = entity(key, name.quote != 0); err != nil {
		return o, err
	}
	o.falling = p.takes("DESC")
	if !o.falling {
		p.takes("ASC")
	}
	if len(p.words) > 0 {
		return o, invalid("Invalid order_by clause %q", text)
	}
	return o, nil
}

// arrange puts results in order. What has no value comes last.
func arrange[T any](found []T, orders []order, look func(T, string, string) any, otherwise func(a, b T) int) {
	slices.SortStableFunc(found, func(a, b T) int {
		for _, o := range orders {
			if c := o.compare(look(a, o.kind, o.key), look(b, o.kind, o.key)); c != 0 {
				return c
			}
		}
		return otherwise(a, b)
	})
}

func (o order) compare(a, b any) int {
	for _, v := range []*any{&a, &b} {
		if number, ok := (*v).(float64); ok && math.IsNaN(number) {
			*v = nil
		}
	}
	var c int
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	if x, ok := a.(float64); ok {
		y, _ := b.(float64)
		c = cmp.Compare(x, y)
	} else {
		x, _ := a.(string)
		y, _ := b.(string)
		c = strings.Compare(x, y)
	}
	if o.falling {
		return -c
	}
	return c
}
