package tracking

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestLinesOfMetrics(t *testing.T) {
	now := time.UnixMilli(5000)
	for _, test := range []struct{ line, want string }{
		{`{"key":"loss","value":0.1,"step":3}`, `[{"key":"loss","value":0.1,"timestamp":5000,"step":3}]`},
		{`{"loss":0.1,"acc":1,"step":3}`, `[{"key":"acc","value":1,"timestamp":5000,"step":3},{"key":"loss","value":0.1,"timestamp":5000,"step":3}]`},
		{`{"loss": NaN, "up": Infinity, "down": -Infinity}`, `[{"key":"down","value":"-Infinity","timestamp":5000,"step":0},` +
			`{"key":"loss","value":"NaN","timestamp":5000,"step":0},{"key":"up","value":"Infinity","timestamp":5000,"step":0}]`},
		{`{"loss":"0.5","time":2}`, `[{"key":"loss","value":0.5,"timestamp":2000,"step":0}]`},
		{`{"loss":1,"time":"1970-01-01T00:00:03Z"}`, `[{"key":"loss","value":1,"timestamp":3000,"step":0}]`},
		{`{"key":3,"value":1}`, "there is no key and value"},
		{`{"key":"loss"}`, "there is no key and value"},
		{`{"loss":"much"}`, `"loss" has no number`},
		{`{"loss":true}`, `"loss" has no number`},
		{`{"loss":null}`, `"loss" has no number`},
		{`{"loss":1,"step":1.5}`, "step: "},
		{`{"loss":1,"time":"soon"}`, "time is none of RFC 3339"},
		{`{"loss":1,"time":-1}`, "time is no number"},
		{`{"step":1}`, "there is no metric in it"},
		{`null`, "not an object"}, {`[1]`, "not an object"}, {`{"loss":`, "not an object"}, {`loss=1`, "not an object"},
	} {
		points, err := parseLine([]byte(test.line), now)
		got := ""
		if err != nil {
			got = err.Error()
		} else if text, err := json.Marshal(points); err == nil {
			got = string(text)
		}
		if !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: got %s, want %s", test.line, got, test.want)
		}
	}
}

func TestLinesAreReadAsTheyCome(t *testing.T) {
	a := begin(t)
	read := func(last bool) {
		a.session.mu.Lock()
		defer a.session.mu.Unlock()
		a.readLines(last)
	}
	a.write("metrics.jsonl", `{"loss":3,"step":1}`+"\n\n"+`{"loss":2,"st`)
	read(false)
	a.write("metrics.jsonl", `ep":2}`+"\nbad\n{\"a;b\":1}\nworse\n"+strings.Repeat("x", 3<<20)+"\n")
	read(false)
	a.write("metrics.jsonl", `{"loss":1,"step":3}`)
	read(false)
	if len(a.hears()) != 2 {
		t.Errorf("heard %v", a.hears())
	}
	report := a.Close(t.Context())
	if got := metric(report, "loss"); got != `{"last":1,"min":1,"max":3,"count":3,"step":3}` {
		t.Errorf("got %s", got)
	}
	if said := a.says(); len(said) != 2 || !strings.HasPrefix(said[0], "line 4 of $MILLRACE_METRICS is passed over, as others like it: not an object of JSON: bad") ||
		!strings.Contains(said[1], `"a;b" cannot be the name`) {
		t.Errorf("noted %q", said)
	}
}

func TestALineAddedIsHeardWhileTheProgramRuns(t *testing.T) {
	a := begin(t)
	heard := make(chan struct{})
	a.session.mu.Lock()
	a.state.heard = func(string, int64, float64) { close(heard) }
	a.session.mu.Unlock()
	a.write("metrics.jsonl", `{"loss":3}`+"\n")
	select {
	case <-heard:
	case <-time.After(time.Minute):
		t.Error("nothing was heard")
	}
}

func FuzzLines(f *testing.F) {
	for _, line := range []string{`{"key":"loss","value":0.1,"step":3}`, `{"loss": NaN, "time": "1970-01-01T00:00:03Z"}`, `{"a":"\"NaN","b":-Infinity}`} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		points, err := parseLine(line, time.UnixMilli(1))
		if err == nil && len(points) == 0 {
			t.Error("neither a metric nor an error")
		}
		for _, p := range points {
			if p.Value == nil || p.Timestamp < 0 {
				t.Errorf("got %+v", p)
			}
		}
	})
}
