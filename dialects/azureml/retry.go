package azureml

import (
	"math"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// Azure ML runs a command once. Here a node may say which failures of its
// program are tried again.

var retryKeys = keySet{what: "retry",
	read: []string{"attempts", "delay", "backoff", "max_delay", "exit_codes", "on_timeout"}}

// retry is what a node says about trying again; its numbers may be bound to
// inputs of the pipeline.
type retry struct {
	attempts, delay, backoff, maxDelay, onTimeout *text
	exitCodes                                     []*text
}

func (r *retry) texts() []*text {
	if r == nil {
		return nil
	}
	return append([]*text{r.attempts, r.delay, r.backoff, r.maxDelay, r.onTimeout}, r.exitCodes...)
}

// retry reads the retry of a node that runs a program: a number of attempts, or
// a mapping. It returns nil where the node says nothing.
func (l *loader) retry(m *yaml.Node) *retry {
	n := m.Get("retry")
	switch {
	case n == nil || n.IsNull():
		return nil
	case n.IsScalar():
		return &retry{attempts: newText(n)}
	}
	if n = l.mapping(n, "retry"); n == nil {
		return nil
	}
	l.checkKeys(n, retryKeys)
	field := func(key string) *text { return newText(l.scalar(n.Get(key), key)) }
	r := &retry{
		attempts: field("attempts"), delay: field("delay"), backoff: field("backoff"), maxDelay: field("max_delay"),
		onTimeout: field("on_timeout"),
	}
	if r.attempts == nil {
		l.problems.errorf(n.Pos(), `add "attempts: 3"`, "retry does not say how often the program is run at most")
	}
	codes := n.Get("exit_codes")
	switch {
	case codes == nil || codes.IsNull():
	case codes.Kind != yaml.List:
		if one := newText(l.scalar(codes, "exit_codes")); one != nil {
			r.exitCodes = append(r.exitCodes, one)
		}
	default:
		for _, item := range codes.Items {
			if one := newText(l.scalar(item, "an exit code")); one != nil {
				r.exitCodes = append(r.exitCodes, one)
			}
		}
	}
	return r
}

const (
	maxAttempts = 1000
	// maxRetryDelay is in seconds: a week.
	maxRetryDelay = 7 * 24 * 3600
	maxBackoff    = 100
)

// retryOf finds which failures of a node's program are tried again; nil none.
func (f *flattener) retryOf(u *unit) *pipeline.Retry {
	r := u.node.retry
	if r == nil || r.attempts == nil {
		return nil
	}
	p := &pipeline.Retry{Factor: 1}
	p.Attempts = int(f.settingNumber(u.around, r.attempts, "attempts", 1, maxAttempts, true))
	p.Delay = f.settingNumber(u.around, r.delay, "delay", 0, maxRetryDelay, false)
	p.MaxDelay = f.settingNumber(u.around, r.maxDelay, "max_delay", 0, maxRetryDelay, false)
	if r.backoff != nil {
		p.Factor = f.settingNumber(u.around, r.backoff, "backoff", 1, maxBackoff, false)
	}
	for _, t := range r.exitCodes {
		if code := int(f.settingNumber(u.around, t, "an exit code", 1, 255, true)); code > 0 {
			p.ExitCodes = append(p.ExitCodes, code)
		}
	}
	if r.onTimeout != nil {
		if text, place, ok := f.settingText(u.around, r.onTimeout, "on_timeout"); ok {
			switch strings.ToLower(text) {
			case "true":
				p.OnTimeout = true
			case "false":
			default:
				f.problems.errorf(place, "use true or false", "on_timeout must be true or false, not %s", quote(text))
			}
		}
	}
	return p
}

// settingNumber resolves a field that is a number within bounds; 0 where it is
// absent or wrong.
func (f *flattener) settingNumber(sc *scope, t *text, what string, least, most float64, whole bool) float64 {
	if t == nil {
		return 0
	}
	text, place, ok := f.settingText(sc, t, what)
	if !ok {
		return 0
	}
	n, good := parseNumber(text)
	if !good || !(n >= least && n <= most) || whole && n != math.Trunc(n) {
		kind := "a number"
		if whole {
			kind = "a whole number"
		}
		f.problems.errorf(place, "", "%s must be %s from %g to %.0f, not %s", what, kind, least, most, quote(text))
		return 0
	}
	return n
}
