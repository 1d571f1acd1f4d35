package step

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/pipeline"
)

// environment is the variables of a program by name.
type environment map[string]string

// with returns the variables with others on top.
func (e environment) with(others map[string]string) environment {
	all := make(environment, len(e)+len(others))
	maps.Copy(all, e)
	maps.Copy(all, others)
	return all
}

// withList is with for NAME=value texts.
func (e environment) withList(others []string) environment {
	all := maps.Clone(e)
	for _, text := range others {
		if name, value, ok := strings.Cut(text, "="); ok && name != "" {
			all[name] = value
		}
	}
	return all
}

// list returns NAME=value texts, in order.
func (e environment) list() ([]string, error) {
	texts := make([]string, 0, len(e))
	for name, value := range e {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.Contains(value, "\x00") {
			return nil, invalid("the environment variable %q cannot be set: its name or value has a character that none may have", name)
		}
		texts = append(texts, name+"="+value)
	}
	slices.Sort(texts)
	return texts, nil
}

// passes reports whether a variable of the worker's goes to programs; the
// package comment says why.
func passes(name string) bool {
	switch name {
	case "MLFLOW_RUN_ID", // another job's
		"PWD", "OLDPWD", "SHLVL", "_": // the worker's own place
		return false
	case "MILLRACE_SPARK_MASTER": // it is for them
		return true
	}
	for _, prefix := range []string{"MILLRACE_", "TEMPORAL_", "AZUREML_", "AZURE_ML_"} {
		if strings.HasPrefix(name, prefix) {
			return false
		}
	}
	return true
}

// environment is what all processes of a step have in common.
func (r *Runner) environment(a Attempt, at *claim, p *ports) (environment, error) {
	env, err := r.surroundings(a, at)
	if err != nil {
		return nil, err
	}
	env["PYTHONUNBUFFERED"] = "1" // so that the log can be followed
	maps.Copy(env, identity(a.Plan, a.Step.Name))
	env["AZUREML_SCRIPT_DIRECTORY_NAME"] = at.wd()
	maps.Copy(env, portVariables(a.Step, p))
	return env, nil
}

// surroundings are the variables of the place where a program runs.
func (r *Runner) surroundings(a Attempt, at *claim) (environment, error) {
	if at.software.image != "" {
		return r.contained(a, at), nil
	}
	env := make(environment, len(r.Environ)+64)
	for _, text := range r.Environ {
		if name, value, ok := strings.Cut(text, "="); ok && passes(name) {
			env[name] = value
		}
	}
	path, err := r.path(env["PATH"])
	if err != nil {
		return nil, err
	}
	env["PATH"] = path
	at.software.settle(env)
	env["TMPDIR"] = at.tmp
	if env["HOME"] == "" {
		env["HOME"] = at.tmp
	}
	if env["LANG"] == "" && env["LC_ALL"] == "" {
		env["LANG"] = "C.UTF-8"
	}
	return env, nil
}

// identity is what programs read to learn which job they belong to. There is no
// token: code that would call the service finds that it cannot, and goes on
// as it does on a laptop.
func identity(plan *pipeline.Plan, step string) map[string]string {
	const workspace = "millrace"
	experiment := experiment(plan)
	return map[string]string{
		"AZUREML_RUN_ID":                     plan.StepJobName(step),
		"AZUREML_ROOT_RUN_ID":                cmp.Or(plan.Root, plan.Name),
		"AZUREML_EXPERIMENT_NAME":            experiment,
		"AZUREML_EXPERIMENT_ID":              uuid("experiment " + experiment),
		"AZUREML_WORKSPACE_NAME":             workspace,
		"AZUREML_WORKSPACE_ID":               uuid("workspace " + workspace),
		"AZUREML_ARM_WORKSPACE_NAME":         workspace,
		"AZUREML_ARM_PROJECT_NAME":           experiment,
		"AZUREML_ARM_RESOURCEGROUP":          workspace,
		"AZUREML_ARM_SUBSCRIPTION":           "00000000-0000-0000-0000-000000000000",
		"AZUREML_SERVICE_ENDPOINT":           "http://" + localhost,
		"AZUREML_DISCOVERY_SERVICE_ENDPOINT": "http://" + localhost + "/discovery",
	}
}

// experiment is what a job belongs to.
func experiment(plan *pipeline.Plan) string {
	if plan.Experiment == "" {
		return "Default"
	}
	return plan.Experiment
}

// uuid makes the same identifier of the same text, always.
func uuid(text string) string {
	sum := sha256.Sum256([]byte(text))
	sum[6] = sum[6]&0x0f | 0x80 // version 8: made in a way of our own
	sum[8] = sum[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// portVariables tells the ports a second way, under names as they are and, for
// programs that expect it, in capitals.
func portVariables(s *pipeline.Step, p *ports) map[string]string {
	env := make(map[string]string, 3*(len(p.inputs)+len(p.outputs)))
	for _, spell := range []func(string) string{strings.ToUpper, strings.Clone} {
		for _, in := range s.Inputs {
			if text, ok := p.inputs[in.Name]; ok {
				env["AZURE_ML_INPUT_"+spell(in.Name)] = text
			}
		}
		for _, out := range s.Outputs {
			env["AZURE_ML_OUTPUT_"+spell(out.Name)] = p.outputs[out.Name]
		}
	}
	for _, in := range s.Inputs {
		if p.data[in.Name] {
			env["AZUREML_DATAREFERENCE_"+in.Name] = p.inputs[in.Name]
		}
	}
	for _, out := range s.Outputs {
		env["AZUREML_DATAREFERENCE_"+out.Name] = p.outputs[out.Name]
	}
	return env
}
