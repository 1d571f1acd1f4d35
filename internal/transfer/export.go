package transfer

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
)

// The ways to export, in the words of the file.
const (
	appends = "append"
	replace = "replace"
	merges  = "merge"
	isNew   = "fail_if_exists"
)

// export is rows on their way into a table.
type export struct {
	id    string
	table tableName
	mode  string
	// before are the statements that come before the rows.
	before []string
	// columns are those of the table that rows are given for, in their order.
	columns []column
	keys    []string
	// next gives a row, and nil after the last.
	next func() ([]any, error)
	// committing is called before the commit, with what it can be found by.
	committing func(ctx context.Context, mark string) error
}

func (e *export) names() []string {
	names := make([]string, len(e.columns))
	for i, c := range e.columns {
		names[i] = c.name
	}
	return names
}

func (e *export) merges() bool { return e.mode == merges }

// onConflict is what becomes of a row whose key is there; given is what the
// database calls the new one.
func (e *export) onConflict(given string) string {
	if !e.merges() {
		return ""
	}
	var set []string
	for _, c := range e.columns {
		if !slices.Contains(e.keys, c.name) {
			set = append(set, quoted(c.name)+" = "+given+"."+quoted(c.name))
		}
	}
	text := " ON CONFLICT (" + quotedList(e.keys) + ") DO "
	if len(set) == 0 {
		return text + "NOTHING"
	}
	return text + "UPDATE SET " + strings.Join(set, ", ")
}

// commit is what the journal has of one that may have happened.
type commit struct {
	Mark string `json:"mark"`
	Rows int64  `json:"rows"`
}

// exportRows writes the rows of files into a table, all or none.
func (m *Mover) exportRows(ctx context.Context, t Task, j *journal, p *Progress) (Result, error) {
	x := t.Transfer.External
	name, err := parseName(x.Table)
	if err != nil {
		return Result{}, err
	}
	db, err := m.open(ctx, x)
	if err != nil {
		return Result{}, err
	}
	defer func() { _ = db.Close() }()
	var before commit
	if json.Unmarshal([]byte(j.commit), &before) == nil && before.Mark != "" {
		done, err := db.committed(ctx, db.DB, before.Mark)
		if err != nil {
			return Result{}, db.told(ctx, err)
		}
		if done {
			return m.exported(ctx, db, j, before)
		}
	}
	in, err := m.tables(ctx, t)
	if err != nil {
		return Result{}, err
	}
	defer in.close()
	p.beginRows("wrote", in.rows)
	e := &export{id: t.Job + "/" + t.Step, table: name, mode: x.Mode}
	if e.mode == "" {
		e.mode = appends
	}
	if err := e.plan(ctx, db, in); err != nil {
		return Result{}, db.told(ctx, err)
	}
	var sent int64
	e.next = func() ([]any, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		row, err := in.next()
		if err != nil || row == nil {
			p.addRows(sent % 1000)
			return nil, err
		}
		if sent++; sent%1000 == 0 {
			p.addRows(1000)
		}
		for i, v := range row {
			if row[i], err = e.columns[i].value(v); err != nil {
				return nil, err
			}
			if row[i] != nil {
				row[i] = db.bind(e.columns[i], row[i])
			}
		}
		return row, nil
	}
	var last commit
	e.committing = func(ctx context.Context, mark string) error {
		last = commit{mark, sent}
		data, err := json.Marshal(last)
		if err != nil {
			return err
		}
		return j.committing(ctx, string(data))
	}
	if _, err := db.into(ctx, db.DB, e); err != nil {
		return Result{}, db.told(ctx, err)
	}
	return m.exported(ctx, db, j, last)
}

// exported writes down that the rows are there, and has the database forget how
// that could be told.
func (m *Mover) exported(ctx context.Context, db *database, j *journal, c commit) (Result, error) {
	r := Result{Metrics: metrics(map[string]int64{"rows": c.Rows})}
	if err := j.finish(ctx, r); err != nil {
		return Result{}, err
	}
	db.forget(context.WithoutCancel(ctx), db.DB, c.Mark)
	return r, nil
}

// plan finds what the table is, or is to be, and what goes where.
func (e *export) plan(ctx context.Context, db *database, in *tables) error {
	there, err := db.exists(ctx, db.DB, e.table)
	if err != nil {
		return err
	}
	if !there {
		if e.mode == merges {
			return wrong("create it, with a primary key", "%s has no table %s to merge into", db.called, e.table)
		}
		return e.create(db, in)
	}
	if e.mode == isNew {
		return wrong("choose another table, or another mode", "the table %s is there already", e.table)
	}
	if err := e.match(ctx, db, in); err != nil {
		return err
	}
	if e.mode == replace {
		e.before = append(e.before, "DELETE FROM "+e.table.String())
	}
	if e.mode != merges {
		return nil
	}
	if e.keys, err = db.keys(ctx, db.DB, e.table); err != nil {
		return err
	}
	if len(e.keys) == 0 {
		return wrong("give it a primary key, or choose another mode", "the table %s has no primary key to merge by", e.table)
	}
	for _, key := range e.keys {
		if !slices.Contains(e.names(), key) {
			return wrong("add it", "the data has no column %q, which is of the primary key of %s", key, e.table)
		}
	}
	return nil
}

// create makes the table of what the files hold.
func (e *export) create(db *database, in *tables) error {
	if err := in.look(nil); err != nil {
		return err
	}
	e.columns = in.columns
	list := make([]string, len(e.columns))
	for i, c := range e.columns {
		list[i] = quoted(c.name) + " " + db.declare(c)
	}
	e.before = append(e.before, "CREATE TABLE "+e.table.String()+" ("+strings.Join(list, ", ")+")")
	return nil
}

// match finds the column of the table for each of the files.
func (e *export) match(ctx context.Context, db *database, in *tables) error {
	rows, err := db.QueryContext(ctx, "SELECT * FROM "+e.table.String()+" LIMIT 0")
	if err != nil {
		return err
	}
	columns, err := db.columnsOf(rows)
	_ = rows.Close()
	if err != nil {
		return err
	}
	byName := make(map[string]column, len(columns))
	for _, c := range columns {
		byName[c.name] = c
	}
	if err := in.look(byName); err != nil {
		return err
	}
	for _, c := range in.columns {
		there, ok := byName[c.name]
		if !ok {
			return wrong("rename the column, or add it to the table", "the table %s has no column %q", e.table, c.name)
		}
		if there.kind == unknown {
			there.kind = c.kind
			there.precision, there.scale = c.precision, c.scale
		}
		e.columns = append(e.columns, there)
	}
	return nil
}
