package step

import (
	"bytes"
	"io"
	"os"
	"regexp"
	"strings"
	"unicode"
)

// The tail of a log that goes into a failure is bounded: it travels through
// Temporal and onto terminals.
const (
	tailLines = 20
	tailBytes = 16 << 10
	lineBytes = 500
)

// tail returns the last lines of a log, made safe to show; nil if there is
// none.
func tail(path string) []string {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil
	}
	from := max(0, info.Size()-tailBytes)
	text, err := io.ReadAll(io.NewSectionReader(file, from, tailBytes))
	if err != nil {
		return nil
	}
	if _, rest, ok := bytes.Cut(text, []byte("\n")); ok && from > 0 {
		text = rest // the first line is not whole
	}
	shown := strings.TrimRight(string(text), " \t\r\n")
	if shown == "" {
		return nil
	}
	lines := strings.Split(shown, "\n")
	lines = lines[max(0, len(lines)-tailLines):]
	for i := range lines {
		lines[i] = showable(lines[i])
	}
	return lines
}

// escapes are what colours and moves the cursor on a terminal.
var escapes = regexp.MustCompile("\x1b(\\[[0-9;?]*[ -/]*[@-~]|\\][^\x07\x1b]*(\x07|\x1b\\\\)?|[@-Z\\\\^_])")

// showable makes a line of a log what a terminal would show of it: of a
// progress bar, its last state.
func showable(line string) string {
	line = strings.TrimRight(line, "\r")
	line = line[strings.LastIndexByte(line, '\r')+1:]
	line = escapes.ReplaceAllString(strings.ToValidUTF8(line, "\uFFFD"), "")
	line = strings.Map(func(c rune) rune {
		if c == '\t' || unicode.IsPrint(c) {
			return c
		}
		return -1
	}, line)
	if len(line) > lineBytes {
		line = strings.ToValidUTF8(line[:lineBytes], "") + "…"
	}
	return line
}
