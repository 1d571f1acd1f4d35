package docker

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/millrace-ml/millrace/internal/executor"
)

// state is what is kept of a program for the worker that adopts it.
type state struct {
	Container string `json:"container"`
	// Deadline is when its time is over, if it has any.
	Deadline time.Time `json:"deadline,omitzero"`
	// Limited is set where its memory is.
	Limited bool `json:"limited,omitempty"`
	// Exit is set before the container is removed.
	Exit *executor.Exit `json:"exit,omitempty"`
}

// write keeps the state, whole or not at all. Without a path nobody wants it.
func (s state) write(path string) error {
	if path == "" {
		return nil
	}
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err = os.WriteFile(path+".new", text, 0o600); err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return fmt.Errorf("note container %.12s: %w", s.Container, err)
	}
	return nil
}

// read returns what is kept; nothing where there is no such file, or one of
// another kind.
func read(path string) (state, error) {
	var s state
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) || path == "" {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("read what is noted of a container: %w", err)
	}
	if json.Unmarshal(text, &s) != nil || s.Container == "" {
		return state{}, nil //nolint:nilerr // another executor's
	}
	return s, nil
}
