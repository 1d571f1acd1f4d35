package batch

import (
	"context"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

// merge is the files of all mini-batches under the names of the outputs. What
// several have written under one name is put one after another, in their order,
// as if they had all appended to one file; but content that is the same is kept
// once.
type merge struct {
	files map[string][]artifact.Entry
	notes []string
}

func newMerge() *merge { return &merge{files: make(map[string][]artifact.Entry)} }

func (m *merge) add(e artifact.Entry) {
	there := m.files[e.Path]
	if len(there) == 1 && there[0].Digest == e.Digest {
		return
	}
	m.files[e.Path] = append(there, e)
}

// output makes one output of the step.
func (m *merge) output(ctx context.Context, store *artifact.Store, o pipeline.Output) (pipeline.Artifact, error) {
	if o.Type == pipeline.URIFile {
		parts := m.files[o.Name+"/"+fileOf(o)]
		if len(parts) == 0 {
			return pipeline.Artifact{}, &pipeline.Failure{Kind: pipeline.UserFailure, Hint: "write it in run(), or name the output under task.append_row_to",
				Message: fmt.Sprintf("output %q: no mini-batch wrote the file", o.Name)}
		}
		e, err := m.whole(ctx, store, parts)
		return pipeline.Artifact{Digest: e.Digest, Name: fileOf(o), Size: e.Size, Files: 1}, err
	}
	var tree artifact.Tree
	for _, p := range slices.Sorted(maps.Keys(m.files)) {
		below, ok := strings.CutPrefix(p, o.Name+"/")
		if !ok {
			continue
		}
		for above := path.Dir(below); above != "."; above = path.Dir(above) {
			if _, clash := m.files[o.Name+"/"+above]; clash {
				return pipeline.Artifact{}, &pipeline.Failure{Kind: pipeline.UserFailure, Hint: "give files the names of what they are made of",
					Message: fmt.Sprintf("output %q: one mini-batch wrote a file called %s, and another a folder", o.Name, above)}
			}
		}
		e, err := m.whole(ctx, store, m.files[p])
		if err != nil {
			return pipeline.Artifact{}, err
		}
		e.Path = below
		tree.Entries = append(tree.Entries, e)
	}
	return store.PutTree(ctx, tree)
}

// whole is a file that one or several mini-batches wrote.
func (m *merge) whole(ctx context.Context, store *artifact.Store, parts []artifact.Entry) (artifact.Entry, error) {
	if len(parts) == 1 {
		return parts[0], nil
	}
	const most = 20
	if len(m.notes) < most {
		m.notes = append(m.notes, fmt.Sprintf("%s was written by %d mini-batches: what they wrote stands in it one after another", parts[0].Path, len(parts)))
	}
	reader, writer := io.Pipe()
	go func() {
		writer.CloseWithError(concatenate(ctx, store, writer, parts))
	}()
	a, err := store.Put(ctx, reader)
	reader.CloseWithError(io.ErrClosedPipe)
	if err != nil {
		return artifact.Entry{}, fmt.Errorf("join mini-batches: %w", err)
	}
	return artifact.Entry{Path: parts[0].Path, Mode: parts[0].Mode, Size: a.Size, Digest: a.Digest}, nil
}

func concatenate(ctx context.Context, store *artifact.Store, to io.Writer, parts []artifact.Entry) error {
	for _, p := range parts {
		r, err := store.Open(ctx, p.Digest)
		if err != nil {
			return err
		}
		_, err = io.Copy(to, r)
		r.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
