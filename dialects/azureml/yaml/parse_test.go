package yaml

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"
	"testing"
)

// show writes a value with its types, so that texts can be compared.
func show(n *Node) string {
	if n == nil {
		return "~"
	}
	quote := func(s string) string {
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(s); err != nil {
			return err.Error()
		}
		return strings.TrimSuffix(b.String(), "\n")
	}
	switch n.Kind {
	case Null:
		return "~"
	case Bool:
		return "bool(" + n.Text + ")"
	case Int:
		return "int(" + n.Text + ")"
	case Float:
		return "float(" + n.Text + ")"
	case String:
		return quote(n.Text)
	case List:
		var items []string
		for _, item := range n.Items {
			items = append(items, show(item))
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	var keys []string
	for _, e := range n.Entries {
		keys = append(keys, e.Key)
	}
	sort.Strings(keys)
	for i, key := range keys {
		keys[i] = quote(key) + ": " + show(n.Entry(key).Value)
	}
	return "{" + strings.Join(keys, ", ") + "}"
}

// read parses a text; the error is the one that ended the reading.
func read(text string) (*Node, *Error) {
	root, errs := Parse("file.yml", ".", []byte(text))
	for _, e := range errs {
		if !e.Warning {
			return nil, e
		}
	}
	return root, nil
}

// TestReadsAsPyYAML compares with what PyYAML made of the same texts; see
// testdata/record.py.
func TestReadsAsPyYAML(t *testing.T) {
	f, err := os.Open("testdata/pyyaml.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, records := bufio.NewScanner(f), 0
	for ; lines.Scan(); records++ {
		var record [2]*string
		if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
			t.Fatal(err)
		}
		root, fault := read(*record[0])
		switch {
		case record[1] == nil && fault == nil:
			t.Errorf("PyYAML refuses this text, and it was read as %s:\n%s", show(root), *record[0])
		case record[1] != nil && fault != nil:
			t.Errorf("%v; PyYAML reads %s:\n%s", fault, *record[1], *record[0])
		case record[1] != nil && show(root) != *record[1]:
			t.Errorf("read as  %s\nPyYAML   %s:\n%s", show(root), *record[1], *record[0])
		}
	}
	if lines.Err() != nil || records < 1000 {
		t.Fatalf("read %d records: %v", records, lines.Err())
	}
}

func TestEveryValueKnowsItsPlace(t *testing.T) {
	root, fault := read("a: 1\nlist:\n  - x\n  - k: \"v\"\n    'q q': {z: [1, zwei]}\nüber: |\n  text\n  more ${{x}} and ${{x}}\nempty:\n")
	if fault != nil {
		t.Fatal(fault)
	}
	list := root.Get("list")
	zwei := list.Items[1].Get("q q").Get("z").Items[1]
	for _, c := range []struct {
		pos  Pos
		want string
		path string
		wide int
	}{
		{root.Entry("a").Pos(), "file.yml:1:1", "a", 1},
		{root.Get("a").Pos(), "file.yml:1:4", "a", 1},
		{list.Pos(), "file.yml:3:3", "list", 1},
		{list.Items[1].Get("k").Pos(), "file.yml:4:8", "list[1].k", 3},
		{list.Items[1].Entry("q q").Pos(), "file.yml:5:5", "list[1].q q", 5},
		{zwei.Pos(), "file.yml:5:20", "list[1].q q.z[1]", 4},
		{zwei.KeyPos(), "", "", 0},
		{list.KeyPos(), "file.yml:2:1", "list", 4},
		{root.Get("über").Pos(), "file.yml:6:7", "über", 1},
		{root.Get("über").PosOf("${{x}}", 0), "file.yml:8:8", "über", 6},
		{root.Get("über").PosOf("${{x}}", 1), "file.yml:8:19", "über", 6},
		{root.Get("über").PosOf("absent", 0), "file.yml:6:7", "über", 1},
		{root.Entry("empty").Value.Pos(), "file.yml:9:1", "empty", 5},
	} {
		if c.pos.String() != c.want || c.pos.Path != c.path || c.pos.Width != c.wide {
			t.Errorf("%q (%d wide) at %q, want %q (%d) at %q", c.pos, c.pos.Width, c.pos.Path, c.want, c.wide, c.path)
		}
	}
}

func TestMistakesAreShownWhereTheyAre(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"a: b: c\n", `1:5 a second ":" in one line`},
		{"a: 1\nb\nc: 2\n", `2:1 "b" has no ":" and no value`},
		{"a: 'x\nb: 1\n", `1:4 the quoted text that begins here has no end`},
		{"a: [1, 2\nb: 3\n", `2:2 "," or "]" is missing before this`},
		{"a: {b: 1\n", `1:4 no "}" ends what begins here`},
		{"a:\n\tb: 1\n", `2:1 a tab cannot be used to indent`},
		{"a: \"\\q\"\n", `1:5 unknown escape "\\q" in double quotes`},
		{"a: @b\n", `1:4 text cannot begin with "@"`},
		{"a: *.csv\n", `1:4 "*" begins an alias, whose name has letters and digits only`},
		{"a: *b\n", `1:4 no anchor &b stands before this alias`},
		{"a: !x y\n", `1:4 the tag "!x" is not supported`},
		{"a: !!int x\n", `1:4 the value does not fit its tag "!!int"`},
		{"a: - b\n", `1:4 a list cannot begin here`},
		{"a:\n  b: 1\n c: 2\n", `3:2 the indentation of this key fits none of the lines above`},
		{"a:\n  - b\n c: 2\n", `3:2 the indentation of this key fits none of the lines above`},
		{"a: 1\n- b\n", `2:1 a list entry cannot stand here`},
		{"a: ]\n", `1:4 "]" without a bracket before it`},
		{"a: {[b]: c}\n", `1:5 a list cannot be a key`},
		{"{{ a }}\n", `1:2 a mapping cannot be a key`},
		{": a\n", `1:1 a key is missing before ":"`},
		{"a: 1\n---\nb: 2\n", `2:1 a second document begins here`},
		{"a: | b\n", `1:6 text behind "|"`},
		{"a: &b &c d\n", `1:7 a value can have one anchor only`},
		{"<<: 1\n", `1:1 "<<" merges mappings, and this is an integer`},
		{"a: \x01\n", `1:4 there is a control character here, which YAML does not allow`},
		{"a: \xff\n", `1:1 this line is not valid UTF-8`},
		{"a: &a [*a]\n", `1:8 no anchor &a stands before this alias`},
	} {
		_, fault := read(c.text)
		if fault == nil {
			t.Errorf("%q was read", c.text)
			continue
		}
		if got := fmt.Sprintf("%d:%d %s", fault.Pos.Line, fault.Pos.Column, fault.Message); got != c.want {
			t.Errorf("%q:\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

func TestEqualKeysAreWarnedOf(t *testing.T) {
	root, errs := Parse("f", "", []byte("a: 1\nb: 2\na: 3\n"))
	if len(errs) != 1 || !errs[0].Warning || errs[0].Pos.Line != 3 || root.Get("a").Text != "3" {
		t.Errorf("got %s, %v", show(root), errs)
	}
}

func TestHostileFilesEndSoon(t *testing.T) {
	bomb := "a0: &a0 x\n"
	for i := 1; i < 60; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [*a%d, *a%d]\n", i, i, i-1, i-1)
	}
	for name, text := range map[string]string{
		"aliases":      bomb,
		"brackets":     strings.Repeat("[", MaxSize),
		"dashes":       strings.Repeat("- ", MaxSize/2),
		"keys":         strings.Repeat("? ", MaxSize/2),
		"values":       "[" + strings.Repeat("a,", MaxSize/2-2) + "]",
		"empty values": strings.Repeat("-\n", MaxSize/2),
		"size":         strings.Repeat("#", MaxSize+1),
		"no key":       strings.Repeat("a: ", MaxSize/3),
		"quotes":       "a: \"" + strings.Repeat("x ", MaxSize/2-2),
	} {
		if _, fault := read(text); fault == nil {
			t.Errorf("%s: nothing was found wrong", name)
		}
	}
	for name, text := range map[string]string{
		"many keys":    manyKeys(60_000),
		"a long block": "a: |\n" + strings.Repeat("  x\n", MaxSize/4-2),
		"a long text":  "a: b\n" + strings.Repeat("  x\n", MaxSize/4-2),
		"remarks":      strings.Repeat("#\n", MaxSize/2),
	} {
		if _, fault := read(text); fault != nil {
			t.Errorf("%s: %v", name, fault)
		}
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d: v\n", i)
	}
	return b.String()
}

func TestFormatIsReadAsTheSame(t *testing.T) {
	text := "a: [1, 'no', yes, ~, 1e-3, \"x\\ny\", {}]\n'b: c':\n  - {x: [], y: [[1], [2]]}\n  - - z\n\"1\": '#'\ndate: '2024-01-02'\n"
	root, fault := read(text)
	if fault != nil {
		t.Fatal(fault)
	}
	again, fault := read(Format(root))
	if fault != nil {
		t.Fatalf("%v in\n%s", fault, Format(root))
	}
	if show(again) != show(root) || Format(again) != Format(root) {
		t.Errorf("%s\nbecame\n%s", show(root), Format(root))
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"a: 1", "- a\n- b: |\n   c\n", "a: &x {b: [*x]}", "? a\n: b", "a: \"b\n\n c\"", "%YAML 1.1\n---\na\n...", "<<: {a: 1}",
		"a: >-2\n\n   b\n", "\ufeffa: 'b''c'", "a:\r\n  b: c\r\n", "[a, {b: c}, d: e]"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		root, errs := Parse("f", ".", source)
		for _, e := range errs {
			checkPos(t, e.Pos)
		}
		if root != nil {
			checkNode(t, root)
			again, more := Parse("f", ".", []byte(Format(root)))
			for _, e := range more {
				if !e.Warning {
					t.Fatalf("%v in\n%s", e, Format(root))
				}
			}
			if show(again) != show(root) {
				t.Errorf("%s became %s", show(root), show(again))
			}
		}
	})
}

func checkNode(t *testing.T, n *Node) {
	checkPos(t, n.Pos())
	for _, item := range n.Items {
		checkNode(t, item)
	}
	for _, e := range n.Entries {
		checkPos(t, e.Pos())
		checkNode(t, e.Value)
	}
}

func checkPos(t *testing.T, p Pos) {
	if p.Doc == nil || p.Line < 1 || p.Line > p.Doc.Lines() || p.Column < 1 || p.Column > len([]rune(p.Doc.Line(p.Line)))+1 {
		t.Errorf("%v lies outside of the file", p)
	}
}
