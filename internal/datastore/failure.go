package datastore

import (
	"errors"
	"fmt"
	"strings"

	"github.com/millrace-ml/millrace/pipeline"
)

func failure(kind pipeline.FailureKind, hint, format string, args ...any) error {
	return &pipeline.Failure{Kind: kind, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// missing: the data is not where the address says.
func missing(hint, format string, args ...any) error {
	return failure(pipeline.UserFailure, hint, format, args...)
}

// invalid: no data could be where the address says.
func invalid(hint, format string, args ...any) error {
	return failure(pipeline.Invalid, hint, format, args...)
}

// unreachable: nobody can say just now.
func unreachable(format string, args ...any) error {
	return failure(pipeline.Infrastructure, "", format, args...)
}

// at adds the address to an error. A failure gets it into its message, which is
// what people are shown.
func at(u URI, verb string, err error) error {
	f, ok := errors.AsType[*pipeline.Failure](err)
	if !ok {
		return fmt.Errorf("%s %s: %w", verb, u, err)
	}
	known := *f
	known.Message = fmt.Sprintf("%s: %s", u, f.Message)
	if !u.signed() {
		known.Hint = strings.Replace(f.Hint, thisAddress, u.String(), 1)
	}
	return &known
}
