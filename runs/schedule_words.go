package runs

import (
	"fmt"
	"strings"

	"github.com/millrace-ml/millrace/internal/schedule"
)

// What Temporal takes of texts, in bytes, with room for how it keeps them.
const (
	maxSummary = 300
	maxDetails = 16 << 10
)

// summary is what the Temporal UI says of a schedule's workflows in a line.
func summary(r *schedule.Record) string {
	text := "schedule " + r.Schedule + " makes a job"
	if r.File != "" {
		text += " of " + r.File
	}
	return cutText(text, maxSummary)
}

// details is what it says below, in Markdown.
func details(r *schedule.Record) string {
	var text strings.Builder
	if r.Description != "" {
		fmt.Fprintf(&text, "%s\n\n", cutText(r.Description, maxDetails/2))
	}
	fmt.Fprintf(&text, "- %s\n", standingNote(r))
	if r.File != "" {
		fmt.Fprintf(&text, "- makes a job of `%s`, named %s-YYYYMMDDThhmmssZ\n", r.File, r.Schedule)
	}
	fmt.Fprintf(&text, "- overlap: %s; catch-up window: %s\n", r.Overlap, r.CatchupWindow)
	return cutText(text.String(), maxDetails)
}

// standingNote is the note of a schedule of which nobody has noted anything. The
// page of the schedule shows it.
func standingNote(r *schedule.Record) string {
	return cutText("fires "+r.Trigger.Words()+"; Temporal shows the times in UTC", maxDetails/4)
}

// noteOf is the note for the server, and noted reads it again.
func noteOf(r *schedule.Record) string {
	if r.Note != "" {
		return r.Note
	}
	return standingNote(r)
}

func noted(r *schedule.Record, note string) string {
	if note == standingNote(r) {
		return ""
	}
	return note
}

// cutText shortens a text to so many bytes.
func cutText(text string, most int) string {
	if len(text) <= most {
		return text
	}
	const dots = "…"
	return strings.ToValidUTF8(text[:most-len(dots)], "") + dots
}
