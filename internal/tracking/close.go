package tracking

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/millrace-ml/millrace/internal/metrics"
	"github.com/millrace-ml/millrace/internal/step"
	"github.com/millrace-ml/millrace/pipeline"
)

func keysOf[V any](m map[string]V) iter.Seq[string] { return maps.Keys(m) }

// Close ends the session, and leaves what is kept of it.
func (s *session) Close(context.Context) step.Report {
	s.end()
	defer s.closeRoot()
	s.readLines(true)
	report := step.Report{Metrics: s.state.summaries()}
	if s.state.nothing() && s.opened == nil {
		return report
	}
	root, err := s.root()
	if err != nil {
		s.of.Note(err.Error())
		return report
	}
	if !s.state.nothing() {
		if err := s.leaveBehind(root, &report); err != nil {
			s.of.Note("metrics are not kept: " + err.Error())
		}
	}
	s.leaveFiles(root, &report)
	return report
}

// leaveBehind writes the series of all metrics, and what else was said.
func (s *session) leaveBehind(root *os.Root, report *step.Report) error {
	const kept = folder + "/kept"
	if err := root.RemoveAll(kept); err != nil { // an earlier worker's, half done
		return err
	}
	if err := root.MkdirAll(kept, 0o755); err != nil {
		return err
	}
	if s.state.points > 0 {
		if err := s.writeSeries(root, path.Join(kept, path.Base(metrics.File))); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(s.summary(), "", "  ")
	if err != nil {
		return err
	}
	if err := root.WriteFile(kept+"/run.json", append(text, '\n'), 0o644); err != nil {
		return err
	}
	at := path.Dir(metrics.File)
	if s.of.Instance > 0 {
		at = path.Join(at, fmt.Sprintf("instance-%d", s.of.Instance))
	}
	report.Folders = append(report.Folders, step.Reported{Path: at, Folder: filepath.Join(s.of.Folder, kept)})
	return nil
}

func (s *session) writeSeries(root *os.Root, name string) error {
	file, err := root.Create(name)
	if err != nil {
		return err
	}
	defer file.Close()
	buffered := bufio.NewWriterSize(file, 1<<20)
	out := metrics.NewWriter(buffered)
	for _, id := range s.state.order {
		r := s.state.runs[id]
		for _, key := range r.keys {
			for _, one := range r.metrics[key].samples {
				err := out.Write(metrics.Point{Run: id, Key: key, Step: one.step, Time: time.UnixMilli(one.time), Value: one.value})
				if err != nil {
					return err
				}
			}
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	return file.Close()
}

// leaveFiles names the files that were logged: those of the step's own run stand
// at the top of its artifacts, as in Azure ML, and so do its logged models,
// under their names. What other runs have logged is in folders of theirs.
func (s *session) leaveFiles(root *os.Root, report *step.Report) {
	other := "tracking"
	if s.of.Instance > 0 {
		other = fmt.Sprintf("tracking/instance-%d", s.of.Instance)
	}
	taken := make(map[string]bool)
	where := make(map[string]string) // from a folder of the attempt's to the artifacts
	leave := func(from, to string) {
		if info, err := root.Stat(from); err == nil && info.IsDir() {
			where[from] = to
			report.Folders = append(report.Folders, step.Reported{Path: to, Folder: filepath.Join(s.of.Folder, filepath.FromSlash(from))})
		}
	}
	for _, id := range s.state.order {
		from, to := path.Join(folder, "artifacts", id), path.Join(other, "runs", id)
		if id == s.state.own {
			to = ""
			if entries, err := fs.ReadDir(root.FS(), from); err == nil {
				for _, entry := range entries {
					taken[entry.Name()] = true
				}
			}
		}
		if s.state.runs[id].Stage == "active" || id == s.state.own {
			leave(from, to)
		}
	}
	// Of several models of one name the last has it.
	for _, id := range slices.Backward(s.state.modelOrder) {
		m := s.state.models[id]
		to := path.Join(other, "models", m.ID)
		if own := m.Run == s.state.own || m.Run == ""; own && !m.Deleted && !taken[m.Name] {
			to = m.Name
			taken[m.Name] = true
		}
		if !m.Deleted {
			leave(path.Join(folder, "models", m.ID), to)
		}
	}
	for _, id := range s.state.traceOrder {
		leave(path.Join(folder, "traces", id), path.Join(other, "traces", id))
	}
	report.Models = s.toRegister(root, where)
}

// toRegister are the versions of models that are to become assets.
func (s *session) toRegister(root *os.Root, where map[string]string) []pipeline.Model {
	var all []pipeline.Model
	for _, name := range s.state.names {
		m := s.state.registered[name]
		if m == nil {
			continue
		}
		for _, v := range m.Versions {
			from, err := s.folderOf(v)
			if err != nil {
				continue // it could not be made
			}
			at := ""
			for top, to := range where {
				if below, ok := strings.CutPrefix(from+"/", top+"/"); ok {
					at = path.Join(to, below)
				}
			}
			if _, err := root.Stat(from); err != nil || at == "" {
				s.of.Note(fmt.Sprintf("version %s of model %s is not registered: there are no files at %s", v.Version, name, v.Source))
				continue
			}
			kind := pipeline.CustomModel
			if _, err := root.Stat(path.Join(from, "MLmodel")); err == nil {
				kind = pipeline.MLflowModel
			}
			one := pipeline.Model{Name: name, Path: at, Type: kind, Description: v.Description}
			if one.Description == "" {
				one.Description = m.Description
			}
			for _, t := range v.Tags {
				if one.Tags == nil {
					one.Tags = make(map[string]string)
				}
				one.Tags[t.Key] = t.Value
			}
			all = append(all, one)
		}
	}
	return all
}

// ran is a run as run.json has it.
type ran struct {
	ID       string            `json:"run_id"`
	Name     string            `json:"name"`
	Parent   string            `json:"parent_run_id,omitempty"`
	Status   string            `json:"status"`
	Start    time.Time         `json:"start_time"`
	End      time.Time         `json:"end_time,omitzero"`
	Params   map[string]string `json:"params,omitempty"`
	Tags     map[string]string `json:"tags,omitempty"`
	Metrics  map[string]number `json:"metrics,omitempty"`
	Datasets []datasetInput    `json:"datasets,omitempty"`
	Used     []modelUse        `json:"model_inputs,omitempty"`
	Made     []modelUse        `json:"model_outputs,omitempty"`
}

// summary is what run.json holds: the step's own run and all others.
func (s *session) summary() any {
	var own ran
	var others []ran
	for _, id := range s.state.order {
		r := s.state.runs[id]
		one := ran{
			ID: id, Name: r.Name, Status: r.Status, Start: time.UnixMilli(r.Start).UTC(), Params: r.params.asMap(), Tags: r.tags.asMap(),
			Metrics: make(map[string]number), Datasets: r.datasets, Used: r.used, Made: r.made,
		}
		one.Parent, _ = r.tags.get("mlflow.parentRunId")
		if r.End > 0 {
			one.End = time.UnixMilli(r.End).UTC()
		}
		for _, key := range r.keys {
			one.Metrics[key] = number(r.metrics[key].latest.value)
		}
		switch {
		case id == s.state.own:
			own = one
		case r.Stage == "active":
			others = append(others, one)
		}
	}
	var models []*loggedModel
	for _, id := range s.state.modelOrder {
		if m := s.state.models[id]; !m.Deleted {
			models = append(models, m)
		}
	}
	var registered []*registeredModel
	for _, name := range s.state.names {
		if m := s.state.registered[name]; m != nil {
			registered = append(registered, m)
		}
	}
	var traces []json.RawMessage
	for _, id := range s.state.traceOrder {
		traces = append(traces, s.state.traces[id])
	}
	return struct {
		Run        ran                `json:"run"`
		Runs       []ran              `json:"runs,omitempty"`
		Models     []*loggedModel     `json:"models,omitempty"`
		Registered []*registeredModel `json:"registered_models,omitempty"`
		Traces     []json.RawMessage  `json:"traces,omitempty"`
	}{own, others, models, registered, traces}
}
