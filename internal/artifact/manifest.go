package artifact

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/millrace-ml/millrace/pipeline"
)

// A manifest is the stored form of a tree: a heading with the version, then a
// line for every entry.
//
//	millrace tree 1
//	file 644 1024 blake3:9f86... data/train.csv
//	file 755 120 blake3:60303... run.sh
//	folder logs
//
// Lines rather than JSON because names are bytes, not text: JSON cannot carry
// a name that is not UTF-8, and has many spellings of those it can. Here every
// tree has exactly one spelling, which the parser insists on, so that equal
// trees have equal digests. The path stands last, so that only what would
// break a line needs escaping: newline as \n, backslash as \\.
const manifestHeading = "millrace tree 1\n"

// maxManifest bounds what is read into memory as a manifest: some four million
// files.
const maxManifest = 512 << 20

var (
	escapePath   = strings.NewReplacer("\\", "\\\\", "\n", "\\n")
	unescapePath = strings.NewReplacer("\\\\", "\\", "\\n", "\n")
)

// encode writes the manifest of a checked tree.
func (t Tree) encode() []byte {
	var b bytes.Buffer
	b.Grow(len(manifestHeading) + 128*len(t.Entries))
	b.WriteString(manifestHeading)
	for _, e := range t.Entries {
		if e.IsFolder() {
			b.WriteString("folder ")
		} else {
			if e.Mode == Executable {
				b.WriteString("file 755 ")
			} else {
				b.WriteString("file 644 ")
			}
			b.Write(strconv.AppendInt(b.AvailableBuffer(), e.Size, 10))
			b.WriteByte(' ')
			b.WriteString(string(e.Digest))
			b.WriteByte(' ')
		}
		b.WriteString(escapePath.Replace(e.Path))
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// parseManifest reads a manifest, and nothing that [Tree.encode] would not
// have written.
func parseManifest(manifest []byte) (Tree, error) {
	text := string(manifest)
	body, ok := strings.CutPrefix(text, manifestHeading)
	if !ok {
		return Tree{}, fmt.Errorf("manifest does not begin with %q", strings.TrimSpace(manifestHeading))
	}
	t := Tree{}
	if n := strings.Count(body, "\n"); n > 0 {
		t.Entries = make([]Entry, 0, n)
	}
	for number := 2; body != ""; number++ {
		line, rest, ended := strings.Cut(body, "\n")
		if !ended {
			return Tree{}, fmt.Errorf("manifest line %d is cut short", number)
		}
		e, err := parseEntry(line)
		if err != nil {
			return Tree{}, fmt.Errorf("manifest line %d: %w", number, err)
		}
		t.Entries = append(t.Entries, e)
		body = rest
	}
	if err := t.check(); err != nil {
		return Tree{}, fmt.Errorf("manifest: %w", err)
	}
	return t, nil
}

func parseEntry(line string) (Entry, error) {
	kind, rest, _ := strings.Cut(line, " ")
	switch kind {
	case "folder":
		path, err := parsePath(rest)
		return Entry{Path: path, Mode: EmptyFolder}, err
	case "file":
	default:
		return Entry{}, fmt.Errorf("unknown kind of entry %q", kind)
	}
	var e Entry
	mode, rest, _ := strings.Cut(rest, " ")
	switch mode {
	case "644":
		e.Mode = Plain
	case "755":
		e.Mode = Executable
	default:
		return Entry{}, fmt.Errorf("mode %q is neither 644 nor 755", mode)
	}
	size, rest, _ := strings.Cut(rest, " ")
	n, err := strconv.ParseInt(size, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != size {
		return Entry{}, fmt.Errorf("size %q is not a number", size)
	}
	e.Size = n
	digest, rest, _ := strings.Cut(rest, " ")
	e.Digest = pipeline.Digest(digest) // checked with the tree
	e.Path, err = parsePath(rest)
	return e, err
}

func parsePath(text string) (string, error) {
	if strings.IndexByte(text, '\\') < 0 {
		return text, nil
	}
	path := unescapePath.Replace(text)
	if escapePath.Replace(path) != text {
		return "", fmt.Errorf("path %q is not escaped as it should be", text)
	}
	return path, nil
}
