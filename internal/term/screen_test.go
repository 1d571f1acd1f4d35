package term

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// screen is a small terminal: it understands what live writes, and shows what a
// person would see.
type screen struct {
	width, height int
	rows          [][]rune // everything that was ever shown; the last height rows are visible
	row, col      int
	wrap          bool
}

func newScreen(width, height int) *screen {
	return &screen{width: width, height: height, wrap: true, rows: [][]rune{nil}}
}

func (s *screen) Write(p []byte) (int, error) {
	for text := string(p); text != ""; {
		if text[0] == 0x1b {
			n := escapeLength(text)
			s.escape(text[:n])
			text = text[n:]
			continue
		}
		r, n := utf8.DecodeRuneInString(text)
		text = text[n:]
		switch r {
		case '\n':
			s.down()
			s.col = 0
		case '\r':
			s.col = 0
		default:
			s.put(r)
		}
	}
	return len(p), nil
}

func (s *screen) down() {
	s.row++
	if s.row == len(s.rows) {
		s.rows = append(s.rows, nil)
	}
}

func (s *screen) put(r rune) {
	if s.col == s.width {
		if !s.wrap {
			s.col--
		} else {
			s.down()
			s.col = 0
		}
	}
	for len(s.rows[s.row]) <= s.col {
		s.rows[s.row] = append(s.rows[s.row], ' ')
	}
	s.rows[s.row][s.col] = r
	s.col++
}

func (s *screen) escape(code string) {
	var n int
	switch {
	case code == "\x1b[?7l":
		s.wrap = false
	case code == "\x1b[?7h":
		s.wrap = true
	case code == "\x1b[J":
		s.rows[s.row] = s.rows[s.row][:min(s.col, len(s.rows[s.row]))]
		s.rows = s.rows[:s.row+1]
	case strings.HasSuffix(code, "A"):
		if _, err := fmt.Sscanf(code, "\x1b[%dA", &n); err == nil {
			// The cursor stops at the top of what is visible.
			s.row = max(s.row-n, len(s.rows)-s.height, 0)
		}
	}
}

// narrow makes the window narrower, as terminals that wrap long lines anew do.
func (s *screen) narrow(width int) {
	var rows [][]rune
	for i, row := range s.rows {
		for len(row) > width {
			rows = append(rows, row[:width])
			row = row[width:]
		}
		rows = append(rows, row)
		if i == s.row {
			s.row, s.col = len(rows)-1, len(row)
		}
	}
	s.rows, s.width = rows, width
}

func (s *screen) String() string {
	var b strings.Builder
	for _, row := range s.rows {
		b.WriteString(strings.TrimRight(string(row), " ") + "\n")
	}
	return b.String()
}
