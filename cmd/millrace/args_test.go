package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFlagsTakeSeveralWordsAsInAz(t *testing.T) {
	for line, want := range map[string]string{
		"run f.yml --set a=1 b=2 c.d=x=y -o json": "run f.yml --set a=1 --set b=2 --set c.d=x=y -o json",
		"run --set a=1 b=2 f.yml":                 "run --set a=1 --set b=2 f.yml",
		"run f.yml --set=a=1 --set b=2 --set c=3": "run f.yml --set=a=1 --set b=2 --set c=3",
		"run f.yml --set a=1 -- b=2":              "run f.yml --set a=1 -- b=2",
		"run -- --set a=1 b=2":                    "run -- --set a=1 b=2",
		"run f.yml --set":                         "run f.yml --set",
		"run f.yml --set a=-1 -n=x":               "run f.yml --set a=-1 -n=x",
		"model create --tags a=1 b=2 -n m":        "model create --tags a=1 --tags b=2 -n m",
		"job update --remove tags.a --set b=2":    "job update --remove tags.a --set b=2",
		"job update --remove list 0 -n x":         "job update --remove list --remove ~0 -n x",
		"job update --add tags a=1 b=2":           "job update --add tags --add ~a=1 --add ~b=2",
	} {
		got := strings.ReplaceAll(strings.Join(expandMany(strings.Fields(line)), " "), goesOn, "~")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", line, diff)
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
