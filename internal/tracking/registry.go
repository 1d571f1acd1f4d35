package tracking

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millrace-ml/millrace/pipeline"
)

// registeredModel is a name with the versions that the attempt has registered
// under it. They become assets when the job has completed, with the numbers that
// are next then.
type registeredModel struct {
	Name        string            `json:"name"`
	Description string            `json:"description,omitempty"`
	Created     int64             `json:"creation_timestamp"`
	Updated     int64             `json:"last_updated_timestamp"`
	Tags        []pair            `json:"tags"`
	Aliases     map[string]string `json:"aliases,omitempty"`
	Versions    []modelVersion    `json:"versions,omitempty"`
}

type modelVersion struct {
	Name        string `json:"name"`
	Version     string `json:"version"`
	Created     int64  `json:"creation_timestamp"`
	Updated     int64  `json:"last_updated_timestamp"`
	User        string `json:"user_id,omitempty"`
	Stage       string `json:"current_stage"`
	Description string `json:"description,omitempty"`
	Source      string `json:"source"`
	Run         string `json:"run_id,omitempty"`
	Link        string `json:"run_link,omitempty"`
	Model       string `json:"model_id,omitempty"`
	Status      string `json:"status"`
	Tags        []pair `json:"tags"`
	// Aliases are filled in for answers.
	Aliases []string `json:"aliases,omitempty"`
}

type registryCall struct {
	Name        string `json:"name"`
	New         string `json:"new_name"`
	Version     string `json:"version"`
	Description string `json:"description"`
	Source      string `json:"source"`
	Run         string `json:"run_id"`
	Link        string `json:"run_link"`
	Model       string `json:"model_id"`
	Stage       string `json:"stage"`
	Stages      texts  `json:"stages"`
	Alias       string `json:"alias"`
	Key         string `json:"key"`
	Value       string `json:"value"`
	Tags        []pair `json:"tags"`
}

func registryCalls() map[string]endpoint {
	return map[string]endpoint{
		"POST registered-models/create": on((*session).createRegistered),
		"GET registered-models/get":     onRegistered(func(*registeredModel, registryCall) error { return nil }),
		"PATCH registered-models/update": onRegistered(func(m *registeredModel, in registryCall) error {
			m.Description = in.Description
			return nil
		}),
		"POST registered-models/set-tag": onRegistered(func(m *registeredModel, in registryCall) error {
			m.Tags = changed(m.Tags, []pair{{in.Key, in.Value}}, "")
			return checkKey("Tag", in.Key)
		}),
		"DELETE registered-models/delete-tag": onRegistered(func(m *registeredModel, in registryCall) error {
			m.Tags = changed(m.Tags, nil, in.Key)
			return nil
		}),
		"POST registered-models/alias": onRegistered(setAlias),
		"DELETE registered-models/alias": onRegistered(func(m *registeredModel, in registryCall) error {
			delete(m.Aliases, in.Alias)
			return nil
		}),
		"GET registered-models/alias": on(func(s *session, in registryCall) (any, error) {
			m, err := s.registered(in.Name)
			if err != nil {
				return nil, err
			}
			version, ok := m.Aliases[in.Alias]
			if !ok {
				return nil, &refusal{invalidValue, "Registered model alias " + in.Alias + " not found."}
			}
			in.Version = version
			return s.getVersion(in)
		}),
		"DELETE registered-models/delete": on(func(s *session, in registryCall) (any, error) {
			if _, err := s.registered(in.Name); err != nil {
				return nil, err
			}
			return nothing{}, s.record(event{Forgotten: in.Name})
		}),
		"GET registered-models/search":               on((*session).searchRegistered),
		"POST registered-models/get-latest-versions": on((*session).latestVersions),
		"GET registered-models/get-latest-versions":  on((*session).latestVersions),

		"POST model-versions/create": on((*session).createVersion),
		"GET model-versions/get":     on((*session).getVersion),
		"PATCH model-versions/update": onVersion(func(v *modelVersion, in registryCall) error {
			v.Description = in.Description
			return nil
		}),
		"POST model-versions/transition-stage": onVersion(func(v *modelVersion, in registryCall) error {
			v.Stage = in.Stage
			return nil
		}),
		"POST model-versions/set-tag": onVersion(func(v *modelVersion, in registryCall) error {
			v.Tags = changed(v.Tags, []pair{{in.Key, in.Value}}, "")
			return checkKey("Tag", in.Key)
		}),
		"DELETE model-versions/delete-tag": onVersion(func(v *modelVersion, in registryCall) error {
			v.Tags = changed(v.Tags, nil, in.Key)
			return nil
		}),
		"DELETE model-versions/delete": on((*session).deleteVersion),
		"GET model-versions/get-download-uri": on(func(s *session, in registryCall) (any, error) {
			_, v, err := s.version(in)
			if err != nil {
				return nil, err
			}
			return map[string]any{"artifact_uri": s.sourceOf(v)}, nil
		}),
		"GET model-versions/search": on((*session).searchVersions),
	}
}

// clone is a copy that can be changed.
func (m *registeredModel) clone() *registeredModel {
	next := *m
	next.Tags, next.Versions = slices.Clone(m.Tags), slices.Clone(m.Versions)
	next.Aliases = make(map[string]string, len(m.Aliases))
	maps.Copy(next.Aliases, m.Aliases)
	next.Updated = millis(time.Now())
	return &next
}

// withAliases is a version as answers have it.
func (m *registeredModel) withAliases(v modelVersion) modelVersion {
	v.Aliases = nil
	for alias, version := range m.Aliases {
		if version == v.Version {
			v.Aliases = append(v.Aliases, alias)
		}
	}
	slices.Sort(v.Aliases)
	return v
}

func (m *registeredModel) document() map[string]any {
	aliases := []map[string]string{}
	for alias, version := range m.Aliases {
		aliases = append(aliases, map[string]string{"alias": alias, "version": version})
	}
	slices.SortFunc(aliases, func(a, b map[string]string) int { return strings.Compare(a["alias"], b["alias"]) })
	latest := []modelVersion{}
	if n := len(m.Versions); n > 0 {
		latest = append(latest, m.withAliases(m.Versions[n-1]))
	}
	return map[string]any{
		"name": m.Name, "description": m.Description, "creation_timestamp": m.Created, "last_updated_timestamp": m.Updated,
		"tags": m.Tags, "aliases": aliases, "latest_versions": latest,
	}
}

// onRegistered is an endpoint for one registered model, which it may change.
func onRegistered(change func(*registeredModel, registryCall) error) endpoint {
	return func(s *session, c call) (any, error) {
		var in registryCall
		if err := c.into(&in); err != nil {
			return nil, invalid("%v", err)
		}
		m, err := s.registered(in.Name)
		if err != nil {
			return nil, err
		}
		if !c.reads() {
			m = m.clone()
			if err := change(m, in); err != nil {
				return nil, err
			}
			if err := s.record(event{Registered: m}); err != nil {
				return nil, err
			}
		}
		return map[string]any{"registered_model": m.document()}, nil
	}
}

// onVersion is an endpoint that changes a version.
func onVersion(change func(*modelVersion, registryCall) error) endpoint {
	return on(func(s *session, in registryCall) (any, error) {
		m, v, err := s.version(in)
		if err != nil {
			return nil, err
		}
		if err := change(&v, in); err != nil {
			return nil, err
		}
		next := m.clone()
		v.Updated = next.Updated
		for i := range next.Versions {
			if next.Versions[i].Version == v.Version {
				next.Versions[i] = v
			}
		}
		return map[string]any{"model_version": next.withAliases(v)}, s.record(event{Registered: next})
	})
}

func (s *session) registered(name string) (*registeredModel, error) {
	if err := checkName("Registered model", name); err != nil {
		return nil, err
	}
	m := s.state.registered[name]
	if m == nil {
		return nil, missing("Registered Model with name=%s not found", name)
	}
	return m, nil
}

func (s *session) version(in registryCall) (*registeredModel, modelVersion, error) {
	m, err := s.registered(in.Name)
	if err != nil {
		return nil, modelVersion{}, err
	}
	for _, v := range m.Versions {
		if v.Version == in.Version {
			return m, v, nil
		}
	}
	return nil, modelVersion{}, missing("Model Version (name=%s, version=%s) not found", in.Name, in.Version)
}

func (s *session) createRegistered(in registryCall) (any, error) {
	if err := checkName("Registered model", in.Name); err != nil {
		return nil, err
	}
	if err := pipeline.CheckAssetName("model", in.Name); err != nil {
		return nil, invalid("%v", err) // it is to become an asset
	}
	if s.state.registered[in.Name] != nil {
		return nil, &refusal{alreadyThere, "Registered Model (name=" + in.Name + ") already exists."}
	}
	if len(s.state.registered) >= maxThings {
		return nil, invalid("a step registers at most %d models", maxThings)
	}
	now := millis(time.Now())
	m := &registeredModel{Name: in.Name, Description: in.Description, Created: now, Updated: now, Tags: changed(nil, in.Tags, "")}
	return map[string]any{"registered_model": m.document()}, s.record(event{Registered: m})
}

func (s *session) createVersion(in registryCall) (any, error) {
	m, err := s.registered(in.Name)
	if err != nil {
		return nil, err
	}
	v := modelVersion{
		Name: in.Name, User: s.User, Stage: "None", Description: in.Description, Source: in.Source, Run: in.Run,
		Link: in.Link, Model: in.Model, Status: "READY", Tags: changed(nil, in.Tags, ""),
	}
	if _, err := s.folderOf(v); err != nil {
		return nil, err
	}
	if len(m.Versions) >= maxThings {
		return nil, invalid("a step registers at most %d versions", maxThings)
	}
	next := m.clone()
	v.Created, v.Updated = next.Updated, next.Updated
	number := 1
	if n := len(m.Versions); n > 0 {
		number, _ = strconv.Atoi(m.Versions[n-1].Version)
		number++
	}
	v.Version = strconv.Itoa(number)
	next.Versions = append(next.Versions, v)
	return map[string]any{"model_version": v}, s.record(event{Registered: next})
}

func (s *session) getVersion(in registryCall) (any, error) {
	m, v, err := s.version(in)
	if err != nil {
		return nil, err
	}
	return map[string]any{"model_version": m.withAliases(v)}, nil
}

func (s *session) deleteVersion(in registryCall) (any, error) {
	m, v, err := s.version(in)
	if err != nil {
		return nil, err
	}
	next := m.clone()
	next.Versions = slices.DeleteFunc(next.Versions, func(other modelVersion) bool { return other.Version == v.Version })
	for alias, version := range next.Aliases {
		if version == v.Version {
			delete(next.Aliases, alias)
		}
	}
	return nothing{}, s.record(event{Registered: next})
}

func (s *session) latestVersions(in registryCall) (any, error) {
	m, err := s.registered(in.Name)
	if err != nil {
		return nil, err
	}
	last := make(map[string]modelVersion)
	var stages []string
	for _, v := range m.Versions {
		if len(in.Stages) > 0 && !slices.Contains(in.Stages, v.Stage) {
			continue
		}
		if _, ok := last[v.Stage]; !ok {
			stages = append(stages, v.Stage)
		}
		last[v.Stage] = v
	}
	found := []modelVersion{}
	for _, stage := range stages {
		found = append(found, m.withAliases(last[stage]))
	}
	return map[string]any{"model_versions": found}, nil
}

func setAlias(m *registeredModel, in registryCall) error {
	if err := checkKey("Alias", in.Alias); err != nil {
		return err
	}
	if !slices.ContainsFunc(m.Versions, func(v modelVersion) bool { return v.Version == in.Version }) {
		return missing("Model Version (name=%s, version=%s) not found", in.Name, in.Version)
	}
	m.Aliases[in.Alias] = in.Version
	return nil
}

// sourceOf is where clients find the files of a version: those of a logged model
// by the name that they have here.
func (s *session) sourceOf(v modelVersion) string {
	id := v.Model
	if rest, ok := strings.CutPrefix(v.Source, "models:/"); ok && !strings.Contains(rest, "/") {
		id = rest
	}
	if m := s.state.models[id]; m != nil {
		return m.Artifacts
	}
	return v.Source
}
