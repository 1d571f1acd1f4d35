package azureml

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// Severity tells mistakes from remarks.
type Severity string

// An Error keeps a job from running. A Warning does not. A Note is about what
// runs here but would not on Azure ML.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// Problem is one mistake in a file, where it stands, and what to do about it.
type Problem struct {
	Severity Severity `json:"severity"`
	// File is the path as the user gave it, or relative to the same folder.
	File string `json:"file"`
	// Line and Column count from 1; the column counts characters.
	Line   int `json:"line"`
	Column int `json:"column"`
	// Width is how many characters the thing at Column takes.
	Width int `json:"width,omitempty"`
	// Path leads from the root of the file to the value: "jobs.train.inputs.lr".
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
	// Hint says what would be right, where that is known.
	Hint string `json:"hint,omitempty"`
	// Source is the line of the file the problem is in.
	Source string `json:"source,omitempty"`
}

// String is "file:line:col: message".
func (p Problem) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
}

// Render writes the problem for people: place and message, the line of the
// file, a caret below what is meant, and the hint.
func (p Problem) Render(w io.Writer, color bool) {
	paint := func(code, text string) string {
		if !color {
			return text
		}
		return "\x1b[" + code + "m" + text + "\x1b[0m"
	}
	severity := paint("1;31", string(Error)+":")
	switch p.Severity {
	case Warning:
		severity = paint("1;33", string(Warning)+":")
	case Note:
		severity = paint("1;34", string(Note)+":")
	}
	fmt.Fprintf(w, "%s %s %s\n", paint("1", fmt.Sprintf("%s:%d:%d:", printable(p.File), p.Line, p.Column)), severity, printable(p.Message))
	if p.Source != "" {
		line, caret := p.excerpt()
		fmt.Fprintf(w, "  %s\n  %s\n", line, paint("1;32", caret))
	}
	if p.Hint != "" {
		fmt.Fprintf(w, "  %s %s\n", paint("1;36", "hint:"), printable(p.Hint))
	}
}

// excerpt cuts the source line to a readable length and draws the caret line.
func (p Problem) excerpt() (line, caret string) {
	const before, most = 60, 120
	runes := []rune(printable(strings.ReplaceAll(p.Source, "\t", " ")))
	at := min(max(p.Column-1, 0), len(runes))
	if at > before && len(runes) > most {
		cut := at - before
		runes = append([]rune("..."), runes[cut:]...)
		at = at - cut + 3
	}
	if len(runes) > most {
		runes = append(runes[:most:most], []rune("...")...)
	}
	width := min(max(p.Width, 1), max(1, len(runes)-at))
	return strings.TrimRight(string(runes), " "), strings.Repeat(" ", at) + "^" + strings.Repeat("~", width-1)
}

// printable takes the control characters out of text that goes to a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, text)
}

// Problems is what is wrong with a job, in the order of the files.
type Problems []Problem

// Error is a line for every problem, "file:line:col: message".
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Errors are the problems that keep the job from running.
func (ps Problems) Errors() Problems { return ps.only(Error) }

// Warnings are the problems that do not.
func (ps Problems) Warnings() Problems { return ps.only(Warning) }

// Notes are what only Azure ML would object to.
func (ps Problems) Notes() Problems { return ps.only(Note) }

func (ps Problems) only(s Severity) Problems {
	var some Problems
	for _, p := range ps {
		if p.Severity == s {
			some = append(some, p)
		}
	}
	return some
}

// ErrorOrNil returns the problems as an error, or nil if there are none.
func (ps Problems) ErrorOrNil() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

// Render writes all problems, with an empty line between them.
func (ps Problems) Render(w io.Writer, color bool) {
	for i, p := range ps {
		if i > 0 {
			fmt.Fprintln(w)
		}
		p.Render(w, color)
	}
}

// maxProblems is how many errors are kept, and how many remarks beside them.
// Nobody reads more, and a hostile file could have a hundred thousand.
const maxProblems = 500

// report gathers problems. The same problem found twice, because a component
// is used twice, is kept once.
type report struct {
	list   Problems
	errors int // in the list; the rest are remarks
	seen   map[Problem]bool
	// settled are the documents that get no remarks: definitions of assets, which
	// nobody can change. Who created one has read the remarks.
	settled map[*yaml.Document]bool
}

// settle has a document get no remarks from now on.
func (r *report) settle(doc *yaml.Document) {
	if r.settled == nil {
		r.settled = map[*yaml.Document]bool{}
	}
	r.settled[doc] = true
}

// full tells that errors found now are not kept.
func (r *report) full() bool { return r.errors > maxProblems }

// crowded tells that remarks found now are not kept.
func (r *report) crowded() bool { return len(r.list)-r.errors >= maxProblems }

func (r *report) errorf(at yaml.Pos, hint, format string, args ...any) {
	r.add(Error, at, fmt.Sprintf(format, args...), hint)
}

func (r *report) warnf(at yaml.Pos, hint, format string, args ...any) {
	r.add(Warning, at, fmt.Sprintf(format, args...), hint)
}

func (r *report) notef(at yaml.Pos, hint, format string, args ...any) {
	r.add(Note, at, fmt.Sprintf(format, args...), hint)
}

func (r *report) add(severity Severity, at yaml.Pos, message, hint string) {
	if severity != Error && r.settled[at.Doc] {
		return
	}
	p := Problem{Severity: severity, Line: at.Line, Column: at.Column, Width: at.Width, Path: at.Path, Message: message, Hint: hint}
	if at.Doc != nil {
		p.File, p.Source = at.Doc.Name, at.Doc.Line(at.Line)
	}
	p.hideSecrets()
	if r.seen[p] || severity == Error && r.full() || severity != Error && r.crowded() {
		return
	}
	if severity == Error && r.errors == maxProblems {
		p.Message, p.Hint = fmt.Sprintf("there are more than %d problems; the rest is not shown", maxProblems), ""
	}
	if r.seen == nil {
		r.seen = map[Problem]bool{}
	}
	r.seen[p] = true
	r.list = append(r.list, p)
	if p.Severity == Error {
		r.errors++
	}
}

// drop forgets what was said of a place that is about to be explained better.
func (r *report) drop(at yaml.Pos) {
	r.list = slices.DeleteFunc(r.list, func(p Problem) bool {
		return at.Doc != nil && p.File == at.Doc.Name && p.Line == at.Line && p.Column == at.Column
	})
	r.errors = len(r.list.Errors())
}

// sorted returns the problems by file, line and column. The file the user
// named comes first.
func (r *report) sorted(first string) Problems {
	list := slices.Clone(r.list)
	slices.SortStableFunc(list, func(a, b Problem) int {
		if (a.File == first) != (b.File == first) {
			if a.File == first {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return list
}

// hideSecrets leaves out what is secret in addresses; a line of the file that has
// some is not shown at all, since the caret would be off.
func (p *Problem) hideSecrets() {
	p.Message, p.Hint = pipeline.WithoutSecrets(p.Message), pipeline.WithoutSecrets(p.Hint)
	if pipeline.WithoutSecrets(p.Source) != p.Source {
		p.Source = ""
	}
}
