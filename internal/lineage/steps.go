package lineage

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/pipeline"
)

// build draws all jobs and assets.
func (r *reader) build(ctx context.Context, jobs []*job) {
	g := r.graph
	for _, j := range jobs {
		g.jobs[j.name] = j
	}
	for _, j := range jobs {
		for name, s := range j.states {
			// A step whose origin is not recorded stands for it: what it was given
			// has the same content.
			if o := s.Reused; o != nil && g.jobs[o.Job] != nil && g.jobs[o.Job].ran(o.Step) {
				g.reused[stepName{j.name, name}] = stepName{o.Job, o.Step}
			}
		}
	}
	for _, j := range jobs {
		r.steps(j)
	}
	for _, v := range r.stored {
		r.version(ctx, v)
	}
	r.others(ctx)
	g.join()
}

// ran reports whether a step has begun, or was reused.
func (j *job) ran(step string) bool {
	s, ok := j.states[step]
	return ok && (!s.Started.IsZero() || s.Status == pipeline.Completed)
}

// origin is the step that really ran, for one that was reused.
func (g *Graph) origin(s stepName) stepName {
	for range 100 { // a longer way, or a circle, is none that Millrace writes
		o, ok := g.reused[s]
		if !ok {
			break
		}
		s = o
	}
	return s
}

// steps draws the steps of a job that ran.
func (r *reader) steps(j *job) {
	g := r.graph
	for i := range j.plan.Steps {
		p := &j.plan.Steps[i]
		if !j.ran(p.Name) {
			continue
		}
		state, name := j.states[p.Name], stepName{j.name, p.Name}
		if o := g.origin(name); o != name {
			ran := g.step(o)
			ran.ReusedBy = append(ran.ReusedBy, name.String())
			r.published(j, p.Outputs, name)
			continue
		}
		n := g.step(name)
		n.Status, n.Time, n.Type = state.Status, state.Ended, p.Component
		if n.Time.IsZero() {
			n.Time = state.Started
		}
		if p.ComponentAsset != "" {
			g.edge(r.reference(p.ComponentAsset, pipeline.ComponentAsset), n, Definition, "")
		}
		for k := range p.Inputs {
			r.input(j, n, &p.Inputs[k], state.Inputs[p.Inputs[k].Name])
		}
		if p.Code != nil && p.Code.Artifact != nil {
			g.edge(g.content(*p.Code.Artifact), n, Code, "")
		}
		if e := r.environment(p.Environment); e != nil {
			g.edge(e, n, Runtime, "")
		}
		for _, output := range slices.Sorted(maps.Keys(state.Outputs)) {
			made := g.output(name, output)
			content := state.Outputs[output]
			made.Content, made.Time = &content, n.Time
			g.outputs[content.Digest] = append(g.outputs[content.Digest], made.ID)
			g.edge(n, made, Made, output)
		}
		r.published(j, p.Outputs, name)
	}
}

func (g *Graph) step(s stepName) *Node {
	s = g.origin(s)
	return g.node("step:"+s.String(), func() Node { return Node{Kind: Step, Name: s.String(), Job: s.job, Step: s.step} })
}

// output is what a step made; of a reused step, what the one made that ran.
func (g *Graph) output(s stepName, output string) *Node {
	s = g.origin(s)
	name := s.String() + "/" + output
	return g.node("output:"+name, func() Node {
		return Node{Kind: Output, Name: name, Job: s.job, Step: s.step, Output: output}
	})
}

// published draws the places that outputs were written to.
func (r *reader) published(j *job, outputs []pipeline.Output, s stepName) {
	for _, o := range outputs {
		content, made := j.states[s.step].Outputs[o.Name]
		if o.Path != "" && made {
			uri := strings.ReplaceAll(o.Path, "${{name}}", j.stepJobName(s.step))
			place := r.graph.place(uri, &content)
			if place.Time.IsZero() {
				place.Time = j.states[s.step].Ended
			}
			r.graph.edge(r.graph.output(s, o.Name), place, Published, o.Name)
		}
	}
}

func (j *job) stepJobName(step string) string {
	p := pipeline.Plan{Type: j.plan.Type, Name: j.name}
	return p.StepJobName(step)
}

// place is data outside the store. What lay there at different times is not the
// same thing; what was read with another signature is.
func (g *Graph) place(uri string, content *pipeline.Artifact) *Node {
	uri = pipeline.WithoutSecrets(uri)
	return g.node(placeID(uri, content), func() Node { return Node{Kind: Place, Name: uri, Content: content} })
}

func placeID(uri string, content *pipeline.Artifact) string {
	if content == nil {
		return "place:" + uri
	}
	return "place:" + uri + "#" + string(content.Digest)
}

// input draws what a step read.
func (r *reader) input(j *job, n *Node, in *pipeline.Input, given pipeline.Value) {
	g := r.graph
	if from := in.Binding.Step; from != nil {
		if j.ran(from.Step) {
			g.edge(g.output(stepName{j.name, from.Step}, from.Output), n, Input, in.Name)
		}
		return
	}
	src := in.Binding.Source
	if src == nil {
		return
	}
	content := src.Artifact
	if given.Artifact != nil {
		content = given.Artifact
	}
	switch {
	case strings.HasPrefix(src.Asset, jobsForm):
		if made := g.jobOutput(src.Asset); made != nil {
			g.edge(made, n, Input, in.Name)
			return
		}
	case src.Asset != "":
		data := r.data(src.Asset, in.Type, content)
		if data.Time.IsZero() {
			data.Time = j.created // until its own record says more
		}
		g.edge(data, n, Input, in.Name)
		return
	}
	place := g.place(src.URI, content)
	if place.Time.IsZero() {
		place.Time = j.created // later jobs that read the same change nothing
	}
	g.edge(place, n, Input, in.Name)
}

// environment is what a step asked to run in; nil for the machine's own.
func (r *reader) environment(e pipeline.Environment) *Node {
	switch {
	case e.Asset != "":
		return r.reference(e.Asset, pipeline.EnvironmentAsset)
	case e.Reference != "":
		return r.reference(e.Reference, pipeline.EnvironmentAsset)
	case e.Build != nil && e.Build.Context != nil && e.Build.Context.Artifact != nil:
		return r.graph.content(*e.Build.Context.Artifact)
	case e.Image != "":
		return r.graph.node("image:"+e.Image, func() Node { return Node{Kind: Image, Name: e.Image} })
	}
	return nil
}
