package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

// thing is something that can be changed.
type thing struct {
	Title  string            `json:"title"`
	Tags   map[string]string `json:"tags"`
	Size   int               `json:"size"`
	List   []any             `json:"list"`
	Secret string            `json:"secret"`
}

var mayChange = editable{texts: []string{"title"}, maps: []string{"tags"}, values: []string{"size", "list"}}

func newThing() thing {
	return thing{Title: "a", Tags: map[string]string{"x": "1"}, Size: 3, List: []any{"one", "two"}, Secret: "s"}
}

func change1(t *testing.T, line string) (thing, error) {
	t.Helper()
	var c changes
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	addChanges(f, &c)
	if err := f.Parse(expandMany(strings.Fields(line))); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	it := newThing()
	err := edit(&it, &c, mayChange, "thing update")
	return it, err
}

func TestThingsAreChangedAsAzUpdateDoes(t *testing.T) {
	for line, want := range map[string]func(*thing){
		"--set title=b":                               func(w *thing) { w.Title = "b" },
		"--set title=b size=4":                        func(w *thing) { w.Title, w.Size = "b", 4 },
		"--set title=12":                              func(w *thing) { w.Title = "12" },
		"--set title=1e3":                             func(w *thing) { w.Title = "1e3" },
		"--set title=null":                            func(w *thing) { w.Title = "" },
		"--set title=null --force-string":             func(w *thing) { w.Title = "null" },
		`--set title="b"`:                             func(w *thing) { w.Title = "b" },
		"--set title=a=b":                             func(w *thing) { w.Title = "a=b" },
		"--set tags.y=2 tags.z=true":                  func(w *thing) { w.Tags["y"], w.Tags["z"] = "2", "true" },
		"--set tags.'a.b'=c":                          func(w *thing) { w.Tags["a.b"] = "c" },
		`--set tags.a\.b=c`:                           func(w *thing) { w.Tags["a.b"] = "c" },
		`--set tags={"a":"b"}`:                        func(w *thing) { w.Tags = map[string]string{"a": "b"} },
		"--remove tags.x":                             func(w *thing) { w.Tags = map[string]string{} },
		"--remove tags":                               func(w *thing) { w.Tags = nil },
		"--remove title --set tags.y=2":               func(w *thing) { w.Title, w.Tags["y"] = "", "2" },
		"--add tags y=2 z=3":                          func(w *thing) { w.Tags["y"], w.Tags["z"] = "2", "3" },
		"--add tags.y=2":                              func(w *thing) { w.Tags["y"] = "2" },
		"--add list three 4":                          func(w *thing) { w.List = []any{"one", "two", "three", 4.0} },
		"--add list a=b c=d":                          func(w *thing) { w.List = []any{"one", "two", map[string]any{"a": "b", "c": "d"}} },
		"--remove list 0":                             func(w *thing) { w.List = []any{"two"} },
		"--set list[1]=2":                             func(w *thing) { w.List[1] = 2.0 },
		"--remove tags.x --set tags.x=2":              func(w *thing) { w.Tags["x"] = "2" },
		"--set tags.x=2 --remove tags.x":              func(w *thing) { w.Tags = map[string]string{} },
		"--remove tags --add tags y=2 --add tags z=3": func(w *thing) { w.Tags = map[string]string{"y": "2", "z": "3"} },
	} {
		expected := newThing()
		want(&expected)
		got, err := change1(t, line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if diff := cmp.Diff(expected, got); diff != "" {
			t.Errorf("%s: %s", line, diff)
		}
	}
}

func TestWhatCannotBeChangedIsRefused(t *testing.T) {
	for line, want := range map[string]string{
		"":                       "nothing to change",
		"--set secret=x":         `cannot change "secret"`,
		"--remove secret":        `cannot change "secret"`,
		"--set title":            "not of the form path=value",
		"--set .a=b":             "not a path",
		"--set tags.'a=b":        "not a path",
		"--set tags=b":           "tags must be a map",
		`--set tags.a={"b":1}`:   "tags.a must be text",
		`--set title={"b":1}`:    "title must be text",
		"--set size=x":           "size",
		"--remove tags.nope":     `there is no "nope"`,
		"--remove list 7":        "not a place in a list of 2",
		"--set list[7]=x":        "not a place in a list of 2",
		"--add list":             "nothing to add",
		"--add tags three":       "write key=value",
		"--set title.inside=x":   "",
		"--set tags.x.inside=2":  "",
		"--remove title.inside":  "",
		"--remove list.0.inside": "",
	} {
		got, err := change1(t, line)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
		if diff := cmp.Diff(newThing(), got); diff != "" {
			t.Errorf("%s: it was changed all the same: %s", line, diff)
		}
	}
}

func FuzzChanges(f *testing.F) {
	f.Add("--set", "tags.a[0].'b'=1")
	f.Add("--remove", "list.0")
	f.Add("--add", "list")
	f.Fuzz(func(t *testing.T, flag, word string) {
		var c changes
		verb := strings.TrimLeft(flag, "-")
		if verb != "add" && verb != "remove" {
			verb = "set"
		}
		if (changeFlag{verb, &c}).Set(strings.TrimPrefix(word, goesOn)) != nil {
			return
		}
		it := newThing()
		if edit(&it, &c, mayChange, "thing update") == nil {
			if _, err := json.Marshal(it); err != nil {
				t.Error(err)
			}
		}
	})
}
