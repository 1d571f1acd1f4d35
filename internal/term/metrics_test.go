package term

import (
	"math"
	"testing"

	"github.com/millrace-ml/millrace/pipeline"
)

func TestNumbersAreShort(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1: "1", -3: "-3", 0.25: "0.25", 1.0 / 3: "0.3333", 123456: "123456", 12345.678: "12345.7", 1234.5678: "1235",
		1e-7: "1.000e-07", 3.5e12: "3.500e+12", 1e9: "1.000e+09", math.Inf(1): "Infinity", math.Inf(-1): "-Infinity", 99.99999: "100",
	} {
		if got := Number(v); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
	if got := Number(math.NaN()); got != "NaN" {
		t.Errorf("NaN: %q", got)
	}
}

func TestMetricsAreALineOfAFew(t *testing.T) {
	metrics := map[string]pipeline.Metric{"system/cpu": {Last: 80}, "loss": {Last: 0.25}, "acc": {Last: 0.91}, "bad\x1b[31m": {Last: pipeline.Number64(math.NaN())}}
	for most, want := range map[int]string{
		2: "acc 0.91, bad NaN, 2 more", 9: "acc 0.91, bad NaN, loss 0.25, system/cpu 80",
	} {
		if got := Metrics(metrics, most); got != want {
			t.Errorf("%d: %q, want %q", most, got, want)
		}
	}
	if got := Metrics(nil, 3); got != "" {
		t.Errorf("none: %q", got)
	}
}

func TestASparklineFollowsTheValues(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for want, values := range map[string][]float64{
		"": nil, "▁▂▃▄▅▆▇█": {0, 1, 2, 3, 4, 5, 6, 7}, "▄▄": {5, 5}, "█ ▁": {1, nan, 0}, "▄█▁": {2, inf, -inf}, " ": {nan},
		"▁█": {-math.MaxFloat64, math.MaxFloat64},
	} {
		got := Spark(values)
		if got != want {
			t.Errorf("%v: %q, want %q", values, got, want)
		}
	}
}
