package batch

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

// Ran is a chunk that has been run.
type Ran struct {
	Results pipeline.Artifact
	// Artifacts are what is kept of its program: its log above all.
	Artifacts pipeline.Artifact
}

// Joined is what all mini-batches have made together.
type Joined struct {
	// Outputs are those that the step declares, and [pipeline.Artifacts].
	Outputs map[string]pipeline.Artifact
	// Segment is what is to be remembered; nil where the mini-batches cannot be
	// told apart.
	Segment *Segment
	// Covered are the segments that it makes superfluous.
	Covered []pipeline.Digest
	Notes   []string
}

// line is a line of results.jsonl.
type line struct {
	I        int      `json:"i"`
	OK       bool     `json:"ok"`
	Items    int      `json:"items"`
	Returned int      `json:"returned"`
	Tries    int      `json:"tries"`
	At       int64    `json:"at"`
	Length   int64    `json:"length"`
	Files    []string `json:"files"`
	Error    string   `json:"error"`
}

// joiner joins results in the order of the list.
type joiner struct {
	store   *artifact.Store
	list    *List
	tree    artifact.Tree
	step    *pipeline.Step
	known   []*Segment
	rows    *spools
	made    map[int]madeIn // by position
	shared  []artifact.Entry
	segment *Segment
	notes   []string
	failed  []line
}

// madeIn is where the result of a mini-batch is.
type madeIn struct {
	line
	rows  pipeline.Digest
	files []Made
}

// Join puts together what the mini-batches of a list have made, in their order:
// the rows as one file, and the files of all as the trees of the outputs. Where
// the step has failed, it joins only what is to be remembered.
func Join(ctx context.Context, store *artifact.Store, l *List, s *pipeline.Step, ran []Ran, failed bool) (*Joined, error) {
	j := &joiner{store: store, list: l, step: s, rows: newSpools(store), made: make(map[int]madeIn), segment: &Segment{}}
	defer j.rows.close()
	var err error
	if j.tree, err = store.Manifest(ctx, l.Tree); err != nil {
		return nil, err
	}
	for _, d := range l.Segments {
		known, err := readSegment(ctx, store, d)
		if err != nil {
			return nil, fmt.Errorf("recall mini-batches: %w", err)
		}
		j.known = append(j.known, known)
	}
	for _, r := range ran {
		if err := j.read(ctx, r); err != nil {
			return nil, fmt.Errorf("join mini-batches: %w", err)
		}
	}
	joined := &Joined{Outputs: map[string]pipeline.Artifact{}}
	if err := j.join(ctx, joined, failed); err != nil {
		return nil, err
	}
	joined.Segment = j.segment
	if len(j.shared) > 0 {
		joined.Segment = nil
		j.notes = append(j.notes, "files were written that belong to no mini-batch (a file was kept open, or written outside of run()): the mini-batches are not remembered")
	}
	joined.Covered = j.covered()
	joined.Notes = j.notes
	joined.Outputs[pipeline.Artifacts], err = j.artifacts(ctx, ran)
	return joined, err
}

// read takes in the results of a chunk.
func (j *joiner) read(ctx context.Context, r Ran) error {
	tree, err := j.store.Manifest(ctx, r.Results.Digest)
	if err != nil {
		return err
	}
	text, err := readEntry(ctx, j.store, tree, "results.jsonl")
	if err != nil {
		return err
	}
	files := make(map[int][]Made)
	var rows pipeline.Digest
	for _, e := range tree.Entries {
		folder, rest, _ := strings.Cut(e.Path, "/")
		number, below, _ := strings.Cut(rest, "/")
		n, bad := strconv.Atoi(number)
		switch {
		case e.Path == "rows":
			rows = e.Digest
		case folder == "files" && bad == nil && !e.IsFolder():
			files[n] = append(files[n], Made{Path: below, Executable: e.Mode == artifact.Executable, Size: e.Size, Digest: e.Digest})
		case folder == "shared" && !e.IsFolder():
			e.Path = below
			j.shared = append(j.shared, e)
		}
	}
	for raw := range bytes.Lines(text) {
		var l line
		if err := json.Unmarshal(raw, &l); err != nil || l.I < 0 || l.I >= len(j.list.Batches) {
			return fmt.Errorf("the results of a chunk are damaged")
		}
		if before, there := j.made[l.I]; there && before.OK {
			continue
		}
		j.made[l.I] = madeIn{line: l, rows: rows, files: files[l.I]}
	}
	return nil
}

// join walks through the mini-batches in order.
func (j *joiner) join(ctx context.Context, joined *Joined, failed bool) error {
	reader, writer := io.Pipe()
	m := newMerge()
	walked := make(chan error, 1)
	go func() {
		err := j.walk(ctx, writer, m)
		writer.CloseWithError(err)
		walked <- err
	}()
	rows, err := j.store.Put(ctx, reader)
	reader.CloseWithError(io.ErrClosedPipe) // where Put has given up
	if walkErr := <-walked; walkErr != nil {
		err = walkErr
	}
	if err != nil {
		return fmt.Errorf("join mini-batches: %w", err)
	}
	j.segment.Rows = rows.Digest
	if failed {
		return nil
	}
	for _, e := range j.shared {
		m.add(e)
	}
	for _, o := range j.step.Outputs {
		switch {
		case o.Name == pipeline.Artifacts:
		case o.Name == j.step.Parallel.AppendRowTo && o.Type == pipeline.URIFile:
			rows.Name = fileOf(o)
			joined.Outputs[o.Name] = rows
		default:
			if o.Name == j.step.Parallel.AppendRowTo {
				m.add(artifact.Entry{Path: o.Name + "/" + rowsFile, Mode: artifact.Plain, Size: rows.Size, Digest: rows.Digest})
			}
			if joined.Outputs[o.Name], err = m.output(ctx, j.store, o); err != nil {
				return err
			}
		}
	}
	j.notes = append(j.notes, m.notes...)
	return nil
}

// rowsFile is what the file of rows is called in an output that is a folder.
const rowsFile = "parallel_run_step.txt"

// walk writes the rows of all mini-batches, and collects the files of all.
func (j *joiner) walk(ctx context.Context, rows io.Writer, m *merge) error {
	var at int64
	for i := range j.list.Batches {
		b := &j.list.Batches[i]
		r, ok := j.result(i)
		if ok && !r.OK {
			j.failed = append(j.failed, r.line)
		}
		if !ok || !r.OK {
			continue
		}
		if err := j.rows.copy(ctx, rows, r.rows, r.At, r.Length); err != nil {
			return err
		}
		kept := Remembered{ID: b.ID, Number: b.Number, Keys: b.Keys, Returned: r.Returned, At: at, Length: r.Length, Files: r.files}
		for _, f := range b.Files {
			kept.Paths = append(kept.Paths, j.tree.Entries[f].Path)
		}
		j.segment.Batches = append(j.segment.Batches, kept)
		at += r.Length
		for _, f := range r.files {
			e := artifact.Entry{Path: f.Path, Mode: artifact.Plain, Size: f.Size, Digest: f.Digest}
			if f.Executable {
				e.Mode = artifact.Executable
			}
			m.add(e)
		}
	}
	return nil
}

// result finds what a mini-batch has made, now or earlier.
func (j *joiner) result(i int) (madeIn, bool) {
	k := j.list.Batches[i].Known
	if k == nil || k.Segment >= len(j.known) || k.Line >= len(j.known[k.Segment].Batches) {
		r, ok := j.made[i]
		return r, ok
	}
	segment := j.known[k.Segment]
	r := segment.Batches[k.Line]
	return madeIn{line: line{I: i, OK: true, Returned: r.Returned, At: r.At, Length: r.Length}, rows: segment.Rows, files: r.Files}, true
}

// covered finds the segments of which the new one has all.
func (j *joiner) covered() []pipeline.Digest {
	have := make(map[string]bool, len(j.segment.Batches))
	for i := range j.segment.Batches {
		have[j.segment.Batches[i].ID] = true
	}
	var covered []pipeline.Digest
	for n, s := range j.known {
		if !slices.ContainsFunc(s.Batches, func(r Remembered) bool { return !have[r.ID] }) {
			covered = append(covered, j.list.Segments[n])
		}
	}
	return covered
}

// artifacts joins what is kept of the programs: the log of each chunk under a
// name of its own, and what they left in outputs/ and logs/, of which the first
// counts.
func (j *joiner) artifacts(ctx context.Context, ran []Ran) (pipeline.Artifact, error) {
	files := map[string]artifact.Entry{}
	for n, r := range ran {
		if r.Artifacts.IsZero() {
			continue
		}
		tree, err := j.store.Manifest(ctx, r.Artifacts.Digest)
		if err != nil {
			return pipeline.Artifact{}, err
		}
		for _, e := range tree.Entries {
			if e.IsFolder() {
				continue
			}
			if folder, name := path.Split(e.Path); folder == "user_logs/" {
				e.Path = fmt.Sprintf("%schunk-%05d-%s", folder, n, name)
			}
			if _, there := files[e.Path]; !there {
				files[e.Path] = e
			}
		}
	}
	text, err := j.store.PutBytes(ctx, []byte(j.log(len(ran))))
	if err != nil {
		return pipeline.Artifact{}, err
	}
	const log = "user_logs/std_log.txt"
	files[log] = artifact.Entry{Path: log, Mode: artifact.Plain, Size: text.Size, Digest: text.Digest}
	return j.store.PutTree(ctx, artifact.Tree{Entries: withoutClashes(files)})
}

// log is what people read first of a step that worked on mini-batches.
func (j *joiner) log(chunks int) string {
	var b strings.Builder
	known := len(j.list.Batches) - len(j.list.Unknown())
	fmt.Fprintf(&b, "millrace: %d mini-batches, %d of them reused from earlier jobs; %d failed; run in %d chunks, whose logs are beside this one\n",
		len(j.list.Batches), known, len(j.failed), chunks)
	for _, n := range j.notes {
		fmt.Fprintf(&b, "millrace: %s\n", n)
	}
	const most = 100
	for _, f := range j.failed[:min(len(j.failed), most)] {
		fmt.Fprintf(&b, "\nmini-batch %d failed after %d tries:\n%s\n", j.list.Batches[f.I].Number, f.Tries, f.Error)
	}
	if more := len(j.failed) - most; more > 0 {
		fmt.Fprintf(&b, "\nand %d more\n", more)
	}
	return b.String()
}

// withoutClashes leaves out files whose folder is a file too.
func withoutClashes(files map[string]artifact.Entry) []artifact.Entry {
	var all []artifact.Entry
	for _, p := range slices.SortedFunc(maps.Keys(files), cmp.Compare[string]) {
		clash := false
		for above := path.Dir(p); above != "."; above = path.Dir(above) {
			_, is := files[above]
			clash = clash || is
		}
		if !clash {
			all = append(all, files[p])
		}
	}
	return all
}
