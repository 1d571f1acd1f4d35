package config

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/millrace-ml/millrace/pipeline"
)

// Worker is what `millrace worker start` goes by, and in part `millrace dev`.
type Worker struct {
	// Queues are the queues to serve.
	Queues []string
	// Slots is how many steps run at once; 0 lets the machine decide.
	Slots int
	// Labels are words about the worker, with values.
	Labels map[string]string
	// Advertise is the name or address by which other workers reach this
	// machine; "" has it found out.
	Advertise string
	// DrainTimeout is how long running steps may take to end when the worker is
	// told to stop.
	DrainTimeout time.Duration
	// OnStop is what becomes of running steps then; "" where nothing says so, and
	// the command decides.
	OnStop OnStop
}

// WorkerFlags are those of `millrace worker start`. Nil means not given.
type WorkerFlags struct {
	Queues, Labels, OnStop *string
	Advertise              *string
	Slots                  *int
	DrainTimeout           *time.Duration
}

// OnStop is what becomes of running steps when a worker is told to stop.
type OnStop string

// The running steps are waited for, left to the next worker on this machine, or
// given back at once to be run again.
const (
	Drain    OnStop = "drain"
	Leave    OnStop = "leave"
	GiveBack OnStop = "give-back"
)

// drainTimeout is the default of DrainTimeout.
const drainTimeout = 10 * time.Minute

// maxDrain bounds what can be asked for: a worker that is to go on for longer is
// not being stopped.
const maxDrain = 30 * 24 * time.Hour

func (w *Worker) readFlags(f WorkerFlags) error {
	set := func(flag string, given *string, set func(string) error) error {
		if given == nil {
			return nil
		}
		if err := set(*given); err != nil {
			return &Error{Where: flag, Message: err.Error()}
		}
		return nil
	}
	var number, duration *string
	if f.Slots != nil {
		text := strconv.Itoa(*f.Slots)
		number = &text
	}
	if f.DrainTimeout != nil {
		text := f.DrainTimeout.String()
		duration = &text
	}
	return errors.Join(
		set("--queue", f.Queues, func(s string) error { return queues(&w.Queues, s) }),
		set("--slots", number, func(s string) error { return someSlots(&w.Slots, s) }),
		set("--labels", f.Labels, func(s string) error { return labels(&w.Labels, s) }),
		set("--advertise", f.Advertise, func(s string) error { return advertise(&w.Advertise, s) }),
		set("--drain-timeout", duration, func(s string) error { return drain(&w.DrainTimeout, s) }),
		set("--on-stop", f.OnStop, func(s string) error { return onStop(&w.OnStop, s) }),
	)
}

// queueName is what a compute may call a queue. A colon stands before a number
// of GPUs in the name of a task queue.
var queueName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

func queues(into *[]string, text string) error {
	var list []string
	seen := make(map[string]bool)
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); !queueName.MatchString(name) {
			return fmt.Errorf("%q is not the name of a queue: give names such as cpu or gpu, with commas between them", name)
		}
		if !seen[name] {
			seen[name] = true
			list = append(list, name)
		}
	}
	*into = list
	return nil
}

// hostName is what the programs of other machines can call.
var hostName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$`)

func advertise(into *string, text string) error {
	if net.ParseIP(text) == nil && !hostName.MatchString(text) {
		return fmt.Errorf("%q is not an address: give an IP address or the name of this machine, without a port", text)
	}
	*into = text
	return nil
}

func labels(into *map[string]string, text string) error {
	all := make(map[string]string)
	for pair := range strings.SplitSeq(text, ",") {
		key, value, ok := strings.Cut(strings.TrimSpace(pair), "=")
		if !ok || strings.TrimSpace(key) == "" {
			return fmt.Errorf("%q is not a label: write key=value, with commas between several", pair)
		}
		all[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	*into = all
	return nil
}

func drain(into *time.Duration, text string) error {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > maxDrain {
		return fmt.Errorf("%q is not a time to wait: write 90s, 10m or 2h, at most %s; 0 waits for nothing", text, maxDrain)
	}
	*into = d
	return nil
}

func onStop(into *OnStop, text string) error {
	switch o := OnStop(text); o {
	case Drain, Leave, GiveBack:
		*into = o
		return nil
	}
	return fmt.Errorf("%q is none of %s, %s and %s", text, Drain, Leave, GiveBack)
}

func memory(c *Config, text string) error {
	switch text {
	case "auto", "none":
	default:
		if _, err := pipeline.ParseSize(text); err != nil {
			return fmt.Errorf("%w; auto lends what the machine has, none does not count", err)
		}
	}
	c.Memory = text
	return nil
}
