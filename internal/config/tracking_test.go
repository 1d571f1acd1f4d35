package config

import (
	"strings"
	"testing"
)

func TestWhereStepsReportTo(t *testing.T) {
	home := written(t, "tracking_uri: http://file:5000\n")
	flag := "https://flag/mlflow"
	for _, test := range []struct {
		flags Flags
		env   variables
		want  string
	}{
		{Flags{}, variables{"MILLRACE_HOME": home}, "http://file:5000"},
		{Flags{}, variables{"MILLRACE_HOME": home, "MILLRACE_TRACKING_URI": "http://env:5000"}, "http://env:5000"},
		{Flags{TrackingURI: &flag}, variables{"MILLRACE_HOME": home, "MILLRACE_TRACKING_URI": "http://env:5000"}, flag},
	} {
		if c, err := Load(test.flags, test.env); err != nil || c.TrackingURI != test.want {
			t.Errorf("got %q, %v, want %q", c.TrackingURI, err, test.want)
		}
	}
	for _, bad := range []string{"server", "http://", "https:///x", "http://ada:secret@server", ":"} {
		_, err := Load(Flags{TrackingURI: &bad}, variables{"MILLRACE_HOME": home})
		if err == nil || !strings.HasPrefix(err.Error(), "--tracking-uri: ") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v", bad, err)
		}
	}
}

func TestAStepsFileOfMetricsIsNoAddress(t *testing.T) {
	home := t.TempDir()
	c, err := Load(Flags{}, variables{"MILLRACE_HOME": home, "MILLRACE_METRICS": "/a/job/train/1/metrics.jsonl"})
	if err != nil || c.Telemetry.Metrics != "" {
		t.Errorf("got %q, %v", c.Telemetry.Metrics, err)
	}
	c, err = Load(Flags{}, variables{"MILLRACE_HOME": home, "MILLRACE_METRICS": ":9464"})
	if err != nil || c.Telemetry.Metrics == "" {
		t.Errorf("got %q, %v", c.Telemetry.Metrics, err)
	}
}
