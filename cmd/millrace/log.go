package main

import (
	"io"
	"log/slog"
	"os"

	sdklog "go.temporal.io/sdk/log"
)

// maxLog is the size at which the server's log is begun anew, in bytes. The one
// before is kept beside it.
const maxLog = 16 << 20

// openLog opens the log of the home. A log that cannot be written is no reason
// not to run.
func (a *app) openLog() *slog.Logger {
	level := slog.LevelWarn
	switch {
	case a.flags.debug:
		level = slog.LevelDebug
	case a.flags.verbose:
		level = slog.LevelInfo
	}
	return slog.New(slog.NewTextHandler(a.openLogFile(), &slog.HandlerOptions{Level: level}))
}

func (a *app) openLogFile() io.Writer {
	h, err := a.home()
	if err != nil {
		return io.Discard
	}
	path := h.ServerLog()
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		_ = os.Rename(path, path+".old")
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return io.Discard
	}
	a.later(func() { _ = f.Close() })
	return f
}

// sdkLogger hands what Temporal's client and workers say to the same log.
func sdkLogger(l *slog.Logger) sdklog.Logger { return sdklog.NewStructuredLogger(l) }
