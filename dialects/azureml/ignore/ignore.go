// Package ignore decides which files of a folder are left out, by the rules of
// gitignore files. It agrees with git: the tests compare the two.
//
// The work for a path is bounded by the length of the pattern times that of
// the path, and the work of a whole list by [MaxWork].
package ignore

import (
	"strings"
)

// List is the patterns of one ignore file. The nil List ignores nothing.
type List struct {
	rules []rule
	work  int
}

// MaxWork is how many comparisons a list makes before it gives up. Ignore files
// that people write need a thousandth of it for a large folder.
const MaxWork = 200_000_000

// Exhausted tells that the list gave up: what it said last may be wrong.
func (l *List) Exhausted() bool { return l != nil && l.work > MaxWork }

type rule struct {
	pattern  string
	negated  bool // "!pattern" takes back
	dirOnly  bool // "pattern/" means folders only
	baseOnly bool // without a slash the last name of the path is compared
	literal  int  // how many bytes at the beginning have no special meaning
}

// Parse reads the text of an ignore file. It never fails: lines that make no
// sense match nothing, as in git.
func Parse(text string) *List {
	l := &List{}
	text = strings.TrimPrefix(text, "\ufeff")
	for line := range strings.SplitSeq(text, "\n") {
		line, _, _ = strings.Cut(line, "\x00")
		if line == "" || line[0] == '#' {
			continue
		}
		line = trimTrailingSpaces(strings.TrimSuffix(line, "\r"))
		if r, ok := parseRule(line); ok {
			l.rules = append(l.rules, r)
		}
	}
	return l
}

func parseRule(line string) (rule, bool) {
	var r rule
	if rest, ok := strings.CutPrefix(line, "!"); ok {
		r.negated, line = true, rest
	}
	if rest, ok := strings.CutSuffix(line, "/"); ok {
		r.dirOnly, line = true, rest
	}
	r.baseOnly = !strings.Contains(line, "/")
	r.pattern = strings.TrimPrefix(line, "/")
	r.literal = strings.IndexAny(r.pattern, `*?[\`)
	if r.literal < 0 {
		r.literal = len(r.pattern)
	}
	return r, r.pattern != ""
}

// trimTrailingSpaces removes the spaces at the end that no backslash protects.
func trimTrailingSpaces(line string) string {
	end := -1
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case ' ':
			if end < 0 {
				end = i
			}
		case '\\':
			i++
			end = -1
		default:
			end = -1
		}
	}
	if end >= 0 {
		return line[:end]
	}
	return line
}

// Match reports whether a file or folder is left out. The path is relative to
// the folder of the ignore file, with slashes. What lies in a folder that is
// left out is left out with it, even if a later pattern names it.
func (l *List) Match(path string, dir bool) bool {
	if l == nil {
		return false
	}
	for i := 0; i < len(path); i++ {
		if path[i] == '/' && l.MatchEntry(path[:i], true) {
			return true
		}
	}
	return l.MatchEntry(path, dir)
}

// MatchEntry is [List.Match] for a walk that does not enter folders that are
// left out: it looks at the path itself only.
func (l *List) MatchEntry(path string, dir bool) bool {
	if l == nil {
		return false
	}
	for i := len(l.rules) - 1; i >= 0 && !l.Exhausted(); i-- {
		if r := &l.rules[i]; (dir || !r.dirOnly) && r.match(path, &l.work) {
			return !r.negated
		}
	}
	return false
}

func (r *rule) match(path string, work *int) bool {
	*work++
	if r.baseOnly {
		base := path[strings.LastIndexByte(path, '/')+1:]
		return wildmatch(r.pattern, base, work)
	}
	// The plain beginning is compared apart; a "**" right behind it then stands
	// at the beginning of a pattern, and git lets it cross folders.
	rest, ok := strings.CutPrefix(path, r.pattern[:r.literal])
	if !ok {
		return false
	}
	if r.literal == len(r.pattern) {
		return rest == ""
	}
	return wildmatch(r.pattern[r.literal:], rest, work)
}
