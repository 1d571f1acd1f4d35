package workflows

import (
	"log/slog"
	"path/filepath"
	"testing"

	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// The histories of real jobs replay: a change of the workflow that would break
// jobs that run during an upgrade fails here. See CONTRIBUTING.md for how to
// add one; none is ever changed.
func TestRecordedJobsReplay(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "histories", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("there are no recorded histories in testdata/histories")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			replayer := worker.NewWorkflowReplayer()
			replayer.RegisterWorkflowWithOptions(Pipeline, workflow.RegisterOptions{Name: PipelineType})
			replayer.RegisterWorkflowWithOptions(Loop, workflow.RegisterOptions{Name: LoopType})
			replayer.RegisterWorkflowWithOptions(Batches, workflow.RegisterOptions{Name: BatchesType})
			replayer.RegisterWorkflowWithOptions(Scheduled, workflow.RegisterOptions{Name: ScheduledType})
			replayer.RegisterWorkflowWithOptions(Notice, workflow.RegisterOptions{Name: NoticeType})
			replayer.RegisterWorkflowWithOptions(Sweep, workflow.RegisterOptions{Name: SweepType})
			if err := replayer.ReplayWorkflowHistoryFromJSONFile(slog.New(slog.DiscardHandler), file); err != nil {
				t.Error(err)
			}
		})
	}
}
