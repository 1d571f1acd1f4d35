package tracking

import (
	"encoding/json"
	"net/url"
)

// traceCalls keep what MLflow 3 says of traces, and hand it out again by their
// identifiers. Their spans are files. What else there is to do with traces
// belongs to a server.
func traceCalls() map[string]endpoint {
	return map[string]endpoint{
		"POST traces": func(s *session, c call) (any, error) {
			var in struct {
				Trace struct {
					Info map[string]any `json:"trace_info"`
				} `json:"trace"`
			}
			if err := c.into(&in); err != nil {
				return nil, invalid("%v", err)
			}
			id, _ := in.Trace.Info["trace_id"].(string)
			if id == "" {
				return nil, &refusal{unknownCall, "traces of MLflow 2 are not kept"}
			}
			if len(s.state.traces) >= maxThings {
				return nil, invalid("a step has at most %d traces", maxThings)
			}
			tags, _ := in.Trace.Info["tags"].(map[string]any)
			if tags == nil {
				tags = make(map[string]any)
			}
			tags["mlflow.artifactLocation"] = "mlflow-artifacts:/traces/" + url.PathEscape(id) + "/artifacts"
			in.Trace.Info["tags"] = tags
			text, err := json.Marshal(in.Trace.Info)
			if err != nil {
				return nil, err
			}
			return map[string]any{"trace": map[string]any{"trace_info": in.Trace.Info}}, s.record(event{TraceID: id, Trace: text})
		},
		"GET traces/*": func(s *session, c call) (any, error) {
			trace := s.state.traces[c.path[0]]
			if trace == nil {
				return nil, missing("Trace with ID '%s' not found.", c.path[0])
			}
			return map[string]any{"trace": map[string]any{"trace_info": trace}}, nil
		},
		"PATCH traces/*/tags": func(s *session, c call) (any, error) {
			var in pair
			if err := c.into(&in); err != nil {
				return nil, invalid("%v", err)
			}
			return nothing{}, s.changeTrace(c.path[0], func(tags map[string]any) { tags[in.Key] = in.Value })
		},
		"DELETE traces/*/tags": func(s *session, c call) (any, error) {
			var in pair
			if err := c.into(&in); err != nil {
				return nil, invalid("%v", err)
			}
			return nothing{}, s.changeTrace(c.path[0], func(tags map[string]any) { delete(tags, in.Key) })
		},
		"POST traces/search": func(s *session, _ call) (any, error) {
			found := []json.RawMessage{}
			for _, id := range s.state.traceOrder {
				found = append(found, s.state.traces[id])
			}
			return map[string]any{"traces": found}, nil
		},
		"POST traces/link-to-run": func(*session, call) (any, error) { return nothing{}, nil },
	}
}

func (s *session) changeTrace(id string, change func(tags map[string]any)) error {
	var trace map[string]any
	if s.state.traces[id] == nil || json.Unmarshal(s.state.traces[id], &trace) != nil {
		return missing("Trace with ID '%s' not found.", id)
	}
	tags, _ := trace["tags"].(map[string]any)
	if tags == nil {
		tags = make(map[string]any)
		trace["tags"] = tags
	}
	change(tags)
	text, err := json.Marshal(trace)
	if err != nil {
		return err
	}
	return s.record(event{TraceID: id, Trace: text})
}
