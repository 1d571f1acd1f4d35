package tracking

import (
	"math"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The limits of MLflow's own server.
const (
	maxKey     = 250
	maxParam   = 6000
	maxTag     = 8000
	maxMetrics = 1000 // in one batch
	maxPairs   = 100  // params, or tags, in one batch
	maxName    = 500  // of an experiment or a model
)

// The limits of an attempt. Whatever is beyond is refused, but for values of
// metrics: those are summed up, and their series ends.
const (
	maxBody   = 32 << 20
	maxPoints = 20_000_000
	maxRuns   = 100_000
	maxThings = 100_000 // parameters and tags of a run, models, versions
)

// checkKey checks the name of a metric, a parameter or a tag.
func checkKey(what, key string) error {
	switch {
	case key == "":
		return invalid("%s name cannot be empty. A key name must be provided.", what)
	case utf8.RuneCountInString(key) > maxKey:
		return invalid("%s name %.40q... has a length of %d, which exceeds the limit of %d characters", what, key, utf8.RuneCountInString(key), maxKey)
	}
	for _, c := range key {
		if !plainLetter(c) && !strings.ContainsRune("/.- :", c) {
			return invalid("Invalid value %q for parameter 'name' supplied: Names may only contain alphanumerics, underscores (_), "+
				"dashes (-), periods (.), spaces ( ), colon(:) and slashes (/).", key)
		}
	}
	if clean := path.Clean(key); clean != key || clean == "." || strings.HasPrefix(clean, "..") || strings.HasPrefix(clean, "/") {
		return invalid("Invalid value %q for parameter 'name' supplied: Names may be treated as files in certain cases, and must not "+
			"resolve to other names when treated as such. This name would resolve to %q", key, clean)
	}
	return nil
}

func plainLetter(c rune) bool {
	return c == '_' || unicode.IsLetter(c) || unicode.IsNumber(c) || unicode.IsMark(c)
}

// checkPoint checks one value of a metric.
func checkPoint(p point) error {
	if err := checkKey("Metric", p.Key); err != nil {
		return err
	}
	switch {
	case p.Value == nil:
		return invalid("Missing value for required parameter 'value' of metric %q.", p.Key)
	case p.Timestamp < 0:
		return invalid("Invalid value %d for parameter 'timestamp' of metric %q: it must be a nonnegative long (64-bit integer)", p.Timestamp, p.Key)
	}
	return nil
}

// cut bounds a value as MLflow's server does, which keeps the beginning.
func cut(value string, most int) string {
	if utf8.RuneCountInString(value) <= most {
		return value
	}
	return string([]rune(value)[:most])
}

// checkName checks the name of a registered model or an experiment.
func checkName(what, name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return invalid("%s name cannot be empty.", what)
	case utf8.RuneCountInString(name) > maxName:
		return invalid("%s name exceeds the limit of %d characters", what, maxName)
	case strings.ContainsAny(name, "\x00\r\n"):
		return invalid("%s name %q has a character that none may have", what, name)
	}
	return nil
}

// laterOf reports whether b is, in MLflow's order, the later value of a metric:
// that of the greater step, then of the later time, then the greater one.
func laterOf(a, b sample) bool {
	switch {
	case a.step != b.step:
		return b.step > a.step
	case a.time != b.time:
		return b.time > a.time
	}
	return b.value > a.value || math.IsNaN(a.value)
}
