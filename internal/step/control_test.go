package step

import (
	"strings"
	"testing"

	"github.com/millrace-ml/millrace/pipeline"
)

func TestAControlOutputIsReadAsItsType(t *testing.T) {
	for _, test := range []struct {
		kind  pipeline.PortType
		text  string
		value string
		bad   bool
	}{
		{kind: pipeline.Boolean, text: "True\n", value: "True"},
		{kind: pipeline.Boolean, text: " true ", value: "True"},
		{kind: pipeline.Boolean, text: "FALSE", value: "False"},
		{kind: pipeline.Boolean, text: `"true"`, value: "True"},
		{kind: pipeline.Boolean, text: "1", bad: true},
		{kind: pipeline.Boolean, text: "", bad: true},
		{kind: pipeline.Integer, text: "007\n", value: "7"},
		{kind: pipeline.Integer, text: "-3", value: "-3"},
		{kind: pipeline.Integer, text: "3.0", value: "3"},
		{kind: pipeline.Integer, text: "1e3", value: "1000"},
		{kind: pipeline.Integer, text: "3.5", bad: true},
		{kind: pipeline.Integer, text: "three", bad: true},
		{kind: pipeline.Integer, text: "nan", bad: true},
		{kind: pipeline.Number, text: "1e-05\n", value: "1e-05"},
		{kind: pipeline.Number, text: "0.10", value: "0.10"},
		{kind: pipeline.Number, text: "nan", value: "nan"},
		{kind: pipeline.Number, text: "0x1p-2", bad: true},
		{kind: pipeline.Number, text: "a lot", bad: true},
		{kind: pipeline.String, text: "  two words \r\n", value: "  two words "},
		{kind: pipeline.String, text: "one\ntwo\n\n", value: "one\ntwo\n"},
		{kind: pipeline.String, text: `"in \"JSON\""`, value: `in "JSON"`},
		{kind: pipeline.String, text: `"to be" or not`, value: `"to be" or not`},
		{kind: pipeline.String, text: `[{"x": 1}]`, value: `[{"x": 1}]`},
		{kind: pipeline.String, text: "", value: ""},
		{kind: pipeline.String, text: "\xff", bad: true},
		{kind: pipeline.String, text: "a\x00b", bad: true},
	} {
		value, problem := Value(test.kind, []byte(test.text))
		if value != test.value || (problem != "") != test.bad {
			t.Errorf("%s %q is %q, %q; want %q, a problem: %t", test.kind, test.text, value, problem, test.value, test.bad)
		}
	}
}

func FuzzValue(f *testing.F) {
	for _, text := range []string{"True", "3.0", `"x"`, "[1]", "\xff", "1e400"} {
		f.Add(string(pipeline.Integer), []byte(text))
	}
	f.Fuzz(func(t *testing.T, kind string, text []byte) {
		value, problem := Value(pipeline.PortType(kind), text)
		if problem != "" {
			return
		}
		// What a step hands on can be handed on again.
		again, problem := Value(pipeline.PortType(kind), []byte(value))
		if kind != string(pipeline.String) && (problem != "" || again != value && !strings.HasPrefix(value, `"`)) {
			t.Errorf("%s %q became %q, and that %q (%s)", kind, text, value, again, problem)
		}
	})
}
