package transfer

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/datastore"
	"github.com/millrace-ml/millrace/pipeline"
)

// atOnce is how many files are on their way at a time: enough to hide the round
// trips to a bucket, and few enough for its buffers.
const atOnce = 8

// copy moves the inputs to the output.
func (m *Mover) copy(ctx context.Context, t Task, j *journal, p *Progress) (Result, error) {
	all, single, err := m.gather(ctx, t.Inputs, !t.Transfer.Merge)
	if err != nil {
		return Result{}, err
	}
	return m.deliver(ctx, t, all, single, j, p)
}

// importFiles moves files of a connection to the output.
func (m *Mover) importFiles(ctx context.Context, t Task, j *journal, p *Progress) (Result, error) {
	all, single, err := m.connected(ctx, t.Transfer.External)
	if err != nil {
		return Result{}, err
	}
	t.Transfer = &pipeline.Transfer{Task: importData, Merge: true}
	return m.deliver(ctx, t, all, single, j, p)
}

// exportFiles moves the input to a path of a connection.
func (m *Mover) exportFiles(ctx context.Context, t Task, j *journal, p *Progress) (Result, error) {
	all, single, err := m.gather(ctx, t.Inputs, false)
	if err != nil {
		return Result{}, err
	}
	to, err := m.place(ctx, t.Transfer.External, t.Transfer.External.Path)
	if err != nil {
		return Result{}, err
	}
	// A path that ends in a slash, or at a folder, is one to put the file into.
	if single && !to.Folder() && t.Inputs[0].Type == pipeline.URIFile {
		all[0].path = ""
	}
	return m.direct(ctx, all, to, j, p)
}

// deliver brings items to the output of a step: through the store, where it is
// kept, else straight to its path.
func (m *Mover) deliver(ctx context.Context, t Task, all []item, single bool, j *journal, p *Progress) (Result, error) {
	file := t.Output.Type == pipeline.URIFile
	if file && !single {
		return Result{}, wrong("give the output the type uri_folder", "output %s is a file, and what is copied is a folder", t.Output.Name)
	}
	var to *datastore.Outside
	if t.Output.Path != "" {
		var err error
		if to, err = m.Places.Outside(ctx, t.Output.Path, t.Output.Type); err != nil {
			return Result{}, err
		}
		if to.Uploaded() {
			return Result{}, invalid("write another path", "%s: what lies there was uploaded, and does not change", to)
		}
		if file && !to.Folder() {
			all[0].path = ""
		}
		if !t.Transfer.Merge && !j.checked {
			if err := noConflict(ctx, all, to); err != nil {
				return Result{}, err
			}
			if err := j.check(ctx); err != nil {
				return Result{}, err
			}
		}
	}
	if to == nil || t.Kept || inStore(all) {
		return m.keep(ctx, t, all, j, p)
	}
	return m.direct(ctx, all, to, j, p)
}

// inStore reports whether all content is in the store already.
func inStore(all []item) bool {
	for _, it := range all {
		if !it.folder && it.digest == "" {
			return false
		}
	}
	return true
}

// noConflict makes sure that no file is where one is to be written.
func noConflict(ctx context.Context, all []item, to *datastore.Outside) error {
	there, single, err := to.Files(ctx)
	if datastore.Nothing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	taken := make(map[string]bool, len(there))
	for _, f := range there {
		taken[f.Path] = !f.Folder
	}
	for _, it := range all {
		if !it.folder && (taken[it.path] || single) {
			where := strings.TrimSuffix(to.String(), "/") + "/" + it.path
			return wrong(`delete it, or write "data_copy_mode: merge_with_overwrite" to replace it`, "%s is there already", strings.TrimSuffix(where, "/"))
		}
	}
	return nil
}

// count sums up what is to be moved.
func count(all []item) (files, bytes int64, open bool) {
	for _, it := range all {
		if it.folder {
			continue
		}
		files++
		if it.size < 0 {
			open = true
		} else {
			bytes += it.size
		}
	}
	return files, bytes, open
}

// direct moves items to a place outside, each file by itself.
func (m *Mover) direct(ctx context.Context, all []item, to *datastore.Outside, j *journal, p *Progress) (Result, error) {
	files, bytes, open := count(all)
	p.begin("copied", files, bytes, open)
	var had, sent atomic.Int64
	err := each(ctx, all, func(ctx context.Context, it item) error {
		if it.folder {
			return to.MakeFolder(ctx, it.path)
		}
		kept, err := m.isThere(ctx, it, to, j)
		if err != nil {
			return err
		}
		if kept {
			had.Add(1)
			p.addBytes(max(0, it.size))
			p.addFile()
			return nil
		}
		w, err := to.Write(ctx, it.path, it.content(p))
		if err != nil {
			return err
		}
		if err := it.unchanged(ctx); err != nil {
			return err
		}
		sent.Add(w.Size)
		p.addFile()
		return j.note(ctx, moved{Path: it.path, From: it.version, There: w.Version, Size: w.Size, Digest: w.Digest})
	})
	if flushed := j.flush(context.WithoutCancel(ctx)); err == nil {
		err = flushed
	}
	if err != nil {
		return Result{}, err
	}
	told := map[string]int64{"files": files, "bytes": sent.Load()}
	if n := had.Load(); n > 0 {
		told["files_already_there"] = n
	}
	return Result{Metrics: metrics(told)}, nil
}

// isThere reports whether a file need not be moved: an earlier attempt has moved
// it, or what is there is known to be the same.
func (m *Mover) isThere(ctx context.Context, it item, to *datastore.Outside, j *journal) (bool, error) {
	before, known := j.known(it.path, it.version)
	if comparison := it.entry.Same(it.entry); !known && !comparison {
		return false, nil
	}
	there, err := to.Look(ctx, it.path)
	if err != nil || there == nil {
		return false, err
	}
	return known && there.Version != "" && there.Version == before.There || it.entry.Same(*there), nil
}

func (it item) content(p *Progress) datastore.Content {
	name := ""
	if it.version != "" {
		name = it.of + "\x00" + it.path + "\x00" + it.version
	}
	return datastore.Content{Size: it.size, Name: name, Open: it.open, Progress: p.addBytes}
}

// unchanged makes sure that a file is still what it was when it was listed.
func (it item) unchanged(ctx context.Context) error {
	if it.now == nil || it.version == "" {
		return nil
	}
	now, err := it.now(ctx)
	if err != nil {
		return err
	}
	if now != it.version {
		return unreachable("%s in %s was changed while it was copied", it.path, it.of)
	}
	return nil
}

// keep brings items into the store, and makes the artifact of the output.
func (m *Mover) keep(ctx context.Context, t Task, all []item, j *journal, p *Progress) (Result, error) {
	files, bytes, open := count(all)
	p.begin("read", files, bytes, open)
	tree := artifact.Tree{Entries: make([]artifact.Entry, len(all))}
	var sent atomic.Int64
	indexed := make(map[string]int, len(all))
	for i, it := range all {
		indexed[it.path] = i
	}
	err := each(ctx, all, func(ctx context.Context, it item) error {
		e := artifact.Entry{Path: it.path, Mode: artifact.Plain, Size: it.size, Digest: it.digest}
		switch {
		case it.folder:
			e = artifact.Entry{Path: it.path, Mode: artifact.EmptyFolder}
		case it.executable:
			e.Mode = artifact.Executable
		}
		if !it.folder && it.digest == "" {
			a, err := m.take(ctx, it, j, p)
			if err != nil {
				return err
			}
			e.Size, e.Digest = a.Size, a.Digest
			sent.Add(a.Size)
		}
		if !it.folder {
			p.addFile()
		}
		tree.Entries[indexed[it.path]] = e
		return nil
	})
	if flushed := j.flush(context.WithoutCancel(ctx)); err == nil {
		err = flushed
	}
	if err != nil {
		return Result{}, err
	}
	told := metrics(map[string]int64{"files": files, "bytes": sent.Load()})
	if t.Output.Type == pipeline.URIFile {
		one := tree.Entries[0]
		name := t.Output.File
		if name == "" || one.Path != "" {
			name = one.Path
		}
		return Result{Outputs: map[string]pipeline.Artifact{t.Output.Name: {Digest: one.Digest, Name: name, Size: one.Size, Files: 1}}, Metrics: told}, nil
	}
	a, err := m.Store.PutTree(ctx, tree)
	if err != nil {
		return Result{}, fmt.Errorf("keep output %s: %w", t.Output.Name, err)
	}
	return Result{Outputs: map[string]pipeline.Artifact{t.Output.Name: a}, Metrics: told}, nil
}

// take brings a file into the store, unless an earlier attempt has.
func (m *Mover) take(ctx context.Context, it item, j *journal, p *Progress) (pipeline.Artifact, error) {
	if before, ok := j.known(it.path, it.version); ok {
		a := pipeline.Artifact{Digest: before.Digest, Size: before.Size, Files: 1}
		if has, err := m.Store.Has(ctx, a); has || err != nil {
			p.addBytes(a.Size)
			return a, err
		}
	}
	body, err := it.open(ctx, 0)
	if err != nil {
		return pipeline.Artifact{}, err
	}
	defer func() { _ = body.Close() }()
	a, err := m.Store.Put(ctx, counted{body, p})
	if err != nil {
		return a, err
	}
	if it.size >= 0 && a.Size != it.size {
		return a, unreachable("%d bytes came of %d of %s", a.Size, it.size, it.path)
	}
	if err := it.unchanged(ctx); err != nil {
		return a, err
	}
	return a, j.note(ctx, moved{Path: it.path, From: it.version, Size: a.Size, Digest: a.Digest})
}

// counted tells the progress of what is read.
type counted struct {
	io.Reader
	progress *Progress
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.progress.addBytes(int64(n))
	return n, err
}

// each works on some items at a time, and returns the first error.
func each(ctx context.Context, all []item, work func(context.Context, item) error) error {
	g, inside := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, it := range all {
		if inside.Err() != nil {
			break
		}
		g.Go(func() error { return work(inside, it) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}
