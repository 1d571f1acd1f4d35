package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/millrace-ml/millrace/internal/near"
	"github.com/millrace-ml/millrace/internal/term"
)

const exitCodesHelp = `Exit codes: 0 done; 1 the job failed; 2 the file or the flags are wrong;
3 the server or the store cannot be reached; 130 interrupted.`

func newRootCmd(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "millrace",
		Short: "Run machine-learning pipelines, on this machine or many",
		Long: `Millrace runs machine-learning pipelines: Azure Machine Learning YAML files,
unmodified, on this machine. Each step whose code and inputs are unchanged is
reused instead of run again, and a job survives the end of any process.

` + exitCodesHelp,
		Example: `  millrace run pipeline.yml
  millrace dev
  millrace job create -f pipeline.yml --stream`,
		Version:           buildVersion(),
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.readFlags(cmd) },
	}
	group(root)
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	root.SetFlagErrorFunc(flagError)
	root.SetUsageTemplate(strings.Replace(root.UsageTemplate(), "{{if .Runnable}}", "{{if and .Runnable (not .HasAvailableSubCommands)}}", 1))
	root.CompletionOptions.HiddenDefaultCmd = false
	a.addGlobalFlags(root.PersistentFlags())
	_ = root.RegisterFlagCompletionFunc("output", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var names []string
		for _, f := range term.Formats() {
			names = append(names, string(f))
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	})
	root.AddCommand(
		newRunCmd(a, nil),
		newDevCmd(a, nil),
		newJobCmd(a),
		newExplainCmd(a, nil),
		newComponentCmd(a),
		newDataCmd(a),
		newModelCmd(a),
		newEnvironmentCmd(a),
		newDatastoreCmd(a),
		newConnectionCmd(a),
		newComputeCmd(a),
		newWorkerCmd(a),
		newRegistryCmd(a),
		newWorkspaceCmd(a),
		newClusterCmd(a),
		newScheduleCmd(a),
		newLineageCmd(a, nil),
		newSchemaCmd(a),
		newInitCmd(a, nil),
		newVersionCmd(a),
	)
	return root
}

func (a *app) addGlobalFlags(f *pflag.FlagSet) {
	f.StringVar(&a.flags.home, "home", "", "`folder` that everything is kept in (MILLRACE_HOME; default ~/.millrace)")
	f.StringVarP(&a.flags.output, "output", "o", "", "write data to stdout in this `format`: json, jsonc, yaml, tsv, csv, table or none")
	f.StringVar(&a.flags.query, "query", "", "pick from the data with a JMESPath `expression`")
	f.BoolVar(&a.flags.verbose, "verbose", false, "write more to the server's log, server.log in the home")
	f.BoolVar(&a.flags.debug, "debug", false, "write everything to the server's log")
	f.BoolVar(&a.flags.onlyErrors, "only-show-errors", false, "say nothing but errors on stderr")
	for i, name := range []string{"resource-group", "workspace-name", "subscription"} {
		short := []string{"g", "w", ""}[i]
		f.StringVarP(&a.flags.ignored[i], name, short, "", "accepted, and not needed")
		f.Lookup(name).Hidden = true
	}
}

func (a *app) readFlags(cmd *cobra.Command) error {
	if err := together(cmd.Flags()); err != nil {
		return err
	}
	a.flags.homeGiven = cmd.Flags().Changed("home")
	a.flags.serving.given = cmd.Flags().Changed
	return a.readOutputFlags()
}

// together refuses flags that exclude each other, in words of our own.
func together(f *pflag.FlagSet) error {
	groups := map[string][]string{}
	f.Visit(func(flag *pflag.Flag) {
		for _, group := range flag.Annotations["cobra_annotation_mutually_exclusive"] {
			groups[group] = append(groups[group], "--"+flag.Name)
		}
	})
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		if len(groups[group]) > 1 {
			return wrongUsage("leave out one of them", "%s cannot be given together", strings.Join(groups[group], " and "))
		}
	}
	return nil
}

// group makes a command that only holds others: alone it shows its help, and a
// word that is none of them is a mistake.
func group(c *cobra.Command) *cobra.Command {
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return notACommand(cmd, args[0])
	}
	return c
}

// notACommand names the command that was probably meant.
func notACommand(cmd *cobra.Command, word string) error {
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() || sub.Name() == "help" {
			names = append(names, sub.Name())
		}
	}
	hint := fmt.Sprintf("`%s --help` lists the commands", cmd.CommandPath())
	if near, ok := closest(word, names); ok {
		hint = fmt.Sprintf("did you mean `%s %s`?", cmd.CommandPath(), near)
	}
	return wrongUsage(hint, "%q is not a command of %s", word, cmd.CommandPath())
}

// flagError explains a flag that cannot be read.
func flagError(cmd *cobra.Command, err error) error {
	if words := cmd.Flags().Args(); cmd.HasSubCommands() && len(words) > 0 {
		// The flag belongs to a command that does not exist.
		return notACommand(cmd, words[0])
	}
	hint := fmt.Sprintf("`%s --help` lists the flags", cmd.CommandPath())
	if word, ok := strings.CutPrefix(err.Error(), "unknown flag: --"); ok {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				names = append(names, f.Name)
			}
		})
		if near, ok := closest(word, names); ok {
			hint = fmt.Sprintf("did you mean --%s?", near)
		}
	}
	return wrongUsage(hint, "%w", err)
}

// arguments checks the number of positional arguments, and names the missing.
func arguments(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		hint := "usage: " + cmd.UseLine()
		if len(args) < len(names) {
			return wrongUsage(hint, "%s is missing", names[len(args)])
		}
		if len(args) > len(names) {
			return wrongUsage(hint, "unexpected argument %q", args[len(names)])
		}
		return nil
	}
}

// required checks that flags were given; their names are without dashes.
func required(cmd *cobra.Command, flags ...string) error {
	for _, name := range flags {
		if !cmd.Flags().Changed(name) {
			f := cmd.Flags().Lookup(name)
			flag := "--" + f.Name
			if f.Shorthand != "" {
				flag = "-" + f.Shorthand + "/" + flag
			}
			return wrongUsage("for example: "+strings.TrimSpace(firstLine(cmd.Example)), "%s is missing", flag)
		}
	}
	return nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}

// closest finds the word that was probably meant.
func closest(word string, words []string) (string, bool) {
	best, at := "", max(1, len(word)/3)+1
	for _, w := range words {
		if d := near.Distance(word, w); d < at {
			best, at = w, d
		}
	}
	if best == "" {
		for _, w := range words {
			if len(word) > 1 && strings.HasPrefix(w, word) {
				return w, true
			}
		}
	}
	return best, best != ""
}
