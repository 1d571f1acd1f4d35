package term

import (
	"fmt"
	"strings"
	"time"
)

// Width is the number of columns that text takes. Wide characters of East
// Asian scripts and emoji count as two, as terminals draw them.
func Width(text string) int {
	n := 0
	for _, r := range text {
		n += runeWidth(r)
	}
	return n
}

func runeWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case r <= 0x36f, r >= 0x200b && r <= 0x200f, r >= 0xfe00 && r <= 0xfe0f: // combining, joiners, variants
		return 0
	case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3,
		r >= 0xf900 && r <= 0xfaff, r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60,
		r >= 0xffe0 && r <= 0xffe6, r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd:
		return 2
	}
	return 1
}

// Cut shortens text to at most width columns; what was cut off shows as "...".
func Cut(text string, width int) string {
	if Width(text) <= width {
		return text
	}
	if width <= 3 {
		return strings.Repeat(".", max(0, width))
	}
	n := 0
	for i, r := range text {
		w := runeWidth(r)
		if n+w > width-3 {
			return text[:i] + "..."
		}
		n += w
	}
	return text
}

func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-Width(text)))
}

// Duration writes a span of time as people say it: "0.4s", "12.3s", "2m03s",
// "1h02m", "3d04h".
func Duration(d time.Duration) string {
	if d < 0 {
		d = 0
	}
	if d < 59950*time.Millisecond {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return wholeSeconds(d.Round(time.Second))
}

// wholeSeconds is for numbers that are redrawn while they grow.
func wholeSeconds(d time.Duration) string {
	s := int64(max(0, d) / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 86400:
		return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
	}
	return fmt.Sprintf("%dd%02dh", s/86400, s/3600%24)
}

// Bytes writes a number of bytes as people say it: "812 B", "1.4 MiB".
func Bytes(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	f, unit := float64(n), 0
	for f >= 1024 && unit < 5 {
		f /= 1024
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", f, "KMGTP"[unit-1])
}

// Count writes a number with its noun: "1 step", "4 steps".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
