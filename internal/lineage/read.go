package lineage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/internal/record"
	"github.com/millrace-ml/millrace/pipeline"
)

// Options say where the records are.
type Options struct {
	Store *artifact.Store
	// Registry opens the catalog of a registry; nil where there are none.
	Registry func(ctx context.Context, name string) (*asset.Catalog, error)
	// Registries are those whose versions are looked through for copies.
	Registries []string
	// Most is how many jobs are read; 0 is [MostJobs].
	Most int
}

// MostJobs is how many jobs are read where nobody says otherwise.
const MostJobs = 10_000

// maxPlan bounds what is read of a plan, in bytes.
const maxPlan = 256 << 20

// Read reads what the records say. A record that is damaged is named in
// [Graph.Problems] and otherwise passed over; the error is that of a store that
// cannot be read.
func Read(ctx context.Context, o Options) (*Graph, error) {
	r := &reader{Options: o, records: record.New(o.Store), graph: newGraph(), index: map[string]int{}, called: map[string]string{}}
	jobs, err := r.jobs(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the lineage: %w", err)
	}
	if err := r.versions(ctx); err != nil {
		return nil, fmt.Errorf("read the lineage: %w", err)
	}
	r.graph.reader = r
	r.build(ctx, jobs)
	slices.Sort(r.graph.Problems)
	r.graph.Problems = slices.Compact(r.graph.Problems)
	return r.graph, nil
}

// reader draws the graph.
type reader struct {
	Options
	records *record.Records
	graph   *Graph
	// stored are the versions of assets in the store of the jobs, and in the
	// registries that are looked through; index finds them by the id of their
	// node.
	stored []version
	index  map[string]int
	// called are the registries ("" is the store of the jobs) by the identities
	// of their stores.
	called map[string]string

	mu sync.Mutex // guards graph.Problems
}

// version is a version of an asset, and the registry it is in.
type version struct {
	asset.Version
	registry string
}

// job is what the lineage needs to know of a job.
type job struct {
	name    string
	created time.Time
	plan    plan
	states  map[string]pipeline.StepState
}

// plan is the part of a [pipeline.Plan] that the lineage needs. Most of a plan
// is something else, and reading a thousand is what takes the time.
type plan struct {
	Type    pipeline.JobType     `json:"type"`
	Outputs []pipeline.JobOutput `json:"outputs"`
	Steps   []struct {
		Name           string               `json:"name"`
		Component      string               `json:"component"`
		ComponentAsset string               `json:"component_asset"`
		Code           *pipeline.Code       `json:"code"`
		Environment    pipeline.Environment `json:"environment"`
		Inputs         []pipeline.Input     `json:"inputs"`
		Outputs        []pipeline.Output    `json:"outputs"`
	} `json:"steps"`
}

func (r *reader) problem(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.graph.Problems = append(r.graph.Problems, fmt.Sprintf(format, args...))
}

// jobs reads the newest jobs, the oldest of them first.
func (r *reader) jobs(ctx context.Context) ([]*job, error) {
	most := r.Most
	if most <= 0 {
		most = MostJobs
	}
	var names []string
	seen := map[string]bool{}
	err := r.records.Recent(ctx, func(name string, _ time.Time) bool {
		switch {
		case seen[name]:
		case len(names) == most:
			r.graph.LeftOut++
		default:
			names = append(names, name)
		}
		seen[name] = true
		return true
	})
	if err != nil {
		return nil, err
	}
	jobs := make([]*job, len(names))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(2 * r.Store.Parallel())
	for i, name := range names {
		g.Go(func() (err error) {
			jobs[i], err = r.job(ctx, name)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	jobs = slices.DeleteFunc(jobs, func(j *job) bool { return j == nil })
	slices.Reverse(jobs)
	return jobs, nil
}

// job reads one job. It returns nil for one that was never submitted whole, and
// for one whose records are damaged, which is then a problem.
func (r *reader) job(ctx context.Context, name string) (*job, error) {
	submitted, err := r.records.Submitted(ctx, name)
	switch {
	case errors.Is(err, record.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, r.damaged(ctx, err)
	}
	j := &job{name: name, created: submitted.Created, states: map[string]pipeline.StepState{}}
	if _, err := pipeline.ParseDigest(string(submitted.Plan)); err != nil {
		return nil, r.damaged(ctx, fmt.Errorf("the plan of job %s: %w", name, err))
	}
	text, err := r.Store.ReadAll(ctx, submitted.Plan, maxPlan)
	if err == nil {
		err = json.Unmarshal(text, &j.plan)
	}
	if err != nil {
		return nil, r.damaged(ctx, fmt.Errorf("the plan of job %s: %w", name, err))
	}
	states, err := r.states(ctx, name)
	if err != nil {
		return nil, r.damaged(ctx, err)
	}
	for _, s := range states {
		j.states[s.Name] = s
	}
	return j, nil
}

// states are those of the steps of a job, as far as they are recorded.
func (r *reader) states(ctx context.Context, name string) ([]pipeline.StepState, error) {
	ended, err := r.records.Ended(ctx, name)
	if errors.Is(err, record.ErrNotFound) {
		return r.records.Noted(ctx, name)
	}
	return ended.Steps, err
}

// damaged notes a record that cannot be read. Only the end of the whole reading
// is an error.
func (r *reader) damaged(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.problem("%s", strings.ToValidUTF8(err.Error(), "?"))
	return nil
}

// versions reads the assets of the store, and of the registries.
func (r *reader) versions(ctx context.Context) error {
	for _, registry := range append([]string{""}, r.Registries...) {
		c, err := r.catalog(ctx, registry)
		if err != nil {
			if err := r.damaged(ctx, fmt.Errorf("registry %s: %w", registry, err)); err != nil {
				return err
			}
			continue
		}
		if err := r.identity(ctx, c, registry); err != nil {
			return err
		}
		for _, kind := range pipeline.AssetKinds() {
			if err := r.kind(ctx, c, registry, kind); err != nil {
				return err
			}
		}
	}
	return nil
}

// kind reads all versions of a kind, name by name, so that a damaged one hides
// no others.
func (r *reader) kind(ctx context.Context, c *asset.Catalog, registry string, kind pipeline.AssetKind) error {
	names, err := c.Names(ctx, kind)
	if err != nil {
		return r.damaged(ctx, err)
	}
	found := make([][]asset.Version, len(names))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(c.Store().Parallel())
	for i, name := range names {
		g.Go(func() (err error) {
			if found[i], err = c.Versions(ctx, kind, name); err != nil {
				return r.damaged(ctx, err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, v := range slices.Concat(found...) {
		r.index[assetID(v.Ref(registry))] = len(r.stored)
		r.stored = append(r.stored, version{v, registry})
	}
	return nil
}

func (r *reader) catalog(ctx context.Context, registry string) (*asset.Catalog, error) {
	if registry == "" {
		return asset.New(r.Store), nil
	}
	if r.Registry == nil {
		return nil, errors.New("registries cannot be looked into here")
	}
	return r.Registry(ctx, registry)
}
