package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	software "github.com/millrace-ml/millrace/internal/environment"
	"github.com/millrace-ml/millrace/internal/term"
)

type environmentPruneOptions struct {
	all   bool
	older string
}

// usualAge is how long an environment was not used that prune removes.
const usualAge = 30 * 24 * time.Hour

func newEnvironmentPruneCmd(a *app, runF func(context.Context, *environmentPruneOptions) error) *cobra.Command {
	o := &environmentPruneOptions{}
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove environments from this machine that are not used",
		Long: `Remove the environments of this machine that no step has used for 30 days, or
as --older-than says, and what was left half made. Those that a step runs in stay.
One that is asked for again is made again, of the same packages.`,
		Example: `  millrace environment prune
  millrace environment prune --older-than 7d
  millrace environment prune --all`,
	}
	f := cmd.Flags()
	f.BoolVar(&o.all, "all", false, "remove all that are not in use, and what they are made from")
	f.StringVar(&o.older, "older-than", "", "remove what was not used for this `time`: 36h, 7d")
	cmd.MarkFlagsMutuallyExclusive("all", "older-than")
	return verb(a, cmd, o, runF, runEnvironmentPrune)
}

func runEnvironmentPrune(ctx context.Context, a *app, o *environmentPruneOptions) error {
	p := software.Pruning{All: o.all, Unused: usualAge}
	if o.older != "" {
		age, ok := readAge(o.older)
		if !ok {
			return wrongUsage("for example: --older-than 7d", "--older-than: %q is not a time", o.older)
		}
		p.Unused = age
	}
	c, err := a.config()
	if err != nil {
		return err
	}
	m, err := a.environmentManager(c)
	if err != nil {
		return err
	}
	removed, freed, err := m.Prune(ctx, p)
	if err != nil {
		return err
	}
	if a.wantsData() {
		names := []map[string]any{}
		for _, made := range removed {
			names = append(names, madeDocument(made))
		}
		return a.print(map[string]any{"removed": names, "freed": freed}, nil)
	}
	a.say("removed %s, %s came free", term.Count(len(removed), "environment"), term.Bytes(max(0, freed)))
	return nil
}

// readAge reads a time as Go has it, or a number of days.
func readAge(text string) (time.Duration, bool) {
	if days, ok := cutDays(text); ok {
		return days, true
	}
	age, err := time.ParseDuration(text)
	return age, err == nil && age > 0
}

func cutDays(text string) (time.Duration, bool) {
	hours, err := time.ParseDuration(trimDay(text))
	return 24 * hours, err == nil && hours > 0 && trimDay(text) != text
}

// trimDay has "7d" be "7h", to be read as a time and taken 24 times.
func trimDay(text string) string {
	if n := len(text); n > 1 && text[n-1] == 'd' {
		return text[:n-1] + "h"
	}
	return text
}
