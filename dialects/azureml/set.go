package azureml

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
)

// maxIndex is the largest place in a list that --set may name.
const maxIndex = 1000

// set applies the "path=value" pairs of the command line to a file that was
// read, as az does: values are text, missing mappings are made, and a path
// cannot lead through a reference to another file.
func (l *loader) set(root *yaml.Node, pairs []string) {
	for _, pair := range pairs {
		doc := yaml.NewDocument("--set", root.Doc().Dir, pair)
		doc.Base = root.Doc().Name
		start := yaml.Pos{Doc: doc, Line: 1, Column: 1, Width: 1}
		path, text, ok := strings.Cut(pair, "=")
		if !ok {
			l.problems.errorf(start, "write --set inputs.lr=0.1", "%s is not of the form path=value", quote(pair))
			continue
		}
		keyPos := start
		keyPos.Width = len([]rune(path))
		steps, good := splitPath(strings.TrimSpace(path))
		if !good {
			l.problems.errorf(keyPos, "write --set inputs.lr=0.1 or --set a[0].b=text", "%s is not a path into the file", quote(path))
			continue
		}
		if !l.known(root, steps, keyPos) {
			continue
		}
		value := yaml.NewText(textPos(doc, len([]rune(path))+2, text), text)
		l.setValue(root, steps, keyPos, value, pair)
	}
}

// known reports a pair for a node, or for an input, that nothing in the file
// speaks of. Such a pair would change nothing, and the person at the command
// line would believe that it did. Nothing is said of what a component takes:
// its inputs are in another file.
func (l *loader) known(root *yaml.Node, steps []step, at yaml.Pos) bool {
	if len(steps) < 2 || steps[1].index >= 0 || root.Get("component") != nil {
		return true
	}
	group, name := steps[0].key, steps[1].key
	what := map[string]string{"inputs": "input", "jobs": "node"}[group]
	if what == "" || root.Get(group).Entry(name) != nil || l.spokenOf(root, group+"."+name) {
		return true
	}
	var names []string
	if listed := root.Get(group); listed != nil {
		for _, e := range listed.Entries {
			names = append(names, e.Key)
		}
	}
	l.problems.errorf(at, l.didYouMean(name, names, group), "the file has no %s %s to set", what, quote(name))
	return false
}

// spokenOf reports whether an expression of the file may mean an input or node
// that is not listed.
func (l *loader) spokenOf(root *yaml.Node, path string) bool {
	doc := root.Doc()
	for i := range doc.Lines() {
		line := doc.Line(i + 1)
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		for _, after, found := strings.Cut(line, path); found; _, after, found = strings.Cut(after, path) {
			if !nameBegins.MatchString(after) {
				return true
			}
		}
	}
	return false
}

// nameBegins matches text that would make a name before it longer.
var nameBegins = regexp.MustCompile(`^[A-Za-z0-9_]`)

// textPos is where the value of a pair stands, which may have line breaks.
func textPos(doc *yaml.Document, column int, text string) yaml.Pos {
	first, _, _ := strings.Cut(text, "\n")
	return yaml.Pos{Doc: doc, Line: 1, Column: column, Width: max(1, len([]rune(first)))}
}

// step is a key, or a place in a list.
type step struct {
	key   string
	index int
}

var listIndex = regexp.MustCompile(`^(.*?)((?:\[[0-9]+\])*)$`)

// splitPath cuts "a[0].b" into its steps. A backslash protects a dot.
func splitPath(path string) ([]step, bool) {
	const hidden = "\x00"
	var steps []step
	for part := range strings.SplitSeq(strings.ReplaceAll(path, `\.`, hidden), ".") {
		m := listIndex.FindStringSubmatch(strings.ReplaceAll(part, hidden, "."))
		if m == nil || m[1] == "" {
			return nil, false
		}
		steps = append(steps, step{key: m[1], index: -1})
		for digits := range strings.SplitSeq(m[2], "]") {
			if digits == "" {
				continue
			}
			n, err := strconv.Atoi(strings.TrimPrefix(digits, "["))
			if err != nil || n > maxIndex {
				return nil, false
			}
			steps = append(steps, step{index: n})
		}
	}
	return steps, len(steps) > 0 && len(steps) <= yaml.MaxDepth
}

func (l *loader) setValue(root *yaml.Node, steps []step, keyPos yaml.Pos, value *yaml.Node, pair string) {
	at := root
	for i, s := range steps {
		last := i == len(steps)-1
		if !l.canHold(at, s, keyPos, pair) {
			return
		}
		if s.index >= 0 {
			switch {
			case last:
				at.SetItem(s.index, value)
			case at.Kind != yaml.List || s.index >= len(at.Items):
				at.SetItem(s.index, yaml.NewNull(keyPos))
			}
			if !last {
				at = at.Items[s.index]
			}
			continue
		}
		switch e := at.Entry(s.key); {
		case last:
			at.Put(s.key, keyPos, value)
			return
		case e == nil || e.Value == nil:
			at.Put(s.key, keyPos, yaml.NewNull(keyPos))
		}
		at = at.Entry(s.key).Value
	}
}

// canHold reports paths that lead through a value without an inside.
func (l *loader) canHold(at *yaml.Node, s step, keyPos yaml.Pos, pair string) bool {
	want := yaml.Map
	if s.index >= 0 {
		want = yaml.List
	}
	switch {
	case at.IsNull() || at.Kind == want:
		return true
	case at.Kind == yaml.String:
		l.problems.errorf(keyPos, "set it in the file that "+quote(at.Text)+" refers to", "cannot use --set on properties defined by reference strings: --set %s", clip(pair))
	default:
		l.problems.errorf(keyPos, "", "--set leads into %s, which has no such place", at.Kind)
	}
	return false
}
