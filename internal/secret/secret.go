// Package secret reads what settings and files only refer to: a secret stands
// in the environment or in a file of the process that needs it, and nowhere
// else.
package secret

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	envPrefix  = "env:"
	filePrefix = "file:"
	// maxSize bounds what is read of a file: a secret is short.
	maxSize = 64 << 10
)

// IsReference tells whether a text refers to a secret: env:NAME or file:/path.
func IsReference(text string) bool {
	return strings.HasPrefix(text, envPrefix) || strings.HasPrefix(text, filePrefix)
}

// Check says what is wrong with a reference, without looking for the secret.
// Its error never repeats the text, which may be the secret itself.
func Check(ref string) error {
	switch {
	case strings.HasPrefix(ref, envPrefix):
		if name := ref[len(envPrefix):]; name == "" || strings.ContainsAny(name, "= \t\n") {
			return errors.New("env: needs the name of an environment variable after it, as in env:SMTP_PASSWORD")
		}
	case strings.HasPrefix(ref, filePrefix):
		if !filepath.IsAbs(ref[len(filePrefix):]) {
			return errors.New("file: needs an absolute path after it, as in file:/run/secrets/smtp")
		}
	default:
		return errors.New("secrets are given by reference: env:NAME or file:/path")
	}
	return nil
}

// Resolve returns what a reference stands for: env:NAME is an environment
// variable of this process, file:/path the content of a file without the line
// end. One that is missing or empty is an error, which names the reference and
// never holds what it stands for.
func Resolve(ref string) (string, error) {
	if err := Check(ref); err != nil {
		return "", err
	}
	if name, ok := strings.CutPrefix(ref, envPrefix); ok {
		value := os.Getenv(name)
		if value == "" {
			return "", fmt.Errorf("%s: the environment variable is not set where this process was started", ref)
		}
		return value, nil
	}
	return read(ref, ref[len(filePrefix):])
}

func read(ref, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", ref, reason(err))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: %w", ref, reason(err))
	case len(data) > maxSize:
		return "", fmt.Errorf("%s: the file has more than %d bytes, which is no secret", ref, maxSize)
	}
	value := strings.TrimRight(string(data), "\r\n")
	if value == "" {
		return "", fmt.Errorf("%s: the file is empty", ref)
	}
	return value, nil
}

// reason is an error without the path, which the reference says already.
func reason(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
