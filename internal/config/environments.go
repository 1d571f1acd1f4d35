package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Environments is how steps get the software that they ask for.
type Environments struct {
	// Mode is build or host; "" leaves it to the other settings.
	Mode string
	// Strict refuses what is not exactly as it was asked for.
	Strict bool
	// Max is how many bytes those of a machine may take up; nil where nothing
	// was said, 0 for no limit.
	Max *int64
}

// The modes: environments are made as steps ask for them, or every step has the
// software of the machine.
const (
	BuildEnvironments = "build"
	HostSoftware      = "host"
)

// EnvironmentFlags are the settings given on the command line. Nil means not
// given.
type EnvironmentFlags struct {
	Mode   *string
	Strict *bool
}

// Build reports whether environments are made: unless somebody said otherwise,
// or named the one Python that all steps are to have.
func (c *Config) Build() bool {
	return c.Environments.Mode == BuildEnvironments || c.Environments.Mode == "" && c.Python == ""
}

func (e *Environments) readFlags(f EnvironmentFlags) error {
	if f.Mode != nil {
		if err := e.setMode(*f.Mode); err != nil {
			return &Error{Where: "--environments", Message: err.Error()}
		}
	}
	if f.Strict != nil {
		e.Strict = *f.Strict
	}
	return nil
}

func (e *Environments) setMode(text string) error {
	if text != BuildEnvironments && text != HostSoftware {
		return fmt.Errorf("%q is neither build, which makes the environments that steps ask for, nor host, the software of this machine", text)
	}
	e.Mode = text
	return nil
}

func (e *Environments) setStrict(text string) error {
	strict, err := strconv.ParseBool(text)
	if err != nil {
		return fmt.Errorf("%q is neither true nor false", text)
	}
	e.Strict = strict
	return nil
}

var sizeText = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)(?:i?b)?$`)

func (e *Environments) setMax(text string) error {
	m := sizeText.FindStringSubmatch(strings.ToLower(strings.TrimSpace(text)))
	if m == nil {
		return fmt.Errorf("%q is not a size, such as 20g; 0 sets no limit", text)
	}
	n, err := strconv.ParseFloat(m[1], 64)
	size := n * float64(int64(1)<<(10*strings.Index(" kmgt", m[2]+" "[len(m[2]):])))
	if err != nil || size >= 1<<62 {
		return fmt.Errorf("%q is not a size that can be", text)
	}
	bytes := int64(size)
	e.Max = &bytes
	return nil
}
