package main

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/runs"
)

type computeCreateOptions struct {
	file string
	set  []string
}

// computeFlags are the flags that stand for keys of a compute's file.
var computeFlags = map[string]string{
	"name": "name", "type": "type", "size": "size", "tier": "tier", "location": "location", "description": "description", "queue": "queue",
	"min-instances": "min_instances", "max-instances": "max_instances", "idle-time-before-scale-down": "idle_time_before_scale_down",
	"resource-id": "resource_id",
}

func newComputeCreateCmd(a *app, runF func(context.Context, *computeCreateOptions) error) *cobra.Command {
	cmd := computeCreateCmd(a, runF, &cobra.Command{
		Use:   "create",
		Short: "Create a compute, or change one that exists",
		Long: `Create a compute, or change one that exists, by flags or from a file, or both: flags
win. Nothing is started by it: what runs the steps are the workers of its queue.`,
		Example: `  millrace compute create -n cpu-cluster --type amlcompute --min-instances 0 --max-instances 8
  millrace compute create -n trainers --type amlcompute --size Standard_NC6s_v3 -o none
  millrace compute create -f compute.yml --set queue=highmem`,
	})
	f := cmd.Flags()
	f.String("size", "", "the `size` of its machines, as Azure names them")
	f.String("tier", "", "dedicated or low_priority; kept and shown")
	f.String("min-instances", "", "`number` of machines; kept and shown")
	f.String("max-instances", "", "`number` of machines; kept and shown")
	f.String("idle-time-before-scale-down", "", "`seconds`; kept and shown")
	_ = cmd.RegisterFlagCompletionFunc("size", completeSizes)
	return cmd
}

func newComputeAttachCmd(a *app, runF func(context.Context, *computeCreateOptions) error) *cobra.Command {
	return computeCreateCmd(a, runF, &cobra.Command{
		Use:   "attach",
		Short: "Name a compute that stands for something in Azure",
		Long: `Name a compute that stands for something in Azure: a virtual machine, a cluster, a
Spark pool. Its steps run on this machine. Passwords and keys are not kept.`,
		Example: `  millrace compute attach -n box --type virtualmachine --resource-id /subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/box
  millrace compute attach -f vm.yml`,
	})
}

func computeCreateCmd(a *app, runF func(context.Context, *computeCreateOptions) error, cmd *cobra.Command) *cobra.Command {
	o := &computeCreateOptions{}
	f := cmd.Flags()
	f.StringVarP(&o.file, "file", "f", "", "YAML `file` of the compute")
	f.StringP("name", "n", "", "`name` of the compute")
	f.StringP("type", "t", "", "amlcompute, computeinstance, kubernetes, virtualmachine or synapsespark")
	f.String("location", "", "`region`; kept and shown")
	f.String("description", "", "what it is for")
	f.String("resource-id", "", "what it stands for in Azure")
	f.String("queue", "", "the task `queue` that it stands for")
	var tags []string
	addTags(f, &tags)
	addSet(f, &o.set)
	// Who gives these is not told of Azure's networks and identities.
	accept(f, []string{"identity-type", "user-assigned-identities", "vnet-name", "subnet", "admin-username", "admin-password", "ssh-key-value",
		"ssh-private-key-file", "ssh-port", "user-tenant-id", "user-object-id", "namespace", "idle-time-before-shutdown-minutes"},
		[]string{"no-wait", "enable-node-public-ip", "ssh-public-access-enabled"})
	_ = cmd.RegisterFlagCompletionFunc("file", completeYAML)
	_ = cmd.RegisterFlagCompletionFunc("type", cobra.FixedCompletions([]cobra.Completion{
		"amlcompute", "computeinstance", "kubernetes", "virtualmachine", "synapsespark"}, cobra.ShellCompDirectiveNoFileComp))
	verb(a, cmd, o, runF, runComputeCreate)
	finish := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if o.file == "" {
			if err := required(cmd, "name", "type"); err != nil {
				return err
			}
		}
		o.set = append(append(given(f, computeFlags), tagPairs(tags)...), o.set...)
		return finish(cmd, args)
	}
	return cmd
}

// addTags adds --tags, which takes several pairs.
func addTags(f *pflag.FlagSet, into *[]string) {
	f.StringArrayVar(into, "tags", nil, "words to find it by, as `name=value`; several may follow")
}

// tagPairs are tags as --set would have them.
func tagPairs(tags []string) []string {
	var set []string
	for _, pair := range tags {
		set = append(set, "tags."+pair)
	}
	return set
}

func runComputeCreate(ctx context.Context, a *app, o *computeCreateOptions) error {
	file, err := azureml.LoadCompute(o.file, azureml.LoadOptions{Set: o.set})
	if err != nil {
		return err
	}
	a.warn(file.Warnings)
	s, err := a.keeper()
	if err != nil {
		return err
	}
	c, err := s.CreateCompute(ctx, computeOf(file))
	if err != nil {
		return err
	}
	return a.printCompute(s, c)
}

// warn shows warnings about a file.
func (a *app) warn(warnings azureml.Problems) {
	if !a.flags.onlyErrors {
		a.renderProblems(warnings)
	}
}

// computeOf is what is kept of a file. Azure's defaults stand for what it does
// not say.
func computeOf(f *azureml.Compute) runs.Compute {
	c := runs.Compute{
		Name: f.Name, Type: f.Type, Description: f.Description, Tags: f.Tags, Location: f.Location, Size: f.Size, Tier: f.Tier,
		MaxInstances: 4, IdleSeconds: 120, ResourceID: f.ResourceID, Queue: f.Queue,
	}
	if f.MinInstances != nil {
		c.MinInstances = *f.MinInstances
		c.MaxInstances = max(c.MaxInstances, c.MinInstances)
	}
	if f.MaxInstances != nil {
		c.MaxInstances = *f.MaxInstances
	}
	if f.IdleSeconds != nil {
		c.IdleSeconds = *f.IdleSeconds
	}
	return c
}

type computeUpdateOptions struct {
	name    string
	changes changes
}

// computeChanges are what can be changed of a compute.
var computeChanges = editable{
	texts: []string{"description", "location", "size", "tier", "resource_id", "queue"}, maps: []string{"tags"},
	values: []string{"min_instances", "max_instances", "idle_time_before_scale_down"},
}

func newComputeUpdateCmd(a *app, runF func(context.Context, *computeUpdateOptions) error) *cobra.Command {
	o := &computeUpdateOptions{}
	cmd := &cobra.Command{
		Use:   "update -n NAME",
		Short: "Change a compute",
		Long:  `Change a compute: what describes it, its size and its queue.`,
		Example: `  millrace compute update -n trainers --max-instances 8
  millrace compute update -n trainers --set queue=highmem tags.team=red`,
	}
	a.addComputeName(cmd, &o.name)
	f := cmd.Flags()
	addChanges(f, &o.changes)
	for _, name := range []string{"min-instances", "max-instances", "idle-time-before-scale-down"} {
		f.Var(pairFlag{computeFlags[name], &o.changes}, name, "change this `number`")
	}
	accept(f, []string{"identity-type", "user-assigned-identities"}, []string{"no-wait"})
	return verb(a, cmd, o, runF, runComputeUpdate, "name")
}

// pairFlag is a flag that stands for one --set of an "update".
type pairFlag struct {
	key  string
	into *changes
}

func (f pairFlag) String() string { return "" }
func (f pairFlag) Type() string   { return "value" }

func (f pairFlag) Set(value string) error {
	f.into.list = append(f.into.list, change{"set", []string{f.key + "=" + value}})
	return nil
}

func runComputeUpdate(ctx context.Context, a *app, o *computeUpdateOptions) error {
	s, err := a.keeper()
	if err != nil {
		return err
	}
	c, err := s.UpdateCompute(ctx, o.name, func(c *runs.Compute) error {
		return edit(c, &o.changes, computeChanges, "compute update")
	})
	if err != nil {
		return err
	}
	return a.printCompute(s, c)
}
