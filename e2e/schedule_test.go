package e2e

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"
	_ "time/tzdata"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/timestamppb"

	homes "github.com/millrace-ml/millrace/internal/home"
	"github.com/millrace-ml/millrace/internal/recurrence"
)

// The server wakes somebody at every moment at which a schedule fires; at others
// only in the weeks in which clocks are changed, and where days are counted in a
// zone whose clocks are. It is asked about days on which clocks are changed, in
// both directions, and about others.
func TestTheServerFiresWhenSchedulesSay(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	dev := h.command("dev", "--port", "0", "--ui=false")
	if err := dev.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = dev.Process.Kill()
		_ = dev.Wait()
	})
	server := dial(t, h)

	cron := func(expression, zone string) recurrence.Trigger {
		return recurrence.Trigger{Type: recurrence.Cron, Expression: expression, Zone: zone}
	}
	every := func(n int, unit recurrence.Frequency, zone string, p *recurrence.Pattern) recurrence.Trigger {
		return recurrence.Trigger{Type: recurrence.Recurrence, Frequency: unit, Interval: n, Schedule: p, Start: "2026-01-07T06:30:15", Zone: zone}
	}
	clock := func(hours, minutes []int) *recurrence.Pattern {
		return &recurrence.Pattern{Hours: hours, Minutes: minutes}
	}
	const pacific, berlin, lordHowe, santiago = "Pacific Standard Time", "W. Europe Standard Time", "Lord Howe Standard Time", "Pacific SA Standard Time"
	triggers := []recurrence.Trigger{
		cron("0 * * * *", pacific), cron("*/15 * * * *", berlin), cron("45 * * * *", lordHowe), cron("0 * * * 1-5", berlin),
		cron("30 2 * * *", pacific), cron("30 2 * * *", berlin), cron("30 1 * * *", berlin), cron("0,30 1,2,3 * * *", berlin),
		cron("15 2 * * SUN", lordHowe), cron("45 1 * * *", lordHowe), cron("0 0 * * *", santiago), cron("30 23 * * SAT", santiago),
		cron("30 1 * * *", "GMT Standard Time"), cron("0 3 * * *", ""), cron("15 4 * * 1-5", "India Standard Time"),
		every(7, recurrence.Minute, "", nil), every(6, recurrence.Hour, pacific, nil), every(1, recurrence.Day, berlin, nil),
		every(1, recurrence.Day, pacific, clock([]int{4, 5, 10}, []int{0, 30})), every(3, recurrence.Day, "", clock([]int{1, 13}, []int{5})),
		every(3, recurrence.Day, berlin, clock([]int{2}, []int{30})), every(2, recurrence.Week, pacific, clock([]int{2}, []int{30})),
		every(1, recurrence.Week, "Tokyo Standard Time", &recurrence.Pattern{Hours: []int{0, 23}, Minutes: []int{0}, WeekDays: []string{"sunday", "wednesday"}}),
		every(1, recurrence.Month, lordHowe, &recurrence.Pattern{Hours: []int{0, 12}, Minutes: []int{0}, MonthDays: []int{1, 4, 5, 29, 30, 31}}),
		every(3, recurrence.Month, "", clock([]int{0}, []int{0})), every(1, recurrence.Month, "Pacific/Kiritimati", &recurrence.Pattern{Hours: []int{1}, Minutes: []int{0}, MonthDays: []int{1, 31}}),
	}
	days := []string{"2026-03-07", "2026-03-28", "2026-04-04", "2026-09-05", "2026-10-03", "2026-10-24", "2026-10-31", "2027-02-27", "2027-06-29"}
	for i, trigger := range triggers {
		name := fmt.Sprintf("s%d", i)
		text, err := json.Marshal(map[string]any{"name": name, "trigger": trigger, "create_job": map[string]string{"type": "command", "command": "true"}})
		if err != nil {
			t.Fatal(err)
		}
		if out, err := h.command("schedule", "create", "-f", h.write(name+".yml", string(text)), "-o", "none").CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", text, err, out)
		}
		spec, err := recurrence.Compile(trigger, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		vain := 0
		for _, day := range days {
			from, err := time.Parse(time.DateOnly, day)
			if err != nil {
				t.Fatal(err)
			}
			to := from.Add(72 * time.Hour)
			awake := matching(t, server, name, from, to)
			for at := range spec.Times(from.Add(time.Second), to) {
				if !slices.ContainsFunc(awake, at.Equal) {
					t.Errorf("%s: the server does not fire at %s", text, at)
				}
			}
			for _, at := range awake {
				if !spec.Contains(at) {
					vain++
				}
			}
		}
		counted := trigger.Type == recurrence.Recurrence && trigger.Interval > 1 && !trigger.Frequency.Counted()
		if changes := trigger.Zone == pacific || trigger.Zone == berlin || trigger.Zone == lordHowe || trigger.Zone == santiago || trigger.Zone == "GMT Standard Time"; vain > 0 && !changes {
			t.Errorf("%s: the server wakes somebody %d times in vain", text, vain)
		} else if vain > 200 && !counted {
			t.Errorf("%s: the server wakes somebody %d times in vain, which is often", text, vain)
		}

		// What people are shown is what the server says, but for what passes.
		d, err := server.ScheduleClient().GetHandle(t.Context(), name).Describe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		announced := slices.DeleteFunc(d.Info.NextActionTimes, func(at time.Time) bool { return !spec.Contains(at) })
		var shown []time.Time
		if len(announced) > 0 {
			shown = slices.Collect(spec.Times(announced[0], announced[len(announced)-1]))
		}
		if !slices.EqualFunc(announced, shown, time.Time.Equal) {
			t.Errorf("%s: the server announces %v, and we show %v", text, announced, shown)
		}
	}
}

// dial connects to the server of a home, once it has one.
func dial(t *testing.T, h *home) client.Client {
	t.Helper()
	served, err := homes.Open(filepath.Join(h.dir, "home"))
	if err != nil {
		t.Fatal(err)
	}
	for begin := time.Now(); time.Since(begin) < patience; time.Sleep(50 * time.Millisecond) {
		at, ok := served.Server()
		if !ok {
			continue
		}
		c, err := client.Dial(client.Options{HostPort: at.Address, Namespace: at.Namespace})
		if err == nil {
			t.Cleanup(c.Close)
			return c
		}
	}
	t.Fatal("no server")
	return nil
}

// matching asks the server when a schedule fires.
func matching(t *testing.T, c client.Client, name string, from, to time.Time) []time.Time {
	t.Helper()
	answer, err := c.WorkflowService().ListScheduleMatchingTimes(t.Context(), &workflowservice.ListScheduleMatchingTimesRequest{
		Namespace: "default", ScheduleId: name, StartTime: timestamppb.New(from), EndTime: timestamppb.New(to),
	})
	if err != nil {
		t.Fatal(err)
	}
	var list []time.Time
	for _, at := range answer.GetStartTime() {
		list = append(list, at.AsTime())
	}
	return list
}
