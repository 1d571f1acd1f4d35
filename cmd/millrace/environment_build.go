package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/dialects/azureml"
	software "github.com/millrace-ml/millrace/internal/environment"
	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/pipeline"
)

type environmentBuildOptions struct {
	name, file, queue string
	upgrade           bool
}

func newEnvironmentBuildCmd(a *app, runF func(context.Context, *environmentBuildOptions) error) *cobra.Command {
	o := &environmentBuildOptions{}
	cmd := &cobra.Command{
		Use:   "build [NAME]",
		Short: "Make environments on this machine, before jobs ask for them",
		Long: `Resolve environments to exact packages, unless that was done, and make them on
this machine: the one that NAME names, those that the steps of a job's file ask
for, or the one of a component's, an environment's or a conda file. Every job and every worker
of the queue has the same packages until --upgrade renews them.

` + exitCodesHelp,
		Example: `  millrace environment build sklearn-1.5
  millrace environment build -f pipeline.yml
  millrace environment build -f conda.yml --upgrade`,
		Args: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("file") || len(args) > 1 {
				return arguments()(cmd, args)
			}
			return arguments("NAME")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.name = args[0]
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return runEnvironmentBuild(cmd.Context(), a, o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.file, "file", "f", "", "`file` of a job, of a component, of an environment, or of conda")
	f.StringVar(&o.queue, "queue", "", "resolve it for this `queue` (default: that of the step, or cpu)")
	f.BoolVar(&o.upgrade, "upgrade", false, "resolve to the newest packages that will do, in place of those that it resolved to before")
	f.BoolVar(&a.flags.serving.environments.strict, "strict-environments", false, "refuse an environment that cannot be made exactly as it is asked for")
	_ = cmd.RegisterFlagCompletionFunc("file", completeYAML)
	return cmd
}

// builtEnvironment is what one of them has become.
type builtEnvironment struct {
	Name     string        `json:"name"`
	Queue    string        `json:"queue"`
	Kind     software.Kind `json:"kind"`
	Python   string        `json:"python,omitempty"`
	Platform string        `json:"platform,omitempty"`
	Image    string        `json:"image,omitempty"`
	Digest   string        `json:"digest"`
	Packages []string      `json:"packages"`
	// Changed says what is not as it was asked for, Notes what was translated.
	Changed []string  `json:"changed"`
	Notes   []string  `json:"notes"`
	Created time.Time `json:"created"`
}

func runEnvironmentBuild(ctx context.Context, a *app, o *environmentBuildOptions) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	c, err := a.config()
	if err != nil {
		return err
	}
	wanted, err := a.wantedEnvironments(ctx, o)
	if err != nil {
		return err
	}
	m, err := a.environmentManager(c)
	if err != nil {
		return err
	}
	store, err := a.store()
	if err != nil {
		return err
	}
	m.Locks = &software.Locks{Store: store}
	images, err := a.images(ctx, c, true)
	if err != nil {
		return err
	}
	if images != nil {
		m.Images = images
	}
	built := []builtEnvironment{}
	for _, w := range wanted {
		lock, err := m.Prepare(ctx, w.environment, w.queue, o.upgrade, software.Watch{Say: func(line string) { a.say("%s", line) }})
		if err != nil {
			return err
		}
		if lock == nil {
			a.say("%s is no more than an image: its steps run with the software of the machine", w.words)
			continue
		}
		for _, changed := range lock.Changed {
			a.say("%s: %s", lock.Name, changed)
		}
		built = append(built, builtEnvironment{
			Name: lock.Name, Queue: w.queue, Kind: lock.Kind, Python: lock.Python, Platform: lock.Platform, Image: lock.Image, Digest: lock.Digest(),
			Packages: some(lock.Packages()), Changed: some(lock.Changed), Notes: some(lock.Notes), Created: lock.Created,
		})
	}
	if a.wantsData() {
		return a.print(built, nil)
	}
	t := &term.Table{Header: []string{"Name", "Queue", "Python", "Packages", "Environment"}}
	for _, b := range built {
		t.Add(b.Name, b.Queue, b.Python, fmt.Sprint(len(b.Packages)), b.Digest[:12])
	}
	return t.Write(a.Out)
}

// some has a list be empty, not missing, in data.
func some(list []string) []string { return append([]string{}, list...) }

// wantedEnvironment is one to make.
type wantedEnvironment struct {
	environment  pipeline.Environment
	queue, words string
}

// wantedEnvironments reads what the flags mean: a job with its steps, or one
// environment, for which a job with one step stands.
func (a *app) wantedEnvironments(ctx context.Context, o *environmentBuildOptions) ([]wantedEnvironment, error) {
	file := o.file
	if text, ok, err := asJob(o); err != nil {
		return nil, err
	} else if ok {
		temp, err := os.CreateTemp("", "millrace-environment-*.yml")
		if err != nil {
			return nil, err
		}
		defer os.Remove(temp.Name())
		_, err = temp.WriteString(text)
		if closed := temp.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return nil, err
		}
		file = temp.Name()
	}
	submission, job, err := a.read(source{file: file})
	if problems, ok := errors.AsType[azureml.Problems](err); ok && o.name != "" && len(problems) > 0 {
		return nil, wrongUsage(problems[0].Hint, "%s", problems[0].Message) // the file is not the person's
	}
	if err != nil {
		return nil, withWarnings(job, err)
	}
	s, err := a.keeper()
	if err != nil {
		return nil, err
	}
	if err := s.Route(ctx, submission.Plan); err != nil {
		return nil, err
	}
	var wanted []wantedEnvironment
	seen := map[string]bool{}
	for _, s := range submission.Plan.Steps {
		w := wantedEnvironment{s.Environment, cmp.Or(o.queue, s.Queue), cmp.Or(o.name, "the environment of "+s.Name)}
		key := fmt.Sprint(s.Environment.Reference, "\n", s.Environment.Image, "\n", s.Environment.Conda, "\n", w.queue)
		if !seen[key] || s.Environment.Build != nil {
			seen[key] = true
			wanted = append(wanted, w)
		}
	}
	return wanted, nil
}

var (
	jobKey   = regexp.MustCompile(`(?m)^(?:jobs|type|command|component):`)
	condaKey = regexp.MustCompile(`(?m)^(?:dependencies|channels):`)
)

// asJob writes a job with one step that asks for the environment, unless the
// file is that of a job already.
func asJob(o *environmentBuildOptions) (text string, ok bool, err error) {
	job := map[string]any{"type": "command", "command": "true", "compute": "local"}
	if o.file == "" {
		name := o.name
		if !strings.HasPrefix(name, "azureml:") {
			if _, curated := software.FindCurated(name); curated || software.CuratedSpec(name) != nil && strings.HasPrefix(name, software.CuratedPrefix) {
				name = "azureml://registries/" + software.CuratedRegistry + "/environments/" + strings.TrimPrefix(name, software.CuratedPrefix) + "/labels/latest"
			} else if strings.ContainsAny(name, ":@") {
				name = "azureml:" + name
			} else {
				name = "azureml:" + name + "@latest"
			}
		}
		job["environment"] = name
	} else {
		data, err := os.ReadFile(o.file)
		if err != nil {
			return "", false, wrongUsage("", "%w", err)
		}
		if environment, ok := componentEnvironment(o.file, data); ok {
			if environment == nil {
				return "", false, wrongUsage("", "the component in %s asks for no environment", o.file)
			}
			job["environment"] = environment
			text, err := yaml.Marshal(job)
			return string(text), true, err
		}
		if jobKey.Match(data) {
			return "", false, nil
		}
		path, err := filepath.Abs(o.file)
		if err != nil {
			return "", false, err
		}
		job["environment"] = path
		if condaKey.Match(data) {
			job["environment"] = map[string]any{"conda_file": path, "image": "ubuntu"}
		}
	}
	data, err := yaml.Marshal(job)
	return string(data), true, err
}
