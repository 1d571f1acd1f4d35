package ignore

import "strings"

// wildmatch compares a text with a pattern as git's function of that name does
// for paths: "*" stays within a folder, "**" between slashes does not.
func wildmatch(pattern, text string, work *int) bool {
	m := matcher{pattern: pattern, text: text, work: work}
	return m.match(0, 0)
}

type matcher struct {
	pattern, text string
	// failed remembers from where on in the text the asterisk at a position of
	// the pattern is known to fail, for each end of its reach. An asterisk that
	// fails at one place fails at every later one within the same reach, so the
	// work stays in proportion to both lengths.
	failed map[[2]int]int
	work   *int
}

func (m *matcher) match(p, t int) bool {
	for ; p < len(m.pattern); p++ {
		*m.work++
		c := m.pattern[p]
		if c == '*' {
			return m.star(p, t)
		}
		if t >= len(m.text) {
			return false
		}
		switch c {
		case '?':
			if m.text[t] == '/' {
				return false
			}
		case '[':
			end, ok := class(m.pattern, p, m.text[t])
			if !ok || m.text[t] == '/' {
				return false
			}
			p = end
		case '\\':
			if p++; p >= len(m.pattern) || m.pattern[p] != m.text[t] {
				return false
			}
		default:
			if c != m.text[t] {
				return false
			}
		}
		t++
	}
	return t == len(m.text)
}

// star matches from the asterisk at p on.
func (m *matcher) star(p, t int) bool {
	first := p
	for p < len(m.pattern) && m.pattern[p] == '*' {
		p++
	}
	rest := m.pattern[p:]
	cross := p-first > 1 && (first == 0 || m.pattern[first-1] == '/') &&
		(rest == "" || rest[0] == '/' || strings.HasPrefix(rest, `\/`))
	reach := len(m.text)
	if slash := strings.IndexByte(m.text[t:], '/'); slash >= 0 && !cross {
		reach = t + slash
	}
	key := [2]int{first, reach}
	stop := reach + 1
	if from, ok := m.failed[key]; ok {
		if t >= from {
			return false
		}
		stop = from
	}
	if m.starFrom(p, t, stop, reach, cross) {
		return true
	}
	if m.failed == nil {
		m.failed = map[[2]int]int{}
	}
	m.failed[key] = t
	return false
}

// starFrom matches the rest of the pattern at p after an asterisk that may
// take what lies between t and stop.
func (m *matcher) starFrom(p, t, stop, reach int, cross bool) bool {
	if p == len(m.pattern) {
		return reach == len(m.text)
	}
	if m.pattern[p] == '/' {
		if cross && m.match(p+1, t) {
			return true // "**/" takes no folder at all
		}
		if !cross {
			return reach < len(m.text) && m.match(p, reach)
		}
	}
	for ; t < stop && t < len(m.text); t++ {
		if m.match(p, t) {
			return true
		}
	}
	return false
}

// class compares a character with the bracket expression that begins at p. It
// returns where the expression ends; an expression without an end is no match.
func class(pattern string, p int, c byte) (end int, ok bool) {
	at := func(i int) byte {
		if i < len(pattern) {
			return pattern[i]
		}
		return 0
	}
	p++
	negated := at(p) == '!' || at(p) == '^'
	if negated {
		p++
	}
	matched := false
	var previous byte
	for first := true; first || at(p) != ']'; first = false {
		current := at(p)
		switch {
		case current == 0:
			return 0, false
		case current == '\\':
			p++
			if current = at(p); current == 0 {
				return 0, false
			}
			matched = matched || c == current
		case current == '-' && previous != 0 && at(p+1) != 0 && at(p+1) != ']':
			p++
			if current = at(p); current == '\\' {
				p++
				if current = at(p); current == 0 {
					return 0, false
				}
			}
			matched = matched || previous <= c && c <= current
			current = 0
		case current == '[' && at(p+1) == ':':
			end := strings.IndexByte(pattern[min(p+2, len(pattern)):], ']')
			if end < 0 {
				return 0, false
			}
			name, isClass := strings.CutSuffix(pattern[p+2:p+2+end], ":")
			if !isClass {
				matched = matched || c == '['
				break
			}
			member, known := named(name, c)
			if !known {
				return 0, false
			}
			matched = matched || member
			p += 2 + end
			current = 0
		default:
			matched = matched || c == current
		}
		previous = current
		p++
	}
	return p, matched != negated
}

// named tells whether a character belongs to a POSIX class.
func named(class string, c byte) (member, known bool) {
	lower, upper, digit := 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9'
	visible := '!' <= c && c <= '~'
	switch class {
	case "alnum":
		return lower || upper || digit, true
	case "alpha":
		return lower || upper, true
	case "blank":
		return c == ' ' || c == '\t', true
	case "cntrl":
		return c < ' ' || c == 0x7f, true
	case "digit":
		return digit, true
	case "graph":
		return visible, true
	case "lower":
		return lower, true
	case "print":
		return visible || c == ' ', true
	case "punct":
		return visible && !lower && !upper && !digit, true
	case "space":
		return c == ' ' || '\t' <= c && c <= '\r', true
	case "upper":
		return upper, true
	case "xdigit":
		return digit || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F', true
	}
	return false, false
}
