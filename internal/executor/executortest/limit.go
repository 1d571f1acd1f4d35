package executortest

import (
	"runtime"
	"testing"
	"time"

	"github.com/millrace-ml/millrace/internal/executor"
)

// What forks twice and leaves the session is nobody's child, and it may be deaf
// to TERM. Where the system helps, it is ended all the same.
func testDaemons(t *testing.T, b *bench) {
	if runtime.GOOS != "linux" {
		return
	}
	const daemon = "( setsid bash -c '( trap \"\" TERM; touch there; while :; do sleep 0.01; done ) & exit' & ) > /dev/null 2>&1; until [ -e there ]; do sleep 0.01; done; "
	for _, test := range []struct {
		name, command string
		cancel        bool
		code          int
	}{
		{"cancelled", daemon + "echo ready; sleep 1000; true", true, 143},
		{"left behind", daemon + "exit 4", false, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, b.open)
			cut := lifeline(t, b)
			p := b.program("exec 9> lifeline; " + test.command)
			p.Grace = 100 * time.Millisecond
			var exit executor.Exit
			if test.cancel {
				r := b.start(t, p)
				r.cancel()
				exit = r.wait(t)
			} else {
				exit = b.run(t, p)
			}
			if exit.Code != test.code {
				t.Errorf("ended with %+v, want code %d", exit, test.code)
			}
			mustBeCut(t, cut)
		})
	}
}

// testMemory has programs use a few hundred megabytes, in one process and in
// several that would each stay within the limit.
func testMemory(t *testing.T, b *bench) {
	if runtime.GOOS != "linux" {
		return
	}
	const hold = "x=$(head -c 40000000 /dev/zero | tr '\\0' x)"
	for _, test := range []struct {
		name, command string
		cause         executor.Cause
	}{
		{"within", hold + "; sleep 0.5; exit 0", executor.Exited},
		{"one process", "x=$(head -c 400000000 /dev/zero | tr '\\0' x); sleep 1000", executor.OutOfMemory},
		{"many processes", "for i in {1..8}; do (" + hold + "; sleep 1000) & done; wait", executor.OutOfMemory},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, b.open)
			cut := lifeline(t, b)
			p := b.program("exec 9> lifeline; " + test.command)
			p.Memory = 200 << 20
			if exit := b.run(t, p); exit.Cause != test.cause || (exit.Code == 0) != (test.cause == executor.Exited) {
				t.Errorf("ended with %+v, want that it was %s", exit, test.cause)
			}
			mustBeCut(t, cut)
		})
	}
}
