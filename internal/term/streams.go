// Package term is how Millrace speaks to the people and programs that started
// it: streams, tables, the formats of -o, and the progress of a job.
//
// Data goes to Out, everything else to Err. Nothing here looks at the process:
// streams, sizes and clocks come in from outside.
package term

import (
	"io"
	"os"
	"strings"
	"unicode/utf8"

	xterm "golang.org/x/term"
)

// Streams are the three streams of a process.
type Streams struct {
	In  io.Reader
	Out *Stream
	Err *Stream
}

// Stream is a place to write to, and what is known of who reads it.
type Stream struct {
	io.Writer
	// Terminal is set where a person watches and lines can be redrawn.
	Terminal bool
	// Color is set where escape codes for colours are welcome.
	Color bool
	// Size returns columns and rows; nil where there is no window.
	Size func() (width, height int)
}

// The size assumed where a terminal does not tell its own.
const (
	usualWidth  = 80
	usualHeight = 24
)

// System returns the streams of this process. Colours follow NO_COLOR and TERM.
func System(getenv func(string) string) Streams {
	return Streams{In: os.Stdin, Out: system(os.Stdout, getenv), Err: system(os.Stderr, getenv)}
}

func system(f *os.File, getenv func(string) string) *Stream {
	terminal := xterm.IsTerminal(int(f.Fd())) && getenv("TERM") != "dumb"
	return &Stream{
		Writer:   f,
		Terminal: terminal,
		Color:    terminal && getenv("NO_COLOR") == "",
		Size: func() (int, int) {
			w, h, err := xterm.GetSize(int(f.Fd()))
			if err != nil {
				return 0, 0
			}
			return w, h
		},
	}
}

// Window returns the size to draw for, which is never zero.
func (s *Stream) Window() (width, height int) {
	if s.Size != nil {
		width, height = s.Size()
	}
	if width <= 0 {
		width = usualWidth
	}
	if height <= 0 {
		height = usualHeight
	}
	return width, height
}

// Paint wraps text in a style where the stream has colours.
func (s *Stream) Paint(style Style, text string) string {
	if !s.Color || style == "" || text == "" {
		return text
	}
	return "\x1b[" + string(style) + "m" + text + "\x1b[0m"
}

// Style is a way to set text apart, as the number of an escape code.
type Style string

// The styles in use.
const (
	Bold   Style = "1"
	Faint  Style = "2"
	Red    Style = "31"
	Green  Style = "32"
	Yellow Style = "33"
	Blue   Style = "34"
	Cyan   Style = "36"
)

// Clean makes a line of foreign text fit to be shown on a terminal: escape
// sequences and control characters are taken out, and of a line that was
// overwritten with carriage returns the last version is kept.
func Clean(line string) string {
	line = strings.TrimRight(line, "\r\n")
	if i := strings.LastIndexByte(line, '\r'); i >= 0 {
		line = line[i+1:]
	}
	// Taking bytes out must not make a new character of those beside them.
	line = strings.ToValidUTF8(line, "\ufffd")
	if strings.IndexFunc(line, isControl) < 0 {
		return line
	}
	var b strings.Builder
	for i := 0; i < len(line); {
		if line[i] == 0x1b {
			i += escapeLength(line[i:])
			continue
		}
		r, size := utf8.DecodeRuneInString(line[i:])
		switch {
		case r == '\t':
			b.WriteString("    ")
		case !isControl(r):
			b.WriteString(line[i : i+size])
		}
		i += size
	}
	return b.String()
}

func isControl(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 }

// escapeLength is the length of the escape sequence that s begins with.
func escapeLength(s string) int {
	if len(s) < 2 {
		return len(s)
	}
	switch s[1] {
	case '[': // CSI: ends with a letter or one of @[\]^_`{|}~
		for i := 2; i < len(s); i++ {
			if s[i] >= 0x40 && s[i] <= 0x7e {
				return i + 1
			}
		}
		return len(s)
	case ']', 'P', '_', '^', 'X': // a string: ends with BEL or ESC \
		for i := 2; i < len(s); i++ {
			if s[i] == 0x07 {
				return i + 1
			}
			if s[i] == 0x1b && i+1 < len(s) && s[i+1] == '\\' {
				return i + 2
			}
		}
		return len(s)
	}
	return 2
}
