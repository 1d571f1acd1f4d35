package artifact

import (
	"errors"
	"fmt"

	"github.com/millrace-ml/millrace/pipeline"
)

var (
	// ErrGone is the error for content that the store does not have, or has
	// only in part.
	ErrGone = errors.New("not in the store")
	// ErrDamaged is the error for content that is not what its digest says.
	ErrDamaged = errors.New("content does not match its digest")
)

func gone(d pipeline.Digest) error {
	return fmt.Errorf("blob %s: %w", d, ErrGone)
}

func damaged(d pipeline.Digest) error {
	return fmt.Errorf("blob %s: %w", d, ErrDamaged)
}

// userMistake is a failure that another try would only repeat.
func userMistake(hint, format string, args ...any) error {
	return &pipeline.Failure{
		Kind:    pipeline.UserFailure,
		Message: fmt.Sprintf(format, args...),
		Hint:    hint,
	}
}
