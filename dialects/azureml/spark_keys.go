package azureml

// sparkOwn are the keys that describe an application.
var sparkOwn = []string{"code", "entry", "py_files", "jars", "files", "archives", "conf", "args", "environment", "resources"}

var (
	sparkNodeKeys = keySet{what: "a spark node", lenient: true,
		read: append([]string{"type", "component", "display_name", "description", "compute", "inputs", "outputs", "environment_variables",
			"limits", "queue_settings", "is_deterministic", "retry"}, sparkOwn...),
		ignored: about}
	sparkComponentNodeKeys = keySet{what: "a spark node with a component", lenient: true,
		read: []string{"type", "component", "display_name", "description", "compute", "inputs", "outputs", "environment_variables",
			"limits", "queue_settings", "environment", "resources", "conf", "retry"},
		ignored: append([]string{"code", "entry", "py_files", "jars", "files", "archives", "args"}, about...)}
	sparkComponentKeys = keySet{what: "a spark component", lenient: true,
		read: append([]string{"type", "name", "version", "display_name", "description", "is_deterministic", "inputs", "outputs",
			"additional_includes"}, sparkOwn...),
		ignored: append([]string{"is_anonymous", "queue_settings"}, about...)}
	sparkJobKeys = keySet{what: "a spark job",
		read: append([]string{"type", "name", "display_name", "experiment_name", "description", "tags", "properties", "compute", "inputs",
			"outputs", "environment_variables", "limits", "queue_settings", "is_deterministic", "retry"}, sparkOwn...),
		ignored: []string{"$schema", "identity", "services", "notification_setting"}}
	sparkEntryKeys     = keySet{what: "an entry", read: []string{"file", "class_name"}, ignored: []string{"spark_job_entry_type"}}
	sparkResourcesKeys = keySet{what: "the resources of a spark application", read: []string{"instance_type"},
		ignored: []string{"runtime_version", "instance_count"}}
)
