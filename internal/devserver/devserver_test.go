package devserver

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
)

// A server takes calls as soon as Start returns, and what it was told is still
// known to the next server on the same database.
func TestServerKeepsWhatItWasTold(t *testing.T) {
	ctx := context.Background()
	options := Options{
		Database:  filepath.Join(t.TempDir(), "temporal.db"),
		Namespace: "default",
		SearchAttributes: map[string]enumspb.IndexedValueType{
			"MillraceStatus": enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		},
		Logger: slog.New(slog.DiscardHandler),
	}
	serve := func(use func(client.Client)) {
		t.Helper()
		s, err := Start(ctx, options)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Stop() }()
		c, err := client.Dial(client.Options{HostPort: s.Address(), Namespace: "default", Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		use(c)
	}
	serve(func(c client.Client) {
		_, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			ID: "job", TaskQueue: "pipelines",
			TypedSearchAttributes: temporal.NewSearchAttributes(temporal.NewSearchAttributeKeyKeyword("MillraceStatus").ValueSet("Running")),
		}, "Pipeline")
		if err != nil {
			t.Fatal(err)
		}
	})
	serve(func(c client.Client) {
		d, err := c.DescribeWorkflowExecution(ctx, "job", "")
		if err != nil {
			t.Fatal(err)
		}
		if got := d.GetWorkflowExecutionInfo().GetStatus(); got != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
			t.Errorf("after a restart the workflow is %v, want running", got)
		}
		if _, ok := d.GetWorkflowExecutionInfo().GetSearchAttributes().GetIndexedFields()["MillraceStatus"]; !ok {
			t.Error("the search attribute is gone after a restart")
		}
	})
}
