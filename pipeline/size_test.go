package pipeline

import "testing"

func TestSizesAreReadAsDockerReadsThem(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "512": 512, "512b": 512, "100k": 100 << 10, "16g": 16 << 30, "16G": 16 << 30, "16GiB": 16 << 30,
		"16gb": 16 << 30, " 2 t ": 2 << 40, "1.5g": 3 << 29, "3100m": 3100 << 20,
	} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "g", "-1", "-1g", "two", "1e30", "1x", "NaN", "Inf", "1 g g", "16gg"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("ParseSize(%q) = %d, want an error", text, got)
		}
	}
}

func TestSizesAreWrittenAsTheyAreRead(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 1000: "1000", 1 << 10: "1k", 3100 << 20: "3100m", 16 << 30: "16g", 3 << 29: "1536m"} {
		if got := FormatSize(n); got != want {
			t.Errorf("FormatSize(%d) = %q, want %q", n, got, want)
		}
	}
}
