package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"go.temporal.io/api/serviceerror"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/internal/config"
	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/runs"
)

// The exit codes; every help text repeats them.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitUnreachable = 3
	exitInterrupted = 130
)

// Outcomes that az tells apart from a mistake in the flags. They are no exit
// codes: [app.exitCode] makes them one.
const (
	exitInvalid = 1000 + iota // a file is wrong
	exitMissing               // what was named is not there
)

// exitCode is the code that the program ends with, as its user knows the codes:
// those of az where it was called so.
func (a *app) exitCode(outcome int) int {
	switch {
	case a.az && outcome == exitMissing:
		return 3
	case a.az && (outcome == exitInvalid || outcome == exitUnreachable):
		return 1
	case outcome == exitInvalid || outcome == exitMissing:
		return exitUsage
	}
	return outcome
}

// exitError is an outcome with a code of its own.
type exitError struct {
	code int
	err  error // nil where everything has been said
	hint string
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// said ends the program with a code, without another word.
func said(code int) error { return &exitError{code: code} }

// wrongUsage is a mistake in what was asked.
func wrongUsage(hint, format string, args ...any) error {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...), hint: hint}
}

// unreachable is a server or store that does not answer.
func unreachable(err error, hint string) error {
	return &exitError{code: exitUnreachable, err: err, hint: hint}
}

// missing is something that was named and is not there.
func missing(hint, format string, args ...any) error {
	return &exitError{code: exitMissing, err: fmt.Errorf(format, args...), hint: hint}
}

// refused is something that Millrace does not do.
func refused(hint, format string, args ...any) error {
	return &exitError{code: exitFailed, err: fmt.Errorf(format, args...), hint: hint}
}

// report says what went wrong and returns the exit code: the one place where
// errors become words and codes.
func (a *app) report(err error) int {
	if err == nil {
		return exitDone
	}
	if problems, ok := errors.AsType[azureml.Problems](err); ok {
		a.renderProblems(problems)
		return a.exitCode(exitInvalid)
	}
	outcome, hint := a.judge(err)
	code := a.exitCode(outcome)
	var exit *exitError
	if errors.As(err, &exit) && exit.err == nil {
		return code
	}
	if exit == nil && interrupted(err) {
		err = errors.New("interrupted")
	}
	fmt.Fprintln(a.Err, a.Err.Paint(term.Red, "millrace:"), err)
	if hint != "" {
		fmt.Fprintln(a.Err, hint)
	}
	return code
}

// interrupted reports whether a command ended because the person wanted it to.
func interrupted(err error) bool {
	_, canceled := errors.AsType[*serviceerror.Canceled](err)
	return canceled || errors.Is(err, context.Canceled)
}

// judge finds the outcome that an error is, and what to try next.
func (a *app) judge(err error) (outcome int, hint string) {
	var exit *exitError
	var setting *config.Error
	var absent *asset.NotFound
	var namespace *serviceerror.NamespaceNotFound
	var denied *serviceerror.PermissionDenied
	switch {
	case errors.As(err, &exit):
		return exit.code, exit.hint
	case errors.As(err, &setting):
		return exitUsage, ""
	case errors.Is(err, runs.ErrNoServer):
		return exitUnreachable, "start `" + a.command("dev") + "`, or use `" + a.command("run", "FILE") + "`"
	case errors.Is(err, runs.ErrNotFound):
		return exitMissing, "`" + a.command("job", "list", "-o", "table") + "` shows the jobs there are"
	case errors.As(err, &absent):
		return exitMissing, a.adviseAbsent(absent)
	case errors.As(err, &namespace):
		return exitUnreachable, "TEMPORAL_NAMESPACE or the profile names the namespace; `temporal operator namespace create` makes one"
	case errors.Is(err, runs.ErrUnreachable), errors.As(err, &denied):
		return exitUnreachable, ""
	case errors.Is(err, runs.ErrNoStep), errors.Is(err, runs.ErrNoOutput), errors.Is(err, runs.ErrNoSweep):
		return exitMissing, ""
	case errors.Is(err, azureml.ErrName), errors.Is(err, pipeline.ErrAssetName):
		return exitInvalid, ""
	case errors.Is(err, asset.ErrExists):
		return exitInvalid, "choose another version, or leave it out to get the next number"
	case errors.Is(err, runs.ErrNotEnded):
		return exitFailed, "`" + a.command("job", "stream", "-n", "NAME") + "` follows it; where no server runs, `" +
			a.command("run", "--resume", "NAME") + "` or `" + a.command("dev") + "` carries it on"
	case errors.Is(err, runs.ErrExists):
		return exitInvalid, "leave out --name to get a new one, or choose another"
	case interrupted(err):
		return exitInterrupted, ""
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return exitUnreachable, "free some space on that disk, or choose another home with MILLRACE_HOME or --home"
	case errors.Is(err, syscall.EROFS):
		return exitUnreachable, "choose a home that can be written to with MILLRACE_HOME or --home"
	}
	return exitFailed, ""
}

// adviseAbsent says how to see what there is in place of what there is not.
func (a *app) adviseAbsent(e *asset.NotFound) string {
	words := []string{string(e.Ref.Kind), "list"}
	if e.Ref.Registry != "" {
		words = append(words, "--registry-name", e.Ref.Registry)
	}
	return "`" + a.command(append(words, "-o", "table")...) + "` shows what there is"
}
