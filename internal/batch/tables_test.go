//go:build tables

// What pandas makes of tables. These tests need it, and pyarrow: tools/tables-test
// has both.

package batch

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

// cases are tables that one Python cuts, because importing pandas takes longer
// than all of them.
type cases struct {
	*trial
	dir   string
	names []string
}

func newCases(t *testing.T) *cases { return &cases{trial: newTrial(t, ""), dir: t.TempDir()} }

// add puts down a table, of which the files are "path=content".
func (c *cases) add(name, mltable string, p pipeline.Parallel, files ...string) {
	c.t.Helper()
	p.Input = "files"
	c.step.Parallel = &p
	in := folder(c.t, c.store, append([]string{"MLTable=" + mltable}, files...)...)
	s, err := Open(c.t.Context(), c.store, in, pipeline.MLTable)
	if err != nil {
		c.t.Fatal(err)
	}
	chunk, err := s.Pieces(c.t.Context(), c.store, c.step)
	if err != nil {
		c.t.Fatal(err)
	}
	dir := filepath.Join(c.dir, strconv.Itoa(len(c.names)))
	if err := os.MkdirAll(filepath.Join(dir, "out"), 0o755); err != nil {
		c.t.Fatal(err)
	}
	for to, a := range map[string]pipeline.Artifact{"data": chunk.Data, "runner": chunk.Runner} {
		if err := c.store.Stage(c.t.Context(), a, filepath.Join(dir, to), artifact.Writable); err != nil {
			c.t.Fatal(err)
		}
	}
	c.names = append(c.names, name)
}

// cutter cuts the tables in folders, and prints what is in each mini-batch: its
// partition, and its rows as JSON.
const cutter = `
import json, os, pickle, sys, traceback
sys.path.insert(0, "0/runner")
import table
def batches(dir):
    with open(dir + "/runner/chunk.json") as file:
        table.cut(json.load(file), dir + "/data", dir + "/out")
    with open(dir + "/out/index.jsonl") as file:
        lines = list(file)
    for line in lines:
        at = json.loads(line)
        with open(dir + "/out/" + at["pack"], "rb") as pack:
            pack.seek(at["at"])
            df = pickle.loads(pack.read(at["length"]))
        assert len(df) == at["items"]
        rows = json.loads(df.to_json(orient="records", date_format="iso", date_unit="s"))
        keys = ",".join("%s=%s" % (k, v) for k, v in at.get("keys", []))
        yield (keys + ": " if keys else "") + " ".join(json.dumps(row, ensure_ascii=False) for row in rows).replace('"', "")
found = []
for number in range(int(sys.argv[1])):
    try:
        found.append(list(batches(str(number))))
    except SystemExit as error:
        found.append([str(error)])
    except Exception:
        found.append([traceback.format_exc()])
print(json.dumps(found))
`

// cut cuts all tables, and checks what is in their mini-batches.
func (c *cases) cut(check func(t *testing.T, i int, got []string)) {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), "python3", "-W", "error", "-c", cutter, strconv.Itoa(len(c.names)))
	cmd.Dir, cmd.Stderr = c.dir, os.Stderr
	said, err := cmd.Output()
	if err != nil {
		c.t.Fatal(err)
	}
	var found [][]string
	if err := json.Unmarshal(said, &found); err != nil {
		c.t.Fatalf("%v: %s", err, said)
	}
	for i, name := range c.names {
		c.t.Run(name, func(t *testing.T) { check(t, i, found[i]) })
	}
}

func TestTablesAreReadAsTheirFileSays(t *testing.T) {
	const people = "a.csv=name,age\nann,1\nbob,2\n"
	table := []struct {
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
		{"an encoding", "read_delimited: {encoding: iso88591}", []string{"a.csv=x\n\xe9\n"}, []string{"{x: é}"}},
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
		{"to numbers", "read_delimited: {infer_column_types: false}\n- convert_column_types: [{columns: [x, y], column_type: float}]", []string{"a.csv=x,y\n1.5,2\n"}, []string{"{x: 1.5, y: 2.0}"}},
		{"to texts", "read_delimited\n- convert_column_types: [{columns: [x], column_type: string}]", []string{"a.csv=x\n1\n"}, []string{"{x: 1}"}},
		{"to booleans", "read_delimited\n- convert_column_types: [{columns: [x], column_type: boolean}]", []string{"a.csv=x\nyes\nno\n"}, []string{"{x: true} {x: false}"}},
		{"to booleans, by their words", "read_delimited\n- convert_column_types: [{columns: [x], column_type: {boolean: {true_values: [good], false_values: [bad], mismatch_as: 'false'}}}]", []string{"a.csv=x\ngood\nbad\n"}, []string{"{x: true} {x: false}"}},
		{"to times", "read_delimited\n- convert_column_types: [{columns: [x], column_type: {datetime: {formats: ['%d.%m.%Y']}}}]", []string{"a.csv=x\n24.12.2025\n"}, []string{"{x: 2025-12-24T00:00:00}"}},
		{"to times, of two formats", "read_delimited\n- convert_column_types: [{columns: [x], column_type: {datetime: {formats: ['%d.%m.%Y', '%Y-%m-%d']}}}]", []string{"a.csv=x\n24.12.2025\n2025-12-25\n"}, []string{"{x: 2025-12-24T00:00:00} {x: 2025-12-25T00:00:00}"}},
		{"columns of paths", "read_delimited\n- extract_columns_from_partition_format: {partition_format: '/{region}/{day:yyyy-MM-dd}/a.csv'}", []string{"eu/2025-12-24/a.csv=x\n1\n"}, []string{"{x: 1, region: eu, day: 2025-12-24T00:00:00}"}},
	}
	all := newCases(t)
	for _, c := range table {
		all.add(c.name, "paths: [{pattern: '**/*.csv'}]\ntransformations:\n- "+c.steps, pipeline.Parallel{}, c.files...)
	}
	all.cut(func(t *testing.T, i int, got []string) {
		if diff := cmp.Diff(table[i].want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTablesOfParquetAreRead(t *testing.T) {
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
	one := newCases(t)
	one.add("all of it", "paths: [{file: ./a.parquet}]\ntransformations: [read_parquet]", pipeline.Parallel{}, "a.parquet="+string(content))
	one.cut(func(t *testing.T, _ int, got []string) {
		if diff := cmp.Diff([]string{"{x: 1, y: a} {x: 2, y: null}"}, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTablesAreCut(t *testing.T) {
	const rows = "a.csv=k,x\n1,a\n2,b\n1,c\n"
	table := []struct {
		name string
		p    pipeline.Parallel
		want []string
	}{
		{"by size", pipeline.Parallel{Bytes: 8}, []string{"{k: 1, x: a}", "{k: 2, x: b}", "{k: 1, x: c}"}},
		{"not at all where they are small", pipeline.Parallel{}, []string{"{k: 1, x: a} {k: 2, x: b} {k: 1, x: c}"}},
		{"by a column", pipeline.Parallel{PartitionKeys: []string{"k"}}, []string{"k=1: {k: 1, x: a} {k: 1, x: c}", "k=2: {k: 2, x: b}"}},
		{"by two columns", pipeline.Parallel{PartitionKeys: []string{"k", "x"}}, []string{"k=1,x=a: {k: 1, x: a}", "k=1,x=c: {k: 1, x: c}", "k=2,x=b: {k: 2, x: b}"}},
	}
	all := newCases(t)
	for _, c := range table {
		all.add(c.name, "paths: [{file: ./a.csv}]\ntransformations: [read_delimited]", c.p, rows)
	}
	all.cut(func(t *testing.T, i int, got []string) {
		if diff := cmp.Diff(table[i].want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTablesWithMistakesAreTold(t *testing.T) {
	table := []struct {
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
	}
	all := newCases(t)
	for _, c := range table {
		all.add(c.name, "paths: [{file: ./a.csv}]\ntransformations:\n- "+c.steps, c.p, "a.csv="+c.file)
	}
	all.cut(func(t *testing.T, i int, got []string) {
		text := strings.Join(got, "\n")
		if !strings.Contains(text, table[i].want) || strings.Contains(text, "Traceback") {
			t.Errorf("got %s\nwant %q", text, table[i].want)
		}
	})
}
