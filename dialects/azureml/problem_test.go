package azureml_test

import (
	"strings"
	"testing"

	"github.com/millrace-ml/millrace/dialects/azureml"
)

func TestProblemsAreDrawnForPeople(t *testing.T) {
	long := strings.Repeat("x", 100) + " here " + strings.Repeat("y", 100)
	for name, c := range map[string]struct {
		problem azureml.Problem
		color   bool
		want    string
	}{
		"with a hint": {
			azureml.Problem{Severity: azureml.Error, File: "a.yml", Line: 3, Column: 5, Width: 4, Message: "no", Hint: "yes", Source: "a:  wrong"},
			false, "a.yml:3:5: error: no\n  a:  wrong\n      ^~~~\n  hint: yes\n",
		},
		"tabs and wide letters": {
			azureml.Problem{Severity: azureml.Warning, File: "a.yml", Line: 1, Column: 4, Width: 1, Message: "m", Source: "ü:\tx"},
			false, "a.yml:1:4: warning: m\n  ü: x\n     ^\n",
		},
		"without a line": {
			azureml.Problem{Severity: azureml.Error, File: "a.yml", Line: 1, Column: 1, Message: "empty"},
			false, "a.yml:1:1: error: empty\n",
		},
		"behind the end of the line": {
			azureml.Problem{Severity: azureml.Error, File: "a.yml", Line: 1, Column: 3, Width: 9, Message: "m", Source: "ab"},
			false, "a.yml:1:3: error: m\n  ab\n    ^\n",
		},
		"a long line": {
			azureml.Problem{Severity: azureml.Error, File: "a.yml", Line: 1, Column: 102, Width: 4, Message: "m", Source: long},
			false, "a.yml:1:102: error: m\n  ..." + strings.Repeat("x", 59) + " here " + strings.Repeat("y", 52) + "...\n  " + strings.Repeat(" ", 63) + "^~~~\n",
		},
		"control characters": {
			azureml.Problem{Severity: azureml.Error, File: "a.yml", Line: 1, Column: 1, Width: 1, Message: "a\x1b[2Jb", Source: "\x1b]0;x"},
			false, "a.yml:1:1: error: a?[2Jb\n  ?]0;x\n  ^\n",
		},
		"in colour": {
			azureml.Problem{Severity: azureml.Error, File: "a.yml", Line: 1, Column: 1, Width: 1, Message: "m", Hint: "h", Source: "x"},
			true, "\x1b[1ma.yml:1:1:\x1b[0m \x1b[1;31merror:\x1b[0m m\n  x\n  \x1b[1;32m^\x1b[0m\n  \x1b[1;36mhint:\x1b[0m h\n",
		},
	} {
		var b strings.Builder
		c.problem.Render(&b, c.color)
		if b.String() != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, b.String(), c.want)
		}
	}
}

func TestProblemsAreAnError(t *testing.T) {
	problems := azureml.Problems{
		{Severity: azureml.Error, File: "a.yml", Line: 1, Column: 2, Message: "one"},
		{Severity: azureml.Warning, File: "b.yml", Line: 3, Column: 4, Message: "two"},
	}
	if got, want := problems.Error(), "a.yml:1:2: one\nb.yml:3:4: two"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := problems.Errors().ErrorOrNil(); err == nil || err.Error() != "a.yml:1:2: one" {
		t.Errorf("the errors are %v", err)
	}
	if err := problems.Warnings().Errors().ErrorOrNil(); err != nil {
		t.Errorf("warnings alone are %v", err)
	}
}
