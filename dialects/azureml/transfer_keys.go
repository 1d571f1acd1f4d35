package azureml

var (
	transferNodeKeys = keySet{what: "a data transfer node", lenient: true,
		read: []string{"type", "component", "task", "data_copy_mode", "source", "sink", "display_name", "description", "compute",
			"inputs", "outputs", "queue_settings"},
		ignored: about}
	transferComponentNodeKeys = keySet{what: "a data transfer node with a component", lenient: true,
		read: []string{"type", "component", "source", "sink", "display_name", "description", "compute", "inputs", "outputs",
			"queue_settings"},
		ignored: append([]string{"task", "data_copy_mode"}, about...)}
	transferComponentKeys = keySet{what: "a data transfer component", lenient: true,
		read: []string{"type", "name", "version", "display_name", "description", "inputs", "outputs", "task", "data_copy_mode",
			"source", "sink"},
		ignored: append([]string{"is_anonymous", "is_deterministic", "queue_settings"}, about...)}
	transferJobKeys = keySet{what: "a data transfer job",
		read: []string{"type", "name", "display_name", "experiment_name", "description", "tags", "properties", "compute", "inputs",
			"outputs", "task", "data_copy_mode", "source", "sink", "queue_settings"},
		ignored: []string{"$schema", "identity", "services", "notification_setting"}}
	sourceKeys = keySet{what: "a source",
		read: []string{"type", "connection", "path", "query", "table_name", "stored_procedure", "stored_procedure_params", "format"}}
	sinkKeys = keySet{what: "a sink",
		read: []string{"type", "connection", "path", "table_name", "stored_procedure", "stored_procedure_params", "mode"}}
	parameterKeys = keySet{what: "a parameter", read: []string{"name", "value", "type"}}
)
