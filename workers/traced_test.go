package workers

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"github.com/millrace-ml/millrace/internal/telemetry"
)

// Jobs that were begun without traces go on with them.
func TestRecordedJobsReplayWithTraces(t *testing.T) {
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer receiver.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.URL)
	traces, err := telemetry.NewTraces(t.Context(), "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	clients, err := traces.Interceptors()
	if err != nil {
		t.Fatal(err)
	}
	var all []interceptor.WorkerInterceptor
	for _, c := range clients {
		all = append(all, c.(interceptor.WorkerInterceptor))
	}
	files, err := filepath.Glob(filepath.Join("..", "workflows", "testdata", "histories", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no recorded histories, %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{Interceptors: all})
			if err != nil {
				t.Fatal(err)
			}
			registerWorkflows(replayer)
			if err := replayer.ReplayWorkflowHistoryFromJSONFile(slog.New(slog.DiscardHandler), file); err != nil {
				t.Error(err)
			}
		})
	}
}
