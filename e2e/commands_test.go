package e2e

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
)

// patience is how long a session waits for what has to happen. Nothing is
// measured by it: it only ends a session that hangs.
const patience = 90 * time.Second

// commands are what sessions can say beside the commands of testscript:
//
//	exits CODE PROGRAM ARGS...     run a program, which must end with that exit code
//	steps JOB STEP=OUTCOME...      what became of every step of a job (or, after
//	                               "-", of the job on stdout); OUTCOME is ran,
//	                               reused, failed, canceled or not-run
//	await PATTERN PROGRAM ARGS...  run a program until it succeeds and its stdout matches
//	start NAME PROGRAM ARGS...     start a program in the background
//	hear NAME PATTERN              wait until a program in the background said so
//	signal SIGNAL NAME             send it a signal
//	end NAME CODE                  wait for its end, with that exit code
//	s3 VARIABLE                    start an S3 server with an empty store, whose URL
//	                               the variable holds from now on
func commands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"exits":  plain(exits),
		"steps":  plain(steps),
		"await":  plain(await),
		"start":  plain(start),
		"hear":   plain(hear),
		"signal": plain(send),
		"end":    plain(end),
		"s3":     startS3,
	}
}

// plain makes a command that has no opposite and needs two arguments at least.
func plain(do func(*testscript.TestScript, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) < 2 {
			ts.Fatalf("commands_test.go says how this command is used")
		}
		do(ts, args)
	}
}

func exits(ts *testscript.TestScript, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	cmd := background(ts).command(ts, args[1:])
	cmd.Stdout, cmd.Stderr = ts.Stdout(), ts.Stderr()
	if err := cmd.Run(); cmd.ProcessState == nil {
		ts.Fatalf("%v", err)
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func steps(ts *testscript.TestScript, args []string) {
	var text string
	if args[0] == "-" {
		text = ts.ReadFile("stdout")
	} else {
		out, err := background(ts).command(ts, []string{"millrace", "job", "show", "-n", args[0], "-o", "json"}).Output()
		ts.Check(err)
		text = string(out)
	}
	var j job
	ts.Check(json.Unmarshal([]byte(text), &j))
	got := j.outcomes()
	want := slices.Clone(args[1:])
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		ts.Fatalf("the steps of job %s (-want +got):\n%s", args[0], diff)
	}
}

func await(ts *testscript.TestScript, args []string) {
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	var out []byte
	for begin := time.Now(); time.Since(begin) < patience; time.Sleep(100 * time.Millisecond) {
		cmd := background(ts).command(ts, args[1:])
		if out, err = cmd.Output(); err == nil && pattern.Match(out) {
			return
		}
	}
	ts.Fatalf("still not so after %s: %v\n%s", patience, err, out)
}

// signals are those that sessions send. A program that KILL ended has exit
// code -1.
var signals = map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM, "KILL": os.Kill}

// backgrounds are the programs that a session has started.
type backgrounds struct {
	names   []string // of the environment's variables
	running map[string]*program
}

type backgroundKey struct{}

type program struct {
	*exec.Cmd
	out, err string // files of what it says
	done     chan struct{}
}

func newBackground(env *testscript.Env) *backgrounds {
	b := &backgrounds{running: make(map[string]*program)}
	for _, v := range env.Vars {
		name, _, _ := strings.Cut(v, "=")
		b.names = append(b.names, name)
	}
	env.Defer(b.stop)
	return b
}

func background(ts *testscript.TestScript) *backgrounds {
	return ts.Value(backgroundKey{}).(*backgrounds)
}

// command is a program as the session would run it.
func (b *backgrounds) command(ts *testscript.TestScript, args []string) *exec.Cmd {
	path := args[0]
	if !strings.Contains(path, "/") {
		for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
			if found, err := exec.LookPath(filepath.Join(dir, path)); err == nil {
				path = found
				break
			}
		}
	}
	cmd := exec.Command(path, args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range b.names {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	return cmd
}

// stop ends what a session has left running, so that its folder can be removed.
func (b *backgrounds) stop() {
	for _, p := range b.running {
		_ = p.Process.Signal(syscall.SIGTERM)
	}
	for _, p := range b.running {
		select {
		case <-p.done:
		case <-time.After(30 * time.Second):
			_ = p.Process.Kill()
			<-p.done
		}
	}
}

func (b *backgrounds) find(ts *testscript.TestScript, name string) *program {
	p := b.running[name]
	if p == nil {
		ts.Fatalf("nothing called %s was started; there is %v", name, slices.Sorted(maps.Keys(b.running)))
	}
	return p
}

func start(ts *testscript.TestScript, args []string) {
	b, name := background(ts), args[0]
	p := &program{
		Cmd: b.command(ts, args[1:]), done: make(chan struct{}),
		out: filepath.Join(ts.Getenv("TMPDIR"), name+".stdout"), err: filepath.Join(ts.Getenv("TMPDIR"), name+".stderr"),
	}
	stdout, err := os.Create(p.out)
	ts.Check(err)
	defer stdout.Close()
	stderr, err := os.Create(p.err)
	ts.Check(err)
	defer stderr.Close()
	p.Stdout, p.Stderr = stdout, stderr
	ts.Check(p.Start())
	b.running[name] = p
	go func() {
		defer close(p.done)
		_ = p.Wait() // the exit code says it
	}()
}

// said is everything that a program has said so far.
func (p *program) said() string {
	out, _ := os.ReadFile(p.out)
	err, _ := os.ReadFile(p.err)
	return string(out) + string(err)
}

func hear(ts *testscript.TestScript, args []string) {
	p := background(ts).find(ts, args[0])
	pattern, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	over := false
	for begin := time.Now(); time.Since(begin) < patience; time.Sleep(50 * time.Millisecond) {
		if pattern.MatchString(p.said()) {
			return
		}
		if over {
			ts.Fatalf("%s ended without saying so:\n%s", args[0], p.said())
		}
		select {
		case <-p.done:
			over = true
		default:
		}
	}
	ts.Fatalf("%s has not said so after %s:\n%s", args[0], patience, p.said())
}

func send(ts *testscript.TestScript, args []string) {
	sig, ok := signals[args[0]]
	if !ok {
		ts.Fatalf("unknown signal %s", args[0])
	}
	ts.Check(background(ts).find(ts, args[1]).Process.Signal(sig))
}

func end(ts *testscript.TestScript, args []string) {
	b := background(ts)
	p := b.find(ts, args[0])
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	select {
	case <-p.done:
	case <-time.After(patience):
		ts.Fatalf("%s has not ended after %s:\n%s", args[0], patience, p.said())
	}
	delete(b.running, args[0])
	out, err := os.ReadFile(p.out)
	ts.Check(err)
	_, err = ts.Stdout().Write(out)
	ts.Check(err)
	errs, err := os.ReadFile(p.err)
	ts.Check(err)
	_, err = ts.Stderr().Write(errs)
	ts.Check(err)
	if got := p.ProcessState.ExitCode(); got != want {
		ts.Fatalf("%s ended with exit code %d, want %d", args[0], got, want)
	}
}
