package batch

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

//go:embed runner/*.py
var scripts embed.FS

// The names of ports that the program of a chunk has beside those of its step:
// the input with the runner, and the output with the results.
const (
	RunnerInput   = "millrace_runner"
	ResultsOutput = "millrace_results"
)

// Limits are how much may go wrong in a chunk before the step has failed; -1 is
// any number.
type Limits struct {
	Failed      int `json:"failed"`
	FailedItems int `json:"failed_items"`
}

// spec is what the runner reads.
type spec struct {
	Entry           string                    `json:"entry"`
	Input           string                    `json:"input"`
	Results         string                    `json:"results"`
	Outputs         map[string]map[string]any `json:"outputs"`
	Rows            bool                      `json:"rows"`
	Processes       int                       `json:"processes"`
	Retries         int                       `json:"retries"`
	Timeout         int                       `json:"timeout"`
	LogLevel        string                    `json:"log_level"`
	Least           int                       `json:"least"`
	MostFailed      int                       `json:"most_failed"`
	MostFailedItems int                       `json:"most_failed_items"`
	Batches         []specBatch               `json:"batches,omitempty"`

	// The following are those of a table that is to be cut.
	Table         *Table   `json:"table,omitempty"`
	Files         []string `json:"files,omitempty"`
	Bytes         int64    `json:"bytes,omitempty"`
	PartitionKeys []string `json:"partition_keys,omitempty"`
}

type specBatch struct {
	I      int      `json:"i"`
	Number int      `json:"n"`
	Items  int      `json:"items"`
	Files  []string `json:"files,omitempty"`
	Pack   string   `json:"pack,omitempty"`
	At     int64    `json:"at"`
	Length int64    `json:"length,omitempty"`
	Keys   [][2]any `json:"keys,omitempty"`
}

// Program is the step that one start of the runner is: the step's own code and
// inputs, but for the one that is cut, and one output for all results.
func Program(s *pipeline.Step) *pipeline.Step {
	part, p := *s, s.Parallel
	part.Kind, part.Parallel = pipeline.Program, nil
	part.Distribution = nil
	part.Resources.InstanceCount = 0
	part.Inputs = slices.Clone(s.Inputs)
	for i := range part.Inputs {
		if in := &part.Inputs[i]; in.Name == p.Input {
			in.Type, in.Optional, in.Binding = pipeline.URIFolder, false, pipeline.Binding{}
			if in.Mode != pipeline.Download {
				in.Mode = pipeline.ReadOnlyMount
			}
		}
	}
	part.Inputs = append(part.Inputs, pipeline.Input{Name: RunnerInput, Type: pipeline.URIFolder, Mode: pipeline.ReadOnlyMount})
	part.Outputs = []pipeline.Output{{Name: ResultsOutput, Type: pipeline.URIFolder, Mode: pipeline.ReadWriteMount}}
	// The arguments come as they are: no shell looks into them.
	const end = "END_OF_ARGUMENTS"
	part.Command = slices.Concat(
		pipeline.Template{{Text: "exec python "}, {Input: RunnerInput}, {Text: "/runner.py <<'" + end + "'\n"}},
		withoutOutputs(p.Arguments),
		pipeline.Template{{Text: "\n" + end + "\n"}})
	return &part
}

// withoutOutputs leaves it to the runner to say where outputs are: every process
// has its own.
func withoutOutputs(t pipeline.Template) pipeline.Template {
	filled := slices.Clone(t)
	for i, part := range filled {
		if part.Output != "" {
			filled[i] = pipeline.Part{Text: "{{millrace-output:" + part.Output + "}}"}
		}
	}
	return filled
}

func newSpec(s *pipeline.Step) spec {
	p := s.Parallel
	out := spec{
		Entry: p.Entry, Input: p.Input, Results: ResultsOutput, Rows: p.AppendRowTo != "", Outputs: map[string]map[string]any{},
		Processes: p.Processes, Retries: p.Retries, Timeout: p.Timeout, LogLevel: p.LogLevel,
	}
	for _, o := range s.Outputs {
		if o.Name == pipeline.Artifacts {
			continue
		}
		out.Outputs[o.Name] = map[string]any{}
		if o.Type == pipeline.URIFile {
			out.Outputs[o.Name]["file"] = fileOf(o)
		}
	}
	return out
}

func fileOf(o pipeline.Output) string {
	if o.File != "" {
		return o.File
	}
	return o.Name
}

// Chunk is some of the mini-batches of a list, ready to be run.
type Chunk struct {
	// Data and Runner are what the ports of [Program] are given.
	Data, Runner pipeline.Artifact
	// ID is a hash of what is in it.
	ID string
}

// Chunk puts together the mini-batches at some positions of the list, whose tree
// is given. The runner may leave some of the last ones to others when it has
// worked on the least number for some time.
func (l *List) Chunk(ctx context.Context, store *artifact.Store, tree artifact.Tree, s *pipeline.Step, positions []int, least int, most Limits) (Chunk, error) {
	sp := newSpec(s)
	sp.Least, sp.MostFailed, sp.MostFailedItems = least, most.Failed, most.FailedItems
	var data []artifact.Entry
	packs := map[string]bool{}
	h := sha256.New()
	for _, i := range positions {
		b := &l.Batches[i]
		sb := specBatch{I: i, Number: b.Number, Items: b.Items, Pack: b.Pack, At: b.At, Length: b.Length, Keys: b.Keys}
		for _, f := range b.Files {
			sb.Files = append(sb.Files, tree.Entries[f].Path)
			data = append(data, tree.Entries[f])
		}
		if b.Pack != "" {
			packs[b.Pack] = true
		}
		sp.Batches = append(sp.Batches, sb)
		_, _ = fmt.Fprintf(h, "%d %d %s\n", i, b.Number, b.ID) // never fails
	}
	for _, e := range tree.Entries {
		if packs[e.Path] {
			data = append(data, e)
		}
	}
	c := Chunk{ID: hex.EncodeToString(h.Sum(nil)[:16])}
	var err error
	if c.Data, err = store.PutTree(ctx, artifact.Tree{Entries: data}); err != nil {
		return c, fmt.Errorf("put mini-batches together: %w", err)
	}
	c.Runner, err = putRunner(ctx, store, sp)
	return c, err
}

// defaultBytes is how large a piece of a table is where the file does not say.
const defaultBytes = 1 << 20

// Pieces is the chunk that cuts a table.
func (s *Source) Pieces(ctx context.Context, store *artifact.Store, step *pipeline.Step) (Chunk, error) {
	p := step.Parallel
	sp := newSpec(step)
	sp.Table, sp.PartitionKeys = s.Table, p.PartitionKeys
	sp.Bytes = p.Bytes
	if sp.Bytes == 0 {
		// A number alone is of bytes where there are no files to count.
		if sp.Bytes = int64(p.Files); sp.Bytes == 0 {
			sp.Bytes = defaultBytes
		}
	}
	var data []artifact.Entry
	h := sha256.New()
	for _, f := range s.files {
		e := s.Tree.Entries[f]
		sp.Files = append(sp.Files, e.Path)
		data = append(data, e)
		_, _ = fmt.Fprintf(h, "%q %s\n", e.Path, e.Digest)
	}
	how, err := json.Marshal(s.Table)
	if err != nil {
		return Chunk{}, fmt.Errorf("cut a table: %w", err)
	}
	_, _ = fmt.Fprintf(h, "%s %d %q", how, sp.Bytes, sp.PartitionKeys)
	c := Chunk{ID: hex.EncodeToString(h.Sum(nil)[:16])}
	if c.Data, err = store.PutTree(ctx, artifact.Tree{Entries: data}); err != nil {
		return c, fmt.Errorf("cut a table: %w", err)
	}
	c.Runner, err = putRunner(ctx, store, sp)
	return c, err
}

// putRunner keeps the runner with what it has to do.
func putRunner(ctx context.Context, store *artifact.Store, sp spec) (pipeline.Artifact, error) {
	work, err := json.Marshal(sp)
	if err != nil {
		return pipeline.Artifact{}, fmt.Errorf("write down mini-batches: %w", err)
	}
	files := map[string][]byte{"chunk.json": work}
	names, err := fs.Glob(scripts, "runner/*.py")
	if err != nil {
		return pipeline.Artifact{}, err
	}
	for _, name := range names {
		if files[path.Base(name)], err = scripts.ReadFile(name); err != nil {
			return pipeline.Artifact{}, err
		}
	}
	var tree artifact.Tree
	for _, name := range slices.Sorted(maps.Keys(files)) {
		a, err := store.PutBytes(ctx, files[name])
		if err != nil {
			return pipeline.Artifact{}, fmt.Errorf("write down mini-batches: %w", err)
		}
		tree.Entries = append(tree.Entries, artifact.Entry{Path: name, Mode: artifact.Plain, Size: a.Size, Digest: a.Digest})
	}
	return store.PutTree(ctx, tree)
}

// Summary is how a chunk went.
type Summary struct {
	Batches int `json:"batches"`
	// Left is how many of the last ones were not begun.
	Left        int     `json:"left,omitempty"`
	Failed      int     `json:"failed,omitempty"`
	Items       int     `json:"items"`
	FailedItems int     `json:"failed_items,omitempty"`
	Processes   int     `json:"processes"`
	InitSeconds float64 `json:"init_seconds"`
	Seconds     float64 `json:"seconds"`
	// Stopped is set where more failed than may.
	Stopped bool `json:"stopped,omitempty"`
	// Errors are the first mini-batches that failed.
	Errors []Failed `json:"errors,omitempty"`
}

// Failed is a mini-batch that failed.
type Failed struct {
	Number int      `json:"n"`
	Files  []string `json:"files,omitempty"`
	// Error is the end of the traceback.
	Error string `json:"error"`
}

// Summarise reads how a chunk went from its results.
func Summarise(ctx context.Context, store *artifact.Store, results pipeline.Artifact) (Summary, error) {
	var s Summary
	tree, err := store.Manifest(ctx, results.Digest)
	if err != nil {
		return s, err
	}
	text, err := readEntry(ctx, store, tree, "summary.json")
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("read the summary of mini-batches: %w", err)
	}
	for i := range s.Errors {
		s.Errors[i].Error = shorten(s.Errors[i].Error)
	}
	return s, nil
}

// shorten keeps the end of a traceback: it travels through histories.
func shorten(text string) string {
	const most = 1500
	if len(text) <= most {
		return text
	}
	return "..." + text[len(text)-most:]
}
