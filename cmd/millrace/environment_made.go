package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	software "github.com/millrace-ml/millrace/internal/environment"
	"github.com/millrace-ml/millrace/internal/term"
)

// withMade adds --built to a verb of environments, which then is about those
// that were made on this machine, whatever they were made for.
func withMade(a *app, cmd *cobra.Command) {
	var built bool
	one := cmd.Name() == "show"
	cmd.Flags().BoolVar(&built, "built", false, "what was made on this machine, in place of what is kept by name")
	if one {
		cmd.Example += "\n  millrace environment show -n sklearn-1.5 --built"
	} else {
		cmd.Example += "\n  millrace environment list --built -o table"
	}
	usual := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !built {
			return usual(cmd, args)
		}
		if one {
			if err := required(cmd, "name"); err != nil {
				return err
			}
		}
		return runEnvironmentsMade(a, cmd.Flag("name").Value.String(), one)
	}
}

func runEnvironmentsMade(a *app, name string, one bool) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	m, err := a.environmentManager(c)
	if err != nil {
		return err
	}
	all, err := m.Built()
	if err != nil {
		return err
	}
	rows := []map[string]any{}
	var names []string
	for _, made := range all {
		names = append(names, made.Name)
		if name == "" || strings.EqualFold(name, made.Name) || len(name) >= 6 && strings.HasPrefix(made.Digest, name) {
			rows = append(rows, madeDocument(made))
		}
	}
	if !one {
		return a.print(rows, madeTable)
	}
	if len(rows) == 0 {
		hint := "`" + a.command("environment", "list", "--built") + "` lists those that are"
		if word, ok := closest(name, names); ok {
			hint = "did you mean " + word + "?"
		}
		return wrongUsage(hint, "no environment %q was made on this machine", name)
	}
	return a.print(rows[0], nil)
}

// madeDocument is an environment of this machine as data.
func madeDocument(made software.Made) map[string]any {
	users := some(made.Users)
	return map[string]any{
		"name": made.Name, "digest": made.Digest, "python": made.Python, "interpreter": made.Interpreter, "packages": some(made.Packages),
		"changed": some(made.Changed), "size": made.Size, "created": made.Created.UTC().Format(time.RFC3339), "last_used": made.Used.UTC().Format(time.RFC3339),
		"path": made.Path, "used_by": users, "seconds": made.Seconds,
	}
}

func madeTable(data any) *term.Table {
	t := &term.Table{Header: []string{"Name", "Python", "Packages", "Size", "Last used", "Used by", "Environment"}}
	for _, m := range rowsOf(data) {
		packages, _ := m["packages"].([]any)
		users, _ := m["used_by"].([]any)
		size, _ := strconv.ParseInt(shown(m["size"]), 10, 64)
		by := ""
		if len(users) > 0 {
			by = term.Count(len(users), "step")
		}
		t.Add(text(m["name"]), text(m["python"]), strconv.Itoa(len(packages)), term.Bytes(size), text(m["last_used"]), by, text(m["digest"])[:12])
	}
	return t
}
