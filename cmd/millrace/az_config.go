package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// What scripts configure az with is kept in the home, for them to read it back:
// no setting of az changes anything here.

func (a *app) azSettingsFile() (string, error) {
	h, err := a.home()
	if err != nil {
		return "", err
	}
	return filepath.Join(h.Dir(), "az.json"), nil
}

// azSettings reads what was set, by "section.name".
func (a *app) azSettings() (map[string]string, error) {
	file, err := a.azSettingsFile()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]string{}, nil
	}
	var settings map[string]string
	if err == nil {
		err = json.Unmarshal(text, &settings)
	}
	if err != nil {
		return nil, fmt.Errorf("read the settings of az in %s: %w", file, err)
	}
	return settings, nil
}

// setAz keeps settings for az; an empty value takes one away.
func (a *app) setAz(pairs map[string]string) error {
	settings, err := a.azSettings()
	if err != nil {
		return err
	}
	for key, value := range pairs {
		if settings[key] = value; value == "" {
			delete(settings, key)
		}
	}
	file, err := a.azSettingsFile()
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(settings, "", "  ")
	if err != nil {
		return fmt.Errorf("keep the settings of az: %w", err)
	}
	if err := replaceFile(file, text); err != nil {
		return fmt.Errorf("keep the settings of az: %w", err)
	}
	return nil
}

// replaceFile writes a file whole: who reads it meanwhile finds the old one.
func replaceFile(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.Write(text); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// azSections shows the settings as az does: a list of each section.
func (a *app) azSections() (map[string][]any, error) {
	settings, err := a.azSettings()
	if err != nil {
		return nil, err
	}
	file, err := a.azSettingsFile()
	if err != nil {
		return nil, err
	}
	sections := map[string][]any{}
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		section, name, _ := strings.Cut(key, ".")
		sections[section] = append(sections[section], map[string]any{"name": name, "source": file, "value": settings[key]})
	}
	return sections, nil
}

func newAzConfigureCmd(a *app) *cobra.Command {
	var defaults []string
	var list bool
	cmd := &cobra.Command{
		Use: "configure", Short: "Keep defaults, which change nothing here", Args: cobra.ArbitraryArgs,
		Example: "  az configure --defaults group=ml workspace=main location=here\n  az configure -l --query \"[?name=='workspace'].value\" -o tsv",
		RunE: func(_ *cobra.Command, args []string) error {
			pairs := map[string]string{}
			// The words after the first one of -d come as arguments.
			for _, pair := range append(defaults, args...) {
				name, value, ok := strings.Cut(pair, "=")
				if !ok || name == "" {
					return wrongUsage("for example: az configure --defaults group=ml workspace=main", "%q is not of the form name=value", pair)
				}
				pairs["defaults."+name] = value
			}
			if len(pairs) > 0 {
				if err := a.setAz(pairs); err != nil {
					return err
				}
			}
			if !list {
				return nil
			}
			sections, err := a.azSections()
			if err != nil {
				return err
			}
			return a.print(append([]any{}, sections["defaults"]...), nil)
		},
	}
	cmd.Flags().StringArrayVarP(&defaults, "defaults", "d", nil, "keep a default, as `name=value`; several may follow")
	cmd.Flags().BoolVarP(&list, "list-defaults", "l", false, "list the defaults")
	return cmd
}

func newAzConfigCmd(a *app) *cobra.Command {
	return azGroup("config", "Keep settings, which change nothing here", newAzConfigSetCmd(a), newAzConfigGetCmd(a), newAzConfigUnsetCmd(a))
}

func newAzConfigSetCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "set SECTION.NAME=VALUE...", Short: "Keep settings", Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			pairs := map[string]string{}
			for _, pair := range args {
				key, value, ok := strings.Cut(pair, "=")
				if !ok || !strings.Contains(key, ".") {
					return wrongUsage("for example: az config set defaults.group=ml", "%q is not of the form section.name=value", pair)
				}
				pairs[key] = value
			}
			return a.setAz(pairs)
		},
	}
	cmd.Flags().Bool("local", false, "accepted, and not needed")
	return cmd
}

func newAzConfigUnsetCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "unset SECTION.NAME...", Short: "Forget settings", Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			pairs := map[string]string{}
			for _, key := range args {
				pairs[key] = ""
			}
			return a.setAz(pairs)
		},
	}
	cmd.Flags().Bool("local", false, "accepted, and not needed")
	return cmd
}

func newAzConfigGetCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "get [SECTION[.NAME]]", Short: "Show settings", Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			sections, err := a.azSections()
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return a.print(sections, nil)
			}
			section, name, one := strings.Cut(args[0], ".")
			if !one {
				return a.print(append([]any{}, sections[section]...), nil)
			}
			for _, setting := range sections[section] {
				if m, _ := setting.(map[string]any); m["name"] == name {
					return a.print(m, nil)
				}
			}
			return refused("", "configuration %q is not set", args[0])
		},
	}
	cmd.Flags().Bool("local", false, "accepted, and not needed")
	return cmd
}
