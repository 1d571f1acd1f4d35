package config

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatAProcessTellsOfItself(t *testing.T) {
	home := written(t, "metrics: :9464\nlog_format: text\ncache_max: 5g\n")
	format := "json"
	got, err := Load(Flags{Telemetry: TelemetryFlags{LogFormat: &format}}, variables{"MILLRACE_HOME": home, "MILLRACE_LOG_LEVEL": "warn", "MILLRACE_CACHE_MAX": "0"})
	level := slog.LevelWarn
	if diff := cmp.Diff(Telemetry{Metrics: ":9464", LogFormat: "json", LogLevel: &level}, got.Telemetry); err != nil || diff != "" || got.CacheMax != "0" {
		t.Error(err, diff, got.CacheMax)
	}
}

func TestMistakesInWhatIsToldAreNamed(t *testing.T) {
	home := t.TempDir()
	for name, test := range map[string]struct{ text, want string }{
		"MILLRACE_METRICS":    {"9464", "is not an address: write :9464"},
		"MILLRACE_LOG_FORMAT": {"xml", "neither text nor json"},
		"MILLRACE_LOG_LEVEL":  {"loud", "none of debug, info, warn and error"},
		"MILLRACE_CACHE_MAX":  {"much", "0 keeps nothing, auto looks at the disk"},
	} {
		_, err := Load(Flags{Home: &home}, variables{name: test.text})
		if err == nil || !strings.HasPrefix(err.Error(), name+": ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s=%s: %v", name, test.text, err)
		}
	}
	wrong := "here"
	if _, err := Load(Flags{Home: &home, Telemetry: TelemetryFlags{Metrics: &wrong}}, variables{}); err == nil || !strings.HasPrefix(err.Error(), "--metrics: ") {
		t.Errorf("error = %v", err)
	}
}
