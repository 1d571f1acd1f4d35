package tracking

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"io"
	"log"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// call is a request as the endpoints see it.
type call struct {
	method string
	body   []byte
	query  url.Values
	path   []string // the variable parts of the path
}

// endpoint answers one kind of request. The session is locked meanwhile.
type endpoint func(*session, call) (any, error)

// on makes an endpoint of a function that is given the request, be it JSON or
// the words of a query.
func on[T any](do func(*session, T) (any, error)) endpoint {
	return func(s *session, c call) (any, error) {
		var in T
		if err := c.into(&in); err != nil {
			return nil, invalid("%v", err)
		}
		return do(s, in)
	}
}

func (c call) into(in any) error {
	if len(bytes.TrimSpace(c.body)) > 0 {
		return decode(c.body, in)
	}
	words := make(map[string]any, len(c.query))
	for name, values := range c.query {
		if len(values) == 1 {
			words[name] = values[0]
		} else {
			words[name] = values
		}
	}
	data, err := json.Marshal(words)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, in)
}

// nothing is the answer where there is nothing to say.
type nothing struct{}

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// ServeHTTP answers MLflow's clients.
func (s *session) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/health":
		_, _ = io.WriteString(w, "OK")
		return
	case "/version":
		_, _ = io.WriteString(w, speaks)
		return
	}
	if !s.knows(r) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		refuse(w, &refusal{whoAreYou, "the token of another step, or none: MLFLOW_TRACKING_TOKEN is the one to use"})
		return
	}
	if isArtifact(r.URL.Path) {
		if err := s.artifact(w, r); err != nil {
			refuse(w, err)
		}
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		refuse(w, invalid("the request cannot be read: %v", err))
		return
	}
	key, path, err := route(r)
	do := s.routes()[key]
	if err != nil || do == nil {
		refuse(w, &refusal{unknownCall, "Millrace does not have " + r.Method + " " + r.URL.Path})
		return
	}
	var text []byte
	s.mu.Lock()
	ended := s.ended
	if !ended {
		var answer any
		if answer, err = do(s, call{r.Method, body, r.URL.Query(), path}); err == nil {
			text, err = json.Marshal(answer)
		}
	}
	s.mu.Unlock()
	switch {
	case ended:
		panic(http.ErrAbortHandler) // the next worker answers
	case err != nil:
		refuse(w, err)
	default:
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(text)
	}
}

// speaks is the version of MLflow whose REST API this is.
const speaks = "3.0.0"

// knows reports whether the request comes from the attempt's program.
func (s *session) knows(r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && subtle.ConstantTimeCompare([]byte(token), []byte(s.kept.Token)) == 1
}

func refuse(w http.ResponseWriter, err error) {
	status, r := asRefusal(err)
	text, err := json.Marshal(r)
	if err != nil {
		text = []byte("{}") // it is made of two texts
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// route finds out which call it is: "POST runs/create", or, with a name in the
// path, "GET logged-models/*".
func route(r *http.Request) (key string, path []string, err error) {
	escaped := r.URL.EscapedPath()
	rest := ""
	for _, prefix := range []string{"/api/2.0/mlflow/", "/api/3.0/mlflow/", "/ajax-api/2.0/mlflow/", "/ajax-api/3.0/mlflow/"} {
		if below, ok := strings.CutPrefix(escaped, prefix); ok {
			rest = below
		}
	}
	parts := strings.Split(strings.TrimSuffix(rest, "/"), "/")
	if len(parts) > 1 && (parts[0] == "logged-models" || parts[0] == "traces") && parts[1] != "search" {
		for _, i := range []int{1, 3} {
			if i >= len(parts) || i == 3 && parts[2] != "tags" {
				continue
			}
			name, err := url.PathUnescape(parts[i])
			if err != nil {
				return "", nil, err
			}
			path = append(path, name)
			parts[i] = "*"
		}
	}
	return r.Method + " " + strings.Join(parts, "/"), path, nil
}

// routes are all calls that are answered, but for those about files.
func routes() map[string]endpoint {
	all := make(map[string]endpoint, 100)
	for _, group := range []map[string]endpoint{
		experimentCalls(), runCalls(), modelCalls(), registryCalls(), traceCalls(),
	} {
		maps.Copy(all, group)
	}
	all["GET server-info"] = func(*session, call) (any, error) {
		return map[string]any{"store_type": "Millrace", "workspaces_enabled": false, "trace_archival_enabled": false,
			"multipart_uploads_enabled": false, "multipart_downloads_enabled": false}, nil
	}
	return all
}

// reads reports whether the call changes nothing.
func (c call) reads() bool { return c.method == http.MethodGet }

// answer writes an answer.
func answer(w http.ResponseWriter, what any) error {
	text, err := json.Marshal(what)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text)
	return nil
}
