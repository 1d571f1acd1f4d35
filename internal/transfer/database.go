package transfer

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/millrace-ml/millrace/internal/connection"
	"github.com/millrace-ml/millrace/pipeline"
)

// database is an open one.
type database struct {
	*sql.DB
	dialect
	// called is what people call it.
	called string
}

// dialect is what differs between databases.
type dialect interface {
	// failed turns an error into a failure: of whom, and in which words.
	failed(called string, err error) error
	// column finds what a column of a result holds.
	column(t *sql.ColumnType) column
	// declare is the type of a column of a new table.
	declare(c column) string
	// bind makes a value one that the driver takes.
	bind(c column, v any) any
	// exists reports whether there is a table, or a view, of a name.
	exists(ctx context.Context, q querier, t tableName) (bool, error)
	// keys are the columns of the primary key of a table, in order.
	keys(ctx context.Context, q querier, t tableName) ([]string, error)
	// snapshot has several readers see the same state; fewer than were asked for
	// where the database cannot.
	snapshot(ctx context.Context, db *sql.DB, readers int) (*snapshot, error)
	// procedure is the query that calls one.
	procedure(name tableName, params []pipeline.Parameter) (query string, args []any, err error)
	// into writes rows into a table, all or none.
	into(ctx context.Context, db *sql.DB, e *export) (rows int64, err error)
	// committed reports whether what was about to be committed has been.
	committed(ctx context.Context, db *sql.DB, mark string) (bool, error)
	// forget deletes what committed needs.
	forget(ctx context.Context, db *sql.DB, mark string)
}

// querier is a database, a connection of it, or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// open opens the database that a connection names.
func (m *Mover) open(ctx context.Context, x *pipeline.External) (*database, error) {
	d, err := m.Connections.Resolve(ctx, x.Connection)
	if unknown, ok := errors.AsType[*connection.Unknown](err); ok {
		return nil, noConnection(unknown.Name)
	}
	if err != nil {
		return nil, err
	}
	u, err := d.Address()
	if err != nil {
		return nil, err
	}
	called := "the database of connection " + d.Name
	switch connection.TypeOf(u.String()) {
	case connection.Postgres:
		return openPostgres(u, called)
	case connection.SQLite:
		return openSQLite(u, called, x)
	}
	return nil, invalid("name a connection of the type "+connection.Postgres+" or "+connection.SQLite, "connection %q is no database", d.Name)
}

func (d *database) told(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if _, ok := errors.AsType[*pipeline.Failure](err); ok {
		return err
	}
	return d.failed(d.called, err)
}

// tableName is the name of a table, and of the schema that it is in.
type tableName []string

// parseName reads NAME, SCHEMA.NAME and, in double quotes, any name.
func parseName(text string) (tableName, error) {
	var name tableName
	rest := strings.TrimSpace(text)
	for {
		var part string
		if quoted, ok := strings.CutPrefix(rest, `"`); ok {
			at := 0
			for at < len(quoted) && quoted[at] != '"' || strings.HasPrefix(quoted[min(at, len(quoted)):], `""`) {
				if quoted[at] == '"' {
					at++
				}
				at++
			}
			if at >= len(quoted) {
				return nil, invalid("", "%q is not the name of a table: a quotation mark is not closed", text)
			}
			part, rest = strings.ReplaceAll(quoted[:at], `""`, `"`), quoted[at+1:]
		} else {
			at := strings.IndexByte(rest, '.')
			if at < 0 {
				at = len(rest)
			}
			part, rest = rest[:at], rest[at:]
		}
		if part == "" || len(part) > 200 || strings.ContainsRune(part, 0) || len(name) == 3 {
			return nil, invalid("write NAME or SCHEMA.NAME", "%q is not the name of a table", text)
		}
		name = append(name, part)
		if rest == "" {
			return name, nil
		}
		if rest[0] != '.' {
			return nil, invalid("write NAME or SCHEMA.NAME", "%q is not the name of a table", text)
		}
		rest = rest[1:]
	}
}

// String quotes the name, so that it can be nothing but a name.
func (t tableName) String() string {
	parts := make([]string, len(t))
	for i, part := range t {
		parts[i] = quoted(part)
	}
	return strings.Join(parts, ".")
}

// last is the name without the schema.
func (t tableName) last() string { return t[len(t)-1] }

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func quotedList(names []string) string {
	list := make([]string, len(names))
	for i, n := range names {
		list[i] = quoted(n)
	}
	return strings.Join(list, ", ")
}

// snapshot are readers that see the same state.
type snapshot struct {
	readers []querier
	close   func()
}

// columnsOf are the columns of a result.
func (d *database) columnsOf(rows *sql.Rows) ([]column, error) {
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	columns := make([]column, len(types))
	seen := map[string]bool{}
	for i, t := range types {
		c := d.column(t)
		c.name = t.Name()
		if c.bits == 0 {
			c.bits = 64
		}
		if c.name == "" || seen[c.name] {
			return nil, wrong("give each column a name of its own: AS NAME", "the result has the column %q more than once", c.name)
		}
		seen[c.name] = true
		columns[i] = c
	}
	if len(columns) == 0 {
		return nil, wrong("write a query that gives rows", "the query gives no columns")
	}
	return columns, nil
}
