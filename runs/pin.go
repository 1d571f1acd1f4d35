package runs

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/go-multierror"
	"golang.org/x/sync/errgroup"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

// pin takes the plan's local code and data into the store. Snapshots that steps
// share, and data that several inputs name, are taken once. What cannot be
// taken is reported all at once.
func (s *Service) pin(ctx context.Context, plan *pipeline.Plan) error {
	p := pinning{seen: make(map[*pipeline.Code]bool), sources: make(map[string][]*pipeline.Source), lent: make(map[pipeline.Digest]loan)}
	p.inputs(plan.Inputs)
	for _, step := range plan.AllSteps() {
		if step.Loop != nil {
			p.inputs(step.Loop.Body.Inputs)
			for i := range step.Loop.Items {
				p.inputs(step.Loop.Items[i].Inputs)
			}
		}
		p.code(step.Name, step.Code)
		if step.Environment.Build != nil {
			p.code(step.Name, step.Environment.Build.Context)
		}
		p.inputs(step.Inputs)
	}
	var group errgroup.Group
	group.SetLimit(runtime.NumCPU())
	var mu sync.Mutex
	var failed *multierror.Error
	try := func(work func() error) {
		group.Go(func() error {
			if err := work(); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = multierror.Append(failed, err)
			}
			return nil
		})
	}
	for _, c := range p.snapshots {
		try(func() error {
			a, err := s.Store.ImportFiles(ctx, c.code.Files)
			if err != nil {
				return fmt.Errorf("take the code of %s into the store: %w", c.step, err)
			}
			c.code.Artifact = &a
			return nil
		})
	}
	for path, same := range p.sources {
		try(func() error {
			a, err := local(ctx, s.Store, path)
			if err != nil {
				return fmt.Errorf("%s: take %s into the store: %w", same[0].Position, path, err)
			}
			for _, src := range same {
				src.Artifact = &a
			}
			return nil
		})
	}
	for _, l := range p.lent {
		try(func() error {
			if err := s.bring(ctx, s.Store, l.artifact); err != nil {
				return fmt.Errorf("take %s into the store: %w", l.of, err)
			}
			return nil
		})
	}
	_ = group.Wait()
	if failed != nil {
		slices.SortFunc(failed.Errors, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
		failed.ErrorFormat = lines
	}
	return failed.ErrorOrNil()
}

// pinning is what a plan has that must be taken into the store.
type pinning struct {
	snapshots []snapshot
	seen      map[*pipeline.Code]bool
	sources   map[string][]*pipeline.Source // by local path
	lent      map[pipeline.Digest]loan
}

// loan is an artifact that the plan names already: of a registered asset, which
// may be in the store of a registry.
type loan struct {
	of       string
	artifact pipeline.Artifact
}

// snapshot is code, and the first step that runs it.
type snapshot struct {
	step string
	code *pipeline.Code
}

func (p *pinning) code(step string, c *pipeline.Code) {
	switch {
	case c == nil || p.seen[c]:
	case c.Artifact != nil:
		p.lent[c.Artifact.Digest] = loan{"the code of " + step, *c.Artifact}
	default:
		p.seen[c] = true
		p.snapshots = append(p.snapshots, snapshot{step, c})
	}
}

func (p *pinning) inputs(inputs []pipeline.Input) {
	for _, in := range inputs {
		switch src := in.Binding.Source; {
		case src == nil:
		case src.Artifact != nil:
			p.lent[src.Artifact.Digest] = loan{src.Position + ": " + src.Asset, *src.Artifact}
		case src.Local != "":
			p.sources[src.Local] = append(p.sources[src.Local], src)
		}
	}
}

// lines puts each error on a line of its own.
func lines(errs []error) string {
	text := make([]string, len(errs))
	for i, err := range errs {
		text[i] = err.Error()
	}
	return strings.Join(text, "\n")
}

// local takes a file or folder of this machine into a store.
func local(ctx context.Context, to *artifact.Store, path string) (pipeline.Artifact, error) {
	info, err := os.Stat(path)
	if err != nil {
		return pipeline.Artifact{}, err
	}
	if info.IsDir() {
		return to.ImportTree(ctx, path, artifact.Copy)
	}
	return to.ImportFile(ctx, path, artifact.Copy)
}
