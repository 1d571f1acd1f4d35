package executortest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/millrace-ml/millrace/internal/executor"
)

func testExitCode(t *testing.T, b *bench) {
	for _, test := range []struct {
		command string
		code    int
		signal  syscall.Signal
	}{
		{"true", 0, 0},
		{"false", 1, 0},
		{"exit 7", 7, 0},
		{"exit 255", 255, 0},
		{"exit 300", 44, 0},
		{"false; true", 0, 0},
		{"true; false", 1, 0},
		{"false | true", 0, 0},
		{"", 0, 0},
		{"no-such-command-anywhere", 127, 0},
		{"/", 126, 0},
		{"if", 2, 0},
		{"kill -TERM $$", 143, syscall.SIGTERM},
		{"kill -KILL $$", 137, syscall.SIGKILL},
		{"kill -SEGV $$", 139, syscall.SIGSEGV},
		{"bash -c 'kill -KILL $$'; exit $?", 137, 0},
	} {
		before := time.Now()
		exit := b.run(t, b.program(test.command))
		if test.signal == 0 && test.code == 128+int(exit.Signal) {
			test.signal = exit.Signal // engines of containers tell of codes only
		}
		if exit.Code != test.code || exit.Signal != test.signal || exit.Cause != executor.Exited {
			t.Errorf("%q ended with %+v, want code %d, signal %d", test.command, exit, test.code, test.signal)
		}
		if exit.Started.Before(before) || exit.Ended.Before(exit.Started) || exit.Ended.After(time.Now()) {
			t.Errorf("%q ran from %v to %v, called at %v", test.command, exit.Started, exit.Ended, before)
		}
	}
}

func testBash(t *testing.T, b *bench) {
	if err := os.WriteFile(filepath.Join(b.dir, "setup.sh"), []byte("GREETING=hello\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, command, want string }{
		{"and", "true && echo yes", "yes\n"},
		{"or", "false || echo no", "no\n"},
		{"sequence", "echo a; echo b", "a\nb\n"},
		{"source", "source setup.sh; echo $GREETING", "hello\n"},
		{"lines", "echo one\necho two\n", "one\ntwo\n"},
		{"continued line", "echo one \\\n  two", "one two\n"},
		{"array", `names=(a "b c" d); echo "${#names[@]}:${names[1]}"`, "3:b c\n"},
		{"test", "[[ abc == a* ]] && echo match", "match\n"},
		{"process substitution", "cat <(echo in)", "in\n"},
		{"here document", "cat <<END\ntext\nEND\n", "text\n"},
		{"function", "f() { echo f $1; }; f 1", "f 1\n"},
		{"brace expansion", "echo {1..3}", "1 2 3\n"},
		{"quotes", `echo "it's" '"so"' é`, "it's \"so\" é\n"},
		{"redirection", "echo text > f.txt; cat f.txt", "text\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := b.program(test.command)
			p.Log = filepath.Join(t.TempDir(), "log.txt")
			if exit := b.run(t, p); exit.Code != 0 || read(t, p.Log) != test.want {
				t.Errorf("%q printed %q and ended with %d, want %q", test.command, read(t, p.Log), exit.Code, test.want)
			}
		})
	}
}

func testLogOrder(t *testing.T, b *bench) {
	b.run(t, b.program(`for i in {1..500}; do echo out $i; echo err $i >&2; done`))
	var want strings.Builder
	for i := 1; i <= 500; i++ {
		fmt.Fprintf(&want, "out %d\nerr %d\n", i, i)
	}
	if got := read(t, b.log); got != want.String() {
		t.Errorf("the log has %d bytes and begins %.80q", len(got), got)
	}
}

func testLogIsAddedTo(t *testing.T, b *bench) {
	b.run(t, b.program("echo first"))
	b.run(t, b.program("echo -n second"))
	if got, want := read(t, b.log), "first\nsecond"; got != want {
		t.Errorf("log = %q, want %q", got, want)
	}
}

func testLogReopened(t *testing.T, b *bench) {
	b.run(t, b.program("echo a; echo b > /dev/stdout; echo c | tee /dev/stderr > /dev/null; echo d > /dev/stderr; echo e"))
	if got, want := read(t, b.log), "a\nb\nc\nd\ne\n"; got != want {
		t.Errorf("log = %q, want %q", got, want)
	}
}

func testLogHuge(t *testing.T, b *bench) {
	const size = 64 << 20
	b.run(t, b.program(fmt.Sprintf("head -c %d /dev/zero; echo; echo end", size)))
	info, err := os.Stat(b.log)
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(size + len("\nend\n")); info.Size() != want {
		t.Errorf("the log has %d bytes, want %d", info.Size(), want)
	}
}

func testEnvironment(t *testing.T, b *bench) {
	t.Setenv("EXECUTOR_TEST_SECRET", "of the worker")
	p := b.program(`echo "[$GIVEN] [$EMPTY] [${EXECUTOR_TEST_SECRET-unset}]"`)
	p.Env = append(p.Env, "GIVEN=two  words = 'quoted' $HOME", "EMPTY=")
	b.run(t, p)
	if got, want := read(t, b.log), "[two  words = 'quoted' $HOME] [] [unset]\n"; got != want {
		t.Errorf("log = %q, want %q", got, want)
	}
	p = b.program(`echo "[${EXECUTOR_TEST_SECRET-unset}]"`)
	p.Env, p.Log = nil, p.Log+".empty"
	b.run(t, p)
	if got, want := read(t, p.Log), "[unset]\n"; got != want {
		t.Errorf("without variables, log = %q, want %q", got, want)
	}
}

func testDir(t *testing.T, b *bench) {
	b.run(t, b.program("echo here > file; mkdir sub; cd sub; echo there > file"))
	for path, want := range map[string]string{"file": "here\n", "sub/file": "there\n"} {
		if got := read(t, filepath.Join(b.dir, path)); got != want {
			t.Errorf("%s = %q, want %q", path, got, want)
		}
	}
}

func testStdin(t *testing.T, b *bench) {
	b.run(t, b.program("cat; read line || echo end of input"))
	if got, want := read(t, b.log), "end of input\n"; got != want {
		t.Errorf("log = %q, want %q", got, want)
	}
}

func testManyAtOnce(t *testing.T, b *bench) {
	var group sync.WaitGroup
	for i := range 40 {
		group.Go(func() {
			p := b.program(fmt.Sprintf("echo I am %d; exit %d", i, i))
			p.Log = fmt.Sprintf("%s.%d", b.log, i)
			exit, err := b.Run(t.Context(), p)
			if err != nil || exit.Code != i {
				t.Errorf("program %d ended with %+v, %v", i, exit, err)
				return
			}
			if got, want := read(t, p.Log), fmt.Sprintf("I am %d\n", i); got != want {
				t.Errorf("log of program %d = %q", i, got)
			}
		})
	}
	group.Wait()
}

func testStarted(t *testing.T, b *bench) {
	var seen []executor.Process
	p := b.program("true")
	p.Started = func(process executor.Process) { seen = append(seen, process) }
	b.run(t, p)
	p.State += " again"
	b.run(t, p)
	named := func(p executor.Process) bool { return p.Container != "" || p.PID > 0 && p.StartTime != "" }
	if len(seen) != 2 || !named(seen[0]) || !named(seen[1]) || seen[0] == seen[1] {
		t.Errorf("Started was called with %+v", seen)
	}
}

func testNotStarted(t *testing.T, b *bench) {
	file := filepath.Join(b.dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		spoil  func(*executor.Program)
		reason executor.StartReason
	}{
		{"no folder", func(p *executor.Program) { p.Dir += "/absent" }, executor.NoFolder},
		{"folder is a file", func(p *executor.Program) { p.Dir = file }, executor.NoFolder},
		{"no folder for the log", func(p *executor.Program) { p.Log = b.dir + "/absent/log.txt" }, executor.NoLog},
		{"log is a folder", func(p *executor.Program) { p.Log = b.dir }, executor.NoLog},
		{"NUL in the command", func(p *executor.Program) { p.Command = "echo \x00" }, executor.Malformed},
		{"NUL in the environment", func(p *executor.Program) { p.Env = []string{"A=\x00"} }, executor.Malformed},
		{"enormous command", func(p *executor.Program) { p.Command = ": " + strings.Repeat("x", 8<<20) }, executor.TooLarge},
	} {
		p := b.program("touch ran")
		p.Started = func(executor.Process) { t.Errorf("%s: Started was called", test.name) }
		test.spoil(&p)
		_, err := b.Run(t.Context(), p)
		var start *executor.StartError
		if !errors.As(err, &start) || start.Reason != test.reason {
			t.Errorf("%s: error %v, want reason %q", test.name, err, test.reason)
		}
	}
	entries, _ := os.ReadDir(b.dir)
	if slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == "ran" }) {
		t.Error("a program ran all the same")
	}
}
