package transfer

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

const (
	// maxReaders is how many ranges of a table are read at a time.
	maxReaders = 4
	// partRows is how many rows a file has, about.
	partRows = 250_000
	// looked is how many rows are looked at to find what a column holds that
	// says nothing of itself.
	looked = 1000
)

// importRows reads a table, or the result of a query, into files of the output.
func (m *Mover) importRows(ctx context.Context, t Task, p *Progress) (Result, error) {
	x := t.Transfer.External
	db, err := m.open(ctx, x)
	if err != nil {
		return Result{}, err
	}
	defer func() { _ = db.Close() }()
	temp, err := m.Store.MkdirTemp()
	if err != nil {
		return Result{}, err
	}
	defer func() { _ = os.RemoveAll(temp) }()
	form := formOf(t)
	w := &importing{db: db, dir: temp, form: form, progress: p, single: t.Output.Type == pipeline.URIFile}
	rows, err := w.run(ctx, x)
	if err != nil {
		return Result{}, db.told(ctx, err)
	}
	a, err := m.collect(ctx, t, w)
	if err != nil {
		return Result{}, err
	}
	return Result{
		Outputs: map[string]pipeline.Artifact{t.Output.Name: a},
		Metrics: metrics(map[string]int64{"rows": rows, "bytes": a.Size, "files": int64(a.Files)}),
	}, nil
}

// formOf is the form that is asked for or, where none is, that of the output's
// name.
func formOf(t Task) string {
	if f := t.Transfer.External.Format; f != "" {
		return f
	}
	for _, name := range []string{t.Output.File, t.Output.Path} {
		switch strings.ToLower(path.Ext(strings.TrimSuffix(name, "/"))) {
		case ".csv":
			return "csv"
		case ".parquet":
			return "parquet"
		}
	}
	return "parquet"
}

// importing writes rows to files of a folder.
type importing struct {
	db       *database
	dir      string
	form     string
	single   bool // one file in all
	progress *Progress
	// kinds are what columns hold that say nothing of themselves, where several
	// readers have to agree on it.
	kinds map[string]kind
}

// span is what one reader reads, into parts that are numbered by it.
type span struct {
	query string
	args  []any
	part  int
}

func (w *importing) run(ctx context.Context, x *pipeline.External) (int64, error) {
	query, args := x.Query, []any(nil)
	switch {
	case x.Procedure != "":
		name, err := parseName(x.Procedure)
		if err != nil {
			return 0, err
		}
		if query, args, err = w.db.procedure(name, x.Parameters); err != nil {
			return 0, err
		}
	case x.Table != "":
		return w.table(ctx, x.Table)
	}
	w.progress.beginRows("read", 0)
	s, err := w.db.snapshot(ctx, w.db.DB, 1)
	if err != nil {
		return 0, err
	}
	defer s.close()
	return w.read(ctx, s.readers[0], span{query: query, args: args})
}

// table reads a table by ranges of its key, where that is one whole number.
func (w *importing) table(ctx context.Context, text string) (int64, error) {
	name, err := parseName(text)
	if err != nil {
		return 0, err
	}
	readers := maxReaders
	if w.single {
		readers = 1
	}
	s, err := w.db.snapshot(ctx, w.db.DB, readers)
	if err != nil && readers > 1 {
		s, err = w.db.snapshot(ctx, w.db.DB, 1) // one that cannot share what it sees
	}
	if err != nil {
		return 0, err
	}
	defer s.close()
	first := s.readers[0]
	if there, err := w.db.exists(ctx, first, name); err != nil {
		return 0, err
	} else if !there {
		return 0, wrong("check its name, and that of the schema", "%s has no table %s", w.db.called, name)
	}
	spans, rows, err := w.spans(ctx, first, name)
	if err != nil {
		return 0, err
	}
	if len(spans) > 1 {
		if err := w.agree(ctx, first, name); err != nil {
			return 0, err
		}
	}
	w.progress.beginRows("read", rows)
	counts := make([]int64, len(spans))
	g, inside := errgroup.WithContext(ctx)
	// A connection reads one range at a time.
	free := make(chan querier, len(s.readers))
	for _, r := range s.readers {
		free <- r
	}
	g.SetLimit(len(s.readers))
	for i, sp := range spans {
		g.Go(func() error {
			r := <-free
			defer func() { free <- r }()
			var err error
			counts[i], err = w.read(inside, r, sp)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return 0, err
	}
	var all int64
	for _, n := range counts {
		all += n
	}
	return all, nil
}

// spans cuts a table into ranges of about as many rows, by its size alone: equal
// tables are cut alike, and give equal files.
func (w *importing) spans(ctx context.Context, q querier, name tableName) ([]span, int64, error) {
	whole := span{query: "SELECT * FROM " + name.String()}
	keys, err := w.db.keys(ctx, q, name)
	if err != nil {
		return nil, 0, err
	}
	if len(keys) > 0 {
		whole.query += " ORDER BY " + quotedList(keys)
	}
	var rows int64
	if err := one(ctx, q, "SELECT count(*) FROM "+name.String(), &rows); err != nil {
		return nil, 0, err
	}
	many := min((rows+partRows-1)/partRows, 10_000)
	if len(keys) != 1 || many < 2 || w.single {
		return []span{whole}, rows, nil
	}
	key := quoted(keys[0])
	var least, most any
	if err := one(ctx, q, "SELECT min("+key+"), max("+key+") FROM "+name.String(), &least, &most); err != nil {
		return nil, 0, err
	}
	from, ok := least.(int64)
	to, also := most.(int64)
	if !ok || !also {
		return []span{whole}, rows, nil // not a whole number
	}
	var list []span
	width := (uint64(to)-uint64(from))/uint64(many) + 1
	for i := range many {
		begin := int64(uint64(from) + uint64(i)*width)
		end := int64(uint64(begin) + width - 1)
		if begin > to || i > 0 && begin < from {
			break
		}
		if i == many-1 || end > to || end < begin {
			end = to
		}
		// The numbers are ours, not the user's.
		list = append(list, span{
			query: fmt.Sprintf("SELECT * FROM %s WHERE %s BETWEEN %d AND %d ORDER BY %s", name, key, begin, end, key), part: int(i),
		})
	}
	return list, rows, nil
}

// agree finds what columns hold that say nothing of themselves by the first rows.
func (w *importing) agree(ctx context.Context, q querier, name tableName) error {
	rows, err := q.QueryContext(ctx, fmt.Sprintf("SELECT * FROM %s LIMIT %d", name, looked))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	columns, err := w.db.columnsOf(rows)
	if err != nil {
		return err
	}
	var seen [][]any
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		seen = append(seen, values)
	}
	w.kinds = map[string]kind{}
	for i, c := range columns {
		if c.kind == unknown {
			w.kinds[c.name] = guessed(seen, i)
		}
	}
	return rows.Err()
}

// one reads one row.
func one(ctx context.Context, q querier, query string, into ...any) error {
	rows, err := q.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	if rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
	}
	return rows.Err()
}

// read writes the rows of a query to a file, or to several where they are many.
func (w *importing) read(ctx context.Context, q querier, sp span) (count int64, err error) {
	rows, err := q.QueryContext(ctx, sp.query, sp.args...)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	columns, err := w.db.columnsOf(rows)
	if err != nil {
		return 0, err
	}
	for i, c := range columns {
		if k, ok := w.kinds[c.name]; ok {
			columns[i].kind = k
		}
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	out := &parts{importing: w, columns: columns, span: sp}
	defer func() {
		if closed := out.close(); err == nil {
			err = closed
		}
	}()
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return 0, err
		}
		if err := out.add(values); err != nil {
			return 0, err
		}
		count++
		if count%1000 == 0 {
			w.progress.addRows(1000)
		}
	}
	w.progress.addRows(count % 1000)
	return count, rows.Err()
}

// collect makes the artifact of the output.
func (m *Mover) collect(ctx context.Context, t Task, w *importing) (pipeline.Artifact, error) {
	if w.single {
		found, err := filepath.Glob(filepath.Join(w.dir, "part-*"))
		if err != nil || len(found) != 1 {
			return pipeline.Artifact{}, fmt.Errorf("find what was imported: %d files, %w", len(found), err)
		}
		a, err := m.Store.ImportFile(ctx, found[0], artifact.Move)
		if a.Name = t.Output.File; a.Name == "" {
			a.Name = t.Output.Name + "." + w.form
		}
		return a, err
	}
	if t.Output.Type == pipeline.MLTable {
		if err := os.WriteFile(filepath.Join(w.dir, "MLTable"), []byte(mltable(w.form)), 0o644); err != nil {
			return pipeline.Artifact{}, err
		}
	}
	return m.Store.ImportTree(ctx, w.dir, artifact.Move)
}

// mltable says how the files of a folder are read as one table.
func mltable(form string) string {
	if form == "csv" {
		return "paths:\n  - pattern: ./*.csv\ntransformations:\n  - read_delimited:\n      delimiter: ','\n      encoding: utf8\n      header: all_files_same_headers\n"
	}
	return "paths:\n  - pattern: ./*.parquet\ntransformations:\n  - read_parquet\n"
}
