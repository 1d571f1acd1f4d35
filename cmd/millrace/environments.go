package main

import (
	"os"

	"github.com/spf13/pflag"

	"github.com/millrace-ml/millrace/internal/config"
	software "github.com/millrace-ml/millrace/internal/environment"
)

// environmentFlags are the flags that say how steps get their software.
type environmentFlags struct {
	mode   string
	strict bool
}

func (e *environmentFlags) add(f *pflag.FlagSet) {
	f.StringVar(&e.mode, "environments", "", "build software the `environments` that steps ask for, host gives them the software of this machine (default: build; with --python host)")
	f.BoolVar(&e.strict, "strict-environments", false, "refuse an environment that cannot be made exactly as it is asked for")
}

func (e *environmentFlags) fill(f *config.Flags, given func(flag string) bool) {
	if given("environments") {
		f.Environments.Mode = &e.mode
	}
	if given("strict-environments") {
		f.Environments.Strict = &e.strict
	}
}

// environments software the environments of steps; nil where they have the software
// of this machine.
func (a *app) environments(c config.Config) (*software.Manager, error) {
	if !c.Build() {
		return nil, nil
	}
	return a.environmentManager(c)
}

func (a *app) environmentManager(c config.Config) (*software.Manager, error) {
	h, err := a.home()
	if err != nil {
		return nil, err
	}
	folder, tools := software.Places(h.Dir())
	m := &software.Manager{Folder: folder, Tools: tools, Environ: os.Environ(), Max: software.DefaultMax, Strict: c.Environments.Strict}
	if c.Environments.Max != nil {
		m.Max = *c.Environments.Max
	}
	return m, nil
}
