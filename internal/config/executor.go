package config

import (
	"fmt"
	"regexp"
)

// Executor is how the programs of steps run.
type Executor struct {
	// Mode is process, docker or auto; "" means process.
	Mode string
	// Network is what containers are connected to; "" leaves it to the engine.
	Network string
}

// The modes: as processes of the machine, in containers of the images that
// files name, or in those where a Docker Engine answers.
const (
	ProcessExecutor = "process"
	DockerExecutor  = "docker"
	AutoExecutor    = "auto"
)

// ExecutorFlags are the settings given on the command line. Nil means not
// given.
type ExecutorFlags struct {
	Mode, Network *string
}

func (e *Executor) readFlags(f ExecutorFlags) error {
	for _, s := range []struct {
		flag  string
		given *string
		set   func(string) error
	}{
		{"--executor", f.Mode, e.setMode},
		{"--docker-network", f.Network, e.setNetwork},
	} {
		if s.given == nil {
			continue
		}
		if err := s.set(*s.given); err != nil {
			return &Error{Where: s.flag, Message: err.Error()}
		}
	}
	return nil
}

func (e *Executor) setMode(text string) error {
	switch text {
	case ProcessExecutor, DockerExecutor, AutoExecutor:
		e.Mode = text
		return nil
	}
	return fmt.Errorf("%q is none of process, docker and auto", text)
}

var networkName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

func (e *Executor) setNetwork(text string) error {
	if !networkName.MatchString(text) {
		return fmt.Errorf("%q is no network: give none, host, bridge or the name of one that the engine has", text)
	}
	e.Network = text
	return nil
}
