package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/config"
	"github.com/millrace-ml/millrace/internal/home"
	"github.com/millrace-ml/millrace/internal/telemetry"
	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/runs"
)

// environment looks up environment variables.
type environment = config.Environment

// app is what every command is given: the streams, the clock, the flags that
// all commands have, and what is built when it is first asked for.
type app struct {
	term.Streams
	env     environment
	now     func() time.Time
	program string
	// az is set where the program was called through a link of that name.
	az    bool
	flags globalFlags

	// config and home are decided once; so is the store, which stays open
	// until the program ends.
	config func() (config.Config, error)
	home   func() (*home.Home, error)
	store  func() (*artifact.Store, error)
	// registries stay open, too, once they are used.
	registries runs.OpenRegistries
	// log is where the server, the workers and their clients speak: a file in
	// the home.
	log func() *slog.Logger
	// traces sends what happens here to where people look at it; telemetry is
	// what a process that runs steps tells of itself with.
	traces    func() (*telemetry.Traces, error)
	telemetry func() (*instruments, error)
	// spoken is the log that replaces what is said on stderr; nil where people
	// have asked for none.
	spoken *slog.Logger

	mu      sync.Mutex
	closers []func()
}

// globalFlags are the flags of every command.
type globalFlags struct {
	home       string
	homeGiven  bool
	output     string
	query      string
	verbose    bool
	debug      bool
	onlyErrors bool
	ignored    [3]string // -g, -w, --subscription: there is but one workspace

	// set by run and dev
	serving servingFlags

	// made of output and query before a command runs
	format term.Format // "" where -o was not given
	search *search
}

func newApp(streams term.Streams, env environment, now func() time.Time) *app {
	a := &app{Streams: streams, env: env, now: now, program: "millrace"}
	a.config = sync.OnceValues(a.loadConfig)
	a.home = sync.OnceValues(a.openHome)
	a.store = sync.OnceValues(a.openStore)
	a.log = sync.OnceValue(a.openLog)
	a.traces = sync.OnceValues(a.openTraces)
	a.telemetry = sync.OnceValues(a.openTelemetry)
	return a
}

func (a *app) loadConfig() (config.Config, error) {
	var f config.Flags
	if a.flags.homeGiven {
		f.Home = &a.flags.home
	}
	a.flags.serving.fill(&f)
	c, err := config.Load(f, a.env)
	var wrong *config.Error
	if err != nil && !errors.As(err, &wrong) {
		return c, unreachable(err, "choose another home with MILLRACE_HOME or --home")
	}
	return c, err
}

func (a *app) openHome() (*home.Home, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	h, err := home.Open(c.Home)
	if err != nil {
		return nil, unreachable(err, "")
	}
	return h, nil
}

func (a *app) openStore() (*artifact.Store, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	url := c.Store
	if url == "" {
		h, err := a.home()
		if err != nil {
			return nil, err
		}
		url = h.StoreURL()
	}
	// A store stays open longer than any one request.
	s, err := artifact.Open(context.Background(), url)
	if err != nil {
		return nil, unreachable(err, "")
	}
	a.later(func() { _ = s.Close() })
	return s, nil
}

// later keeps what is to be done when the program ends.
func (a *app) later(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closers = append(a.closers, f)
}

func (a *app) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range slices.Backward(a.closers) { // what came later may need what was there
		c()
	}
	a.closers = nil
}

// say tells a person something that is neither data nor an error.
func (a *app) say(format string, args ...any) {
	if a.spoken != nil {
		a.spoken.Info(fmt.Sprintf(format, args...))
		return
	}
	if !a.flags.onlyErrors {
		fmt.Fprintf(a.Err, format+"\n", args...)
	}
}

// newProgress shows how a job goes on, on stderr.
func (a *app) newProgress() term.Progress {
	if a.flags.onlyErrors {
		return term.NewProgress(&term.Stream{Writer: io.Discard}, a.now)
	}
	return term.NewProgress(a.Err, a.now)
}

// command writes a command line that can be pasted: with the program's name as
// the person called it, and the home that was given by flag.
func (a *app) command(words ...string) string {
	line := []string{a.program}
	for _, w := range words {
		line = append(line, shellQuote(w))
	}
	if a.flags.homeGiven {
		line = append(line, "--home", shellQuote(a.flags.home))
	}
	return strings.Join(line, " ")
}
