package transfer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/millrace-ml/millrace/pipeline"
)

// postgres is PostgreSQL, and what speaks its protocol.
type postgres struct{}

func openPostgres(u *url.URL, called string) (*database, error) {
	config, err := pgx.ParseConfig(u.String())
	if err != nil {
		// What the library says may repeat a part of the address.
		return nil, wrong("write postgres://HOST:PORT/DATABASE", "the address of %s cannot be used", called)
	}
	config.RuntimeParams["application_name"] = "millrace"
	db := stdlib.OpenDB(*config)
	db.SetMaxIdleConns(maxReaders)
	return &database{DB: db, dialect: postgres{}, called: called}, nil
}

func (postgres) failed(called string, err error) error {
	if p, ok := errors.AsType[*pgconn.PgError](err); ok {
		said := p.Message
		if p.Detail != "" && len(p.Detail) < 200 {
			said += " (" + p.Detail + ")"
		}
		switch class := p.Code[:min(2, len(p.Code))]; class {
		case "08", "53", "57", "58", "40", "XX":
			return unreachable("%s: %s", called, said)
		case "28", "3D":
			return wrong("check the address, and the credentials where the workers run", "%s: %s", called, said)
		}
		return wrong("", "%s: %s", called, said)
	}
	if c, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return unreachable("%s cannot be reached: %s", called, lastOf(c))
	}
	return unreachable("%s: %v", called, err)
}

// lastOf is the innermost error: those around it say the address.
func lastOf(err error) error {
	for {
		if several, ok := err.(interface{ Unwrap() []error }); ok && len(several.Unwrap()) > 0 {
			err = several.Unwrap()[0]
			continue
		}
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

func (postgres) column(t *sql.ColumnType) column {
	c := column{declared: strings.ToLower(t.DatabaseTypeName()), kind: texts}
	switch t.DatabaseTypeName() {
	case "INT2", "INT4":
		c.kind, c.bits = integers, 32
	case "INT8", "OID":
		c.kind = integers
	case "FLOAT4":
		c.kind, c.bits = floats, 32
	case "FLOAT8":
		c.kind = floats
	case "BOOL":
		c.kind = booleans
	case "BYTEA":
		c.kind = blobs
	case "TIMESTAMPTZ":
		c.kind = instants
	case "TIMESTAMP":
		c.kind = moments
	case "DATE":
		c.kind = dates
	case "NUMERIC":
		// Without a precision it may have any; as text it loses nothing.
		if precision, scale, ok := t.DecimalSize(); ok && precision > 0 && precision <= maxPrecision && scale >= 0 && scale <= precision {
			c.kind, c.precision, c.scale = decimals, int(precision), int(scale)
		}
	}
	return c
}

func (postgres) declare(c column) string {
	switch c.kind {
	case integers:
		if c.bits == 32 {
			return "integer"
		}
		return "bigint"
	case floats:
		if c.bits == 32 {
			return "real"
		}
		return "double precision"
	case booleans:
		return "boolean"
	case blobs:
		return "bytea"
	case instants:
		return "timestamptz"
	case moments:
		return "timestamp"
	case dates:
		return "date"
	case decimals:
		return fmt.Sprintf("numeric(%d,%d)", c.precision, c.scale)
	}
	return "text"
}

// bind has decimals as text, which the driver reads as it should.
func (postgres) bind(c column, v any) any {
	if n, ok := v.(*big.Int); ok {
		return decimalText(n, c.scale)
	}
	return v
}

func (postgres) exists(ctx context.Context, q querier, t tableName) (bool, error) {
	found, err := strings1(ctx, q, "SELECT to_regclass($1)::text", t.String())
	return len(found) == 1 && found[0] != "", err
}

func (postgres) keys(ctx context.Context, q querier, t tableName) ([]string, error) {
	return strings1(ctx, q, `SELECT a.attname FROM pg_index i
		JOIN unnest(i.indkey) WITH ORDINALITY k(attnum, n) ON true
		JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
		WHERE i.indisprimary AND i.indrelid = to_regclass($1) ORDER BY k.n`, t.String())
}

// strings1 reads one column of texts; null is "".
func strings1(ctx context.Context, q querier, query string, args ...any) ([]string, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var found []string
	for rows.Next() {
		var text sql.NullString
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		found = append(found, text.String)
	}
	return found, rows.Err()
}

// snapshot exports that of one transaction to the others.
func (postgres) snapshot(ctx context.Context, db *sql.DB, readers int) (*snapshot, error) {
	s := &snapshot{}
	var open []*sql.Tx
	s.close = func() {
		for _, tx := range open {
			_ = tx.Rollback()
		}
	}
	options := &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	name := ""
	for i := range readers {
		tx, err := db.BeginTx(ctx, options)
		if err != nil {
			s.close()
			return nil, err
		}
		open = append(open, tx)
		if i == 0 && readers > 1 {
			err = tx.QueryRowContext(ctx, "SELECT pg_export_snapshot()").Scan(&name)
		} else if i > 0 {
			_, err = tx.ExecContext(ctx, "SET TRANSACTION SNAPSHOT '"+strings.ReplaceAll(name, "'", "''")+"'")
		}
		if err != nil {
			s.close()
			return nil, err
		}
		s.readers = append(s.readers, tx)
	}
	return s, nil
}

var parameterName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// parameterTypes are what the types of parameters are called here.
var postgresTypes = map[string]string{
	"": "text", "string": "text", "int": "integer", "int64": "bigint", "integer": "bigint", "number": "double precision",
	"double": "double precision", "decimal": "numeric", "boolean": "boolean", "datetime": "timestamptz", "date": "date", "guid": "uuid",
}

func (postgres) procedure(name tableName, params []pipeline.Parameter) (string, []any, error) {
	var list []string
	var args []any
	for i, p := range params {
		if !parameterName.MatchString(p.Name) {
			return "", nil, invalid("", "%q cannot name a parameter", p.Name)
		}
		of, ok := postgresTypes[p.Type]
		if !ok {
			return "", nil, invalid("", "%q is not a type of parameter", p.Type)
		}
		list = append(list, fmt.Sprintf("%s => $%d::text::%s", quoted(p.Name), i+1, of))
		args = append(args, p.Value)
	}
	return "SELECT * FROM " + name.String() + "(" + strings.Join(list, ", ") + ")", args, nil
}

// into copies the rows in one transaction. Rows that replace others by their
// key go through a table of the session first.
func (d postgres) into(ctx context.Context, db *sql.DB, e *export) (rows int64, err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	err = conn.Raw(func(driver any) error {
		raw, ok := driver.(*stdlib.Conn)
		if !ok {
			return errors.New("the connection is not one of pgx")
		}
		rows, err = d.copyIn(ctx, raw.Conn(), e)
		return err
	})
	return rows, err
}

func (postgres) copyIn(ctx context.Context, conn *pgx.Conn, e *export) (int64, error) {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	for _, statement := range e.before {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return 0, err
		}
	}
	into := pgx.Identifier(slices.Clone(e.table))
	if e.merges() {
		const stage = "millrace_stage"
		into = pgx.Identifier{stage}
		if _, err := tx.Exec(ctx, "CREATE TEMP TABLE "+stage+" ON COMMIT DROP AS SELECT "+quotedList(e.names())+" FROM "+e.table.String()+" LIMIT 0"); err != nil {
			return 0, err
		}
	}
	rows, err := tx.CopyFrom(ctx, into, e.names(), pgx.CopyFromFunc(func() ([]any, error) {
		row, err := e.next()
		return row, err
	}))
	if err != nil {
		return 0, err
	}
	if e.merges() {
		list := quotedList(e.names())
		if _, err := tx.Exec(ctx, "INSERT INTO "+e.table.String()+" ("+list+") SELECT "+list+" FROM millrace_stage"+e.onConflict("EXCLUDED")); err != nil {
			return 0, err
		}
	}
	var xid int64
	if err := tx.QueryRow(ctx, "SELECT txid_current()").Scan(&xid); err != nil {
		return 0, err
	}
	if err := e.committing(ctx, strconv.FormatInt(xid, 10)); err != nil {
		return 0, err
	}
	return rows, tx.Commit(ctx)
}

// committed asks what became of the transaction.
func (postgres) committed(ctx context.Context, db *sql.DB, mark string) (bool, error) {
	xid, err := strconv.ParseInt(mark, 10, 64)
	if err != nil || xid < 0 || xid == math.MaxInt64 {
		return false, nil //nolint:nilerr // nothing was about to be committed
	}
	status, err := strings1(ctx, db, "SELECT txid_status($1)", xid)
	if err != nil {
		return false, err
	}
	switch status[0] {
	case "committed":
		return true, nil
	case "aborted":
		return false, nil
	case "in progress":
		return false, unreachable("the transaction of an earlier attempt has not ended yet")
	}
	return false, wrong("look at the table, and run the job again", "the database does not remember whether an earlier attempt was committed")
}

func (postgres) forget(context.Context, *sql.DB, string) {}
