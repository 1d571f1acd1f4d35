package term

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const job = `{"name": "calm_river", "status": "Completed", "tags": {"a": "1"}, "steps": [1, 2], "compute": null, "reused": true, "size": 12345678}`

func TestDataIsWrittenAsAzWritesIt(t *testing.T) {
	for _, test := range []struct {
		name   string
		format Format
		data   string
		want   string
	}{
		{"a scalar as tsv is plain", TSV, `"calm_river"`, "calm_river\n"},
		{"a truth as tsv is lower case", TSV, `true`, "true\n"},
		{"a number as tsv has no exponent", TSV, `12345678`, "12345678\n"},
		{"a list as tsv has a line for each", TSV, `["a", "b"]`, "a\nb\n"},
		{"an empty list as tsv is nothing", TSV, `[]`, ""},
		{"a list of lists as tsv has columns", TSV, `[["a", 1], ["b", null]]`, "a\t1\nb\tNone\n"},
		{"a map as tsv has sorted columns, nested values are not shown", TSV, job, "None\tcalm_river\tTrue\t12345678\tCompleted\t2\t\n"},
		{"csv has a header, and nothing for null", CSV, `[{"a": 1, "b": "x,y"}, {"a": null, "c": "say \"so\"", "d": [1]}]`, "a,b,c\n1,\"x,y\",\n,,\"say \"\"so\"\"\"\n"},
		{"csv of scalars", CSV, `["a", 2]`, "value\na\n2\n"},
		{"csv of nothing", CSV, `[]`, ""},
		{"json is indented and sorted", JSON, `{"b": "<&>", "a": []}`, "{\n  \"a\": [],\n  \"b\": \"<&>\"\n}\n"},
		{"jsonc without colours is json", JSONC, `[1]`, "[\n  1\n]\n"},
		{"yaml", YAML, `{"name": "a", "yes": "true", "list": [1, "x"], "text": "one\ntwo\n"}`, "list:\n- 1\n- x\nname: a\ntext: |\n  one\n  two\n\"yes\": \"true\"\n"},
		{"none writes nothing", None, job, ""},
		{"a table of a map has its scalars", Grid, job,
			"Name        Reused  Size      Status\n" +
				"----------  ------  --------  ---------\n" +
				"calm_river  True    12345678  Completed\n"},
		{"a table of a list of maps has all columns that hold something", Grid, `[{"a": 1}, {"b": "x\ny"}]`, "A  B\n-  ---\n1\n   x y\n"},
		{"a table leaves out what az leaves out", Grid, `[{"id": "x", "type": "y", "name": "z"}]`, "Name\n----\nz\n"},
		{"a table of scalars", Grid, `["a", "bc"]`, "Result\n------\na\nbc\n"},
		{"a table of lists", Grid, `[["a", 1]]`, "Column1  Column2\n-------  -------\na        1\n"},
		{"a table of nothing", Grid, `[]`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var data any
			if err := json.Unmarshal([]byte(test.data), &data); err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			if err := Write(&Stream{Writer: &b}, test.format, data, nil); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, b.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestColouredJSONIsTheSameJSON(t *testing.T) {
	var plain, colored strings.Builder
	var data any
	if err := json.Unmarshal([]byte(`{"a\": b": "c: \"d\"", "n": [1, true, null, {}], "e": {"f": "g"}}`), &data); err != nil {
		t.Fatal(err)
	}
	if err := Write(&Stream{Writer: &plain}, JSON, data, nil); err != nil {
		t.Fatal(err)
	}
	if err := Write(&Stream{Writer: &colored, Color: true}, JSONC, data, nil); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(colored.String(), "\x1b[34m") {
		t.Error("there are no colours")
	}
	var lines []string
	for line := range strings.Lines(colored.String()) {
		lines = append(lines, Clean(line)+"\n")
	}
	if diff := cmp.Diff(plain.String(), strings.Join(lines, "")); diff != "" {
		t.Error(diff)
	}
}

func TestFormatsMayBeWrittenInAnyCase(t *testing.T) {
	for text, want := range map[string]Format{"TSV": TSV, "Json": JSON, "yamlc": YAML} {
		if got, err := ParseFormat(text); got != want || err != nil {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
}

func TestAnUnknownFormatNamesTheKnownOnes(t *testing.T) {
	_, err := ParseFormat("xml")
	if err == nil || !strings.Contains(err.Error(), "json, jsonc, yaml, tsv, csv, table, none") {
		t.Errorf("got %v", err)
	}
}
