package workers

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/worker"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// machine is a room with a lane for each number of GPUs, and one without.
func machine(gpus int, memory int64, slotsOfCPU int) (cpu *lane, with []*lane) {
	var names []string
	for i := range gpus {
		names = append(names, string(rune('0'+i)))
	}
	r := newRoom(names, memory)
	cpu = r.add("cpu", "cpu", 0, &slots{many: slotsOfCPU})
	shared := &slots{many: max(1, gpus)}
	for n := 1; n <= max(1, gpus); n++ {
		with = append(with, r.add("gpu", "gpu:"+string(rune('0'+n)), n, shared))
	}
	return cpu, with
}

// polls reports whether a poll of a lane gets a permit now, and returns that.
func (l *lane) polls(t *testing.T) (*worker.SlotPermit, bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan *worker.SlotPermit, 1)
	go func() {
		p, _ := supplier{l}.ReserveSlot(ctx, nil)
		got <- p
	}()
	// It is decided once the poll is in line, or has been in it.
	for {
		select {
		case p := <-got:
			cancel()
			return p, p != nil
		default:
		}
		l.room.mu.Lock()
		waits := slices.ContainsFunc(l.room.polls, func(p *poll) bool { return p.lane == l })
		l.room.mu.Unlock()
		if waits {
			cancel()
			p := <-got
			return p, p != nil
		}
		time.Sleep(time.Millisecond)
	}
}

// take runs a step of the lane up to where it has its share.
func (l *lane) take(t *testing.T, need pipeline.Resources) (activities.Share, func()) {
	t.Helper()
	permit, ok := l.polls(t)
	if !ok {
		t.Fatalf("there is no room for a step of %s", l.task)
	}
	supplier{l}.MarkSlotUsed(used{permit: permit})
	share, err := l.Take(t.Context(), need)
	if err != nil {
		t.Fatal(err)
	}
	return share, func() {
		l.Return(share)
		supplier{l}.ReleaseSlot(used{permit: permit})
	}
}

// used is what the SDK tells of a permit.
type used struct {
	worker.SlotReleaseInfo
	permit *worker.SlotPermit
}

func (u used) Permit() *worker.SlotPermit { return u.permit }

func TestAStepIsTakenOnlyWhereThereIsASlot(t *testing.T) {
	cpu, _ := machine(0, 0, 2)
	_, first := cpu.take(t, pipeline.Resources{})
	idle, ok := cpu.polls(t)
	if !ok {
		t.Fatal("the second slot is not given")
	}
	if _, ok := cpu.polls(t); ok {
		t.Error("a third step has room in two slots")
	}
	supplier{cpu}.ReleaseSlot(used{permit: idle}) // the poll has brought nothing
	_, second := cpu.take(t, pipeline.Resources{})
	first()
	second()
	cpu.room.close()
	if _, ok := cpu.polls(t); ok {
		t.Error("a step is taken by a worker that takes no more")
	}
}

func TestEveryStepHasItsGPUsToItself(t *testing.T) {
	cpu, with := machine(4, 0, 1)
	pair, endPair := with[1].take(t, pipeline.Resources{GPUs: 2})
	single, endSingle := with[0].take(t, pipeline.Resources{})
	plain, endPlain := cpu.take(t, pipeline.Resources{})
	if !slices.Equal(pair.GPUs, []string{"0", "1"}) || !slices.Equal(single.GPUs, []string{"2"}) || plain.GPUs != nil {
		t.Errorf("lent %v, %v and %v", pair.GPUs, single.GPUs, plain.GPUs)
	}
	if _, ok := with[1].polls(t); ok {
		t.Error("a step with two GPUs is taken where one is free")
	}
	endSingle()
	endPlain()
	again, _ := with[1].take(t, pipeline.Resources{GPUs: 2})
	if !slices.Equal(again.GPUs, []string{"2", "3"}) {
		t.Errorf("lent %v", again.GPUs)
	}
	endPair()
}

func TestWithoutGPUsStepsRunOnTheCPU(t *testing.T) {
	_, with := machine(0, 0, 1)
	share, _ := with[0].take(t, pipeline.Resources{})
	if share.GPUs != nil {
		t.Errorf("lent %v", share.GPUs)
	}
	if _, ok := with[0].polls(t); ok {
		t.Error("a second step is taken into one slot")
	}
}

func TestTheStepThatHasWaitedLongestComesFirst(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		name         string
		one, two     waiting
		single, pair bool // whether each gets a permit when one GPU is free, and when two are
	}{
		{"only single ones wait", waiting{many: 9}, waiting{}, true, false},
		{"nothing waits", waiting{}, waiting{}, true, true},
		{"the pair is older", waiting{many: 9, since: now}, waiting{many: 1, since: now.Add(-time.Minute)}, false, true},
		{"the pair is younger", waiting{many: 9, since: now.Add(-time.Minute)}, waiting{many: 1, since: now}, true, false},
		{"the pair is younger and more urgent", waiting{many: 9, priority: 3, since: now.Add(-time.Minute)}, waiting{many: 1, priority: 2, since: now}, false, true},
		{"only the pair waits", waiting{}, waiting{many: 1, since: now}, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, with := machine(2, 0, 1)
			one, two := with[0], with[1]
			_, end := one.take(t, pipeline.Resources{})
			test.one.asked, test.two.asked = now, now
			one.room.demand.waiting = map[string]waiting{one.task: test.one, two.task: test.two}
			if p, ok := one.polls(t); ok != test.single {
				t.Errorf("a step with one GPU is taken: %v", ok)
			} else if ok {
				supplier{one}.ReleaseSlot(used{permit: p})
			}
			end()
			if _, ok := two.polls(t); ok != test.pair {
				t.Errorf("a step with two GPUs is taken: %v", ok)
			}
		})
	}
}

func TestOfStepsThatCameTogetherNoneWaitsForLong(t *testing.T) {
	_, with := machine(4, 0, 1)
	one, two := with[0], with[1]
	d := &one.room.demand
	// What Temporal says of their age sways by more than lies between them.
	sways := []time.Duration{0, time.Second, -time.Second}
	first := func(i, free int) *lane {
		now := time.Now()
		d.waiting = map[string]waiting{one.task: {many: 99, since: now}, two.task: {many: 99, since: now.Add(sways[i%len(sways)])}}
		if d.before(one, two, free) == d.before(two, one, free) {
			t.Fatal("both come first, or none")
		}
		if d.before(one, two, free) {
			return one
		}
		return two
	}
	for _, test := range []struct {
		name        string
		free        int
		first, next *lane
	}{
		{"one GPU is free", 1, one, two},
		{"two GPUs are free", 2, two, one},
	} {
		d.turn, d.turns = 0, nil
		for i := range 3 * 9 {
			want := test.first
			if i%9 == 8 {
				want = test.next
			}
			if got := first(i, test.free); got != want {
				t.Fatalf("%s: after %d steps one of %s comes first", test.name, i, got.task)
			}
			if i%9 == 8 && first(i+1, 1) != want {
				t.Fatalf("%s: a step loses its turn before it is served", test.name)
			}
			d.took(want.task)
		}
	}
}

func TestGPUsAreLentAgainWhileOutputsAreStored(t *testing.T) {
	cpu, with := machine(1, 1000, 1)
	gpu := with[0]
	first, endFirst := gpu.take(t, pipeline.Resources{Memory: 900})
	if _, ok := gpu.polls(t); ok {
		t.Fatal("a step is taken while another one has the GPU")
	}
	gpu.Free(first)
	gpu.Free(first) // twice is once
	second, endSecond := gpu.take(t, pipeline.Resources{Memory: 900})
	if !slices.Equal(second.GPUs, []string{"0"}) {
		t.Errorf("lent %v", second.GPUs)
	}
	endFirst()
	if _, ok := gpu.polls(t); ok {
		t.Error("the GPU of the second step is lent when the first has been stored")
	}
	gpu.Free(second)
	third, endThird := gpu.take(t, pipeline.Resources{})
	gpu.Free(third)
	if _, ok := gpu.polls(t); ok {
		t.Error("more steps are stored than run")
	}
	endSecond()
	endThird()
	if r := gpu.room; len(r.free) != 1 || r.used != 0 || len(r.lent) != 0 || gpu.slots.running != 0 || gpu.freed != 0 {
		t.Errorf("left: %v free, %d bytes used, %d lent, %d running, %d freed", r.free, r.used, len(r.lent), gpu.slots.running, gpu.freed)
	}

	share, endCPU := cpu.take(t, pipeline.Resources{Memory: 1000})
	cpu.Free(share)
	if _, ok := cpu.polls(t); ok {
		t.Error("a core that stores is given to another step")
	}
	if cpu.room.used != 0 {
		t.Error("memory is not free when the program has ended")
	}
	endCPU()
}

func TestWhatOutlivedAWorkerIsLentAgainWhenItHasEnded(t *testing.T) {
	_, with := machine(1, 0, 1)
	share := activities.Share{GPUs: []string{"0"}}
	with[0].Hold(share)
	with[0].Free(share)
	got, end := with[0].take(t, pipeline.Resources{})
	with[0].Return(share)
	if !slices.Equal(got.GPUs, []string{"0"}) || len(with[0].room.free) != 0 {
		t.Errorf("lent %v, and %v are free", got.GPUs, with[0].room.free)
	}
	end()
	if r := with[0].room; len(r.free) != 1 || len(r.held) != 0 || with[0].slots.held != 0 || with[0].slots.running != 0 {
		t.Errorf("left: %v free, %d held", r.free, len(r.held))
	}
}

func TestProgramsThatOutlivedAWorkerKeepWhatTheyHave(t *testing.T) {
	cpu, with := machine(2, 1000, 1)
	with[0].Hold(activities.Share{GPUs: []string{"1"}, Memory: 600})
	cpu.Hold(activities.Share{})
	if _, ok := cpu.polls(t); ok {
		t.Error("the slot of a program that still runs is given away")
	}
	share, end := with[0].take(t, pipeline.Resources{})
	if !slices.Equal(share.GPUs, []string{"0"}) {
		t.Errorf("lent %v", share.GPUs)
	}
	end()
	if _, ok := with[1].polls(t); ok {
		t.Error("a step with two GPUs is taken while one is held")
	}
	if got := with[0].room.used; got != 600 {
		t.Errorf("%d bytes are used", got)
	}
	with[0].Return(activities.Share{GPUs: []string{"1"}, Memory: 600})
	cpu.Return(activities.Share{})
	if _, ok := with[1].polls(t); !ok {
		t.Error("what was held is not lent again")
	}
	if _, ok := cpu.polls(t); !ok {
		t.Error("the slot that was held is not given again")
	}
}

func TestTheMemoryOfThoseWhoOutlivedAWorkerIsTheirOwn(t *testing.T) {
	cpu, _ := machine(0, 1000, 10)
	large, small := activities.Share{Memory: 700}, activities.Share{Memory: 200}
	cpu.Hold(large)
	cpu.Hold(small)
	cpu.Return(small)
	if got := cpu.room.used; got != 700 {
		t.Errorf("%d bytes are used when the small one has ended", got)
	}
	cpu.Return(large)
	if got := cpu.room.used; got != 0 {
		t.Errorf("%d bytes are used when both have ended", got)
	}
}

func TestMemoryIsLentOnceAndInOrder(t *testing.T) {
	cpu, _ := machine(0, 1000, 10)
	_, endFirst := cpu.take(t, pipeline.Resources{Memory: 700})
	type taken struct {
		share activities.Share
		err   error
	}
	take := func(memory int64) chan taken {
		got := make(chan taken, 1)
		before := cpu.room.waits()
		go func() {
			share, err := cpu.Take(t.Context(), pipeline.Resources{Memory: memory})
			got <- taken{share, err}
		}()
		for len(got) == 0 && cpu.room.waits() == before {
			time.Sleep(time.Millisecond)
		}
		return got
	}
	big, small := take(500), take(200)
	if len(big)+len(small) > 0 {
		t.Error("memory is lent twice, or out of turn")
	}
	if _, ok := cpu.polls(t); ok {
		t.Error("a step is taken while others wait for memory")
	}
	if none := <-take(0); none.err != nil {
		t.Errorf("a step that declares nothing: %v", none.err)
	}
	endFirst()
	for _, c := range []chan taken{big, small} {
		if got := <-c; got.err != nil || got.share.Memory == 0 {
			t.Errorf("got %+v", got)
		}
	}
	if _, err := cpu.Take(t.Context(), pipeline.Resources{Memory: 2048}); err == nil || !strings.Contains(err.Error(), "asks for 2k of memory, and this worker has 1000") {
		t.Errorf("more than there is: %v", err)
	}
}

func (r *room) waits() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.line)
}

func TestAStepThatGivesUpLeavesNothingBehind(t *testing.T) {
	_, with := machine(1, 0, 1)
	share, err := with[0].Take(t.Context(), pipeline.Resources{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := with[0].Take(ctx, pipeline.Resources{}); err == nil {
		t.Error("a canceled step got a GPU that another one has")
	}
	with[0].Return(share)
	with[0].Return(share) // twice is once
	if again, err := with[0].Take(t.Context(), pipeline.Resources{}); err != nil || len(again.GPUs) != 1 {
		t.Errorf("lent %v, %v", again.GPUs, err)
	}
}

func TestNoGPUIsEverLentTwice(t *testing.T) {
	_, with := machine(4, 0, 1)
	var mu sync.Mutex
	has := map[string]bool{}
	var all sync.WaitGroup
	for i := range 200 {
		l := with[i%len(with)]
		all.Go(func() {
			share, err := l.Take(t.Context(), pipeline.Resources{})
			if err != nil || len(share.GPUs) != l.gpus {
				t.Errorf("lent %v, %v", share.GPUs, err)
				return
			}
			mu.Lock()
			for _, g := range share.GPUs {
				if has[g] {
					t.Errorf("GPU %s is lent twice", g)
				}
				has[g] = true
			}
			mu.Unlock()
			time.Sleep(100 * time.Microsecond)
			mu.Lock()
			for _, g := range share.GPUs {
				delete(has, g)
			}
			mu.Unlock()
			l.Return(share)
		})
	}
	all.Wait()
	if r := with[0].room; len(r.free) != 4 || len(r.line) != 0 || len(r.lent) != 0 {
		t.Errorf("left: %v free, %d waiting, %d lent", r.free, len(r.line), len(r.lent))
	}
}
