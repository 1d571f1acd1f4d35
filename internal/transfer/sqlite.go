package transfer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlitecodes "modernc.org/sqlite/lib"

	"github.com/millrace-ml/millrace/pipeline"
)

// lite is SQLite: a file of the worker's machine.
type lite struct{}

func openSQLite(u *url.URL, called string, x *pipeline.External) (*database, error) {
	path := u.Path
	if u.Host != "" || !filepath.IsAbs(path) {
		return nil, wrong("write sqlite:///ABSOLUTE/PATH", "%s has no absolute path", called)
	}
	// An import would find an empty database where there is none.
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, wrong("", "%s is a folder: %s", called, path)
	} else if err != nil && (x.Mode == "" && x.Table == "" || !errors.Is(err, os.ErrNotExist)) {
		return nil, wrong("put it where the workers run, or check the path", "there is no database %s", path)
	}
	address := (&url.URL{Scheme: "file", Path: path}).String() + "?_pragma=busy_timeout(10000)&_txlock=deferred"
	db, err := sql.Open("sqlite", address)
	if err != nil {
		return nil, err
	}
	return &database{DB: db, dialect: lite{}, called: called}, nil
}

func (lite) failed(called string, err error) error {
	if s, ok := errors.AsType[*sqlite.Error](err); ok {
		switch s.Code() & 0xff {
		case sqlitecodes.SQLITE_BUSY, sqlitecodes.SQLITE_LOCKED, sqlitecodes.SQLITE_IOERR, sqlitecodes.SQLITE_FULL, sqlitecodes.SQLITE_NOMEM:
			return unreachable("%s: %v", called, err)
		case sqlitecodes.SQLITE_CANTOPEN:
			return wrong("check that the file is there, and may be read where the workers run", "%s cannot be opened", called)
		case sqlitecodes.SQLITE_NOTADB:
			return wrong("", "%s is not a database of SQLite", called)
		}
		return wrong("", "%s: %v", called, err)
	}
	return unreachable("%s: %v", called, err)
}

var sized = regexp.MustCompile(`\(\s*([0-9]+)\s*(?:,\s*([0-9]+)\s*)?\)`)

// column goes by the declared type, as SQLite's affinity does. Where there is
// none, the values tell.
func (lite) column(t *sql.ColumnType) column {
	declared := strings.ToUpper(t.DatabaseTypeName())
	return liteColumn(declared)
}

func liteColumn(declared string) column {
	c := column{declared: declared, bits: 64}
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(declared, w) {
				return true
			}
		}
		return false
	}
	switch {
	case declared == "":
	case has("BOOL"):
		c.kind = booleans
	case has("DATETIME", "TIMESTAMP"):
		c.kind = moments
		if has("TZ", "ZONE") {
			c.kind = instants
		}
	case declared == "DATE":
		c.kind = dates
	case has("INT"):
		c.kind = integers
	case has("CHAR", "TEXT", "CLOB", "JSON", "UUID"):
		c.kind = texts
	case has("BLOB", "BYTEA"):
		c.kind = blobs
	case has("REAL", "FLOA", "DOUB"):
		c.kind = floats
	case has("DEC", "NUMERIC"):
		if m := sized.FindStringSubmatch(declared); m != nil && m[2] != "" {
			c.precision, _ = strconv.Atoi(m[1])
			c.scale, _ = strconv.Atoi(m[2])
			if c.precision > 0 && c.precision <= maxPrecision && c.scale <= c.precision {
				c.kind = decimals
			}
		}
	}
	return c
}

func (lite) declare(c column) string {
	switch c.kind {
	case integers:
		return "INTEGER"
	case floats:
		return "REAL"
	case booleans:
		return "BOOLEAN"
	case blobs:
		return "BLOB"
	case instants:
		return "TIMESTAMPTZ"
	case moments:
		return "TIMESTAMP"
	case dates:
		return "DATE"
	case decimals:
		if c.precision <= liteDigits {
			return fmt.Sprintf("DECIMAL(%d,%d)", c.precision, c.scale)
		}
	}
	return "TEXT"
}

// liteDigits are those that a number of SQLite keeps.
const liteDigits = 15

func (lite) bind(c column, v any) any {
	switch x := v.(type) {
	case *big.Int:
		return decimalText(x, c.scale)
	case time.Time:
		return c.text(x)
	case bool:
		if x {
			return int64(1)
		}
		return int64(0)
	}
	return v
}

// master is the list of tables of a schema.
func (t tableName) master() string {
	if len(t) > 1 {
		return quoted(t[0]) + ".sqlite_master"
	}
	return "sqlite_master"
}

func (lite) exists(ctx context.Context, q querier, t tableName) (bool, error) {
	found, err := strings1(ctx, q, "SELECT name FROM "+t.master()+" WHERE type IN ('table', 'view') AND name = ? COLLATE NOCASE", t.last())
	return len(found) > 0, err
}

func (lite) keys(ctx context.Context, q querier, t tableName) ([]string, error) {
	return strings1(ctx, q, "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", t.last())
}

// snapshot has all readers begin while a lock keeps writers from committing.
func (lite) snapshot(ctx context.Context, db *sql.DB, readers int) (*snapshot, error) {
	s := &snapshot{}
	var open []*sql.Conn
	s.close = func() {
		for _, c := range open {
			_, _ = c.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
			_ = c.Close()
		}
	}
	begin := func(how string) (*sql.Conn, error) {
		c, err := db.Conn(ctx)
		if err != nil {
			return nil, err
		}
		if _, err = c.ExecContext(ctx, how); err != nil {
			_ = c.Close()
			return nil, err
		}
		return c, nil
	}
	if readers > 1 {
		lock, err := begin("BEGIN IMMEDIATE")
		if err != nil {
			readers = 1 // it cannot be written to, or somebody writes for long
		} else {
			defer func() {
				_, _ = lock.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
				_ = lock.Close()
			}()
		}
	}
	for range readers {
		c, err := begin("BEGIN")
		if err == nil {
			open = append(open, c)
			// The state is chosen by the first look.
			_, err = strings1(ctx, c, "SELECT count(*) FROM sqlite_master")
		}
		if err != nil {
			s.close()
			return nil, err
		}
		s.readers = append(s.readers, c)
	}
	return s, nil
}

func (lite) procedure(tableName, []pipeline.Parameter) (string, []any, error) {
	return "", nil, wrong("write its query under query", "SQLite has no stored procedures")
}

// ledger is where SQLite remembers which exports were committed, until their
// jobs know it.
const ledger = `"_millrace_exports"`

// into writes the rows in one transaction.
func (lite) into(ctx context.Context, db *sql.DB, e *export) (rows int64, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }()
	for _, statement := range e.before {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return 0, err
		}
	}
	holes := strings.TrimSuffix(strings.Repeat("?, ", len(e.columns)), ", ")
	insert, err := tx.PrepareContext(ctx, "INSERT INTO "+e.table.String()+" ("+quotedList(e.names())+") VALUES ("+holes+")"+e.onConflict("excluded"))
	if err != nil {
		return 0, err
	}
	defer func() { _ = insert.Close() }()
	for {
		row, err := e.next()
		if err != nil {
			return 0, err
		}
		if row == nil {
			break
		}
		if _, err := insert.ExecContext(ctx, row...); err != nil {
			return 0, err
		}
		rows++
	}
	if _, err := tx.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS "+ledger+" (id TEXT PRIMARY KEY)"); err != nil {
		return 0, err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO "+ledger+" VALUES (?)", e.id); err != nil {
		return 0, err
	}
	if err := e.committing(ctx, e.id); err != nil {
		return 0, err
	}
	return rows, tx.Commit()
}

func (l lite) committed(ctx context.Context, db *sql.DB, mark string) (bool, error) {
	if there, err := l.exists(ctx, db, tableName{strings.Trim(ledger, `"`)}); err != nil || !there {
		return false, err
	}
	found, err := strings1(ctx, db, "SELECT id FROM "+ledger+" WHERE id = ?", mark)
	return len(found) > 0, err
}

func (lite) forget(ctx context.Context, db *sql.DB, mark string) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, "DELETE FROM "+ledger+" WHERE id = ?", mark); err != nil {
		return
	}
	if left, err := strings1(ctx, tx, "SELECT id FROM "+ledger+" LIMIT 1"); err == nil && len(left) == 0 {
		_, _ = tx.ExecContext(ctx, "DROP TABLE "+ledger)
	}
	_ = tx.Commit()
}
