package step

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

// GangLog is where a step's artifacts say what became of the outputs of the
// instances of a gang, where there is something to say.
const GangLog = "system_logs/gang.txt"

// Gather joins what the instances of a gang have made, in order, as if all had
// written to one place: a folder has the files of all; where several wrote
// different content under one name, that of the first of them is kept, and a
// note of it in [GangLog].
func (r *Runner) Gather(ctx context.Context, s *pipeline.Step, parts []map[string]pipeline.Artifact) (map[string]pipeline.Artifact, error) {
	var notes []string
	outputs := make(map[string]pipeline.Artifact, len(s.Outputs)+1)
	for _, out := range s.Outputs {
		if out.Name == pipeline.Artifacts {
			continue
		}
		joined, clashes, err := r.join(ctx, out.Name, parts)
		if err != nil {
			return nil, err
		}
		if joined.IsZero() {
			return nil, mistake(fmt.Sprintf("output %q: none of the %d instances wrote the file", out.Name, len(parts)), "")
		}
		outputs[out.Name] = joined
		for _, c := range clashes {
			notes = append(notes, fmt.Sprintf("output %q: %s", out.Name, c))
		}
	}
	kept, err := r.GatherLogs(ctx, parts, notes)
	if err != nil {
		return nil, err
	}
	outputs[pipeline.Artifacts] = kept
	return outputs, nil
}

// GatherLogs joins what is kept of the instances of a gang, whether or not they
// have succeeded: the logs of all processes above all.
func (r *Runner) GatherLogs(ctx context.Context, parts []map[string]pipeline.Artifact, notes []string) (pipeline.Artifact, error) {
	kept, clashes, err := r.join(ctx, pipeline.Artifacts, parts)
	if err != nil {
		return kept, err
	}
	for _, c := range clashes {
		if c.path != Log { // every instance has one: the log of its first process
			notes = append(notes, "artifacts: "+c.String())
		}
	}
	if len(notes) == 0 {
		return kept, nil
	}
	const most = 1000
	if len(notes) > most {
		notes = append(notes[:most], fmt.Sprintf("and %d more", len(notes)-most))
	}
	text, err := r.Store.PutBytes(ctx, []byte(strings.Join(notes, "\n")+"\n"))
	if err != nil {
		return kept, err
	}
	var tree artifact.Tree
	if !kept.IsZero() {
		if tree, err = r.Store.Manifest(ctx, kept.Digest); err != nil {
			return kept, err
		}
	}
	said := artifact.Entry{Path: GangLog, Mode: artifact.Plain, Size: text.Size, Digest: text.Digest}
	return r.Store.PutTree(ctx, artifact.Tree{Entries: merge(tree.Entries, []artifact.Entry{said}, "")})
}

// clash is a path to which an instance wrote something else than an earlier one.
type clash struct {
	path            string
	instance, first int
}

func (c clash) String() string {
	name := c.path
	if name == "" {
		name = "the file"
	}
	return fmt.Sprintf("%s of instance %d is kept; that of instance %d is another", name, c.first, c.instance)
}

// join joins one output of all instances; the zero Artifact if none has it.
func (r *Runner) join(ctx context.Context, output string, parts []map[string]pipeline.Artifact) (joined pipeline.Artifact, clashes []clash, err error) {
	first := slices.IndexFunc(parts, func(p map[string]pipeline.Artifact) bool { return !p[output].IsZero() })
	if first < 0 {
		return joined, nil, nil
	}
	joined = parts[first][output]
	var all *joint
	for i, part := range parts {
		a := part[output]
		switch {
		case i <= first || a.IsZero() || a.Digest == joined.Digest:
			continue
		case !a.Tree || !joined.Tree:
			clashes = append(clashes, clash{instance: i, first: first})
			continue
		case all == nil:
			all = newJoint()
			if err := r.add(ctx, all, first, joined); err != nil {
				return joined, nil, err
			}
		}
		if err := r.add(ctx, all, i, a); err != nil {
			return joined, nil, err
		}
	}
	if all == nil {
		return joined, clashes, nil
	}
	joined, err = r.Store.PutTree(ctx, artifact.Tree{Entries: all.entries()})
	return joined, append(clashes, all.clashes...), err
}

func (r *Runner) add(ctx context.Context, all *joint, instance int, a pipeline.Artifact) error {
	tree, err := r.Store.Manifest(ctx, a.Digest)
	if err != nil {
		return fmt.Errorf("join what the instances wrote: %w", err)
	}
	all.add(instance, tree.Entries)
	return nil
}

// joint is a folder to which several instances write, one after the other.
type joint struct {
	files   map[string]artifact.Entry
	from    map[string]int  // the instance that wrote a file, or what is in a folder
	folders map[string]bool // true where something is in it
	clashes []clash
}

func newJoint() *joint {
	return &joint{files: make(map[string]artifact.Entry), from: make(map[string]int), folders: make(map[string]bool)}
}

func (j *joint) add(instance int, entries []artifact.Entry) {
	for _, e := range entries {
		if at, ok := j.taken(e); ok {
			if there, same := j.files[at]; !same || at != e.Path || there.Digest != e.Digest {
				j.clashes = append(j.clashes, clash{path: e.Path, instance: instance, first: j.from[at]})
			}
			continue
		}
		if _, there := j.folders[e.Path]; !e.IsFolder() {
			j.files[e.Path] = e
		} else if !there {
			j.folders[e.Path] = false
		}
		j.from[e.Path] = instance
		for above := path.Dir(e.Path); above != "."; above = path.Dir(above) {
			if !j.folders[above] {
				j.folders[above], j.from[above] = true, instance
			}
		}
	}
}

// taken is what stands in the way of an entry: a file under its name or in the
// place of a folder above it, or a folder under the name of a file.
func (j *joint) taken(e artifact.Entry) (at string, ok bool) {
	for at := e.Path; at != "."; at = path.Dir(at) {
		if _, ok := j.files[at]; ok {
			return at, true
		}
	}
	_, folder := j.folders[e.Path]
	return e.Path, folder && !e.IsFolder()
}

func (j *joint) entries() []artifact.Entry {
	entries := make([]artifact.Entry, 0, len(j.files))
	for _, e := range j.files {
		entries = append(entries, e)
	}
	for name, filled := range j.folders {
		if !filled {
			entries = append(entries, artifact.Entry{Path: name, Mode: artifact.EmptyFolder})
		}
	}
	return entries
}
