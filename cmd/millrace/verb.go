package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/millrace-ml/millrace/runs"
)

// verb finishes a command without arguments: it checks that the needed flags
// were given, and then runs. runF stands in for run in tests of flags.
func verb[O any](a *app, cmd *cobra.Command, o *O, runF func(context.Context, *O) error, run func(context.Context, *app, *O) error, needs ...string) *cobra.Command {
	cmd.Long += "\n\n" + exitCodesHelp
	cmd.Args = arguments()
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := required(cmd, needs...); err != nil {
			return err
		}
		if runF != nil {
			return runF(cmd.Context(), o)
		}
		ctx, stop := interruptible(cmd.Context())
		defer stop()
		return run(ctx, a, o)
	}
	return cmd
}

// keeper is what keeps things by name: the store of the home. No server has to
// run.
func (a *app) keeper() (*runs.Service, error) {
	s, err := a.records()
	if err != nil {
		return nil, err
	}
	return s.jobs, nil
}

// accept adds flags that scripts give to az and that mean nothing here. They
// are not shown.
func accept(f *pflag.FlagSet, withValue, without []string) {
	for _, name := range withValue {
		f.String(name, "", "accepted, and not needed")
		_ = f.MarkHidden(name)
	}
	for _, name := range without {
		f.Bool(name, false, "accepted, and not needed")
		_ = f.MarkHidden(name)
	}
}

// given turns the flags of a "create" that were given into pairs, as if --set
// had them: they come before the person's own pairs.
func given(f *pflag.FlagSet, keys map[string]string) []string {
	var set []string
	f.Visit(func(flag *pflag.Flag) {
		if key, ok := keys[flag.Name]; ok {
			set = append(set, key+"="+flag.Value.String())
		}
	})
	return set
}

// moreResults is the hint where a list was cut.
const moreResults = "-r lists more"

// shown is a scalar as a table shows it; nothing is "".
func shown(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}
