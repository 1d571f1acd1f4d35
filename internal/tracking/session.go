package tracking

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/millrace-ml/millrace/internal/step"
)

// session is the server of one attempt.
type session struct {
	*Tracker
	of   step.Tracked
	kept record

	server     *http.Server
	serverMu   sync.Mutex
	background sync.WaitGroup
	done       chan struct{}

	rootMu sync.Mutex
	opened *os.Root

	mu      sync.Mutex
	ended   bool
	state   *state
	journal journal
	lines   lines
	noted   map[string]bool
}

// begin is the state of an attempt in which nothing was reported yet.
func (s *session) begin() *state {
	own := runID(s.of.Run)
	name := s.of.Step
	if s.of.Instance > 0 {
		own = fmt.Sprintf("%s-instance-%d", own, s.of.Instance)
		name = fmt.Sprintf("%s (instance %d)", name, s.of.Instance)
	}
	st := &state{
		own: own, runs: make(map[string]*run), models: make(map[string]*loggedModel),
		registered: make(map[string]*registeredModel), traces: make(map[string]json.RawMessage),
		experiment: s.newExperiment(), heard: s.of.Metric,
	}
	st.apply(event{Run: own, Info: s.newInfo(own, name), Tags: []pair{
		{"mlflow.runName", name}, {"mlflow.user", s.User}, {"mlflow.source.type", "JOB"},
		{"millrace.job", s.of.Job}, {"millrace.step", s.of.Step},
	}})
	return st
}

// newInfo is that of a run which begins.
func (s *session) newInfo(id, name string) *info {
	return &info{
		ID: id, UUID: id, Name: name, Experiment: s.of.ExperimentID, User: s.User, Status: "RUNNING",
		Start: millis(s.kept.Started), Artifacts: "mlflow-artifacts:/" + id + "/artifacts", Stage: "active",
	}
}

// Record is what a later worker has to know to go on.
func (s *session) Record() json.RawMessage {
	text, err := json.Marshal(s.kept)
	if err != nil {
		return nil // it is made of texts and a time
	}
	return text
}

// Environ tells a process where to report to.
func (s *session) Environ(process string, env map[string]string) {
	env["MILLRACE_METRICS"] = s.lines.path
	if s.of.Elsewhere {
		return // MLFLOW_TRACKING_URI is the file's
	}
	if s.URI != "" {
		env["MLFLOW_TRACKING_URI"], env["MLFLOW_EXPERIMENT_NAME"] = s.URI, s.of.Experiment
		if tags, err := json.Marshal(map[string]string{"millrace.job": s.of.Job, "millrace.step": s.of.Step}); err == nil {
			env["MLFLOW_RUN_CONTEXT"] = string(tags)
		}
		delete(env, "MLFLOW_EXPERIMENT_ID")
		return
	}
	for name := range env {
		// What the worker was started with leads to a server of its user's.
		if strings.HasPrefix(name, "MLFLOW_TRACKING_") || strings.HasPrefix(name, "MLFLOW_EXPERIMENT_") || name == "MLFLOW_REGISTRY_URI" {
			delete(env, name)
		}
	}
	env["MLFLOW_EXPERIMENT_NAME"] = s.of.Experiment
	if s.kept.Address == "" {
		return
	}
	env["MLFLOW_TRACKING_URI"] = "http://" + s.kept.Address
	env["MLFLOW_TRACKING_TOKEN"] = s.kept.Token
	env["MLFLOW_EXPERIMENT_ID"] = s.of.ExperimentID
	env["MLFLOW_RUN_ID"] = s.state.own
	env["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true" // there is no page to be seen there
	if rank := rankOf(process); rank != "" {
		env["MLFLOW_RUN_ID"] = runID(s.of.Run) + rankMark + rank
	}
	direct(env)
}

// direct keeps proxies out of the way to this machine.
func direct(env map[string]string) {
	for _, proxy := range []string{"HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"} {
		if env[proxy] == "" {
			continue
		}
		for _, name := range []string{"NO_PROXY", "no_proxy"} {
			if list := env[name]; list == "" {
				env[name] = localhost
			} else if !strings.Contains(list, localhost) {
				env[name] = list + "," + localhost
			}
		}
	}
}

// serve answers what comes in.
func (s *session) serve(listener net.Listener) {
	server := &http.Server{Handler: s, ReadHeaderTimeout: time.Minute, ErrorLog: quiet()}
	s.serverMu.Lock()
	s.server = server
	s.serverMu.Unlock()
	select {
	case <-s.done:
		listener.Close()
		return
	default:
	}
	s.background.Go(func() { _ = server.Serve(listener) })
}

// watch reads the lines that the program writes, from time to time.
func (s *session) watch() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-s.done:
			return
		case <-tick.C:
			s.mu.Lock()
			s.readLines(false)
			s.mu.Unlock()
		}
	}
}

// end stops everything. Whoever has called meanwhile is answered, or finds
// nobody and calls again.
func (s *session) end() {
	close(s.done)
	s.serverMu.Lock()
	server := s.server
	s.serverMu.Unlock()
	if server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			_ = server.Close()
		}
	}
	s.background.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.journal.close()
}

// closeRoot is for when nothing is read or written any more.
func (s *session) closeRoot() {
	s.rootMu.Lock()
	defer s.rootMu.Unlock()
	if s.opened != nil {
		_ = s.opened.Close()
		s.opened = nil
	}
}

// Leave ends the session for this worker.
func (s *session) Leave() {
	s.end()
	s.closeRoot()
}

// record keeps a change and makes it.
func (s *session) record(e event) error {
	if s.journal.root == nil {
		root, err := s.root()
		if err != nil {
			return err
		}
		s.journal.root = root
	}
	if err := s.journal.write(e); err != nil {
		return err
	}
	s.state.apply(e)
	return nil
}

// note tells of something in the log of the step, once.
func (s *session) note(what, text string) {
	if s.noted == nil {
		s.noted = make(map[string]bool)
	}
	if !s.noted[what] {
		s.noted[what] = true
		s.of.Note(text)
	}
}
