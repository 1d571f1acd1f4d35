package azureml

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/ignore"
	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// The limits of the snapshots of one job. Who exceeds them has named a folder
// that is not code, such as the home folder.
const (
	maxSnapshotFiles = 100_000
	maxSnapshotDepth = 100
)

// snapshotResult is a snapshot that was taken, or the mistake it ended with.
// Nodes with the same code and includes share it.
type snapshotResult struct {
	code    *pipeline.Code
	problem string
	hint    string
}

// code reads the code of a command. extra are the additional includes; a
// command with neither starts in an empty folder.
func (l *loader) code(n *yaml.Node, extra []*yaml.Node) *pipeline.Code {
	folder := ""
	if n != nil {
		written := strings.TrimSpace(n.Source)
		if a, ok := l.artifact(n, written); ok {
			if a == nil {
				return nil
			}
			return l.pinned(a)
		}
		if l.inDefinition(n, "code") {
			return nil
		}
		if problem, hint := remoteCode(written); problem != "" {
			l.problems.errorf(n.Pos(), hint, "%s", problem)
			return nil
		}
		folder, _ = resolve(n.Doc(), localPath(written))
		if _, err := os.Stat(folder); err != nil {
			hint := ""
			if errors.Is(err, fs.ErrNotExist) {
				hint = l.nearbyHint(folder, written)
			}
			l.problems.errorf(n.Pos(), hint, "code %s: %s", quote(written), describe(err))
			return nil
		}
	}
	if folder == "" && len(extra) == 0 {
		return nil
	}
	places := []string{folder}
	for _, e := range extra {
		path, _ := resolve(e.Doc(), localPath(strings.TrimSpace(e.Source)))
		places = append(places, path)
	}
	key := strings.Join(places, "\x00")
	result, known := l.snapshots[key]
	if !known {
		result = &snapshotResult{}
		l.snapshots[key] = result
		s := &snapshot{names: map[string]bool{}, walk: &l.walk}
		if folder != "" {
			if err := s.add("", folder); err != nil {
				result.problem, result.hint = fmt.Sprintf("code %s: %v", quote(n.Source), err), s.hint
			}
		}
		if result.problem == "" && !l.includes(s, extra) {
			result.problem = "-"
		}
		slices.SortFunc(s.files, func(a, b pipeline.LocalFile) int { return cmp.Compare(a.Path, b.Path) })
		result.code = &pipeline.Code{Files: s.files}
	}
	if result.problem != "" {
		if result.problem != "-" {
			l.problems.errorf(n.Pos(), result.hint, "%s", result.problem)
		}
		return nil
	}
	return result.code
}

// remoteCode recognises code that is not on this machine.
func remoteCode(written string) (problem, hint string) {
	hint = "use a folder on this machine"
	switch {
	case written == "":
		return "the path of the code is empty", `write "code: ./src"`
	case strings.HasPrefix(written, "azureml:"):
		return "code cannot be given by name: " + quote(written), hint
	case strings.HasPrefix(written, "git+"), uriScheme.MatchString(written) && !strings.HasPrefix(written, "file://"):
		return "code cannot be fetched from " + quote(written) + " yet", hint
	}
	return "", ""
}

// includes adds the additional includes: files and folders that stand at the
// root of the snapshot under their own names.
func (l *loader) includes(s *snapshot, extra []*yaml.Node) bool {
	good := true
	for _, e := range extra {
		written := strings.TrimSpace(e.Source)
		path, _ := resolve(e.Doc(), localPath(written))
		fail := func(hint, format string, args ...any) {
			good = false
			l.problems.errorf(e.Pos(), hint, format, args...)
		}
		name := filepath.Base(path)
		if path == filepath.Dir(path) {
			fail("", "the root folder cannot be an additional include")
			continue
		}
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist) && strings.HasSuffix(path, ".zip") && isFolder(strings.TrimSuffix(path, ".zip")):
			fail("zip the folder, or include it as it is: "+strings.TrimSuffix(written, ".zip"),
				"additional include %s: Millrace does not zip folders yet", quote(written))
			continue
		case err != nil:
			hint := ""
			if errors.Is(err, fs.ErrNotExist) {
				hint = l.nearbyHint(path, written)
			}
			fail(hint, "additional include %s: %s", quote(written), describe(err))
			continue
		case s.names[name]:
			fail("", "additional include %s: the snapshot already has a file or folder of that name", quote(written))
			continue
		}
		if info.IsDir() {
			err = s.add(name, path)
		} else {
			err = s.file(name, path, info)
		}
		if err != nil {
			fail(s.hint, "additional include %s: %v", quote(written), err)
		}
		s.names[name] = true
	}
	return good
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// snapshot gathers the files of one.
type snapshot struct {
	files []pipeline.LocalFile
	// names are those at the root of the snapshot.
	names map[string]bool
	hint  string // for the error that was returned last
	walk  *int   // how many more files and folders may be come across
}

// add takes in a folder, or a single file, below a prefix.
func (s *snapshot) add(prefix, root string) error {
	info, err := os.Stat(root)
	if err != nil {
		return errors.New(describe(err))
	}
	if !info.IsDir() {
		s.names[filepath.Base(root)] = true
		return s.file(join(prefix, filepath.Base(root)), root, info)
	}
	return s.folder(prefix, root, "", ignoreList(root), []fs.FileInfo{info})
}

// ignoreList reads the ignore file of a folder: .amlignore, else .gitignore.
// Only the one in the root counts.
func ignoreList(root string) *ignore.List {
	for _, name := range []string{".amlignore", ".gitignore"} {
		if text, err := readFile(filepath.Join(root, name)); err == nil {
			return ignore.Parse(string(text))
		}
	}
	return nil
}

// alwaysIgnored are folders that are never part of the code: what Python
// caches, and what git remembers.
func alwaysIgnored(name string) bool { return name == "__pycache__" || name == ".git" }

// folder takes in what lies in a folder. Symbolic links are followed, and
// above are the folders on the way, to notice links that lead back.
func (s *snapshot) folder(prefix, dir, relative string, list *ignore.List, above []fs.FileInfo) error {
	if len(above) > maxSnapshotDepth {
		s.hint = ""
		return fmt.Errorf("folders stand in each other more than %d levels deep", maxSnapshotDepth)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return errors.New(describe(err))
	}
	for _, entry := range entries {
		name := entry.Name()
		if alwaysIgnored(name) {
			continue
		}
		path, source := join(relative, name), filepath.Join(dir, name)
		// A link to a folder is a folder: what counts is what it leads to.
		info, err := os.Stat(source)
		if err != nil {
			if list.MatchEntry(path, false) {
				continue
			}
			s.hint = "remove it, or name it in .amlignore"
			if entry.Type()&fs.ModeSymlink != 0 && errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("the link %s leads nowhere", quote(join(prefix, path)))
			}
			return fmt.Errorf("%s: %s", quote(join(prefix, path)), describe(err))
		}
		if *s.walk--; *s.walk < 0 {
			s.hint = "name what is not code in .amlignore, or give a folder that holds only the code"
			return fmt.Errorf("with this folder the code of the job has more than %d files and folders", maxSnapshotFiles)
		}
		if list.Exhausted() {
			s.hint = "write fewer patterns, with fewer asterisks"
			return errors.New("its ignore file takes too long to apply")
		}
		if list.MatchEntry(path, info.IsDir()) {
			continue
		}
		if relative == "" && prefix == "" {
			s.names[name] = true
		}
		if !info.IsDir() {
			if err := s.file(join(prefix, path), source, info); err != nil {
				return err
			}
			continue
		}
		for _, up := range above {
			if os.SameFile(up, info) {
				s.hint = "remove the link, or name it in .amlignore"
				return fmt.Errorf("the link %s leads back to a folder it stands in", quote(join(prefix, path)))
			}
		}
		if err := s.folder(prefix, source, path, list, append(slices.Clip(above), info)); err != nil {
			return err
		}
	}
	return nil
}

// file takes in one file.
func (s *snapshot) file(path, source string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		s.hint = "remove it, or name it in .amlignore"
		return fmt.Errorf("%s is neither a file nor a folder", quote(path))
	}
	regular, err := filepath.EvalSymlinks(source)
	if err != nil {
		return errors.New(describe(err))
	}
	s.files = append(s.files, pipeline.LocalFile{Path: path, Source: regular})
	return nil
}

func join(prefix, path string) string {
	if prefix == "" {
		return path
	}
	return prefix + "/" + path
}

// pinned is code that is in the store. Nodes with the same code share it.
func (l *loader) pinned(a *pipeline.Artifact) *pipeline.Code {
	key := artifactForm + string(a.Digest)
	if l.snapshots[key] == nil {
		l.snapshots[key] = &snapshotResult{code: &pipeline.Code{Artifact: a}}
	}
	return l.snapshots[key].code
}
