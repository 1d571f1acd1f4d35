package main

import "github.com/spf13/cobra"

// addName has a command that is about one job take its name as -n, as az does,
// or as its argument.
func (a *app) addName(cmd *cobra.Command, into *string) {
	a.addNameFlag(cmd, into)
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		args, err := withName(*into, args, 1)
		switch {
		case err != nil || len(args) == 0:
			return err
		case len(args) > 1:
			return wrongUsage("usage: "+cmd.UseLine(), "unexpected argument %q", args[1])
		}
		return cmd.Flags().Set("name", args[0])
	}
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.completeJobs(cmd, args, word)
	}
}

// orName has a command whose first argument is a job take it as -n too; most is
// how many arguments it has.
func (a *app) orName(cmd *cobra.Command, most int) *cobra.Command {
	var name string
	a.addNameFlag(cmd, &name)
	check, run := cmd.Args, cmd.RunE
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		args, err := withName(name, args, most)
		if err != nil {
			return err
		}
		return check(cmd, args)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		args, err := withName(name, args, most)
		if err != nil {
			return err
		}
		return run(cmd, args)
	}
	return cmd
}

func (a *app) addNameFlag(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVarP(into, "name", "n", "", "name of the `job`")
	_ = cmd.RegisterFlagCompletionFunc("name", a.completeJobs)
}

// withName puts the job of -n before the other arguments. It may stand there
// already.
func withName(name string, args []string, most int) ([]string, error) {
	switch {
	case name == "" || len(args) > 0 && args[0] == name:
		return args, nil
	case len(args) < most:
		return append([]string{name}, args...), nil
	}
	return nil, wrongUsage("name one of them", "%s and -n %s are two jobs", args[0], name)
}

// jobAndStep takes the name of a job and, if there is another one, of a step.
func jobAndStep(cmd *cobra.Command, args []string) error {
	if len(args) == 2 {
		return nil
	}
	return arguments("JOB")(cmd, args)
}
