//go:build tables

// What pandas makes of tables. These tests need it, and pyarrow: tools/tables-test
// has both.

package batch

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/pipeline"
)

// rowsOf is a script that returns a line for each mini-batch: its partition, and
// its rows as JSON.
const rowsOf = `
import json
def run(df, context):
    keys = context.partition_key_value
    rows = json.loads(df.to_json(orient="records", date_format="iso", date_unit="s"))
    text = " ".join(json.dumps(row) for row in rows).replace('"', "")
    return [(",".join("%s=%s" % kv for kv in sorted(keys.items())) + ": " if keys else "") + text] * len(df)
`

// table runs all mini-batches of a table, and returns what each was given.
func table(t *testing.T, p pipeline.Parallel, in pipeline.Artifact, r *trial) []string {
	t.Helper()
	p.Input, p.Entry, p.AppendRowTo, p.Processes, p.Timeout, p.LogLevel = "files", "script.py", "rows", 1, 60, "INFO"
	p.MaxFailedBatches, p.MaxFailedItems, p.MaxFailedPercent = -1, -1, 100
	r.step.Parallel = &p
	s, err := Open(t.Context(), r.store, in, pipeline.MLTable)
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Pieces(t.Context(), r.store, r.step)
	if err != nil {
		t.Fatal(err)
	}
	pieces, err := r.start(c)
	if err != nil {
		return []string{r.stdout}
	}
	l, err := SplitTable(t.Context(), r.store, pieces.Results, &Memory{})
	if err != nil {
		t.Fatal(err)
	}
	ran, err := r.run(l, l.Unknown(), Limits{-1, -1})
	if err != nil {
		t.Fatalf("%v\n%s", err, r.stdout)
	}
	joined, err := Join(t.Context(), r.store, l, r.step, []Ran{ran}, false)
	if err != nil {
		t.Fatal(err)
	}
	var given []string
	for line := range strings.Lines(r.text(joined.Outputs["rows"])) {
		if line = strings.TrimSuffix(line, "\n"); len(given) == 0 || given[len(given)-1] != line {
			given = append(given, line)
		}
	}
	return given
}

func TestTablesAreReadAsTheirFileSays(t *testing.T) {
	const people = "a.csv=name,age\nann,1\nbob,2\n"
	for _, c := range []struct {
		name  string
		steps string
		files []string
		want  []string
	}{
		{"delimited", "read_delimited: {delimiter: ','}", []string{people}, []string{"{name: ann, age: 1} {name: bob, age: 2}"}},
		{"delimited, in short", "read_delimited", []string{people}, []string{"{name: ann, age: 1} {name: bob, age: 2}"}},
		{"tabs", `read_delimited: {delimiter: "\t"}`, []string{"a.csv=x\ty\n1,5\t2\n"}, []string{"{x: 1,5, y: 2}"}},
		{"long delimiters", "read_delimited: {delimiter: '||'}", []string{"a.csv=x||y\n1||2\n"}, []string{"{x: 1, y: 2}"}},
		{"no header", "read_delimited: {header: no_header}", []string{"a.csv=1,2\n", "b.csv=3,4\n"}, []string{"{Column1: 1, Column2: 2} {Column1: 3, Column2: 4}"}},
		{"header of the first file", "read_delimited: {header: from_first_file}", []string{"a.csv=x,y\n1,2\n", "b.csv=3,4\n"}, []string{"{x: 1, y: 2} {x: 3, y: 4}"}},
		{"header of each file", "read_delimited: {header: all_files_different_headers}", []string{"a.csv=x\n1\n", "b.csv=y\n2\n"}, []string{"{x: 1.0, y: null} {x: null, y: 2.0}"}},
		{"texts", "read_delimited: {infer_column_types: false}", []string{"a.csv=x\n007\n"}, []string{"{x: 007}"}},
		{"empty as text", "read_delimited: {empty_as_string: true}", []string{"a.csv=x,y\nNA,\n"}, []string{"{x: NA, y: }"}},
		{"an encoding", "read_delimited: {encoding: iso88591}", []string{"a.csv=x\n\xe9\n"}, []string{"{x: \\u00e9}"}},
		{"the path of the file", "read_delimited: {include_path_column: true}", []string{"a.csv=x\n1\n", "deep/b.csv=x\n2\n"}, []string{"{Path: /a.csv, x: 1} {Path: /deep/b.csv, x: 2}"}},
		{"an empty file", "read_delimited", []string{"a.csv=x\n1\n", "b.csv="}, []string{"{x: 1}"}},
		{"json lines", "read_json_lines", []string{"a.csv={\"x\": 1, \"y\": \"a\"}\n\n{\"x\": 2, \"y\": \"b\"}\n"}, []string{"{x: 1, y: a} {x: 2, y: b}"}},
		{"json lines, broken ones dropped", "read_json_lines: {invalid_lines: drop}", []string{"a.csv={\"x\": 1}\n{x\n"}, []string{"{x: 1}"}},
		{"take", "read_delimited\n- take: 1", []string{people}, []string{"{name: ann, age: 1}"}},
		{"skip", "read_delimited\n- skip: 1", []string{people}, []string{"{name: bob, age: 2}"}},
		{"in order", "read_delimited\n- skip: 1\n- take: 1", []string{"a.csv=x\n1\n2\n3\n"}, []string{"{x: 2}"}},
		{"all of a sample", "read_delimited\n- take_random_sample: {probability: 1, seed: 7}", []string{people}, []string{"{name: ann, age: 1} {name: bob, age: 2}"}},
		{"keep columns", "read_delimited\n- keep_columns: [age]", []string{people}, []string{"{age: 1} {age: 2}"}},
		{"keep one column", "read_delimited\n- keep_columns: age", []string{people}, []string{"{age: 1} {age: 2}"}},
		{"drop columns", "read_delimited\n- drop_columns: [age]", []string{people}, []string{"{name: ann} {name: bob}"}},
		{"filter", `read_delimited` + "\n" + `- filter: 'col("age") > 1'`, []string{people}, []string{"{name: bob, age: 2}"}},
		{"filter by and", "read_delimited\n- filter: 'col(\"age\") > 0 and col(\"name\") == \"ann\"'", []string{people}, []string{"{name: ann, age: 1}"}},
		{"filter by not and or", "read_delimited\n- filter: 'not (col(\"age\") < 2 or col(\"name\") == \"eve\")'", []string{people}, []string{"{name: bob, age: 2}"}},
		{"filter by negative numbers", "read_delimited\n- filter: '(col(\"age\") >= -1) & (col(\"age\") != 1)'", []string{people}, []string{"{name: bob, age: 2}"}},
		{"to integers", "read_delimited: {infer_column_types: false}\n- convert_column_types: [{columns: x, column_type: int}]", []string{"a.csv=x\n07\n"}, []string{"{x: 7}"}},
		{"to integers, some missing", "read_delimited: {infer_column_types: false}\n- convert_column_types: [{columns: x, column_type: int}]", []string{"a.csv=x,y\n07,a\n,b\nz,c\n"}, []string{"{x: 7, y: a} {x: null, y: b} {x: null, y: c}"}},
		{"to integers, one is no number", "read_delimited\n- convert_column_types: [{columns: x, column_type: int}]", []string{"a.csv=x\n1\nz\n"}, []string{"{x: 1} {x: null}"}},
		{"to numbers", "read_delimited: {infer_column_types: false}\n- convert_column_types: [{columns: [x, y], column_type: float}]", []string{"a.csv=x,y\n1.5,2\n"}, []string{"{x: 1.5, y: 2}"}},
		{"to texts", "read_delimited\n- convert_column_types: [{columns: [x], column_type: string}]", []string{"a.csv=x\n1\n"}, []string{"{x: 1}"}},
		{"to booleans", "read_delimited\n- convert_column_types: [{columns: [x], column_type: boolean}]", []string{"a.csv=x\nyes\nno\n"}, []string{"{x: true} {x: false}"}},
		{"to booleans, by their words", "read_delimited\n- convert_column_types: [{columns: [x], column_type: {boolean: {true_values: [good], false_values: [bad], mismatch_as: 'false'}}}]", []string{"a.csv=x\ngood\nbad\n"}, []string{"{x: true} {x: false}"}},
		{"to times", "read_delimited\n- convert_column_types: [{columns: [x], column_type: {datetime: {formats: ['%d.%m.%Y']}}}]", []string{"a.csv=x\n24.12.2025\n"}, []string{"{x: 2025-12-24T00:00:00Z}"}},
		{"to times, of two formats", "read_delimited\n- convert_column_types: [{columns: [x], column_type: {datetime: {formats: ['%d.%m.%Y', '%Y-%m-%d']}}}]", []string{"a.csv=x\n24.12.2025\n2025-12-25\n"}, []string{"{x: 2025-12-24T00:00:00Z} {x: 2025-12-25T00:00:00Z}"}},
		{"columns of paths", "read_delimited\n- extract_columns_from_partition_format: {partition_format: '/{region}/{day:yyyy-MM-dd}/a.csv'}", []string{"eu/2025-12-24/a.csv=x\n1\n"}, []string{"{x: 1, region: eu, day: 2025-12-24T00:00:00Z}"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newTrial(t, rowsOf)
			files := append([]string{"MLTable=paths: [{pattern: '**/*.csv'}]\ntransformations:\n- " + c.steps}, c.files...)
			if diff := cmp.Diff(c.want, table(t, pipeline.Parallel{}, folder(t, r.store, files...), r)); diff != "" {
				t.Errorf("%s\n%s", diff, r.stdout)
			}
		})
	}
}

func TestTablesOfParquetAreRead(t *testing.T) {
	r := newTrial(t, rowsOf)
	path := filepath.Join(t.TempDir(), "a.parquet")
	made, err := exec.CommandContext(t.Context(), "python3", "-c",
		"import pandas, sys; pandas.DataFrame({'x': [1, 2], 'y': ['a', None]}).to_parquet(sys.argv[1])", path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, made)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	in := folder(t, r.store, "MLTable=paths: [{file: ./a.parquet}]\ntransformations: [read_parquet]", "a.parquet="+string(content))
	if diff := cmp.Diff([]string{"{x: 1, y: a} {x: 2, y: null}"}, table(t, pipeline.Parallel{}, in, r)); diff != "" {
		t.Errorf("%s\n%s", diff, r.stdout)
	}
}

func TestTablesAreCut(t *testing.T) {
	const rows = "a.csv=k,x\n1,a\n2,b\n1,c\n"
	for _, c := range []struct {
		name string
		p    pipeline.Parallel
		want []string
	}{
		{"by size", pipeline.Parallel{Bytes: 8}, []string{"{k: 1, x: a}", "{k: 2, x: b}", "{k: 1, x: c}"}},
		{"not at all where they are small", pipeline.Parallel{}, []string{"{k: 1, x: a} {k: 2, x: b} {k: 1, x: c}"}},
		{"by a column", pipeline.Parallel{PartitionKeys: []string{"k"}}, []string{"k=1: {k: 1, x: a} {k: 1, x: c}", "k=2: {k: 2, x: b}"}},
		{"by two columns", pipeline.Parallel{PartitionKeys: []string{"k", "x"}}, []string{"k=1,x=a: {k: 1, x: a}", "k=1,x=c: {k: 1, x: c}", "k=2,x=b: {k: 2, x: b}"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newTrial(t, rowsOf)
			in := folder(t, r.store, "MLTable=paths: [{file: ./a.csv}]\ntransformations: [read_delimited]", rows)
			if diff := cmp.Diff(c.want, table(t, c.p, in, r)); diff != "" {
				t.Errorf("%s\n%s", diff, r.stdout)
			}
		})
	}
}

func TestTablesWithMistakesAreTold(t *testing.T) {
	for _, c := range []struct {
		name, steps, file string
		p                 pipeline.Parallel
		want              string
	}{
		{"a filter", "read_delimited\n- filter: 'age > 1'", "age\n1\n", pipeline.Parallel{}, "the filter age > 1 is not understood"},
		{"a column of a filter", "read_delimited\n- filter: 'col(\"ages\") > 1'", "age\n1\n", pipeline.Parallel{}, "no column ages"},
		{"a column to keep", "read_delimited\n- keep_columns: [ages]", "age\n1\n", pipeline.Parallel{}, "no column ages"},
		{"a column to convert", "read_delimited\n- convert_column_types: [{columns: [ages], column_type: int}]", "age\n1\n", pipeline.Parallel{}, "no column ages"},
		{"a type", "read_delimited\n- convert_column_types: [{columns: [age], column_type: colour}]", "age\n1\n", pipeline.Parallel{}, "does not know the type colour"},
		{"a partition key", "read_delimited", "age\n1\n", pipeline.Parallel{PartitionKeys: []string{"region"}}, "no column region, which partition_keys names; it has age"},
		{"a line of JSON", "read_json_lines", "{x\n", pipeline.Parallel{}, "line 1: "},
		{"a partition format", "read_delimited\n- extract_columns_from_partition_format: {partition_format: '/{region}/b.csv'}", "age\n1\n", pipeline.Parallel{}, "is not of the form"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newTrial(t, rowsOf)
			in := folder(t, r.store, "MLTable=paths: [{file: ./a.csv}]\ntransformations:\n- "+c.steps, "a.csv="+c.file)
			got := strings.Join(table(t, c.p, in, r), "\n")
			if !strings.Contains(got, c.want) || strings.Contains(got, "Traceback") {
				t.Errorf("got %s\nwant %q", got, c.want)
			}
		})
	}
}
