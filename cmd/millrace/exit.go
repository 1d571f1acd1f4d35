package main

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/internal/config"
	"github.com/millrace-ml/millrace/internal/term"
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

// report says what went wrong and returns the exit code: the one place where
// errors become words and codes.
func (a *app) report(err error) int {
	if err == nil {
		return exitDone
	}
	if problems, ok := errors.AsType[azureml.Problems](err); ok {
		a.renderProblems(problems)
		return exitUsage
	}
	code, hint := a.judge(err)
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

// judge finds the exit code of an error, and what to try next.
func (a *app) judge(err error) (code int, hint string) {
	var exit *exitError
	var setting *config.Error
	switch {
	case errors.As(err, &exit):
		return exit.code, exit.hint
	case errors.As(err, &setting):
		return exitUsage, ""
	case errors.Is(err, runs.ErrNoServer):
		return exitUnreachable, "start `" + a.command("dev") + "`, or use `" + a.command("run", "FILE") + "`"
	case errors.Is(err, runs.ErrNotFound):
		return exitUsage, "`" + a.command("job", "list", "-o", "table") + "` shows the jobs there are"
	case errors.Is(err, runs.ErrNoStep), errors.Is(err, runs.ErrNoOutput), errors.Is(err, azureml.ErrName):
		return exitUsage, ""
	case errors.Is(err, runs.ErrNotEnded):
		return exitFailed, "`" + a.command("job", "stream", "-n", "NAME") + "` follows it; where no server runs, `" +
			a.command("run", "--resume", "NAME") + "` or `" + a.command("dev") + "` carries it on"
	case errors.Is(err, runs.ErrExists):
		return exitUsage, "leave out --name to get a new one, or choose another"
	case interrupted(err):
		return exitInterrupted, ""
	}
	return exitFailed, ""
}
