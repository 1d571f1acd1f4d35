package runs

import (
	"context"
	"errors"
	"slices"
	"testing"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/schedule"
)

// forgetful is a server of which only the making of schedules is asked.
type forgetful struct {
	client.Client
	book *book
}

func (f forgetful) ScheduleClient() client.ScheduleClient { return f.book }

// book is what it knows of schedules.
type book struct {
	client.ScheduleClient
	knows   []string
	refuses string
	paused  map[string]string
}

func (f *book) Create(_ context.Context, o client.ScheduleOptions) (client.ScheduleHandle, error) {
	switch {
	case o.ID == f.refuses:
		return nil, errors.New("no")
	case slices.Contains(f.knows, o.ID):
		return nil, temporal.ErrScheduleAlreadyRunning
	}
	f.knows = append(f.knows, o.ID)
	if o.Paused {
		f.paused[o.ID] = o.Note
	}
	return nil, nil
}

func TestOnlyLostSchedulesAreHandedOverAgain(t *testing.T) {
	store, err := artifact.Open(t.Context(), "file://"+t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	server := &book{knows: []string{"known"}, refuses: "refused", paused: map[string]string{}}
	s := New(Options{Store: store, Temporal: forgetful{book: server}, Keeper: "here"})
	for _, r := range []schedule.Record{
		{Making: schedule.Making{Schedule: "known"}, Keeper: "here"},
		{Making: schedule.Making{Schedule: "lost"}, Keeper: "here"},
		{Making: schedule.Making{Schedule: "paused"}, Keeper: "here", Disabled: true, Note: "not yet"},
		{Making: schedule.Making{Schedule: "refused"}, Keeper: "here"},
		{Making: schedule.Making{Schedule: "another"}, Keeper: "there"},
	} {
		if err := schedule.Put(t.Context(), s.Store, r); err != nil {
			t.Fatal(err)
		}
	}
	restored, err := s.RestoreSchedules(t.Context())
	if err == nil || err.Error() != "restore schedule refused: no" {
		t.Errorf("the error is %v", err)
	}
	if !slices.Equal(restored, []string{"lost", "paused"}) {
		t.Errorf("restored %v", restored)
	}
	if len(server.paused) != 1 || server.paused["paused"] != "not yet" {
		t.Errorf("paused are %v", server.paused)
	}
	if again, _ := s.RestoreSchedules(t.Context()); len(again) != 0 {
		t.Errorf("restored %v twice", again)
	}
}
