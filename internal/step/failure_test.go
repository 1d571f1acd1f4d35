package step_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/millrace-ml/millrace/internal/executor"
	"github.com/millrace-ml/millrace/internal/executor/process"
	"github.com/millrace-ml/millrace/pipeline"
)

func TestFailuresTellWhatToTryNext(t *testing.T) {
	for _, test := range []struct {
		name, command string
		code          int
		message       string
		hint          []string
	}{
		{"exit code", "exit 3", 3, "exit code 3", nil},
		{"command not found", "no-such-tool --x", 127, "exit code 127", []string{"`no-such-tool` is not on the PATH"}},
		{"command not found in a script", "bash -c 'true; no-such-tool'", 127, "exit code 127", []string{"`no-such-tool`"}},
		{"script not found", "./train.sh", 127, "exit code 127", []string{"there is no ./train.sh", "code folder"}},
		{"not found, silently", "exit 127", 127, "exit code 127", []string{"a command was not found"}},
		{"not executable", "echo > run.sh; ./run.sh", 126, "exit code 126", []string{"./run.sh cannot be run", "chmod +x", "bash ./run.sh"}},
		{"a folder", "/", 126, "exit code 126", []string{"cannot be run"}},
		{"killed", "kill -KILL $$", 137, "signal 9", []string{"memory"}},
		{"killed inside", "bash -c 'kill -KILL $$'", 137, "", []string{"memory"}},
		{"crashed", "kill -SEGV $$", 139, "signal 11", []string{"segmentation fault"}},
		{"aborted", "kill -ABRT $$", 134, "signal 6", []string{"abort"}},
		{"terminated", "kill -TERM $$", 143, "signal 15", []string{"TERM"}},
		{"no module", "python -c 'import nosuchmodule.inner'", 1, "exit code 1", []string{"python", "has no module nosuchmodule", "-m pip install", "--python DIR"}},
		{"no file", "touch data.csv; python -c 'open(\"missing.csv\")'", 1, "exit code 1", []string{"no missing.csv", "data.csv, logs/, outputs/"}},
		{"no script", "python missing.py", 2, "exit code 2", []string{"no missing.py", "logs/, outputs/"}},
		{"no memory", "python -c 'raise MemoryError'", 1, "exit code 1", []string{"out of memory"}},
		{"no GPU memory", "echo 'torch.OutOfMemoryError: CUDA out of memory.'; exit 1", 1, "exit code 1", []string{"GPU", "smaller batches"}},
		{"no GPU", "echo 'RuntimeError: No CUDA GPUs are available'; exit 1", 1, "exit code 1", []string{"GPU"}},
		{"full disk", "echo 'OSError: [Errno 28] No space left on device'; exit 1", 1, "exit code 1", []string{"disk full"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			failure, result := w.fail(t, attempt(test.command), pipeline.UserFailure)
			if failure.ExitCode == nil || *failure.ExitCode != test.code || result.ExitCode != test.code {
				t.Errorf("exit code %v, %d, want %d", failure.ExitCode, result.ExitCode, test.code)
			}
			mustContain(t, "message", failure.Message, test.message)
			mustContain(t, "hint", failure.Hint, test.hint...)
			if strings.Contains(failure.Message+failure.Hint, w.Work+"/job") {
				t.Errorf("speaks of a folder that is gone: %s %s", failure.Message, failure.Hint)
			}
			w.isGone(t)
		})
	}
}

func TestWritingIntoAnInputSaysHowToDoWithout(t *testing.T) {
	for _, command := range []string{
		"set -e; echo over > ${{inputs.data_2}}/file",
		"set -e; echo new > ${{inputs.data_2}}/new",
		"rm -r ${{inputs.data_2}}",
		"python -c 'open(\"${{inputs.data_2}}/file\", \"a\")'",
	} {
		w := newWorld(t)
		a := attempt(command)
		a.Step.Inputs = []pipeline.Input{{Name: "data_2", Type: pipeline.URIFolder}}
		a.Inputs["data_2"] = pipeline.Content(w.tree(t, map[string]string{"file": "text"}))
		failure, _ := w.fail(t, a, pipeline.UserFailure)
		mustContain(t, command, failure.Hint, "read-only", "output", "`mode: download` on input \"data_2\"")
	}
}

func TestWritingIntoTheCopyOfAnInputSaysHow(t *testing.T) {
	for _, line := range []string{
		"bash: line 1: ${{outputs.o}}/sub/file: Permission denied",
		"PermissionError: [Errno 13] Permission denied: '${{outputs.o}}/sub/file'",
	} {
		a := attempt("echo \"" + line + "\"; exit 1")
		a.Step.Outputs = []pipeline.Output{{Name: "o", Type: pipeline.URIFolder}}
		failure, _ := newWorld(t).fail(t, a, pipeline.UserFailure)
		mustContain(t, line, failure.Hint, "o/sub/file may not be written to", "chmod -R u+w", "`mode: download`")
	}
}

func TestMissingPythonSaysHowToNameOne(t *testing.T) {
	w := newWorld(t)
	w.Environ = []string{"PATH=/nowhere"}
	failure, _ := w.fail(t, attempt("python train.py"), pipeline.UserFailure)
	mustContain(t, "hint", failure.Hint, "no python is on the PATH", "--python DIR")
}

func TestLogTail(t *testing.T) {
	long := strings.Repeat("x", 5000)
	for _, test := range []struct {
		name, command string
		want          []string
	}{
		{"nothing", "true", nil},
		{"blank", "echo; echo '  '", nil},
		{"short", "echo a; echo b", []string{"a", "b"}},
		{"last twenty", "seq 1 1000", strings.Fields("981 982 983 984 985 986 987 988 989 990 991 992 993 994 995 996 997 998 999 1000")},
		{"no newline at the end", "printf 'a\\nb'", []string{"a", "b"}},
		{"progress bar", `printf ' 10%%\r 50%%\r100%%\ndone\n'`, []string{"100%", "done"}},
		{"carriage returns", `printf 'a\r\nb\r\n'`, []string{"a", "b"}},
		{"colours", `printf '\033[31mred\033[0m \033]0;title\007text\n'`, []string{"red text"}},
		{"control characters", `printf 'bell\a back\b null\000.\n'`, []string{"bell back null."}},
		{"not UTF-8", `printf 'caf\351 \377\n'`, []string{"caf\uFFFD \uFFFD"}},
		{"long line", "printf '%05000d\\n' 0", []string{strings.Repeat("0", 500) + "…"}},
		{"enormous line", "head -c 1000000 /dev/zero | tr '\\0' x; echo; echo end", nil},
	} {
		w := newWorld(t)
		failure, _ := w.fail(t, attempt(test.command+"; exit 1"), pipeline.UserFailure)
		if test.name == "enormous line" {
			if n := len(failure.LogTail); n == 0 || failure.LogTail[n-1] != "end" || len(strings.Join(failure.LogTail, "")) > len(long) {
				t.Errorf("%s: %.100q", test.name, failure.LogTail)
			}
			continue
		}
		if fmt.Sprintf("%q", failure.LogTail) != fmt.Sprintf("%q", test.want) {
			t.Errorf("%s: %q, want %q", test.name, failure.LogTail, test.want)
		}
		for _, line := range failure.LogTail {
			if !utf8.ValidString(line) {
				t.Errorf("%s: %q is not UTF-8", test.name, line)
			}
		}
	}
}

// broken is an executor that cannot start anything.
type broken struct {
	process.Executor
	err error
}

func (b *broken) Run(context.Context, executor.Program) (executor.Exit, error) {
	return executor.Exit{}, b.err
}

func TestTheMachinesFaultsAreNotTheUsers(t *testing.T) {
	for _, test := range []struct {
		err  error
		want []string
	}{
		{&os.PathError{Op: "write", Path: "log", Err: syscall.ENOSPC}, []string{"the disk is full", "MILLRACE_HOME"}},
		{&executor.StartError{Reason: executor.NoLog, Err: syscall.ENOSPC}, []string{"the disk is full", "MILLRACE_HOME"}},
		{syscall.EDQUOT, []string{"quota"}},
		{syscall.EROFS, []string{"read-only", "MILLRACE_HOME"}},
		{&executor.StartError{Reason: executor.Exhausted, Err: syscall.EMFILE}, []string{"too many files", "ulimit -n"}},
		{&executor.StartError{Reason: executor.NoShell, Err: os.ErrNotExist}, []string{"bash is not on this worker"}},
		{errors.New("odd"), []string{"odd"}},
	} {
		w := newWorld(t)
		w.Executor = &broken{err: test.err}
		mustContain(t, "error", w.trouble(t, attempt("true")), test.want...)
		w.isGone(t)
	}
}

func TestAWorkFolderThatCannotBeMadeIsTheMachinesFault(t *testing.T) {
	w := newWorld(t)
	must(t, os.WriteFile(filepath.Dir(w.Work)+"/file", nil, 0o644))
	w.Work = filepath.Dir(w.Work) + "/file/work"
	mustContain(t, "error", w.trouble(t, attempt("true")), w.Work)
}
