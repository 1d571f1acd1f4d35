package batch

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

// TableFile is the name of the file that describes a table, in the folder of the
// data.
const TableFile = "MLTable"

// Table is what an MLTable file says: which files belong to it and, where they
// are to be read as one table, how.
type Table struct {
	Paths []map[string]string `json:"paths"`
	// Transformations are in order, each a mapping of one name to its options.
	Transformations []map[string]any `json:"transformations"`
}

// readers are the transformations that make rows of files.
var readers = []string{"read_delimited", "read_parquet", "read_json_lines"}

// transformations are those that the runner knows.
var transformations = append(slices.Clone(readers), "take", "skip", "take_random_sample", "drop_columns", "keep_columns",
	"convert_column_types", "filter", "extract_columns_from_partition_format")

// ParseTable reads an MLTable file. A mistake in it is a [*pipeline.Failure].
func ParseTable(text []byte) (*Table, error) {
	var file struct {
		Paths           []map[string]string `yaml:"paths"`
		Transformations []any               `yaml:"transformations"`
	}
	if err := decode(text, &file); err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return nil, invalid("", "the file MLTable of the input cannot be read: %s", first)
	}
	t := &Table{Paths: file.Paths}
	for _, given := range file.Transformations {
		name, options := "", any(nil)
		switch g := given.(type) {
		case string:
			name = g
		case map[string]any:
			for name, options = range g {
			}
			if len(g) != 1 {
				return nil, invalid("", "the MLTable has a transformation with %d names; each has one", len(g))
			}
		default:
			return nil, invalid("", "the MLTable has a transformation that is neither a name nor a mapping: %v", given)
		}
		if !slices.Contains(transformations, name) {
			return nil, invalid("those that are read are "+strings.Join(transformations, ", "), "the MLTable has the transformation %s, which Millrace does not read", name)
		}
		t.Transformations = append(t.Transformations, map[string]any{name: options})
	}
	return t, nil
}

// decode reads YAML. The library panics at some that is wrong.
func decode(text []byte, into any) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	return yaml.Unmarshal(text, into)
}

// Tabular reports whether the files are read as one table; otherwise the table is
// a list of files.
func (t *Table) Tabular() bool {
	return slices.ContainsFunc(t.Transformations, func(step map[string]any) bool {
		return slices.ContainsFunc(readers, func(r string) bool { _, ok := step[r]; return ok })
	})
}

// files finds the files that belong to the table: their positions in the tree,
// in its order.
func (t *Table) files(tree artifact.Tree) ([]int, error) {
	var found []int
	for _, p := range t.Paths {
		if len(p) != 1 {
			return nil, invalid("", "each of the paths of an MLTable is one of file, folder or pattern")
		}
		for kind, where := range p {
			if strings.Contains(where, "://") || strings.HasPrefix(where, "azureml:") {
				return nil, invalid("put the MLTable beside the files, and write their paths relative to it",
					"the MLTable names %s, which is not in its own folder", where)
			}
			match, err := matcher(kind, where)
			if err != nil {
				return nil, err
			}
			before := len(found)
			for i, e := range tree.Entries {
				if !e.IsFolder() && e.Path != TableFile && match(e.Path) {
					found = append(found, i)
				}
			}
			if len(found) == before && kind != "pattern" {
				return nil, invalid("", "the MLTable names the %s %s, and there is none", kind, where)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// matcher tells which paths one of the paths of a table means. A file may be
// called a folder and the other way round.
func matcher(kind, where string) (func(string) bool, error) {
	clean := path.Clean(strings.TrimPrefix(where, "./"))
	if strings.HasPrefix(clean, "..") || strings.HasPrefix(clean, "/") {
		return nil, invalid("", "the MLTable names %s, which is not in its own folder", where)
	}
	switch kind {
	case "file", "folder":
		return func(p string) bool { return clean == "." || p == clean || strings.HasPrefix(p, clean+"/") }, nil
	case "pattern":
		pattern, err := glob(clean)
		if err != nil {
			return nil, invalid("", "the pattern %q in the MLTable cannot be understood", where)
		}
		return pattern.MatchString, nil
	}
	return nil, invalid("", "the MLTable has a path of the kind %q; they are file, folder and pattern", kind)
}

// glob is the expression for a pattern: * and ? stay in one folder, ** does not.
func glob(pattern string) (*regexp.Regexp, error) {
	text := regexp.QuoteMeta(pattern)
	for _, r := range [][2]string{{`\*\*/`, "(?:.*/)?"}, {`\*\*`, ".*"}, {`\*`, "[^/]*"}, {`\?`, "[^/]"}} {
		text = strings.ReplaceAll(text, r[0], r[1])
	}
	return regexp.Compile("^" + text + "$")
}

var partitionHole = regexp.MustCompile(`\{(\w+)(?::[^}]*)?\}`)

// partition is the expression that takes the columns out of a path, nil where
// the table has none. It reads what runner/table.py reads.
func (t *Table) partition() (*regexp.Regexp, error) {
	for _, step := range t.Transformations {
		options, ok := step["extract_columns_from_partition_format"].(map[string]any)
		if !ok {
			continue
		}
		format := strings.TrimPrefix(fmt.Sprint(options["partition_format"]), "/")
		var b strings.Builder
		b.WriteString("(?:^|/)")
		at := 0
		for _, m := range partitionHole.FindAllStringSubmatchIndex(format, -1) {
			b.WriteString(regexp.QuoteMeta(format[at:m[0]]) + "(?P<" + format[m[2]:m[3]] + ">.+?)")
			at = m[1]
		}
		b.WriteString(regexp.QuoteMeta(format[at:]) + "$")
		pattern, err := regexp.Compile(b.String())
		if err != nil {
			return nil, invalid("", "the partition_format %s in the MLTable cannot be understood", format)
		}
		return pattern, nil
	}
	return nil, nil
}

func invalid(hint, format string, args ...any) *pipeline.Failure {
	return &pipeline.Failure{Kind: pipeline.Invalid, Message: fmt.Sprintf(format, args...), Hint: hint}
}
