package metrics

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 123e6, time.UTC)

func written(t testing.TB, points []Point) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, points); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read1(data []byte) (points []Point, err error) {
	for p, err := range Read(bytes.NewReader(data), int64(len(data))) {
		if err != nil {
			return points, err
		}
		points = append(points, p)
	}
	return points, nil
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	many := make([]Point, 3*rowGroup+17)
	for i := range many {
		many[i] = Point{Run: "r", Key: []string{"loss", "acc"}[i%2], Step: int64(i / 2), Time: noon.Add(time.Duration(i) * time.Second), Value: 1 / float64(i+1)}
	}
	for name, points := range map[string][]Point{
		"nothing": nil,
		"one":     {{Run: "a", Key: "loss", Step: 3, Time: noon, Value: 0.5}},
		"odd values": {
			{Run: "", Key: "", Time: time.UnixMilli(-5).UTC(), Step: -1, Value: math.NaN()},
			{Run: "ü", Key: "val/loss @1", Time: noon, Step: math.MaxInt64, Value: math.Inf(1)},
			{Run: "ü", Key: strings.Repeat("k", 5000), Time: noon, Step: math.MinInt64, Value: math.Inf(-1)},
			{Run: "a", Key: "tiny", Time: noon, Value: math.SmallestNonzeroFloat64},
			{Run: "a", Key: "huge", Time: noon, Value: -math.MaxFloat64},
		},
		"many": many,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := read1(written(t, points))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(points, got, cmpopts.EquateNaNs()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadingEndsWhereItIsToldTo(t *testing.T) {
	data := written(t, make([]Point, 5000))
	n := 0
	for _, err := range Read(bytes.NewReader(data), int64(len(data))) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 7 {
			break
		}
	}
	if n != 7 {
		t.Errorf("read %d", n)
	}
}

func TestADamagedFileIsSaidToBe(t *testing.T) {
	good := written(t, []Point{{Run: "a", Key: "loss", Time: noon, Value: 1}})
	long := slices.Clone(good)
	binary.LittleEndian.PutUint32(long[len(long)-8:], math.MaxUint32)
	for name, data := range map[string][]byte{
		"empty": nil, "short": []byte("PAR1"), "text": []byte(strings.Repeat("step,loss\n", 10)),
		"cut off": good[:len(good)-1], "a footer longer than the file": long, "only ends": []byte("PAR1\x00\x00\x00\x00PAR1"),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := read1(data); err == nil || !errors.Is(err, errNotOurs) && name != "only ends" {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Whatever a file holds, reading it ends, and takes no more memory than it
// should.
func FuzzReadNeverPanics(f *testing.F) {
	f.Add(written(f, nil))
	f.Add(written(f, []Point{{Run: "a", Key: "loss", Time: noon, Value: 1}, {Run: "b", Key: "loss", Step: 1, Time: noon, Value: math.NaN()}}))
	f.Add(written(f, make([]Point, 2000)))
	f.Fuzz(func(_ *testing.T, data []byte) {
		n := 0
		for _, err := range Read(bytes.NewReader(data), int64(len(data))) {
			if n++; n > 1<<20 || err != nil {
				break
			}
		}
	})
}

func TestSeriesAreGatheredByRunAndKey(t *testing.T) {
	points := []Point{
		{Run: "b", Key: "loss", Step: 1, Value: 3}, {Run: "a", Key: "loss", Step: 1, Value: 9},
		{Run: "b", Key: "acc", Step: 1, Value: 0.1}, {Run: "b", Key: "loss", Step: 2, Value: math.NaN()},
		{Run: "b", Key: "loss", Step: 3, Value: 1},
	}
	all, err := Gather(func(yield func(Point, error) bool) {
		for _, p := range points {
			if !yield(p, nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range all {
		names = append(names, s.Run+"."+s.Key)
	}
	if diff := cmp.Diff([]string{"b.acc", "b.loss", "a.loss"}, names); diff != "" {
		t.Error(diff)
	}
	if m := all[1].Metric; m.Last != 1 || m.Min != 1 || m.Max != 3 || m.Count != 3 || m.Step != 3 {
		t.Errorf("got %+v", m)
	}
}

func TestASampleLooksLikeTheSeries(t *testing.T) {
	series := make([]Point, 1000)
	for i := range series {
		series[i] = Point{Step: int64(i), Value: math.Sin(float64(i) / 50)}
	}
	series[333].Value = 50 // the one thing that nobody may miss
	series[500].Value, series[501].Value = math.NaN(), math.Inf(1)
	for _, most := range []int{3, 4, 10, 40, 999} {
		got := Sample(series, most)
		if len(got) != most || got[0] != series[0] || got[most-1] != series[999] {
			t.Fatalf("%d: got %d from %v to %v", most, len(got), got[0], got[len(got)-1])
		}
		if !slices.IsSortedFunc(got, func(a, b Point) int { return int(a.Step - b.Step) }) {
			t.Errorf("%d: the order is lost", most)
		}
		if most >= 10 && !slices.ContainsFunc(got, func(p Point) bool { return p.Value == 50 }) {
			t.Errorf("%d: the peak is lost", most)
		}
	}
	for most, want := range map[int]int{-1: 0, 0: 0, 1: 1, 2: 2, 1000: 1000, 2000: 1000} {
		if got := Sample(series, most); len(got) != want {
			t.Errorf("%d: got %d, want %d", most, len(got), want)
		}
	}
}
