package term

import (
	"testing"
	"time"
)

func TestDurationIsShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second:                          "0.0s",
		40 * time.Millisecond:                 "0.0s",
		1234 * time.Millisecond:               "1.2s",
		59960 * time.Millisecond:              "1m00s",
		62500 * time.Millisecond:              "1m03s",
		time.Hour + 2*time.Minute:             "1h02m",
		76 * time.Hour:                        "3d04h",
		59*time.Second + 900*time.Millisecond: "59.9s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestBytesAreShort(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 3 << 30: "3.0 GiB", 1 << 60: "1024.0 PiB"} {
		if got := Bytes(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestCutKeepsWithinTheWidth(t *testing.T) {
	for _, test := range []struct {
		text  string
		width int
		want  string
	}{
		{"hello", 5, "hello"}, {"hello!", 5, "he..."}, {"hello", 3, "..."}, {"hello", 0, ""}, {"hello", -1, ""},
		{"日本語です", 10, "日本語です"}, {"日本語です", 8, "日本..."}, {"é́é́é́", 3, "é́é́é́"},
	} {
		if got := Cut(test.text, test.width); got != test.want || Width(got) > max(0, test.width) {
			t.Errorf("%q in %d: %q, want %q", test.text, test.width, got, test.want)
		}
	}
}

func TestCleanTakesOutWhatWouldMoveTheCursor(t *testing.T) {
	for text, want := range map[string]string{
		"plain":                           "plain",
		"a\tb":                            "a    b",
		"\x1b[1;31mred\x1b[0m":            "red",
		"10%\r20%\r30%\r\n":               "30%",
		"\x1b]0;title\x07text":            "text",
		"\x1b]8;;http://x\x1b\\link":      "link",
		"cut off \x1b[":                   "cut off ",
		"bell\x07 and \x00 nothing\u009b": "bell and  nothing",
		"naïve 日本":                        "naïve 日本",
	} {
		if got := Clean(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func FuzzCleanIsSafe(f *testing.F) {
	for _, s := range []string{"\x1b[31m", "a\x1b]x", "\xff\xfe", "\r", "é\x1bX"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range Clean(s) {
			if isControl(r) {
				t.Fatalf("%q became %q", s, Clean(s))
			}
		}
	})
}
