package azureml

var (
	scheduleKeys = keySet{what: "a schedule",
		read:    []string{"name", "display_name", "description", "tags", "properties", "trigger", "create_job"},
		ignored: []string{"$schema", "import_data", "create_monitor"}}
	cronKeys = keySet{what: "a cron trigger",
		read: []string{"type", "expression", "start_time", "end_time", "time_zone", "overlap", "catchup_window"}}
	recurrenceKeys = keySet{what: "a recurrence trigger",
		read: []string{"type", "frequency", "interval", "schedule", "start_time", "end_time", "time_zone", "overlap", "catchup_window"}}
	patternKeys = keySet{what: "the schedule of a recurrence",
		read: []string{"hours", "minutes", "week_days", "month_days"}}
)
