package config

import (
	"fmt"
	"log/slog"
	"net"
	"strconv"

	"github.com/millrace-ml/millrace/pipeline"
)

// Telemetry is what a process that runs steps tells of itself.
type Telemetry struct {
	// Metrics is the address at which Prometheus is answered; "" for none.
	Metrics string
	// LogFormat is text or json; "" where nothing was said.
	LogFormat string
	// LogLevel is the least of what is logged; nil where nothing was said.
	LogLevel *slog.Level
}

// TelemetryFlags are the settings given on the command line. Nil means not
// given.
type TelemetryFlags struct {
	Metrics, LogFormat, LogLevel *string
}

func (t *Telemetry) readFlags(f TelemetryFlags) error {
	for _, s := range []struct {
		flag  string
		given *string
		set   func(string) error
	}{
		{"--metrics", f.Metrics, t.setMetrics},
		{"--log-format", f.LogFormat, t.setFormat},
		{"--log-level", f.LogLevel, t.setLevel},
	} {
		if s.given == nil {
			continue
		}
		if err := s.set(*s.given); err != nil {
			return &Error{Where: s.flag, Message: err.Error()}
		}
	}
	return nil
}

func (t *Telemetry) setMetrics(text string) error {
	if text != "" {
		_, port, err := net.SplitHostPort(text)
		if n, wrong := strconv.Atoi(port); err != nil || wrong != nil || n < 0 || n > 65535 {
			return fmt.Errorf("%q is not an address: write :9464 for this machine only, or 0.0.0.0:9464 for all", text)
		}
	}
	t.Metrics = text
	return nil
}

func (t *Telemetry) setFormat(text string) error {
	if text != "text" && text != "json" {
		return fmt.Errorf("%q is neither text nor json", text)
	}
	t.LogFormat = text
	return nil
}

func (t *Telemetry) setLevel(text string) error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(text)); err != nil {
		return fmt.Errorf("%q is none of debug, info, warn and error", text)
	}
	t.LogLevel = &level
	return nil
}

// cacheMax checks the bound of a worker's cache.
func cacheMax(c *Config, text string) error {
	if text != "auto" {
		if _, err := pipeline.ParseSize(text); err != nil {
			return fmt.Errorf("%w; 0 keeps nothing, auto looks at the disk", err)
		}
	}
	c.CacheMax = text
	return nil
}
