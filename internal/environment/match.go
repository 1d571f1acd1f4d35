package environment

import (
	"regexp"
	"strings"
)

// match is a dependency in conda's notation: "conda-forge::numpy=1.21.*=py38_0".
type match struct {
	name string
	// version is an expression, as written; exact is set where one without an
	// operator means that very version ("numpy 1.21", "numpy==1.21") and not all
	// that begin so ("numpy=1.21").
	version string
	exact   bool
}

var (
	matchText   = regexp.MustCompile(`^(?:[^\s:\[\]]+::)?([A-Za-z0-9_][A-Za-z0-9_.-]*)\s*([^\[\]]*?)\s*(?:\[([^\[\]]*)\])?$`)
	versionKey  = regexp.MustCompile(`version\s*=\s*['"]?([^'"]*)['"]?`)
	bareVersion = regexp.MustCompile(`^[A-Za-z0-9_.!+*-]+$`)
)

// parseMatch reads conda's notation: the name, what versions will do, and a
// build that only conda has, which is passed over.
func parseMatch(text string) (match, bool) {
	text = strings.TrimSpace(text)
	parts := matchText.FindStringSubmatch(text)
	if parts == nil {
		return match{}, false
	}
	m := match{name: parts[1]}
	rest := parts[2]
	if key := versionKey.FindStringSubmatch(parts[3]); key != nil {
		rest = key[1]
		if bareVersion.MatchString(rest) {
			m.exact = true
		}
	}
	switch {
	case rest == "":
	case strings.HasPrefix(rest, "=="):
		m.exact = true
		m.version, _, _ = strings.Cut(strings.TrimSpace(rest[2:]), "=")
	case strings.HasPrefix(rest, "="):
		m.version, _, _ = strings.Cut(strings.TrimSpace(rest[1:]), "=")
	case strings.ContainsAny(rest[:1], "<>!~"):
		m.version = rest
	default:
		m.exact = true
		m.version, _, _ = strings.Cut(rest, " ")
		if op := strings.IndexAny(rest, "<>!~,|"); op >= 0 {
			m.version = rest
		}
	}
	m.version = strings.TrimSpace(m.version)
	if strings.ContainsAny(m.version, "\n\r;@#\"'\\") {
		return match{}, false
	}
	return m, true
}

var (
	// standard is a version as PyPI has them, plain one of numbers only.
	standard = regexp.MustCompile(`^(?:\d+!)?\d+(?:\.\d+)*(?:(?:a|b|c|rc|alpha|beta)\d*)?(?:\.?post\d+)?(?:\.?dev\d+)?$`)
	plain    = regexp.MustCompile(`^(?:\d+!)?\d+(?:\.\d+)*$`)
	clause   = regexp.MustCompile(`^(>=|<=|==|!=|~=|>|<|=)?\s*(.+)$`)
)

// pip is the version in pip's notation: "", "==1.21.*", ">=1,<2". The note says
// what could not be said in it.
func (m match) pip() (version, note string) {
	if m.version == "" || m.version == "*" {
		return "", ""
	}
	if strings.Contains(m.version, "|") {
		return "", "any version is taken, since pip has no way to say " + m.version
	}
	var clauses []string
	for part := range strings.SplitSeq(m.version, ",") {
		c := clause.FindStringSubmatch(strings.TrimSpace(part))
		if c == nil || c[2] == "*" {
			continue
		}
		op, v := c[1], strings.TrimSpace(c[2])
		number, starred := strings.CutSuffix(v, "*")
		number = strings.TrimSuffix(number, ".")
		if !standard.MatchString(number) {
			return "", "any version is taken, since " + v + " is not a version as PyPI has them"
		}
		starred = starred && plain.MatchString(number)
		switch {
		case op == "" && m.exact && !starred:
			clauses = append(clauses, "=="+number)
		case op == "" || op == "=", op == "==" && starred, op == "!=" && starred:
			if op != "!=" {
				op = "=="
			}
			if plain.MatchString(number) {
				number += ".*"
			}
			clauses = append(clauses, op+number)
		case op == "~=" && !strings.Contains(number, "."):
			clauses = append(clauses, ">="+number)
		default:
			clauses = append(clauses, op+number)
		}
	}
	return strings.Join(clauses, ","), ""
}

// python is the version of Python that is asked for. A patch or a build of it
// makes no difference that a step would see.
func (m match) python() string {
	version, _ := m.pip()
	return version
}
