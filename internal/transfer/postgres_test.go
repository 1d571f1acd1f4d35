//go:build cluster && linux

package transfer

import (
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/millrace-ml/millrace/internal/connection"
	"github.com/millrace-ml/millrace/pipeline"
)

// postgresServer starts one, as Debian packs it, and returns its address. It
// refuses to run as root, so root runs it as the user that Debian made for it.
func postgresServer(t *testing.T) (*sql.DB, string) {
	t.Helper()
	programs, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(programs) == 0 {
		t.Fatal("PostgreSQL is not installed: tools/postgres installs it")
	}
	bin := filepath.Dir(programs[len(programs)-1])
	// Not t.TempDir: its parent is closed to the user that PostgreSQL runs as.
	folder, err := os.MkdirTemp("", "millrace-postgres-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	var as []string
	if os.Geteuid() == 0 {
		if err := os.Chmod(folder, 0o777); err != nil {
			t.Fatal(err)
		}
		as = []string{"setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig=KILL"}
	}
	run := func(name string, args ...string) *exec.Cmd {
		all := append(append([]string{}, as...), append([]string{filepath.Join(bin, name)}, args...)...)
		cmd := exec.Command(all[0], all[1:]...)
		cmd.Dir = folder
		return cmd
	}
	data := filepath.Join(folder, "data")
	if out, err := run("initdb", "-D", data, "-U", "tester", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	port := freePort(t)
	server := run("postgres", "-D", data, "-h", "127.0.0.1", "-p", port, "-c", "unix_socket_directories=", "-c", "fsync=off")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGQUIT)
		_ = server.Wait()
	})
	address := "postgres://tester@127.0.0.1:" + port + "/postgres"
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for deadline := time.Now().Add(time.Minute); db.PingContext(t.Context()) != nil; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("PostgreSQL does not answer")
		}
	}
	return db, address
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// Everything that is promised of PostgreSQL, on one server.
func TestPostgres(t *testing.T) {
	m := newMover(t)
	db, address := postgresServer(t)
	execute(t, db, `CREATE SCHEMA "my shop"`,
		`CREATE TABLE "my shop"."Kinds" (id int PRIMARY KEY, small smallint, big bigint, x real, y double precision, ok boolean, name text, raw bytea,
			at timestamp, zoned timestamptz, day date, price numeric(12,2), long numeric(30,5), free numeric, u uuid, j jsonb, tags text[])`,
		`INSERT INTO "my shop"."Kinds" VALUES (1, -3, 9007199254740993, 0.5, 0.1, true, 'Ünal', '\x00ff', '2024-02-29 13:14:15.123456', '2024-02-29 13:14:15+02',
			'1969-12-31', -12.50, 1234567890123456789012345.12345, 1e-10, '123e4567-e89b-12d3-a456-426614174000', '{"a": 1}', '{x,y}')`,
		`INSERT INTO "my shop"."Kinds" (id) VALUES (2)`)
	t.Setenv("MILLRACE_TEST_DB", address)
	if err := m.Connections.Put(t.Context(), connection.Definition{Name: "shop", Type: connection.Postgres, Target: "env:MILLRACE_TEST_DB"}); err != nil {
		t.Fatal(err)
	}
	in := func(step string, x pipeline.External) Result {
		t.Helper()
		x.Connection = "shop"
		return m.must(t, Task{Step: step, Transfer: importing1(x), Output: sink(pipeline.URIFolder, "")})
	}

	t.Run("a table comes back the same", func(t *testing.T) {
		for _, form := range []string{"parquet", "csv"} {
			r := in("read_"+form, pipeline.External{Table: `"my shop"."Kinds"`, Format: form})
			m.must(t, Task{Step: "write_" + form, Transfer: exporting(pipeline.External{Connection: "shop", Table: "copy_" + form}), Inputs: source(r.Outputs["sink"])})
			columns := "id, small, big, x, y, ok, name, at, zoned, day, price::float, long::numeric, u::text, j::text"
			equal(t, rowsOf(t, db, "SELECT "+columns+" FROM copy_"+form+" ORDER BY id"), rowsOf(t, db, "SELECT "+columns+` FROM "my shop"."Kinds" ORDER BY id`))
		}
		types := rowsOf(t, db, "SELECT string_agg(format_type(atttypid, atttypmod), ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'copy_parquet'::regclass AND attnum > 0")
		equal(t, types, []string{"integer,integer,bigint,real,double precision,boolean,text,bytea,timestamp without time zone,timestamp with time zone,date,numeric(12,2),numeric(30,5),text,text,text,text"})
	})
	t.Run("ranges see one state", func(t *testing.T) {
		execute(t, db, fmt.Sprintf("CREATE TABLE big AS SELECT i::bigint AS id, md5(i::text) AS h FROM generate_series(1, %d) i", 3*partRows), "ALTER TABLE big ADD PRIMARY KEY (id)")
		stop := make(chan struct{})
		ended := make(chan struct{})
		go func() { // somebody moves rows about all the time
			defer close(ended)
			for n := 1; ; n++ {
				select {
				case <-stop:
					return
				default:
					_, _ = db.Exec("UPDATE big SET id = -id WHERE id = $1 OR id = $2", n, 3*partRows-n)
				}
			}
		}()
		r := in("big", pipeline.External{Table: "big"})
		close(stop)
		<-ended
		if n := metric(t, r, "rows"); n != 3*partRows {
			t.Errorf("%d rows of %d", n, 3*partRows)
		}
	})
	t.Run("a procedure is called with typed parameters", func(t *testing.T) {
		execute(t, db, "CREATE FUNCTION upto(most int, word text) RETURNS TABLE (n int, w text) LANGUAGE sql AS 'SELECT i, word FROM generate_series(1, most) i'")
		r := in("call", pipeline.External{Procedure: "upto", Parameters: []pipeline.Parameter{{Name: "word", Value: "it's"}, {Name: "most", Value: "3", Type: "int"}}, Format: "csv"})
		equal(t, m.staged(t, r.Outputs["sink"]), map[string]string{"part-00000.csv": "n,w\n1,it's\n2,it's\n3,it's\n"})
	})
	t.Run("an import changes nothing", func(t *testing.T) {
		m.refused(t, Task{Step: "write", Transfer: importing1(pipeline.External{Connection: "shop", Query: "DELETE FROM big RETURNING id"}), Output: sink(pipeline.URIFolder, "")}, "read-only transaction")
	})
	t.Run("modes", func(t *testing.T) {
		execute(t, db, "CREATE TABLE t (a int PRIMARY KEY, b int NOT NULL)", "INSERT INTO t VALUES (1, 1)")
		a, err := m.Store.PutBytes(t.Context(), []byte("b,a\n20,2\n10,1\n"))
		if err != nil {
			t.Fatal(err)
		}
		a.Name = "data.csv"
		export := func(step, mode string) Task {
			return Task{Step: step, Transfer: exporting(pipeline.External{Connection: "shop", Table: "t", Mode: mode}), Inputs: source(a)}
		}
		m.refused(t, export("append", "append"), "duplicate key")
		equal(t, rowsOf(t, db, "SELECT * FROM t"), []string{"1|1"})
		m.must(t, export("merge", "merge"))
		equal(t, rowsOf(t, db, "SELECT * FROM t ORDER BY a"), []string{"1|10", "2|20"})
		m.must(t, export("replace", "replace"))
		equal(t, rowsOf(t, db, "SELECT * FROM t ORDER BY a"), []string{"1|10", "2|20"})
		m.refused(t, export("new", "fail_if_exists"), "is there already")
	})
	t.Run("what was committed is not committed again", func(t *testing.T) {
		execute(t, db, "CREATE TABLE twice (a int)")
		a, err := m.Store.PutBytes(t.Context(), []byte("a\n1\n2\n"))
		if err != nil {
			t.Fatal(err)
		}
		a.Name = "data.csv"
		task := Task{Job: "job", Step: "twice", Attempt: 1, Transfer: exporting(pipeline.External{Connection: "shop", Table: "twice"}), Inputs: source(a)}
		j, err := openJournal(t.Context(), m.Store, task)
		if err != nil {
			t.Fatal(err)
		}
		j.writing = func(key string) error {
			if strings.HasSuffix(key, doneKey) {
				return fmt.Errorf("killed")
			}
			return nil
		}
		if _, err := m.exportRows(t.Context(), task, j, new(Progress)); err == nil {
			t.Fatal("the first attempt was not cut off")
		}
		task.Attempt = 2
		if _, err := m.Run(t.Context(), task, new(Progress)); err != nil {
			t.Fatal(err)
		}
		equal(t, rowsOf(t, db, "SELECT a FROM twice ORDER BY a"), []string{"1", "2"})
	})
	t.Run("mistakes are told without the address", func(t *testing.T) {
		bad := strings.Replace(address, "tester@", "tester:hunter2@", 1)
		t.Setenv("MILLRACE_TEST_DB", strings.Replace(bad, "/postgres", "/nowhere", 1))
		_, err := m.try(t, Task{Step: "no_database", Transfer: importing1(pipeline.External{Connection: "shop", Query: "SELECT 1"}), Output: sink(pipeline.URIFolder, "")})
		if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "nowhere") {
			t.Errorf("the error is %v", err)
		}
	})
}
