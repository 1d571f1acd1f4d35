package activities

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/millrace-ml/millrace/internal/cache"
	"github.com/millrace-ml/millrace/internal/environment"
	"github.com/millrace-ml/millrace/pipeline"
)

// Prepare resolves the environment of a step for the step's queue, for all jobs
// and workers, and makes it ready on this worker, so that the first step does not
// wait for it.
func (a *Activities) Prepare(ctx context.Context, in PrepareInput) (PrepareResult, error) {
	plan, err := a.plan(ctx, in.Plan)
	if err != nil {
		return PrepareResult{}, err
	}
	step := &plan.Steps[in.Step]
	if a.Environments == nil {
		return PrepareResult{}, invalid("the worker of queue %s has steps run with its own software (environments: host), "+
			"and the one of queue pipelines expects environments to be made: give both the same setting", step.Queue)
	}
	lines := new(progress)
	defer beat(ctx, lines.beat)()
	begin := time.Now()
	lock, err := a.Environments.Prepare(ctx, step.Environment, step.Queue, false, environment.Watch{Say: lines.say})
	a.observer().Prepared(step.Queue, time.Since(begin), err)
	if err != nil {
		return PrepareResult{}, a.attemptFailed(ctx, err, transferGivesUpAt, StepFailed{Attempt: Attempt{Worker: a.Identity, Number: int(activity.GetInfo(ctx).Attempt)}})
	}
	if lock == nil {
		return PrepareResult{Environment: "the software of the machine"}, nil
	}
	return PrepareResult{Environment: strings.Join(append([]string{lock.Words()}, lock.Changed...), "; ")}, nil
}

// progress is the last line that was said, for whoever looks.
type progress struct {
	mu   sync.Mutex
	line string
}

func (p *progress) say(line string) {
	if strings.HasPrefix(line, "warning: ") {
		return // the step has it, and says it for good
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line = line
}

func (p *progress) beat() any {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Beat{Waiting: p.line}
}

// locks remembers, for one walk over many steps, what their environments
// resolved to.
type locks map[wish]found

// wish is what an environment's lock depends on.
type wish struct{ reference, image, conda, queue string }

type found struct {
	lock *environment.Lock
	// unprepared names an environment that has no lock yet.
	unprepared string
	// note says what of it is not as it was asked for.
	note string
}

// maxNote bounds a note about an environment, in bytes: many steps have the
// same. The step's own log has all of it.
const maxNote = 300

// noteOn says what of an environment is not as it was asked for: "" where
// everything is.
func noteOn(name string, changed []string) string {
	if len(changed) == 0 {
		return ""
	}
	text := "environment " + name + ": " + changed[0]
	for n, c := range changed[1:] {
		if len(text)+len(c) > maxNote {
			return cutNote(text) + fmt.Sprintf("; and %d more", len(changed)-1-n)
		}
		text += "; " + c
	}
	return cutNote(text)
}

func cutNote(text string) string {
	if len(text) <= maxNote {
		return text
	}
	return strings.ToValidUTF8(text[:maxNote], "") + "..."
}

// find returns what a step's environment resolved to on its queue: nothing of
// both for one that runs with the machine's software.
func (l locks) find(ctx context.Context, a *Activities, step *pipeline.Step) (found, error) {
	if a.Environments == nil {
		return found{}, nil
	}
	e := step.Environment
	w := wish{e.Reference, e.Image, e.Conda, step.Queue}
	if f, ok := l[w]; ok && e.Build == nil {
		return f, nil
	}
	spec, err := a.Environments.Wanted(e)
	if err != nil {
		return found{unprepared: "environment of " + step.Name}, nil //nolint:nilerr // Prepare says what is wrong
	}
	var f found
	if spec != nil {
		if f.lock, err = a.Environments.Locks.Find(ctx, spec, step.Queue); err != nil {
			return f, err
		}
		if f.lock == nil {
			f.unprepared = spec.String()
		} else if !a.Environments.Strict { // else the step is refused
			f.note = noteOn(spec.Name, f.lock.Changed)
		}
	}
	l[w] = f
	return f, nil
}

// ingredients are what a step's key is made of; without a lock they hold the
// machine's own software.
func (a *Activities) ingredients(step *pipeline.Step, inputs map[string]pipeline.Value, lock *environment.Lock) []cache.Ingredient {
	if lock == nil {
		return cache.Ingredients(step, inputs, a.Host())
	}
	if lock.Kind == environment.Image {
		return cache.Resolved(step, inputs, []cache.Ingredient{{Label: "environment image digest", Text: lock.Image}})
	}
	lines := []cache.Ingredient{
		{Label: "environment platform", Text: lock.Platform},
		{Label: "environment python", Text: lock.Python},
		{Label: "environment packages", Text: strings.Join(lock.Packages(), "\n")},
	}
	if len(lock.Options) > 0 {
		// Another index may have other packages under the same names.
		lines = append(lines, cache.Ingredient{Label: "environment digest", Text: lock.Digest()})
	}
	if a.Environments.Strict && len(lock.Changed) > 0 {
		// What was made with something else is not what is asked for.
		lines = append(lines, cache.Ingredient{Label: "environment differs", Text: strings.Join(lock.Changed, "\n")})
	}
	return cache.Resolved(step, inputs, lines)
}

// tried are the ingredients of an attempt on this worker.
func (a *Activities) tried(ctx context.Context, step *pipeline.Step, inputs map[string]pipeline.Value) []cache.Ingredient {
	f, err := make(locks).find(ctx, a, step)
	if err != nil {
		f = found{} // better some than none, for whoever asks why
	}
	return a.ingredients(step, inputs, f.lock)
}
