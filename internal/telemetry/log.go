package telemetry

import (
	"fmt"
	"io"
	"log/slog"
)

// The formats of a log.
const (
	Text = "text"
	JSON = "json"
)

// NewLog writes a log of that format, from that level on.
func NewLog(w io.Writer, format string, level slog.Level) (*slog.Logger, error) {
	o := &slog.HandlerOptions{Level: level}
	switch format {
	case Text:
		return slog.New(slog.NewTextHandler(w, o)), nil
	case JSON:
		return slog.New(slog.NewJSONHandler(w, o)), nil
	}
	return nil, fmt.Errorf("%q is not the format of a log: %s or %s", format, Text, JSON)
}
