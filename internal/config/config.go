// Package config decides, once, how this process works: flags go before the
// environment, the environment before the file config.yaml in the home, and the
// file before the defaults.
package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/millrace-ml/millrace/internal/notify"
	"github.com/millrace-ml/millrace/internal/term"
)

// Config is what was decided.
type Config struct {
	// Home is the folder that Millrace keeps everything in.
	Home string
	// Store is the URL of the store; "" means the one in the home.
	Store string
	// CPUSlots and GPUSlots are how many steps run at once on the queues cpu
	// and gpu; 0 lets the machine decide: its cores, its GPUs.
	CPUSlots, GPUSlots int
	// GPUs says which GPUs are lent to steps: auto, all, none, or a list; ""
	// means auto.
	GPUs string
	// Memory is how much memory is lent to steps that declare what they need:
	// auto, none, or a size; "" means auto.
	Memory string
	// Worker is what a worker of its own serves, and how.
	Worker Worker
	// Python is the folder (with bin/python3 in it, or the python itself) of the
	// interpreter that steps run with; "" means the one found on PATH.
	Python string
	// Environments is how steps get the software that they ask for.
	Environments Environments
	// Executor is how the programs of steps run.
	Executor Executor
	// CacheMax is how much of a store that is a bucket is kept on this machine:
	// auto or a size; "" means auto.
	CacheMax string
	// TrackingURI is the MLflow server that steps report to; "" has them report
	// to Millrace.
	TrackingURI string
	// Telemetry is what the process tells of itself.
	Telemetry Telemetry
	// Notifications are who is told of jobs, and how.
	Notifications []notify.Channel
	// Output is the format of -o where none is given; "" means json.
	Output term.Format
	// Computes says which queue stands for a compute, by name.
	Computes map[string]string
	// Temporal is set where the environment names a Temporal server; without it
	// the embedded one is used.
	Temporal *Temporal
}

// Temporal is a server that Millrace connects to instead of embedding one.
type Temporal struct {
	// Address and Namespace are those that the connection will use.
	Address, Namespace string
}

// Flags are the settings given on the command line. Nil means not given.
type Flags struct {
	Home               *string
	CPUSlots, GPUSlots *int
	Python             *string
	Environments       EnvironmentFlags
	Executor           ExecutorFlags
	Store              *string
	GPUs, Memory       *string
	CacheMax           *string
	TrackingURI        *string
	Telemetry          TelemetryFlags
	Worker             WorkerFlags
}

// Environment looks up environment variables.
type Environment interface {
	LookupEnv(name string) (string, bool)
	Environ() []string
}

// Home decides where the home is: the flag, MILLRACE_HOME, or ~/.millrace.
func Home(flag *string, env Environment) (string, error) {
	if flag != nil {
		if *flag == "" {
			return "", &Error{Message: "--home is empty"}
		}
		return *flag, nil
	}
	if dir := get(env, "MILLRACE_HOME"); dir != "" {
		return dir, nil
	}
	if user := get(env, "HOME"); user != "" {
		return filepath.Join(user, ".millrace"), nil
	}
	return "", &Error{Message: "there is no home folder: HOME is not set; set MILLRACE_HOME or give --home"}
}

// Load makes the configuration. The file need not exist; everything that is
// wrong with the settings is an [*Error].
func Load(flags Flags, env Environment) (Config, error) {
	c := Config{Worker: Worker{DrainTimeout: drainTimeout}}
	var err error
	if c.Home, err = Home(flags.Home, env); err != nil {
		return Config{}, err
	}
	path := filepath.Join(c.Home, "config.yaml")
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return Config{}, fmt.Errorf("read configuration: %w", err)
	}
	if err := c.readFile(path, data); err != nil {
		return Config{}, err
	}
	if err := c.readEnvironment(env); err != nil {
		return Config{}, err
	}
	if err := c.readFlags(flags); err != nil {
		return Config{}, err
	}
	if err := c.Environments.readFlags(flags.Environments); err != nil {
		return Config{}, err
	}
	if err := c.Executor.readFlags(flags.Executor); err != nil {
		return Config{}, err
	}
	if c.Temporal, err = temporal(env); err != nil {
		return Config{}, err
	}
	return c, nil
}

// Error is a setting that is wrong: what is wrong with it and where it stands.
type Error struct {
	// Where is "config.yaml:3:1", the name of a variable or of a flag.
	Where   string
	Message string
}

func (e *Error) Error() string {
	if e.Where == "" {
		return e.Message
	}
	return e.Where + ": " + e.Message
}

func (c *Config) readEnvironment(env Environment) error {
	for _, s := range settings {
		name := "MILLRACE_" + strings.ToUpper(s.key)
		if s.set == nil {
			continue
		}
		if text := get(env, name); text != "" && !ofAStep(name, text) {
			if err := s.set(c, text); err != nil {
				return &Error{Where: name, Message: err.Error()}
			}
		}
	}
	return nil
}

func (c *Config) readFlags(f Flags) error {
	if f.CPUSlots != nil {
		if err := slots(&c.CPUSlots, strconv.Itoa(*f.CPUSlots)); err != nil {
			return &Error{Where: "--cpu-slots", Message: err.Error()}
		}
	}
	if f.GPUSlots != nil {
		if err := slots(&c.GPUSlots, strconv.Itoa(*f.GPUSlots)); err != nil {
			return &Error{Where: "--gpu-slots", Message: err.Error()}
		}
	}
	for _, s := range []struct {
		flag  string
		given *string
		set   func(*Config, string) error
	}{
		{"--python", f.Python, func(c *Config, s string) error { c.Python = s; return nil }},
		{"--store", f.Store, func(c *Config, s string) error { c.Store = s; return nil }},
		{"--gpus", f.GPUs, func(c *Config, s string) error { c.GPUs = s; return nil }},
		{"--memory", f.Memory, memory},
		{"--cache-max", f.CacheMax, cacheMax},
		{"--tracking-uri", f.TrackingURI, trackingURI},
	} {
		if s.given == nil {
			continue
		}
		if err := s.set(c, *s.given); err != nil {
			return &Error{Where: s.flag, Message: err.Error()}
		}
	}
	if err := c.Telemetry.readFlags(f.Telemetry); err != nil {
		return err
	}
	return c.Worker.readFlags(f.Worker)
}

func get(env Environment, name string) string {
	v, _ := env.LookupEnv(name)
	return v
}

// setting is one key of the file. The ones that are plain text can be given as
// an environment variable too.
type setting struct {
	key string
	set func(*Config, string) error
}

var settings = []setting{
	{"store", func(c *Config, s string) error { c.Store = s; return nil }},
	{"cpu_slots", func(c *Config, s string) error { return slots(&c.CPUSlots, s) }},
	{"gpu_slots", func(c *Config, s string) error { return slots(&c.GPUSlots, s) }},
	{"gpus", func(c *Config, s string) error { c.GPUs = s; return nil }},
	{"memory", memory},
	{"queue", func(c *Config, s string) error { return queues(&c.Worker.Queues, s) }},
	{"slots", func(c *Config, s string) error { return someSlots(&c.Worker.Slots, s) }},
	{"labels", func(c *Config, s string) error { return labels(&c.Worker.Labels, s) }},
	{"advertise", func(c *Config, s string) error { return advertise(&c.Worker.Advertise, s) }},
	{"drain_timeout", func(c *Config, s string) error { return drain(&c.Worker.DrainTimeout, s) }},
	{"on_stop", func(c *Config, s string) error { return onStop(&c.Worker.OnStop, s) }},
	{"python", func(c *Config, s string) error { c.Python = s; return nil }},
	{"environments", func(c *Config, s string) error { return c.Environments.setMode(s) }},
	{"strict_environments", func(c *Config, s string) error { return c.Environments.setStrict(s) }},
	{"environments_max", func(c *Config, s string) error { return c.Environments.setMax(s) }},
	{"executor", func(c *Config, s string) error { return c.Executor.setMode(s) }},
	{"docker_network", func(c *Config, s string) error { return c.Executor.setNetwork(s) }},
	{"cache_max", cacheMax},
	{"tracking_uri", trackingURI},
	{"metrics", func(c *Config, s string) error { return c.Telemetry.setMetrics(s) }},
	{"log_format", func(c *Config, s string) error { return c.Telemetry.setFormat(s) }},
	{"log_level", func(c *Config, s string) error { return c.Telemetry.setLevel(s) }},
	{"output", output},
	{computesKey, nil},
	{notificationsKey, nil},
}

const computesKey = "computes"

// maxSlots is more steps at once than one machine can start.
const maxSlots = 10_000

func slots(into *int, text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > maxSlots {
		return fmt.Errorf("%q is not a number of slots: give a whole number from 1 to %d, or 0 to let the machine decide", text, maxSlots)
	}
	*into = n
	return nil
}

// someSlots is slots for what the machine decides only where nothing was said.
func someSlots(into *int, text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxSlots {
		return fmt.Errorf("%q is not a number of slots: give a whole number from 1 to %d, or leave it out to let the machine decide", text, maxSlots)
	}
	*into = n
	return nil
}

func output(c *Config, s string) error {
	format, err := term.ParseFormat(s)
	c.Output = format
	return err
}
