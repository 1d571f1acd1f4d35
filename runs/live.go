package runs

import (
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/converter"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// liveMetrics are what the program of an activity has reported so far, as its
// worker told last.
func liveMetrics(p *workflowpb.PendingActivityInfo) map[string]pipeline.Metric {
	return lastBeat(p).Metrics
}

// liveWords say how far an activity has come.
func liveWords(p *workflowpb.PendingActivityInfo) string { return lastBeat(p).Waiting }

func lastBeat(p *workflowpb.PendingActivityInfo) (beat activities.Beat) {
	if details := p.GetHeartbeatDetails(); details != nil {
		_ = converter.GetDefaultDataConverter().FromPayloads(details, &beat)
	}
	return beat
}

// differs reports whether something of a step has changed that people are shown.
func differs(a, b *pipeline.StepState) bool {
	if a.Status != b.Status || a.Warning != b.Warning || a.Waiting != b.Waiting || a.Place != b.Place ||
		a.Attempts != b.Attempts || !a.Ended.Equal(b.Ended) || len(a.Metrics) != len(b.Metrics) {
		return true
	}
	for key, m := range b.Metrics {
		// Every report raises the count; a value may be NaN, which is never equal.
		if was := a.Metrics[key]; was.Count != m.Count {
			return true
		}
	}
	return (a.Parts == nil) != (b.Parts == nil) || b.Parts != nil && *a.Parts != *b.Parts
}
