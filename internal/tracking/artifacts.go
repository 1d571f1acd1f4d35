package tracking

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
)

// artifactPrefix is where the paths of files begin.
const artifactPrefix = "/api/2.0/mlflow-artifacts/artifacts"

func isArtifact(name string) bool {
	return name == artifactPrefix || strings.HasPrefix(name, artifactPrefix+"/")
}

// place is where a file of a client's stands in the attempt's folder: one of a
// run, of a logged model or of a trace. The path has been decoded, once; nothing
// decodes it again.
func (s *session) place(name string) (string, error) {
	name = strings.Trim(name, "/")
	if name == "" || !fs.ValidPath(name) || strings.ContainsAny(name, "\\\x00") {
		return "", invalid("Invalid path: %.200q", name)
	}
	parts := strings.SplitN(name, "/", 4)
	if parts[0] == "models" || parts[0] == "traces" {
		if len(parts) < 3 || parts[2] != "artifacts" {
			return "", invalid("Invalid path: %.200q", name)
		}
		s.mu.Lock()
		known := s.state.models[parts[1]] != nil || s.state.traces[parts[1]] != nil
		s.mu.Unlock()
		if !known {
			return "", missing("There is no model or trace %.100q", parts[1])
		}
		return path.Join(folder, parts[0], parts[1], strings.Join(parts[3:], "/")), nil
	}
	if len(parts) < 2 || parts[1] != "artifacts" {
		return "", invalid("Invalid path: %.200q", name)
	}
	s.mu.Lock()
	_, err := s.run(parts[0])
	s.mu.Unlock()
	if err != nil {
		return "", err
	}
	return path.Join(folder, "artifacts", parts[0], strings.Join(parts[2:], "/")), nil
}

// artifact answers for files: it takes them, gives them back, lists and deletes
// them.
func (s *session) artifact(w http.ResponseWriter, r *http.Request) error {
	name := strings.TrimPrefix(r.URL.Path, artifactPrefix)
	if r.Method == http.MethodGet && strings.Trim(name, "/") == "" {
		name = r.URL.Query().Get("path")
		files, err := s.list(name)
		if err != nil {
			return err
		}
		return answer(w, map[string]any{"files": files})
	}
	at, err := s.place(name)
	if err != nil {
		return err
	}
	root, err := s.root()
	if err != nil {
		return err
	}
	switch r.Method {
	case http.MethodPut:
		if err := s.take(root, at, r.Body); err != nil {
			return err
		}
		return answer(w, nothing{})
	case http.MethodGet:
		return give(w, r, root, at)
	case http.MethodDelete:
		if err := root.RemoveAll(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return answer(w, nothing{})
	}
	return &refusal{unknownCall, "Millrace does not have " + r.Method + " " + r.URL.Path}
}

// take writes a file, which is there as a whole or not at all.
func (s *session) take(root *os.Root, at string, body io.Reader) error {
	if strings.Count(strings.TrimPrefix(at, folder+"/"), "/") < 2 {
		// It would stand where the folder of a run or of a model is to be.
		return invalid("a file needs a name")
	}
	if info, err := root.Lstat(at); err == nil && info.IsDir() {
		return invalid("%s is a folder already", path.Base(at))
	}
	if err := root.MkdirAll(path.Dir(at), 0o755); err != nil {
		return invalid("%s cannot be a folder: %v", path.Dir(at), err)
	}
	if err := root.MkdirAll(folder+"/incoming", 0o755); err != nil {
		return err
	}
	temp := fmt.Sprintf("%s/incoming/%s", folder, newID())
	file, err := root.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, body)
	if err = errors.Join(err, file.Close()); err == nil {
		err = root.Rename(temp, at)
	}
	if err != nil {
		_ = root.Remove(temp)
	}
	return err
}

func give(w http.ResponseWriter, r *http.Request, root *os.Root, at string) error {
	info, err := root.Stat(at)
	if err != nil || !info.Mode().IsRegular() {
		return missing("No such artifact: %s", path.Base(at))
	}
	file, err := root.Open(at)
	if err != nil {
		return missing("No such artifact: %s", path.Base(at))
	}
	defer file.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "", info.ModTime(), file)
	return nil
}

// fileInfo is a file as lists have it.
type fileInfo struct {
	Path   string `json:"path"`
	Folder bool   `json:"is_dir"`
	Size   int64  `json:"file_size,omitempty"`
}

// list are the files and folders below a client's path, by their names.
func (s *session) list(name string) ([]fileInfo, error) {
	at, err := s.place(name)
	if err != nil {
		return nil, err
	}
	return s.listAt(at)
}

func (s *session) listAt(at string) ([]fileInfo, error) {
	files := []fileInfo{}
	root, err := s.root()
	if err != nil {
		return nil, err
	}
	if info, err := root.Stat(at); err == nil && !info.IsDir() {
		return files, nil // a file holds none: so clients tell it from a folder
	}
	entries, err := fs.ReadDir(root.FS(), at)
	if errors.Is(err, fs.ErrNotExist) {
		return files, nil
	}
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			continue // it has just gone
		}
		one := fileInfo{Path: entry.Name(), Folder: entry.IsDir()}
		if !one.Folder {
			one.Size = info.Size()
		}
		files = append(files, one)
	}
	return files, nil
}

// listRunArtifacts lists files of a run by their whole paths.
func (s *session) listRunArtifacts(in struct {
	runCall
	Path string `json:"path"`
}) (any, error) {
	r, err := s.run(in.id())
	if err != nil {
		return nil, err
	}
	return s.listBelow(r.Artifacts, path.Join(folder, "artifacts", r.ID), in.Path)
}

func listModel(s *session, c call) (any, error) {
	var in modelCall
	if err := c.into(&in); err != nil {
		return nil, invalid("%v", err)
	}
	m, err := s.model(c.path[0])
	if err != nil {
		return nil, err
	}
	return s.listBelow(m.Artifacts, path.Join(folder, "models", m.ID), in.Folder)
}

func (s *session) listBelow(uri, top, below string) (any, error) {
	below = strings.Trim(below, "/")
	if below != "" && (!fs.ValidPath(below) || strings.ContainsAny(below, "\\\x00")) {
		return nil, invalid("Invalid path: %.200q", below)
	}
	root, err := s.root()
	if err != nil {
		return nil, err
	}
	files := []fileInfo{}
	if info, err := root.Stat(path.Join(top, below)); err == nil && info.IsDir() {
		if files, err = s.listAt(path.Join(top, below)); err != nil {
			return nil, err
		}
	}
	for i := range files {
		files[i].Path = path.Join(below, files[i].Path)
	}
	return map[string]any{"root_uri": uri, "files": files}, nil
}

// folderOf is where the files of a version to be registered stand in the
// attempt's folder.
func (s *session) folderOf(v modelVersion) (string, error) {
	source := s.sourceOf(v)
	u, err := url.Parse(source)
	if err != nil {
		return "", invalid("Invalid model version source: %.200q", source)
	}
	name := strings.Trim(u.Path, "/")
	if u.Scheme == "runs" { // runs:/<run>/<path>
		run, below, _ := strings.Cut(name, "/")
		name = run + "/artifacts/" + below
	}
	parts := strings.Split(name, "/")
	if u.Scheme != "mlflow-artifacts" && u.Scheme != "runs" || !fs.ValidPath(name) || strings.ContainsAny(name, "\\\x00") {
		return "", invalid("Invalid model version source: %.200q: a step registers what it has logged itself", source)
	}
	if i := 2; len(parts) > i && parts[0] == "models" && parts[i] == "artifacts" && s.state.models[parts[1]] != nil {
		return path.Join(folder, "models", parts[1], strings.Join(parts[i+1:], "/")), nil
	}
	if len(parts) > 1 && parts[1] == "artifacts" && s.state.runs[parts[0]] != nil {
		return path.Join(folder, "artifacts", parts[0], strings.Join(parts[2:], "/")), nil
	}
	return "", invalid("Invalid model version source: %.200q: a step registers what it has logged itself", source)
}
