package devserver

import (
	"context"
	"log/slog"

	"go.temporal.io/server/common/log/tag"
)

// logger hands the server's log to slog. The server calls Fatal only where it
// cannot go on; like Temporal's own development server we log that and leave
// the ending of the process to its owner.
type logger struct{ log *slog.Logger }

func (l logger) Debug(msg string, tags ...tag.Tag)  { l.write(slog.LevelDebug, msg, tags) }
func (l logger) Info(msg string, tags ...tag.Tag)   { l.write(slog.LevelInfo, msg, tags) }
func (l logger) Warn(msg string, tags ...tag.Tag)   { l.write(slog.LevelWarn, msg, tags) }
func (l logger) Error(msg string, tags ...tag.Tag)  { l.write(slog.LevelError, msg, tags) }
func (l logger) DPanic(msg string, tags ...tag.Tag) { l.write(slog.LevelError, msg, tags) }
func (l logger) Panic(msg string, tags ...tag.Tag)  { l.write(slog.LevelError, msg, tags) }
func (l logger) Fatal(msg string, tags ...tag.Tag)  { l.write(slog.LevelError, msg, tags) }

func (l logger) write(level slog.Level, msg string, tags []tag.Tag) {
	if !l.log.Enabled(context.Background(), level) {
		return
	}
	attrs := make([]slog.Attr, len(tags))
	for i, t := range tags {
		attrs[i] = slog.Any(t.Key(), t.Value())
	}
	l.log.LogAttrs(context.Background(), level, msg, attrs...)
}
