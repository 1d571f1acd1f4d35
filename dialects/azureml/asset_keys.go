package azureml

var (
	dataKeys = keySet{what: "a data asset",
		read:    []string{"name", "version", "type", "path", "description", "tags", "properties"},
		ignored: []string{"$schema", "display_name", "stage", "datastore", "latest_version", "referenced_uris", "auto_delete_setting", "id", "creation_context", "skip_validation"}}
	modelKeys = keySet{what: "a model",
		read:    []string{"name", "version", "type", "path", "description", "tags", "properties", "flavors", "stage"},
		ignored: []string{"$schema", "display_name", "datastore", "utc_time_created", "job_name", "latest_version", "intellectual_property", "system_metadata", "default_deployment_template"}}
	parallelComponentKeys = keySet{what: "a parallel component", lenient: true,
		read: []string{"type", "name", "version", "display_name", "description", "tags", "is_deterministic", "inputs", "outputs", "task",
			"input_data", "mini_batch_size", "partition_keys", "mini_batch_error_threshold", "error_threshold", "max_concurrency_per_instance",
			"logging_level", "retry_settings", "resources", "environment_variables", "additional_includes"},
		ignored: append([]string{"is_anonymous", "queue_settings"}, about...)}
	parallelTaskKeys = keySet{what: "the task of a parallel component", lenient: true, exact: true,
		meant:   map[string]string{"entry_point": "entry_script", "script": "entry_script", "arguments": "program_arguments", "args": "program_arguments"},
		read:    []string{"type", "code", "entry_script", "environment", "program_arguments", "append_row_to", "model"},
		ignored: []string{}}
)
