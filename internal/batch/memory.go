package batch

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

// Memory is what earlier jobs have made of mini-batches under one key: that of
// everything that decides a result but the mini-batch itself. It is a record
// with the digests of a few segments, the newest first.
type Memory struct {
	digests  []pipeline.Digest
	segments []*Segment
}

// Segment is what one job knew of the mini-batches of a step when it ended.
type Segment struct {
	// Rows is the file that holds the rows of all.
	Rows    pipeline.Digest `json:"rows,omitempty"`
	Batches []Remembered    `json:"batches"`
}

// Remembered is the result of one mini-batch.
type Remembered struct {
	ID     string `json:"id"`
	Number int    `json:"n"`
	// Paths are those of its files, Keys its partition.
	Paths []string `json:"paths,omitempty"`
	Keys  [][2]any `json:"keys,omitempty"`
	// Returned is how many items it returned; its rows stand at At.
	Returned int   `json:"returned"`
	At       int64 `json:"at,omitempty"`
	Length   int64 `json:"length,omitempty"`
	// Files are what it wrote, below the name of the output.
	Files []Made `json:"files,omitempty"`
	// gone is set where the store does not hold its rows or files any more.
	gone bool
}

// Made is a file that a mini-batch wrote.
type Made struct {
	Path       string          `json:"path"`
	Executable bool            `json:"executable,omitempty"`
	Size       int64           `json:"size"`
	Digest     pipeline.Digest `json:"digest"`
}

// maxSegments bounds what is read of a memory: jobs with other inputs take turns
// in it.
const maxSegments = 16

// memorySchema is the version of what is remembered.
const memorySchema = 1

type memoryRecord struct {
	Schema   int               `json:"schema"`
	Segments []pipeline.Digest `json:"segments"`
}

func memoryKey(key string) string { return "batches/" + key[:2] + "/" + key }

// Recall reads what is remembered under a key. What cannot be read any more is
// forgotten; a mini-batch of which a file is gone runs again, as it was cut.
func Recall(ctx context.Context, store *artifact.Store, key string) (*Memory, error) {
	m := &Memory{}
	digests, err := segmentsOf(ctx, store, key)
	if err != nil {
		return nil, err
	}
	for _, d := range digests {
		s, err := readSegment(ctx, store, d)
		if errors.Is(err, artifact.ErrGone) || errors.Is(err, artifact.ErrDamaged) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("recall mini-batches: %w", err)
		}
		m.digests, m.segments = append(m.digests, d), append(m.segments, s)
	}
	return m, m.check(ctx, store)
}

// check marks the mini-batches whose rows or files the store does not hold any
// more.
func (m *Memory) check(ctx context.Context, store *artifact.Store) error {
	files := make(map[pipeline.Digest]int64)
	for _, s := range m.segments {
		for _, b := range s.Batches {
			if end := b.At + b.Length; end > 0 && s.Rows != "" {
				files[s.Rows] = max(files[s.Rows], end)
			}
			for _, f := range b.Files {
				files[f.Digest] = f.Size
			}
		}
	}
	missing, err := store.Missing(ctx, files)
	if err != nil || len(missing) == 0 {
		return err
	}
	for _, s := range m.segments {
		for i := range s.Batches {
			b := &s.Batches[i]
			b.gone = b.Length > 0 && missing[s.Rows] || slices.ContainsFunc(b.Files, func(f Made) bool { return missing[f.Digest] })
		}
	}
	return nil
}

func segmentsOf(ctx context.Context, store *artifact.Store, key string) ([]pipeline.Digest, error) {
	text, err := store.ReadRecord(ctx, memoryKey(key))
	if errors.Is(err, artifact.ErrGone) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("recall mini-batches: %w", err)
	}
	var r memoryRecord
	if json.Unmarshal(text, &r) != nil || r.Schema != memorySchema {
		return nil, nil //nolint:nilerr // what is damaged, or of another version, is forgotten
	}
	return r.Segments, nil
}

func readSegment(ctx context.Context, store *artifact.Store, d pipeline.Digest) (*Segment, error) {
	packed, err := store.ReadAll(ctx, d, maxList)
	if err != nil {
		return nil, err
	}
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, artifact.ErrDamaged
	}
	s := new(Segment)
	if err := json.NewDecoder(io.LimitReader(reader, maxList)).Decode(s); err != nil {
		return nil, artifact.ErrDamaged
	}
	return s, nil
}

// Remember adds what a job knows. Of two jobs that do so at the same time, what
// one of them knows may be forgotten: it is made again when it is wanted.
func Remember(ctx context.Context, store *artifact.Store, key string, s *Segment, covered []pipeline.Digest) error {
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if err := json.NewEncoder(writer).Encode(s); err != nil {
		return fmt.Errorf("remember mini-batches: %w", err)
	}
	if err := writer.Close(); err != nil {
		return fmt.Errorf("remember mini-batches: %w", err)
	}
	blob, err := store.PutBytes(ctx, packed.Bytes())
	if err != nil {
		return fmt.Errorf("remember mini-batches: %w", err)
	}
	before, err := segmentsOf(ctx, store, key)
	if err != nil {
		return err
	}
	all := []pipeline.Digest{blob.Digest}
	for _, d := range before {
		if d != blob.Digest && !slices.Contains(covered, d) {
			all = append(all, d)
		}
	}
	text, err := json.Marshal(memoryRecord{memorySchema, all[:min(len(all), maxSegments)]})
	if err != nil {
		return fmt.Errorf("remember mini-batches: %w", err)
	}
	return store.WriteRecord(ctx, memoryKey(key), text)
}

// place refers to the result of a mini-batch; nil where it is gone.
func (m *Memory) place(at Place) *Place {
	if m.segments[at.Segment].Batches[at.Line].gone {
		return nil
	}
	return &at
}

// byID finds mini-batches by what is in them; the newest counts.
func (m *Memory) byID() map[string]Place {
	at := make(map[string]Place)
	for n, s := range m.segments {
		for line, b := range s.Batches {
			if _, there := at[b.ID]; !there {
				at[b.ID] = Place{n, line}
			}
		}
	}
	return at
}
