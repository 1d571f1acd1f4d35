package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSetTakesSeveralPairsAsAzDoes(t *testing.T) {
	for line, want := range map[string]string{
		"run f.yml --set a=1 b=2 c.d=x=y -o json": "run f.yml --set a=1 --set b=2 --set c.d=x=y -o json",
		"run --set a=1 b=2 f.yml":                 "run --set a=1 --set b=2 f.yml",
		"run f.yml --set=a=1 --set b=2 --set c=3": "run f.yml --set=a=1 --set b=2 --set c=3",
		"run f.yml --set a=1 -- b=2":              "run f.yml --set a=1 -- b=2",
		"run -- --set a=1 b=2":                    "run -- --set a=1 b=2",
		"run f.yml --set":                         "run f.yml --set",
		"run f.yml --set a=-1 -n=x":               "run f.yml --set a=-1 -n=x",
	} {
		if diff := cmp.Diff(strings.Fields(want), expandSet(strings.Fields(line))); diff != "" {
			t.Errorf("%s: %s", line, diff)
		}
	}
}

func TestALinkNamedAzTakesAzLines(t *testing.T) {
	for line, want := range map[string]string{
		"/usr/bin/millrace job list": "job list",
		"/opt/az ml job list":        "job list",
		"az version":                 "version",
		"millrace ml job list":       "ml job list",
		"millrace":                   "",
	} {
		if got := strings.Join(azArguments(strings.Fields(line)), " "); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

func TestQuotedWordsAreReadBackByAShell(t *testing.T) {
	for _, word := range []string{"plain", "with space", "it's", "", "$HOME", "a=b", "*", "~", "日本", "#x", "a\nb"} {
		out, err := exec.Command("/bin/sh", "-c", "printf %s "+shellQuote(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("%q came back as %q, %v", word, out, err)
		}
	}
}
