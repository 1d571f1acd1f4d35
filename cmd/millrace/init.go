package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/templates"
)

type initOptions struct {
	template string
	dir      string
	list     bool
}

func newInitCmd(a *app, runF func(*initOptions) error) *cobra.Command {
	o := &initOptions{}
	cmd := &cobra.Command{
		Use:   "init [TEMPLATE]",
		Short: "Write a starter project",
		Long: `Write a project that runs as it is: a pipeline, components, data and a README. It
goes into the current folder, or the one that --dir names. Nothing that is there
is replaced: where a file would meet another one, nothing is written.

The templates:
` + templateList() + `
` + exitCodesHelp,
		Example: `  millrace init
  millrace init stock --dir seedlings
  millrace init --list`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || o.list {
				return arguments()(cmd, args)
			}
			return arguments("TEMPLATE")(cmd, args)
		},
		ValidArgsFunction: completeTemplates,
		RunE: func(_ *cobra.Command, args []string) error {
			o.template = templates.Default
			if len(args) > 0 {
				o.template = args[0]
			}
			if runF != nil {
				return runF(o)
			}
			return runInit(a, o)
		},
	}
	cmd.Flags().StringVar(&o.dir, "dir", ".", "`folder` to write into; it is made if need be")
	cmd.Flags().BoolVarP(&o.list, "list", "l", false, "list the templates")
	_ = cmd.MarkFlagDirname("dir")
	return cmd
}

func runInit(a *app, o *initOptions) error {
	if o.list {
		return listTemplates(a)
	}
	t, ok := templates.Find(o.template)
	if !ok {
		var names []string
		for _, t := range templates.All() {
			names = append(names, t.Name)
		}
		hint := "there are " + strings.Join(names, ", ")
		if near, ok := closest(o.template, names); ok {
			hint = fmt.Sprintf("did you mean %s?", near)
		}
		return wrongUsage(hint, "there is no template %q", o.template)
	}
	files, err := t.Write(o.dir)
	if taken, ok := errors.AsType[*templates.InTheWay](err); ok {
		return wrongUsage("nothing was written; choose another folder with --dir",
			"%s has what the template %s would write:\n  %s", here(o.dir), t.Name, strings.Join(taken.Files, "\n  "))
	}
	if err != nil {
		return wrongUsage("nothing was written; choose another folder with --dir", "write the template %s: %w", t.Name, err)
	}
	if a.wantsData() {
		return a.print(map[string]any{"template": t.Name, "path": o.dir, "files": files}, nil)
	}
	fmt.Fprintf(a.Out, "%s written into %s: %s\n", t.Name, here(o.dir), strings.Join(topmost(files), " "))
	run := []string{"run"}
	if filepath.Clean(o.dir) != "." {
		run = append(run, filepath.Join(o.dir, "pipeline.yml"))
	}
	a.next(a.Out,
		[]string{a.command(run...), "runs it"},
		[]string{a.command(append(run, "--set", t.Another)...), "runs it with another input"})
	return nil
}

func listTemplates(a *app) error {
	var list []any
	t := &term.Table{}
	for _, one := range templates.All() {
		list = append(list, map[string]any{"name": one.Name, "description": one.Summary})
		t.Add(one.Name, one.Summary)
	}
	if a.wantsData() {
		return a.print(list, nil)
	}
	return t.Write(a.Out)
}

// here names a folder for people.
func here(dir string) string {
	if filepath.Clean(dir) == "." {
		return "the current folder"
	}
	return dir
}

// topmost are the files and folders at the top, each once.
func topmost(files []string) []string {
	var names []string
	for _, file := range files {
		name, _, folder := strings.Cut(file, "/")
		if folder {
			name += "/"
		}
		if len(names) == 0 || names[len(names)-1] != name {
			names = append(names, name)
		}
	}
	return names
}

func templateList() string {
	var b strings.Builder
	for _, t := range templates.All() {
		summary := t.Summary
		if t.Name == templates.Default {
			summary += " (default)"
		}
		fmt.Fprintf(&b, "  %-9s%s\n", t.Name, summary)
	}
	return b.String()
}

func completeTemplates(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, t := range templates.All() {
		if len(args) == 0 {
			names = append(names, t.Name+"\t"+t.Summary)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
