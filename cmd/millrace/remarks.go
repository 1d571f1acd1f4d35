package main

import (
	"context"
	"sync"

	"github.com/millrace-ml/millrace/internal/config"
	software "github.com/millrace-ml/millrace/internal/environment"
	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/runs"
	"github.com/millrace-ml/millrace/workflows"
)

// remarks are what a person should know, once, of the machine that steps run
// on. They are made when a step is about to run: a job whose steps are all
// reused needs none.
type remarks struct {
	python    func() string // what steps find; asking takes a moment
	build     bool          // environments with packages are made
	images    bool          // images are images
	gpus      int
	gpuSlots  int
	saidHost  bool
	saidNoGPU bool
	note      func(string)
}

// newRemarks asks for the interpreter at once, in the background.
func (a *app) newRemarks(ctx context.Context, s *server, note func(string)) *remarks {
	r := &remarks{gpus: len(s.gpus), gpuSlots: 1, note: note, python: func() string { return "" }}
	c, err := a.config()
	if err != nil {
		return r
	}
	r.gpuSlots = max(1, c.GPUSlots)
	r.build = c.Build()
	r.images = c.Executor.Mode == config.DockerExecutor || c.Executor.Mode == config.AutoExecutor
	if folder, err := pythonFolder(c.Python); err == nil {
		r.python = sync.OnceValue(func() string { return describePython(ctx, folder) })
		go r.python()
	}
	return r
}

// on makes the remarks that the steps of a job give reason to.
func (r *remarks) on(job *runs.Job) {
	if r == nil || r.saidHost && r.saidNoGPU {
		return
	}
	for i, state := range job.Steps {
		if state.Reused != nil || state.Status != pipeline.Running && !state.Status.Ended() || i >= len(job.Plan.Steps) {
			continue
		}
		step := job.Plan.Steps[i]
		e := step.Environment
		if !r.saidHost && r.onHost(e) {
			r.saidHost = true
			r.note(hostRemark(r.python(), r.build))
		}
		if !r.saidNoGPU && step.Queue == workflows.GPUQueue && r.gpus == 0 {
			r.saidNoGPU = true
			r.note("no GPU was found: the steps on queue gpu run on the CPU, " + atOnce(r.gpuSlots))
		}
	}
}

// onHost reports whether a step has the machine's software though its file asks
// for another.
func (r *remarks) onHost(e pipeline.Environment) bool {
	if e.Reference == "" && e.Image == "" && e.Conda == "" && e.Build == nil {
		return false
	}
	if r.images && (e.Image != "" || e.Build != nil) {
		return false
	}
	spec, err := software.Wanted(e)
	return !r.build || spec == nil && err == nil
}

func hostRemark(python string, build bool) string {
	has := "the host's own interpreter, " + python
	if python == "" {
		has = "what this machine has, and it has no python3"
	}
	if build {
		return "steps whose environment is no more than an image run with " + has
	}
	return "steps run with " + has + "; environments are not made"
}

func atOnce(slots int) string {
	if slots == 1 {
		return "one at a time"
	}
	return term.Count(slots, "step") + " at once"
}
