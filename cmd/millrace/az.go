package main

import (
	"fmt"
	"os/user"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
)

// The releases of az and of its extension ml whose commands this binary takes.
const (
	azRelease = "2.61.0"
	mlRelease = "2.26.0"
)

// newAzCmd is what a link named az answers: `az ml` is all of Millrace, and
// around it stands what scripts ask of az before they come to that. There is no
// account behind it, so that nothing has to be given and nothing can be wrong.
func newAzCmd(a *app, ml *cobra.Command) *cobra.Command {
	az := &cobra.Command{
		Use:   "az",
		Short: "The commands of `az ml`, answered by Millrace",
		Long: `This az is a link to Millrace. It takes ` + "`az ml ...`" + ` lines as they are and runs
everything on this machine. Of the rest of az it answers what scripts ask before
they come to that; accounts, groups and extensions are accepted, and not needed.

` + azExitCodesHelp,
		Example: "  az ml job create -f pipeline.yml --query name -o tsv\n  az ml -h",
		Version: azRelease, SilenceErrors: true, SilenceUsage: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.readFlags(cmd) },
		// What follows a command that is not answered may be anything.
		FParseErrWhitelist: cobra.FParseErrWhitelist{UnknownFlags: true},
		Args:               cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return wrongUsage("it runs `az ml ...` on this machine, without Azure; `az -h` lists what else it answers",
				"this az is a link to Millrace, which does not answer `az %s`", strings.Join(args[:min(2, len(args))], " "))
		},
	}
	az.SetIn(a.In)
	az.SetOut(a.Out)
	az.SetErr(a.Err)
	az.SetFlagErrorFunc(flagError)
	az.SetUsageTemplate(ml.UsageTemplate())
	az.SetVersionTemplate(azVersionText())
	az.CompletionOptions.HiddenDefaultCmd = true
	a.addGlobalFlags(az.PersistentFlags())
	ml.Use, ml.Version = "ml", ""
	renameHelp(ml)
	az.AddCommand(ml)
	az.AddCommand(newAzAccountCmds(a)...)
	az.AddCommand(newAzConfigureCmd(a), newAzConfigCmd(a), newAzExtensionCmd(a), newAzGroupCmd(a), newAzVersionCmd(a), newAzUpgradeCmd(a))
	return az
}

const azExitCodesHelp = `Exit codes: 0 done; 1 an error; 2 the flags are wrong; 3 not found;
130 interrupted.`

// renameHelp shows commands as they are called through the link.
func renameHelp(c *cobra.Command) {
	c.Example = strings.ReplaceAll(c.Example, "  millrace ", "  az ml ")
	c.Long = strings.ReplaceAll(strings.ReplaceAll(c.Long, "`millrace ", "`az ml "), exitCodesHelp, azExitCodesHelp)
	for _, sub := range c.Commands() {
		renameHelp(sub)
	}
}

// azGroup makes a command of az that only holds others. What it does not hold is
// refused.
func azGroup(use, short string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.ArbitraryArgs,
		FParseErrWhitelist: cobra.FParseErrWhitelist{UnknownFlags: true},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return wrongUsage(fmt.Sprintf("`%s -h` lists what it answers", cmd.CommandPath()),
				"this az is a link to Millrace, which does not answer `%s %s`", cmd.CommandPath(), args[0])
		},
	}
	c.AddCommand(subs...)
	return c
}

// azLeaf makes a command of az that takes whatever flags it is given, and needs
// none of them.
func azLeaf(use, short string, run func() error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.ArbitraryArgs,
		FParseErrWhitelist: cobra.FParseErrWhitelist{UnknownFlags: true},
		RunE:               func(*cobra.Command, []string) error { return run() },
	}
}

// newAzAccountCmds are az account, az login and az logout.
func newAzAccountCmds(a *app) []*cobra.Command {
	show := func() error { return a.print(azAccount(), nil) }
	list := func() error { return a.print([]any{azAccount()}, nil) }
	nothing := func() error { return nil }
	return []*cobra.Command{
		azGroup("account", "The account, of which there is none",
			azLeaf("show", "Show what stands for an account", show),
			azLeaf("list", "List what stands for accounts", list),
			azLeaf("set", "Choose an account; there is nothing to choose", nothing),
			azLeaf("clear", "Forget the accounts; there are none", nothing),
			azLeaf("get-access-token", "Get a token; there is none", func() error {
				return refused("remove the line: `az ml` needs no token here",
					"there is no Azure behind this az, so there is no access token to give")
			}),
		),
		azLeaf("login", "Log in; nobody has to", list),
		azLeaf("logout", "Log out; nobody is logged in", nothing),
	}
}

func azAccount() map[string]any {
	name := "millrace"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return map[string]any{
		"environmentName": "AzureCloud", "homeTenantId": azNobody, "id": azNobody, "isDefault": true, "managedByTenants": []any{},
		"name": "millrace", "state": "Enabled", "tenantId": azNobody, "user": map[string]any{"name": name, "type": "user"},
	}
}

// azNobody is the id of what there is none of.
const azNobody = "00000000-0000-0000-0000-000000000000"

func newAzVersionCmd(a *app) *cobra.Command {
	return azLeaf("version", "Show which az this stands for", func() error {
		return a.print(map[string]any{
			"azure-cli": azRelease, "azure-cli-core": azRelease, "azure-cli-telemetry": "1.1.0",
			"extensions": map[string]any{"ml": mlRelease}, "millrace": buildVersion(),
		}, nil)
	})
}

func azVersionText() string {
	return fmt.Sprintf("%-17s%23s\n\n%-17s%23s\n\nExtensions:\n%-17s%23s\n\nThis az is Millrace %s (%s/%s).\n",
		"azure-cli", azRelease, "core", azRelease, "ml", mlRelease, buildVersion(), runtime.GOOS, runtime.GOARCH)
}

func newAzUpgradeCmd(a *app) *cobra.Command {
	return azLeaf("upgrade", "Upgrade az; there is nothing to upgrade", func() error {
		a.say("this az is Millrace %s; it is upgraded with Millrace", buildVersion())
		return nil
	})
}

// newAzExtensionCmd answers for the one extension there is, which is built in.
func newAzExtensionCmd(a *app) *cobra.Command {
	ml := map[string]any{
		"experimental": false, "extensionType": "whl", "name": "ml", "path": "", "preview": false, "version": mlRelease,
	}
	// verb is a command about one extension, which must be ml, or a package
	// that is surely meant to be it.
	verb := func(use, short string, absent func(name string) error, done func() error) *cobra.Command {
		var name, source string
		c := azLeaf(use, short, func() error {
			if name != "" && name != "ml" {
				return absent(name)
			}
			return done()
		})
		c.Flags().StringVarP(&name, "name", "n", "", "`name` of the extension")
		c.Flags().StringVarP(&source, "source", "s", "", "accepted, and not needed")
		return c
	}
	unknown := func(name string) error {
		return refused("the extension there is, ml, is built in", "Millrace has no extension %q", name)
	}
	gone := func(name string) error {
		a.say("the extension %s is not installed", name)
		return nil
	}
	builtIn := func() error {
		a.say("the extension ml is built in")
		return nil
	}
	return azGroup("extension", "Extensions: ml is built in",
		verb("add", "Add an extension; ml is there", unknown, builtIn),
		verb("update", "Update an extension", unknown, builtIn),
		verb("remove", "Remove an extension; ml stays", gone, builtIn),
		verb("show", "Show the extension ml", unknown, func() error { return a.print(ml, nil) }),
		azLeaf("list", "List the extensions", func() error { return a.print([]any{ml}, nil) }),
	)
}

// newAzGroupCmd answers for resource groups, of which there are as many as
// somebody names.
func newAzGroupCmd(a *app) *cobra.Command {
	verb := func(use, short string, run func(name string) error) *cobra.Command {
		var name string
		c := azLeaf(use, short, func() error {
			settings, err := a.azSettings()
			if err != nil {
				return err
			}
			// -g is accepted everywhere; here it is a name like -n.
			for _, otherwise := range []string{a.flags.ignored[0], settings["defaults.group"], "millrace"} {
				if name == "" {
					name = otherwise
				}
			}
			return run(name)
		})
		c.Flags().StringVarP(&name, "name", "n", "", "`name` of the group")
		return c
	}
	show := func(name string) error { return a.print(azResourceGroup(name), nil) }
	return azGroup("group", "Resource groups, which are not needed",
		verb("show", "Show a group", show),
		verb("create", "Create a group, which does nothing", show),
		verb("exists", "Tell whether a group exists", func(string) error { return a.print(true, nil) }),
		verb("list", "List the groups", func(name string) error { return a.print([]any{azResourceGroup(name)}, nil) }),
	)
}

func azResourceGroup(name string) map[string]any {
	return map[string]any{
		"id": "/subscriptions/" + azNobody + "/resourceGroups/" + name, "location": "local", "managedBy": nil, "name": name,
		"properties": map[string]any{"provisioningState": "Succeeded"}, "tags": nil, "type": "Microsoft.Resources/resourceGroups",
	}
}
