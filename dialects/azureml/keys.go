package azureml

import (
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
)

// keySet is which keys a mapping of the file may have.
type keySet struct {
	// what the mapping is called in messages: "a command job".
	what string
	// read keys mean something here; ignored ones are accepted in silence.
	read, ignored []string
	// lenient mappings may have any key, as in Azure; it gets a warning.
	lenient bool
	// exact mappings are lenient with keys that are like none of theirs only: one
	// that is misspelt would change what runs, and how often.
	exact bool
	// meant are keys that are not spelt like the one that people mean by them.
	meant map[string]string
}

// readOnly keys come with YAML that Azure printed; they are dropped.
var readOnly = []string{"id", "status", "creation_context", "log_files", "is_enabled", "provisioning_state", "resourceGroup", "parameters"}

// about are the keys that describe and change nothing.
var about = []string{"$schema", "name", "version", "type", "display_name", "description", "tags", "properties",
	"experiment_name", "identity", "services", "notification_setting"}

var (
	commandJobKeys = keySet{what: "a command job",
		read: []string{"type", "name", "display_name", "experiment_name", "description", "tags", "properties", "compute", "inputs",
			"outputs", "command", "code", "environment", "environment_variables", "resources", "distribution", "limits", "queue_settings",
			"is_deterministic", "retry"},
		ignored: []string{"$schema", "identity", "services", "notification_setting"}}
	pipelineJobKeys = keySet{what: "a pipeline job",
		read: []string{"type", "name", "display_name", "experiment_name", "description", "tags", "properties", "compute", "inputs",
			"outputs", "jobs", "component", "settings", "queue_settings"},
		ignored: []string{"$schema", "identity", "services", "notification_setting"}}
	commandNodeKeys = keySet{what: "a command node", lenient: true,
		read: []string{"type", "component", "display_name", "description", "compute", "inputs", "outputs", "command", "code",
			"environment", "environment_variables", "resources", "distribution", "limits", "queue_settings", "is_deterministic", "retry"},
		ignored: about}
	componentNodeKeys = keySet{what: "a node with a component", lenient: true,
		read: []string{"type", "component", "display_name", "description", "compute", "inputs", "outputs",
			"environment", "environment_variables", "resources", "distribution", "limits", "queue_settings", "retry"},
		ignored: about}
	pipelineNodeKeys = keySet{what: "a pipeline node", lenient: true,
		read:    []string{"type", "component", "display_name", "description", "compute", "inputs", "outputs", "queue_settings"},
		ignored: about}
	ifElseKeys = keySet{what: "an if_else node", lenient: true, exact: true,
		read: []string{"type", "condition", "true_block", "false_block"}, ignored: about}
	doWhileKeys = keySet{what: "a do_while node", lenient: true, exact: true,
		read: []string{"type", "display_name", "description", "body", "condition", "mapping", "limits"}, ignored: about}
	parallelForKeys = keySet{what: "a parallel_for node", lenient: true, exact: true,
		read: []string{"type", "display_name", "description", "body", "items", "max_concurrency", "outputs"}, ignored: about}
	loopLimitsKeys       = keySet{what: "the limits of a loop", read: []string{"max_iteration_count"}}
	commandComponentKeys = keySet{what: "a command component", lenient: true,
		read: []string{"type", "name", "version", "display_name", "description", "is_deterministic", "inputs", "outputs", "command", "code",
			"environment", "resources", "distribution", "additional_includes"},
		ignored: append([]string{"is_anonymous", "queue_settings"}, about...)}
	pipelineComponentKeys = keySet{what: "a pipeline component", lenient: true,
		read:    []string{"type", "name", "version", "display_name", "description", "is_deterministic", "inputs", "outputs", "jobs"},
		ignored: append([]string{"is_anonymous", "queue_settings"}, about...)}
	parallelNodeKeys = keySet{what: "a parallel node", lenient: true,
		read: []string{"type", "display_name", "description", "compute", "inputs", "outputs", "queue_settings", "task", "input_data",
			"mini_batch_size", "partition_keys", "mini_batch_error_threshold", "error_threshold", "max_concurrency_per_instance",
			"logging_level", "retry_settings", "resources", "environment_variables"},
		ignored: about}
	parallelComponentNodeKeys = keySet{what: "a parallel node with a component", lenient: true,
		read: []string{"type", "component", "display_name", "description", "compute", "inputs", "outputs", "queue_settings", "environment",
			"mini_batch_size", "partition_keys", "mini_batch_error_threshold", "error_threshold", "max_concurrency_per_instance",
			"logging_level", "retry_settings", "resources", "environment_variables"},
		ignored: append([]string{"task", "input_data"}, about...)}
	retrySettingsKeys = keySet{what: "retry_settings", read: []string{"max_retries", "timeout"}}
	settingsKeys      = keySet{what: "settings", lenient: true,
		read:    []string{"default_compute", "default_datastore", "continue_on_step_failure", "force_rerun", "on_init", "on_finalize"},
		ignored: []string{"continue_run_on_failed_optional_input"}}
	portKeys = keySet{what: "a component's input",
		read:    []string{"type", "default", "optional", "min", "max", "enum", "mode", "description"},
		ignored: []string{"path", "version", "is_multiline_string", "visibility", "datastore"}}
	outputPortKeys = keySet{what: "a component's output",
		read:    []string{"type", "mode", "description", "path", "name", "version", "is_control", "early_available"},
		ignored: []string{"datastore"}}
	inputKeys = keySet{what: "an input",
		read:    []string{"type", "path", "mode", "value"},
		ignored: []string{"description", "datastore", "path_on_compute", "version"}}
	outputKeys = keySet{what: "an output",
		read:    []string{"type", "mode", "path", "name", "version", "description", "is_control", "early_available"},
		ignored: []string{"datastore"}}
	sweepJobKeys = keySet{what: "a sweep job",
		read: []string{"type", "name", "display_name", "experiment_name", "description", "tags", "properties", "compute", "inputs", "outputs",
			"trial", "sampling_algorithm", "search_space", "objective", "limits", "early_termination", "resources", "queue_settings"},
		ignored: []string{"$schema", "identity", "services", "notification_setting"}}
	sweepNodeKeys = keySet{what: "a sweep node", lenient: true,
		read: []string{"type", "display_name", "description", "compute", "inputs", "outputs",
			"trial", "sampling_algorithm", "search_space", "objective", "limits", "early_termination", "resources", "queue_settings"},
		ignored: about}
	trialKeys = keySet{what: "the trial of a sweep job",
		read:    []string{"command", "code", "environment", "environment_variables", "distribution", "resources", "is_deterministic"},
		ignored: []string{"type", "name", "version", "display_name", "description"}}
	samplingKeys    = keySet{what: "sampling_algorithm", read: []string{"type", "seed", "rule", "logbase"}}
	objectiveKeys   = keySet{what: "objective", read: []string{"goal", "primary_metric"}}
	sweepLimitsKeys = keySet{what: "the limits of a sweep",
		read:    []string{"max_total_trials", "max_concurrent_trials", "timeout", "trial_timeout"},
		ignored: []string{"job_limits_type"}}
	earlyKeys = keySet{what: "early_termination",
		read: []string{"type", "evaluation_interval", "delay_evaluation", "slack_factor", "slack_amount", "truncation_percentage",
			"exclude_finished_jobs"}}
	dimensionKeys = keySet{what: "a hyperparameter", read: []string{"type", "values", "upper", "min_value", "max_value", "mu", "sigma", "q"}}
	limitsKeys    = keySet{what: "limits", read: []string{"timeout"}, ignored: []string{"job_limits_type"}}
	resourcesKeys = keySet{what: "resources",
		read:    []string{"instance_count", "instance_type", "shm_size", "docker_args", "gpus", "memory", "properties"},
		ignored: []string{"max_instance_count", "locations"}}
	queueSettingsKeys = keySet{what: "queue_settings", lenient: true, read: []string{"priority"}, ignored: []string{"job_tier"}}
	distributionKeys  = keySet{what: "distribution",
		read: []string{"type", "process_count_per_instance", "worker_count", "parameter_server_count"},
		ignored: []string{"distribution_type", "address", "port", "include_dashboard", "dashboard_port", "head_node_additional_args",
			"worker_node_additional_args"}}
	environmentKeys = keySet{what: "an environment",
		read: []string{"image", "build", "conda_file"},
		ignored: []string{"$schema", "name", "version", "description", "tags", "properties", "os_type", "inference_config", "datastore",
			"creation_context", "id", "is_anonymous"}}
	buildKeys = keySet{what: "build", read: []string{"path", "dockerfile_path"}, ignored: []string{"local_path"}}
)

// elsewhere says where keys belong that people put in the wrong mapping.
var elsewhere = map[string]string{
	"timeout":                    "limits.timeout",
	"default_compute":            "settings.default_compute",
	"default_datastore":          "settings.default_datastore",
	"continue_on_step_failure":   "settings.continue_on_step_failure",
	"force_rerun":                "settings.force_rerun",
	"on_init":                    "settings.on_init",
	"on_finalize":                "settings.on_finalize",
	"image":                      "environment.image",
	"conda_file":                 "environment.conda_file",
	"build":                      "environment.build",
	"dockerfile_path":            "environment.build.dockerfile_path",
	"instance_count":             "resources.instance_count",
	"instance_type":              "resources.instance_type",
	"shm_size":                   "resources.shm_size",
	"docker_args":                "resources.docker_args",
	"gpus":                       "resources.gpus",
	"memory":                     "resources.memory",
	"priority":                   "queue_settings.priority",
	"process_count_per_instance": "distribution.process_count_per_instance",
	"worker_count":               "distribution.worker_count",
	"parameter_server_count":     "distribution.parameter_server_count",
}

// advice answers keys that other systems have and Azure ML does not.
var advice = map[string]string{
	"settings":              "set them in the pipeline job",
	"compute":               "set it in the job or in the nodes",
	"component":             "a component runs as a node of a pipeline job",
	"jobs":                  "a job with jobs has \"type: pipeline\"",
	"is_deterministic":      "it belongs to a component, or to an inline command node",
	"additional_includes":   "it belongs to a component",
	"depends_on":            "order comes from bindings: give the node an input ${{parent.jobs.NODE.outputs.NAME}}",
	"dependsOn":             "order comes from bindings: give the node an input ${{parent.jobs.NODE.outputs.NAME}}",
	"needs":                 "order comes from bindings: give the node an input ${{parent.jobs.NODE.outputs.NAME}}",
	"steps":                 "a pipeline job names its nodes under jobs",
	"nodes":                 "a pipeline job names its nodes under jobs",
	"env":                   "variables belong under environment_variables",
	"args":                  "arguments are part of the command",
	"arguments":             "arguments are part of the command",
	"environment_variables": "set it in the node that uses the component",
	"limits":                "set it in the node that uses the component",
	"retry_settings":        "did you mean \"retry\"? write \"retry: {attempts: 3}\"",
	"max_retries":           "write \"retry: {attempts: 3}\"",
	"retries":               "write \"retry: {attempts: 3}\"",
	"retry":                 "set it in the nodes that run a program",
	"channels":              "this is a key of a conda file: put it into a file of its own and name that under environment.conda_file",
	"dependencies":          "this is a key of a conda file: put it into a file of its own and name that under environment.conda_file",
}

// checkKeys reports the keys that a mapping cannot have.
func (l *loader) checkKeys(n *yaml.Node, keys keySet) {
	for _, e := range n.Entries {
		if contains(keys.read, e.Key) || contains(keys.ignored, e.Key) || contains(readOnly, e.Key) {
			continue
		}
		if keys.lenient && (!keys.exact || l.meantKey(keys, e.Key) == "") {
			l.problems.warnf(e.Pos(), l.keyHint(keys, e.Key), "%q is not a key of %s; it is ignored", clip(e.Key), keys.what)
		} else {
			l.problems.errorf(e.Pos(), l.keyHint(keys, e.Key), "%q is not a key of %s", clip(e.Key), keys.what)
		}
	}
}

// keyHint says what an unknown key was probably meant to be.
func (l *loader) keyHint(k keySet, key string) string {
	if place, ok := elsewhere[key]; ok {
		first, _, _ := strings.Cut(place, ".")
		switch {
		case contains(k.read, first):
			return "it belongs under " + first + ": write " + place
		case first == "settings":
			return "it belongs to the settings of a pipeline job"
		}
	}
	if text, ok := advice[key]; ok && k.meant[key] == "" {
		return text
	}
	if like := l.meantKey(k, key); like != "" {
		return "did you mean " + quote(like) + "?"
	}
	return legalNames(k.read, "keys")
}

// meantKey finds the key that an unknown one is probably meant to be; "" where it
// is like none.
func (l *loader) meantKey(k keySet, key string) string {
	if meant := k.meant[key]; meant != "" {
		return meant
	}
	return l.closest(key, slices.Concat(k.read, k.ignored))
}

// misspelledKey finds the key of a mapping that was probably meant to be the
// one that is missing; "" where there is none.
func (l *loader) misspelledKey(m *yaml.Node, missing string) string {
	for _, e := range m.Entries {
		if e.Key != missing && l.closest(e.Key, []string{missing}) != "" {
			return e.Key
		}
	}
	return ""
}

// mapping returns the node if it is a mapping, and complains if it is not.
// Null is an empty mapping, for which it returns nil as well.
func (l *loader) mapping(n *yaml.Node, what string) *yaml.Node {
	switch {
	case n.IsNull():
		return nil
	case n.Kind != yaml.Map:
		l.problems.errorf(n.Pos(), "", "%s must be a mapping, not %s", what, n.Kind)
		return nil
	}
	return n
}

// scalar returns the node if it is a scalar, and complains if it is not.
func (l *loader) scalar(n *yaml.Node, what string) *yaml.Node {
	switch {
	case n.IsNull():
		return nil
	case !n.IsScalar():
		l.problems.errorf(n.Pos(), "", "%s must be text, not %s", what, n.Kind)
		return nil
	}
	return n
}

// str reads a text field; absent is "".
func (l *loader) str(m *yaml.Node, key string) string {
	n := l.scalar(m.Get(key), key)
	if n == nil {
		return ""
	}
	return n.Text
}

// boolean reads a field that is true or false, also as text.
func (l *loader) boolean(m *yaml.Node, key string, otherwise bool) bool {
	n := l.scalar(m.Get(key), key)
	if n == nil {
		return otherwise
	}
	switch strings.ToLower(n.Text) {
	case "true":
		return true
	case "false":
		return false
	}
	l.problems.errorf(n.Pos(), "use true or false", "%s must be true or false, not %q", key, clip(n.Text))
	return otherwise
}

// stringMap reads tags and their like.
func (l *loader) stringMap(m *yaml.Node, key string) map[string]string {
	n := l.mapping(m.Get(key), key)
	if n == nil {
		return nil
	}
	result := map[string]string{}
	for _, e := range n.Entries {
		if e.Value.IsNull() {
			result[e.Key] = ""
		} else if v := l.scalar(e.Value, e.Key); v != nil {
			result[e.Key] = v.Text
		}
	}
	return result
}

func clip(text string) string {
	const most = 60
	runes := []rune(text)
	if len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return text
}
