package step_test

import (
	"os/exec"
	"testing"

	"github.com/millrace-ml/millrace/pipeline"
)

// The first is what any step costs at least; what the others take beyond it is
// Millrace's.

func BenchmarkPlainExec(b *testing.B) {
	for b.Loop() {
		if err := exec.Command("/bin/bash", "-c", "true").Run(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTrue(b *testing.B) {
	w := newWorld(b)
	w.Executor.Protection()
	a := attempt("true")
	for b.Loop() {
		w.run(b, a)
	}
}

func BenchmarkTrueWithPorts(b *testing.B) {
	w := newWorld(b)
	w.Executor.Protection()
	a := attempt("echo ${{inputs.data}} > ${{outputs.model}}/model")
	a.Step.Code = w.code(b, map[string]string{"train.py": "print()", "lib/util.py": "", "README": ""})
	a.Step.Inputs = []pipeline.Input{{Name: "data", Type: pipeline.URIFolder}, {Name: "rate", Type: pipeline.Number}}
	a.Inputs["data"] = pipeline.Content(w.tree(b, map[string]string{"a.csv": "1", "b.csv": "2"}))
	a.Inputs["rate"] = pipeline.Text("0.1")
	a.Step.Outputs = []pipeline.Output{{Name: "model", Type: pipeline.URIFolder}}
	for b.Loop() {
		w.run(b, a)
	}
}
