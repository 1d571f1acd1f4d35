package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

var listing = []map[string]any{
	{"name": "calm_river", "status": "Completed", "display_name": "penguins", "experiment_name": "e", "type": "pipeline", "creation_context": map[string]any{"created_at": "2026-11-22"}},
	{"name": "bold_otter", "status": "Failed", "display_name": "hello", "experiment_name": "e", "compute": "cpu", "type": "command", "creation_context": map[string]any{"created_at": "2026-11-21"}},
}

func TestOutputIsWhatAzScriptsExpect(t *testing.T) {
	for _, test := range []struct {
		name  string
		flags []string
		want  string
	}{
		{"one value", []string{"--query", "[0].name", "-o", "tsv"}, "calm_river\n"},
		{"a column", []string{"--query", "[].name", "-o", "tsv"}, "calm_river\nbold_otter\n"},
		{"a list of lists", []string{"--query", "[].[name, compute]", "-o", "tsv"}, "calm_river\tNone\nbold_otter\tcpu\n"},
		{"a map keeps the order of the query", []string{"--query", "[].{s: status, \"n\": name}", "-o", "tsv"}, "Completed\tcalm_river\nFailed\tbold_otter\n"},
		{"so does its table", []string{"--query", "[?status=='Failed'].{what: status, name: name}", "-o", "table"}, "What    Name\n------  ----------\nFailed  bold_otter\n"},
		{"nothing found prints nothing", []string{"--query", "[0].nothing"}, ""},
		{"json is the default", []string{"--query", "length(@)"}, "2\n"},
		{"a string in json has its quotes", []string{"--query", "[1].status", "-o", "json"}, "\"Failed\"\n"},
		{"none", []string{"-o", "none"}, ""},
		{"yaml", []string{"-o", "yaml", "--query", "[0].{name: name, status: status}"}, "name: calm_river\nstatus: Completed\n"},
		{"the table of az", []string{"-o", "table"}, "" +
			"Name        Status     Experiment  Compute target  Job type  Created on\n" +
			"----------  ---------  ----------  --------------  --------  ----------\n" +
			"calm_river  Completed  e                           pipeline  2026-11-22\n" +
			"bold_otter  Failed     e           cpu             command   2026-11-21\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newConsole(t)
			root := newRootCmd(c.app)
			if err := root.ParseFlags(test.flags); err != nil {
				t.Fatal(err)
			}
			if err := c.readFlags(root); err != nil {
				t.Fatal(err)
			}
			if err := c.print(listing, jobTable); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, c.out.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAQueryThatCannotBeReadIsRefusedBeforeAnythingIsDone(t *testing.T) {
	c := newConsole(t)
	if code := c.run("job", "list", "--query", "[].{name name}"); code != exitUsage {
		t.Errorf("exit code %d", code)
	}
	golden(t, "bad_query", c.err.String())
	if c.out.Len() > 0 {
		t.Errorf("stdout: %s", c.out.String())
	}
}

func TestTheKeysOfAQueryAreFoundInTheirOrder(t *testing.T) {
	for query, want := range map[string][][]string{
		"name":                         nil,
		"{b: x, a: y}":                 {{"b", "a"}},
		"[].{b: l[0:2], a: f(x, y)}":   {{"b", "a"}},
		"{b: {d: x, c: y}, a: z}":      {{"d", "c"}, {"b", "a"}},
		"[?a=='{x: y}'].{\"k:1\": b}":  {{"k:1"}},
		"a[?b==`{\"q\": 1}`] | {z: @}": {{"z"}},
		"}}}{{{:,":                     nil,
	} {
		if diff := cmp.Diff(want, hashKeys(query)); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
}

func FuzzAnyQueryIsAnsweredOrRefused(f *testing.F) {
	for _, q := range []string{"name", "[].{a: b}", "{b: x, a: y}", "[?a>`1`]", "sort_by(@, &name)", "{", "'", "\"\\", "[0:1:0]"} {
		f.Add(q)
	}
	data := []any{map[string]any{"name": "x", "n": 1.0, "list": []any{"a", nil}}}
	f.Fuzz(func(t *testing.T, q string) {
		s, err := newSearch(q)
		if err != nil {
			return
		}
		found, err := s.in(data)
		if m, ok := found.(map[string]any); ok && err == nil {
			var keys []string
			for k := range m {
				keys = append(keys, k)
			}
			if len(s.order(keys)) != len(keys) {
				t.Fatalf("%q: %v became %v", q, keys, s.order(keys))
			}
		}
	})
}
