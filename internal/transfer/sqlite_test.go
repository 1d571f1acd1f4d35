package transfer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/millrace-ml/millrace/pipeline"
)

// shop makes a database of SQLite with a table of every kind of column, and
// returns the address of it.
func shop(t *testing.T, statements ...string) (*sql.DB, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "it's a shop.db")
	db, err := sql.Open("sqlite", "file:"+strings.ReplaceAll(path, " ", "%20")+"?_pragma=journal_mode(wal)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	execute(t, db, statements...)
	return db, "sqlite://" + path
}

func execute(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// kindsTable has a column of every kind, and two rows.
const kindsTable = `CREATE TABLE kinds (
	id INTEGER PRIMARY KEY, n INT, x REAL, ok BOOLEAN, name TEXT, raw BLOB, at TIMESTAMP, day DATE, price DECIMAL(10,2), "odd ""name" VARCHAR(10))`

const kindsRows = `INSERT INTO kinds VALUES
	(1, -5, 0.5, 1, 'Ünal, "A"', x'00ff', '2024-02-29 13:14:15.123456', '1969-12-31', 12.5, 'x'),
	(2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`

func importing1(x pipeline.External) *pipeline.Transfer {
	x.Type = "database"
	return &pipeline.Transfer{Task: importData, External: &x}
}

func sink(kind pipeline.PortType, file string) *pipeline.Output {
	return &pipeline.Output{Name: "sink", Type: kind, File: file}
}

func exporting(x pipeline.External) *pipeline.Transfer {
	x.Type = "database"
	return &pipeline.Transfer{Task: exportData, External: &x}
}

func source(a pipeline.Artifact) []Input {
	return []Input{{Name: "source", Type: pipeline.URIFolder, Value: pipeline.Content(a)}}
}

// rowsOf are the rows of a query, as text.
func rowsOf(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, _ := rows.Columns()
	var all []string
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		texts := make([]string, len(values))
		for i, v := range values {
			texts[i] = textOf(v)
			if b, ok := v.([]byte); ok {
				texts[i] = fmt.Sprintf("%x", b)
			}
		}
		all = append(all, strings.Join(texts, "|"))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestATableIsImportedAndComesBackTheSame(t *testing.T) {
	for _, form := range []string{"parquet", "csv"} {
		t.Run(form, func(t *testing.T) {
			m := newMover(t)
			db, address := shop(t, kindsTable, kindsRows)
			r := m.must(t, Task{Transfer: importing1(pipeline.External{Connection: address, Table: "kinds", Format: form}), Output: sink(pipeline.MLTable, "")})
			if n := metric(t, r, "rows"); n != 2 {
				t.Errorf("%d rows", n)
			}
			made := r.Outputs["sink"]
			var names []string
			for name := range m.staged(t, made) {
				names = append(names, name)
			}
			slices.Sort(names)
			equal(t, names, []string{"MLTable", "part-00000." + form})

			r = m.must(t, Task{Step: "back", Transfer: exporting(pipeline.External{Connection: address, Table: "copy"}), Inputs: source(made)})
			if n := metric(t, r, "rows"); n != 2 {
				t.Errorf("%d rows were exported", n)
			}
			query := "SELECT * FROM %s ORDER BY id"
			want := rowsOf(t, db, fmt.Sprintf(query, "kinds"))
			if form == "csv" { // in which bytes are written as digits, and are text
				want[0] = strings.Replace(want[0], "|00ff|", "|00ff|", 1)
			}
			equal(t, rowsOf(t, db, fmt.Sprintf(query, "copy")), want)
			types := rowsOf(t, db, "SELECT group_concat(type) FROM (SELECT type FROM pragma_table_info('copy') ORDER BY cid)")
			if form == "parquet" {
				equal(t, types, []string{"INTEGER,INTEGER,REAL,BOOLEAN,TEXT,BLOB,TIMESTAMP,DATE,DECIMAL(10,2),TEXT"})
			}
			if left := rowsOf(t, db, "SELECT name FROM sqlite_master WHERE name LIKE '%millrace%'"); len(left) > 0 {
				t.Errorf("left over: %v", left)
			}
		})
	}
}

func TestATableIsReadInRanges(t *testing.T) {
	m := newMover(t)
	const rows = 2*partRows + 1000
	_, address := shop(t, "CREATE TABLE big (id INTEGER PRIMARY KEY, v TEXT, what)",
		fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i < %d) INSERT INTO big SELECT i*3-500, 'row '||i, i FROM n", rows-1))
	task := Task{Transfer: importing1(pipeline.External{Connection: address, Table: "big"}), Output: sink(pipeline.URIFolder, "")}
	r := m.must(t, task)
	if n := metric(t, r, "rows"); n != rows {
		t.Errorf("%d rows of %d", n, rows)
	}
	if n := metric(t, r, "files"); n != 3 {
		t.Errorf("%d files", n)
	}
	in, err := m.tables(t.Context(), Task{Inputs: source(r.Outputs["sink"])})
	if err != nil {
		t.Fatal(err)
	}
	defer in.close()
	next := int64(-500)
	for {
		row, err := in.next()
		if err != nil {
			t.Fatal(err)
		}
		if row == nil {
			break
		}
		if row[0] != next || row[2] != (next+500)/3 {
			t.Fatalf("got %v at %d", row, next)
		}
		next += 3
	}
	if next != rows*3-500 {
		t.Errorf("the last row is before %d", next)
	}
	// Equal tables give equal files, so that what follows is reused.
	task.Step = "again"
	equal(t, m.must(t, task).Outputs, r.Outputs)
}

func TestAQueryIsImportedToOneFile(t *testing.T) {
	m := newMover(t)
	_, address := shop(t, "CREATE TABLE t (a INTEGER, b TEXT)", "INSERT INTO t VALUES (1, 'x'), (2, NULL), (3, 'a,b')")
	r := m.must(t, Task{Transfer: importing1(pipeline.External{Connection: address, Query: "SELECT a*2 AS twice, b, a/2.0 AS half FROM t ORDER BY a"}), Output: sink(pipeline.URIFile, "t.csv")})
	equal(t, m.staged(t, r.Outputs["sink"]), map[string]string{"t.csv": "twice,b,half\n2,x,0.5\n4,,1\n6,\"a,b\",1.5\n"})
}

func TestWhatIsWrongWithAnImportIsSaid(t *testing.T) {
	m := newMover(t)
	_, address := shop(t, "CREATE TABLE t (a INTEGER)", "INSERT INTO t VALUES (1), ('nonsense')")
	for _, c := range []struct {
		name  string
		x     pipeline.External
		words []string
	}{
		{"no table", pipeline.External{Connection: address, Table: "none"}, []string{"has no table"}},
		{"no column", pipeline.External{Connection: address, Query: "SELECT b FROM t"}, []string{"no such column: b"}},
		{"a name that is more", pipeline.External{Connection: address, Table: "t; DROP TABLE t"}, []string{`has no table "t; DROP TABLE t"`}},
		{"a value of another kind", pipeline.External{Connection: address, Table: "t"}, []string{`column "a" holds whole numbers`, "nonsense", "cast"}},
		{"a column twice", pipeline.External{Connection: address, Query: "SELECT a, a FROM t"}, []string{"more than once"}},
		{"no database", pipeline.External{Connection: "sqlite:///nowhere/at.db", Query: "SELECT 1"}, []string{"there is no database /nowhere/at.db"}},
		{"a relative path", pipeline.External{Connection: "sqlite://here.db", Query: "SELECT 1"}, []string{"no absolute path"}},
		{"no connection", pipeline.External{Connection: "none", Query: "SELECT 1"}, []string{`there is no connection "none"`}},
		{"no variable", pipeline.External{Connection: "env:MILLRACE_TEST_NONE", Query: "SELECT 1"}, []string{"MILLRACE_TEST_NONE", "not set"}},
		{"a procedure", pipeline.External{Connection: address, Procedure: "p"}, []string{"SQLite has no stored procedures"}},
		{"another kind of place", pipeline.External{Connection: "s3://bucket/x", Query: "SELECT 1"}, []string{"is no database"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m.refused(t, Task{Step: strings.ReplaceAll(c.name, " ", "_"), Transfer: importing1(c.x), Output: sink(pipeline.URIFolder, "")}, c.words...)
		})
	}
}

func TestAnExportIsAllOrNothing(t *testing.T) {
	m := newMover(t)
	db, address := shop(t, "CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER NOT NULL)", "INSERT INTO t VALUES (1, 1)")
	data := func(lines ...string) pipeline.Artifact {
		a, err := m.Store.PutBytes(t.Context(), []byte(strings.Join(lines, "\n")+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		a.Name = "data.csv"
		return a
	}
	before := rowsOf(t, db, "SELECT * FROM t")
	for _, c := range []struct {
		name, mode string
		lines      []string
		words      []string
	}{
		{"a key that is there", "", []string{"a,b", "2,2", "1,9"}, []string{"UNIQUE constraint failed"}},
		{"null", "replace", []string{"a,b", "2,2", "3,"}, []string{"NOT NULL constraint failed"}},
		{"text", "merge", []string{"a,b", "2,2", "3,x"}, []string{`column "b" holds whole numbers`}},
		{"a line that is short", "", []string{"a,b", "2,2", "3"}, []string{"data.csv:3", "wrong number of fields"}},
		{"another column", "", []string{"a,c", "2,2"}, []string{`has no column "c"`}},
		{"no key", "merge", []string{"b", "2"}, []string{`no column "a"`}},
		{"new", "fail_if_exists", []string{"a,b", "2,2"}, []string{"is there already"}},
		{"two of a name", "", []string{"a,a", "2,2"}, []string{"more than once"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m.refused(t, Task{Step: strings.ReplaceAll(c.name, " ", "_"), Transfer: exporting(pipeline.External{Connection: address, Table: "t", Mode: c.mode}), Inputs: source(data(c.lines...))}, c.words...)
			equal(t, rowsOf(t, db, "SELECT * FROM t"), before)
			equal(t, len(rowsOf(t, db, "SELECT name FROM sqlite_master WHERE type = 'table'")), 1)
		})
	}
	for _, c := range []struct {
		mode string
		want []string
	}{
		{"append", []string{"1|1", "2|20", "3|30"}}, {"merge", []string{"1|1", "2|20", "3|30"}}, {"replace", []string{"2|20", "3|30"}},
	} {
		r := m.must(t, Task{Step: c.mode, Transfer: exporting(pipeline.External{Connection: address, Table: "t", Mode: c.mode}), Inputs: source(data("b,a", "20,2", "30,3"))})
		equal(t, rowsOf(t, db, "SELECT * FROM t ORDER BY a"), c.want)
		if n := metric(t, r, "rows"); n != 2 {
			t.Errorf("%s: %d rows", c.mode, n)
		}
	}
	m.must(t, Task{Step: "last", Transfer: exporting(pipeline.External{Connection: address, Table: `"new ""one"`}), Inputs: source(data("when,code,yes,x", "2024-01-02,007,true,1", "2024-01-03,008,no,2.5"))})
	equal(t, rowsOf(t, db, `SELECT sql FROM sqlite_master WHERE name = 'new "one'`), []string{`CREATE TABLE "new ""one" ("when" DATE, "code" TEXT, "yes" BOOLEAN, "x" REAL)`})
}

// A worker that dies between the commit and the word of it leaves rows that are
// not written again.
func TestWhatWasCommittedIsNotCommittedAgain(t *testing.T) {
	m := newMover(t)
	db, address := shop(t, "CREATE TABLE t (a INTEGER)")
	a, err := m.Store.PutBytes(t.Context(), []byte("a\n1\n2\n"))
	if err != nil {
		t.Fatal(err)
	}
	a.Name = "data.csv"
	task := Task{Job: "job", Step: "step", Attempt: 1, Transfer: exporting(pipeline.External{Connection: address, Table: "t"}), Inputs: source(a)}
	for name, dies := range map[string]func(key string) bool{
		"before the commit": func(key string) bool { return strings.HasSuffix(key, commitKey) },
		"after the commit":  func(key string) bool { return strings.HasSuffix(key, doneKey) },
	} {
		t.Run(name, func(t *testing.T) {
			execute(t, db, "DELETE FROM t")
			task.Step = strings.ReplaceAll(name, " ", "_")
			j, err := openJournal(t.Context(), m.Store, task)
			if err != nil {
				t.Fatal(err)
			}
			died := errors.New("killed")
			j.writing = func(key string) error {
				if dies(key) {
					return died
				}
				return nil
			}
			if _, err := m.exportRows(t.Context(), task, j, new(Progress)); !errors.Is(err, died) && !strings.Contains(fmt.Sprint(err), "killed") {
				t.Fatalf("the first attempt ended with %v", err)
			}
			task.Attempt = 2
			r, err := m.Run(context.Background(), task, new(Progress))
			if err != nil {
				t.Fatal(err)
			}
			equal(t, rowsOf(t, db, "SELECT a FROM t ORDER BY a"), []string{"1", "2"})
			if n := metric(t, r, "rows"); n != 2 {
				t.Errorf("%d rows", n)
			}
		})
	}
}
