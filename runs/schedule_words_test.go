package runs

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/millrace-ml/millrace/internal/recurrence"
	"github.com/millrace-ml/millrace/internal/schedule"
)

func weekly() *schedule.Record {
	return &schedule.Record{
		Making: schedule.Making{Schedule: "weekly", File: "./pipeline.yml", Trigger: recurrence.Trigger{
			Type: recurrence.Recurrence, Frequency: recurrence.Week, Interval: 1, Zone: "Pacific Standard Time",
			Schedule: &recurrence.Pattern{Hours: []int{6}, Minutes: []int{0}, WeekDays: []string{"monday"}},
		}},
		Description: "trains the model", Overlap: "skip", CatchupWindow: 10 * time.Minute,
	}
}

func TestTheTemporalUIIsToldWhatAScheduleDoes(t *testing.T) {
	r := weekly()
	if got := action(r).StaticSummary; got != "schedule weekly makes a job of ./pipeline.yml" {
		t.Errorf("the summary is %q", got)
	}
	const want = `trains the model

- fires every week, Monday, 06:00, Pacific Standard Time; Temporal shows the times in UTC
- makes a job of ` + "`./pipeline.yml`" + `, named weekly-YYYYMMDDThhmmssZ
- overlap: skip; catch-up window: 10m0s
`
	if got := action(r).StaticDetails; got != want {
		t.Errorf("the details are\n%s", got)
	}
}

func TestTheServerTakesTheWordsOfAnySchedule(t *testing.T) {
	r := weekly()
	r.Description, r.File = strings.Repeat("ä", 1<<16), strings.Repeat("ö", 1<<16)
	r.Trigger.Schedule.WeekDays = strings.Split(strings.Repeat("monday ", 1<<12), " ")
	for text, most := range map[string]int{summary(r): maxSummary, details(r): maxDetails, noteOf(r): maxDetails / 4} {
		if len(text) > most || !utf8.ValidString(text) {
			t.Errorf("%d bytes, %d are allowed: %.60s", len(text), most, text)
		}
	}
}

// A schedule says on its page when it fires, and that is not taken for a note of
// somebody's.
func TestOnlyNotesOfPeopleAreShownAsNotes(t *testing.T) {
	r := weekly()
	if got := noted(r, noteOf(r)); got != "" {
		t.Errorf("noted %q", got)
	}
	r.Note = "the data is being mended"
	if got := noted(r, noteOf(r)); got != r.Note {
		t.Errorf("noted %q", got)
	}
}
