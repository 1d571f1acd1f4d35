// Package runs is what every door asks for: submit a job, watch it, list, show,
// cancel, read its logs, download what it made, explain it. The command line is
// one door; an API is another.
package runs

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/cache"
	"github.com/millrace-ml/millrace/internal/record"
)

// Options say where the jobs are.
type Options struct {
	Store *artifact.Store
	// Temporal is nil where no server runs: jobs are then read from their
	// records, and nothing can be submitted.
	Temporal  client.Client
	Namespace string
	// Work is the folder under which steps run on this machine; logs of
	// running steps are read there.
	Work string
	// UI is the base URL of the Temporal UI, or "".
	UI string
	// Keeper names the server that schedules are handed to, so that no other one
	// takes them for lost. "" is that of the home which the store is in.
	Keeper string
	// Queues maps names of computes to task queues, on top of those that
	// exist from the start.
	Queues map[string]string
	// Registries is the folder that registries without a URL of their own are
	// kept in; "" where there is none.
	Registries string
	// Open are registries that are open already; nil is none.
	Open *OpenRegistries
}

// Service answers for the jobs of one store.
type Service struct {
	Options
	records *record.Records
	cache   *cache.Cache
}

// New makes a service.
func New(o Options) *Service {
	if o.Open == nil {
		o.Open = &OpenRegistries{}
	}
	return &Service{Options: o, records: record.New(o.Store), cache: cache.New(o.Store)}
}

var (
	// ErrNotFound says that no such job is known.
	ErrNotFound = record.ErrNotFound
	// ErrNoStep says that a job has no step of that name.
	ErrNoStep = errors.New("there is no step")
	// ErrNoOutput says that a job has no output of that name.
	ErrNoOutput = errors.New("there is no output")
	// ErrExists says that the name of a job is taken.
	ErrExists = record.ErrExists
	// ErrNoServer says that the answer needs a server, and none runs.
	ErrNoServer = errors.New("no server is running")
	// ErrEnded says that the job has ended already.
	ErrEnded = errors.New("the job has ended")
)

// Cancel asks for the end of a job. Its running steps are ended; the job ends
// with status Canceled.
func (s *Service) Cancel(ctx context.Context, name string) error {
	if _, err := s.records.Submitted(ctx, name); err != nil {
		return err
	}
	if end, err := s.records.Ended(ctx, name); err == nil {
		return fmt.Errorf("job %s is %s: %w", name, end.Status, ErrEnded)
	}
	if s.Temporal == nil {
		return fmt.Errorf("cancel job %s: %w", name, ErrNoServer)
	}
	err := s.Temporal.CancelWorkflow(ctx, name, "")
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		return fmt.Errorf("job %s: %w", name, ErrEnded)
	}
	if err != nil {
		return fmt.Errorf("cancel job %s: %w", name, err)
	}
	return nil
}

// page is the URL of a job's page in the Temporal UI, or "".
func (s *Service) page(name string) string {
	if s.UI == "" {
		return ""
	}
	return s.UI + "/namespaces/" + url.PathEscape(s.Namespace) + "/workflows/" + url.PathEscape(name)
}
