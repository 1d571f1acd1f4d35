package azureml

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/millrace-ml/millrace/pipeline"
)

// FuzzLoad loads files that could come from anywhere: a job, a component that
// it may refer to, and a value for --set. Whatever they hold, there must be an
// end, no panic, a place for every problem, and a sound plan where there is
// none.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/ok/*.yml", "testdata/err/*.yml"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text), "command: echo ${{inputs.x}}\ninputs: {x: {type: integer, default: 1}}\n", "inputs.x=1")
		}
	}
	component := func(body string) string {
		return "type: pipeline\njobs:\n  a:\n    type: pipeline\n    component: ./component.yml\n    inputs: {x: 1}\n" + body
	}
	f.Add(bomb(30), "", "")
	f.Add("a: "+strings.Repeat("[", 5000), "", "")
	f.Add(strings.Repeat("- ", 5000), strings.Repeat("a:\n ", 300), "")
	f.Add(component(""), component(""), "jobs.a.component=./job.yml")
	f.Add(component(""), doubling(40), "")
	f.Add("command: ls\ncode: /\nenvironment: {image: a, conda_file: /dev/zero}\n", "", "code=.")
	f.Add("command: ls ${{inputs.${{inputs.x}}}} $[[ $[[ ]] ${{ }}\n", "", "a[0].b[1]=c")
	f.Add(component("settings: {on_init: a}\n"), "type: pipeline\ninputs: {x: {type: integer, max: 0}}\njobs:\n  b: {command: 'e ${{inputs.y}}', inputs: {y: '${{parent.inputs.x}}/${{name}}'}}\n", "")
	f.Add("type: pipeline\njobs:\n"+strings.Repeat("  a: {command: x, inputs: {i: '${{parent.jobs.a.inputs.i}}'}}\n", 3), "", "")

	dir := f.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o755); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, job, component, set string) {
		for name, text := range map[string]string{"job.yml": job, "component.yml": component} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		l := newLoader(LoadOptions{})
		l.walk = 100 // a job that names "/" as its code would take a second
		loaded, err := l.load(filepath.Join(dir, "job.yml"), LoadOptions{Set: []string{set}})
		for _, p := range loaded.Problems() {
			checkPlace(t, p)
		}
		plan, compileErr := Compile(loaded, CompileOptions{Name: "job"})
		if (err == nil) != (compileErr == nil) {
			t.Fatalf("Load says %v, Compile %v", err, compileErr)
		}
		if err == nil {
			checkPlan(t, plan)
			return
		}
		var problems Problems
		if !errors.As(err, &problems) || len(problems) == 0 {
			t.Fatalf("the error %v tells of no problem", err)
		}
	})
}

// bomb is a file of which every line holds the one before twice.
func bomb(lines int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 x\n")
	for i := 1; i < lines; i++ {
		b.WriteString("a" + strconv.Itoa(i) + ": &a" + strconv.Itoa(i) + " [*a" + strconv.Itoa(i-1) + ", *a" + strconv.Itoa(i-1) + "]\n")
	}
	return b.String()
}

// doubling is a pipeline component of which every node's input is twice that of
// the node before.
func doubling(nodes int) string {
	var b strings.Builder
	b.WriteString("type: pipeline\ninputs: {x: {type: string}}\njobs:\n  n0: {command: x, inputs: {i: '${{parent.inputs.x}}'}}\n")
	for i := 1; i < nodes; i++ {
		ref := "${{parent.jobs.n" + strconv.Itoa(i-1) + ".inputs.i}}"
		b.WriteString("  n" + strconv.Itoa(i) + ": {command: x, inputs: {i: '" + ref + ref + "'}}\n")
	}
	return b.String()
}

func checkPlace(t *testing.T, p Problem) {
	t.Helper()
	if p.File == "" || p.Line < 1 || p.Column < 1 || p.Message == "" || p.Severity != Error && p.Severity != Warning && p.Severity != Note {
		t.Errorf("a problem without a place: %+v", p)
	}
	// A line with a secret in it is not shown.
	if p.Source != "" && p.Column > utf8.RuneCountInString(p.Source)+1 {
		t.Errorf("column %d lies outside of the line %q: %s", p.Column, p.Source, p.Message)
	}
	var b strings.Builder
	p.Render(&b, true)
	if strings.ContainsAny(strings.ReplaceAll(b.String(), "\x1b[", ""), "\x1b\x00\r") {
		t.Errorf("a terminal would be told more than the message: %q", b.String())
	}
}

// checkPlan checks what everybody relies on: names are unique, and every
// binding leads to an output of a step before.
func checkPlan(t *testing.T, plan *pipeline.Plan) {
	t.Helper()
	if _, err := json.Marshal(plan); err != nil {
		t.Errorf("the plan cannot be stored: %v", err)
	}
	before := map[string]*pipeline.Step{}
	checkRef := func(ref *pipeline.OutputRef, what string) {
		if ref == nil {
			return
		}
		from := before[ref.Step]
		if from == nil || ref.Output != pipeline.Artifacts && from.Output(ref.Output) == nil {
			t.Errorf("%s is bound to output %q of step %q, which does not exist before it", what, ref.Output, ref.Step)
		}
	}
	for i := range plan.Steps {
		s := &plan.Steps[i]
		if before[s.Name] != nil {
			t.Errorf("two steps are called %q", s.Name)
		}
		for _, in := range s.Inputs {
			checkRef(in.Binding.Step, s.Name+"."+in.Name)
			if !in.Optional && in.Binding == (pipeline.Binding{}) {
				t.Errorf("the required input %s.%s has no value", s.Name, in.Name)
			}
		}
		checkTemplate(t, s, s.Command)
		before[s.Name] = s
	}
	for _, o := range plan.Outputs {
		checkRef(o.From, o.Name)
	}
}

func checkTemplate(t *testing.T, s *pipeline.Step, template pipeline.Template) {
	t.Helper()
	for _, part := range template {
		if part.Input != "" && s.Input(part.Input) == nil || part.Output != "" && s.Output(part.Output) == nil {
			t.Errorf("the command of %s has a hole for nothing: %+v", s.Name, part)
		}
		checkTemplate(t, s, part.Group)
	}
}

// FuzzExpression cuts any text at its expressions. Put together again, the
// pieces are the text.
func FuzzExpression(f *testing.F) {
	for _, text := range []string{"", "a", "${{inputs.x}}", "${{ parent.jobs.a.outputs.b }}", "a${{b}}c${{d", "${{ a ${{b}} }}", "$[[a ${{inputs.b}}]]",
		"${{}}", "}}${{", "${{parent.jobs.}}", "${{parent.jobs.a.}}", "${{${{${{", "$[[${{inputs.a.path}}]]]]", "{inputs.a} ${inputs.a}"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, source string) {
		var joined strings.Builder
		closed := true
		for _, part := range splitExpressions(source) {
			if part.ref == nil {
				joined.WriteString(part.text)
				continue
			}
			closed = closed && part.ref.kind != notClosed
			joined.WriteString(part.ref.raw)
		}
		if closed && joined.String() != source {
			t.Errorf("%q came apart as %q", source, joined.String())
		}
	})
}
