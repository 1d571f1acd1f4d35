package runs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/cache"
	"github.com/millrace-ml/millrace/pipeline"
)

// Explanation says why a step ran, or where its result was taken from.
type Explanation struct {
	Job    string          `json:"job"`
	Step   string          `json:"step"`
	Status pipeline.Status `json:"status"`
	// Verdict is one sentence for people.
	Verdict string `json:"verdict"`
	// Best is the best trial of a sweep, which the rest tells of.
	Best string `json:"best_trial,omitempty"`
	// Key is the hash of the ingredients; "" where the inputs never became known.
	Key    string           `json:"key,omitempty"`
	Reused *pipeline.Origin `json:"reused_from,omitempty"`
	// Ingredients are what the key was made of.
	Ingredients []cache.Ingredient `json:"ingredients,omitempty"`
	// Nearest is the earlier run of this step with the fewest differences, and
	// Changes are those, from its ingredients to this step's.
	Nearest *pipeline.Origin `json:"nearest,omitempty"`
	Changes []Change         `json:"changes,omitempty"`
}

// Change is an ingredient that differs.
type Change struct {
	cache.Change
	// Files are the files that differ, where the ingredient is a tree of them
	// and both sides are still in the store.
	Files []FileChange `json:"files,omitempty"`
}

// FileChange is a file of a tree that differs.
type FileChange struct {
	Kind cache.ChangeKind `json:"kind"`
	Path string           `json:"path"`
}

// searched is how many earlier jobs are looked through for the nearest run.
const searched = 100

// Explain tells why a step of a job ran, or where its result was taken from. The
// step may be a trial of a sweep; a sweep is explained by its best trial.
func (s *Service) Explain(ctx context.Context, name, stepName string) (*Explanation, error) {
	job, err := s.Show(ctx, name)
	if err != nil {
		return nil, err
	}
	state, err := s.stepOrPart(ctx, job, stepName)
	if err != nil {
		return nil, err
	}
	step, trial := job.Plan.Step(stepName), false
	if step == nil {
		step, trial = job.sweepOf(stepName), true
	}
	e := &Explanation{Job: name, Step: stepName, Status: state.Status, Key: state.Key, Reused: state.Reused}
	if step.Loop != nil {
		e.Verdict = fmt.Sprintf("runs its body in iterations, and each is a job of its own: %s-NAME", job.Plan.StepJobName(stepName))
		return e, nil
	}
	if state.Skipped != "" {
		e.Verdict = "skipped: " + state.Skipped
		return e, nil
	}
	if step.Sweep != nil && !trial && state.Status.Ended() && state.Parts != nil && state.Parts.Best != "" {
		return s.explainBest(ctx, e, state.Parts.Best)
	}
	if state.Key == "" {
		switch {
		case step.Sweep != nil && !trial && state.Parts != nil:
			e.Verdict = fmt.Sprintf("has chosen no best trial; its trials can be explained one by one, the first as %s", pipeline.TrialName(stepName, 1))
		case state.Waiting != "":
			e.Verdict = state.Waiting
		case state.Status.Ended() && step.Kind == pipeline.ApprovalKind:
			e.Verdict = "asked for somebody's word, which every job does: an approval is never reused"
		case state.Status.Ended() && step.Kind == pipeline.TransferKind:
			e.Verdict = "ran, because the places outside may have changed: a data transfer is never reused"
		default:
			e.Verdict = "has not been looked up yet: its inputs are not known"
		}
		return e, nil
	}
	if e.Ingredients, err = s.cache.IngredientsOf(ctx, cache.Key(state.Key)); err != nil {
		return nil, err
	}
	switch {
	case state.Reused != nil:
		e.Verdict = fmt.Sprintf("reused from %s.%s: nothing it depends on has changed", state.Reused.Job, state.Reused.Step)
		return e, nil
	case !state.Status.Ended():
		e.Verdict = "has not ended yet"
		if state.Waiting != "" {
			e.Verdict = state.Waiting
		}
	}
	earlier := keysOf(stepName)
	if trial {
		earlier = s.trialsLike(ctx, job, step.Name, stepName)
	}
	if err := s.nearest(ctx, job, e, earlier); err != nil {
		return nil, err
	}
	for i := range e.Changes {
		e.Changes[i].Files = s.files(ctx, e.Changes[i].Change)
	}
	switch {
	case e.Verdict != "":
	case step.Role != pipeline.Normal:
		e.Verdict = "ran, because a step of on_init or on_finalize always does"
	case !step.Deterministic:
		e.Verdict = "ran, because its component says is_deterministic: false"
	case job.Plan.Settings.ForceRerun:
		e.Verdict = "ran, because the pipeline says force_rerun: true"
	case e.Nearest == nil && trial:
		e.Verdict = "ran, because no earlier trial with these values is known"
	case e.Nearest == nil:
		e.Verdict = "ran, because no earlier run of this step is known"
	case len(e.Changes) == 0:
		e.Verdict = fmt.Sprintf("ran, although nothing differs from its run in job %s: that run did not complete, or what it made is no longer in the store", e.Nearest.Job)
	default:
		e.Verdict = fmt.Sprintf("ran, because %s from its run in job %s", differ(len(e.Changes)), e.Nearest.Job)
	}
	return e, nil
}

func differ(n int) string {
	if n == 1 {
		return "1 ingredient differs"
	}
	return fmt.Sprintf("%d ingredients differ", n)
}

// nearest looks through earlier jobs for the run of this step that differs
// least. Of equals the most recent one is taken.
func (s *Service) nearest(ctx context.Context, job *Job, e *Explanation, keys earlierKeys) error {
	if e.Ingredients == nil {
		return nil
	}
	looked := 0
	var failed error
	err := s.records.Recent(ctx, func(other string, created time.Time) bool {
		if other == job.Name || !created.Before(job.Created) {
			return true
		}
		looked++
		end, err := s.records.Ended(ctx, other)
		if errors.Is(err, ErrNotFound) {
			return looked < searched
		}
		if err != nil {
			failed = err
			return false
		}
		runs, err := keys(other, end.Steps)
		if err != nil {
			failed = err
			return false
		}
		for _, run := range runs {
			if run.key == "" {
				continue
			}
			old, err := s.cache.IngredientsOf(ctx, cache.Key(run.key))
			if err != nil {
				failed = err
				return false
			}
			if old == nil || !related(old, e.Ingredients) {
				continue
			}
			changes := cache.Diff(old, e.Ingredients)
			if e.Nearest == nil || len(changes) < len(e.Changes) {
				e.Nearest = &pipeline.Origin{Job: other, Step: run.step}
				e.Changes = make([]Change, len(changes))
				for i, c := range changes {
					e.Changes[i].Change = c
				}
			}
		}
		return looked < searched && (e.Nearest == nil || len(e.Changes) > 1)
	})
	return errors.Join(err, failed)
}

// related reports whether two runs are of one step. A step of that name may be
// part of quite another pipeline; it is the same one while its command or its
// code is.
func related(a, b []cache.Ingredient) bool {
	text := func(list []cache.Ingredient, label string) string {
		for _, i := range list {
			if i.Label == label {
				return i.Text
			}
		}
		return ""
	}
	for _, label := range []string{"command", "code"} {
		if t := text(a, label); t != "" && t == text(b, label) {
			return true
		}
	}
	return false
}

// files compares the trees that an ingredient names, file by file. It returns
// nothing where there are none to compare.
func (s *Service) files(ctx context.Context, c cache.Change) []FileChange {
	before, ok := s.tree(ctx, c.Old)
	if !ok {
		return nil
	}
	after, ok := s.tree(ctx, c.New)
	if !ok {
		return nil
	}
	var changes []FileChange
	for path, entry := range after {
		if was, ok := before[path]; !ok {
			changes = append(changes, FileChange{cache.Added, path})
		} else if was != entry {
			changes = append(changes, FileChange{cache.Changed, path})
		}
	}
	for path := range before {
		if _, ok := after[path]; !ok {
			changes = append(changes, FileChange{cache.Removed, path})
		}
	}
	slices.SortFunc(changes, func(a, b FileChange) int { return strings.Compare(a.Path, b.Path) })
	return changes
}

// tree reads the tree that an ingredient's text names: "blake3:..." or
// "tree blake3:...".
func (s *Service) tree(ctx context.Context, text string) (map[string]artifact.Entry, bool) {
	digest, err := pipeline.ParseDigest(strings.TrimPrefix(text, "tree "))
	if err != nil {
		return nil, false
	}
	tree, err := s.Store.Manifest(ctx, digest)
	if err != nil {
		return nil, false // gone, or no tree
	}
	entries := make(map[string]artifact.Entry, len(tree.Entries))
	for _, e := range tree.Entries {
		entries[e.Path] = e
	}
	return entries, true
}
