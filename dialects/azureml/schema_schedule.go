package azureml

import (
	"slices"

	"github.com/millrace-ml/millrace/internal/recurrence"
)

var triggerShapes = map[string]shape{
	"type":           {"cron, or recurrence.", choiceForm(string(recurrence.Cron), string(recurrence.Recurrence))},
	"expression":     {"Five fields: minute, hour, day of month, month, day of week. As in Azure, only minute, hour and day of week are looked at.", textForm},
	"frequency":      {"The unit that is counted.", choiceForm(wordsOf(recurrence.Frequencies())...)},
	"interval":       {"How many of the unit lie between two jobs.", countForm},
	"schedule":       {"The clock times and days; every hour goes with every minute.", partForm("pattern")},
	"start_time":     {"Before this, nothing fires. A time without an offset is one of the time zone.", textForm},
	"end_time":       {"After this, nothing fires.", textForm},
	"time_zone":      {"A time zone, by its name in Windows or in the IANA's list; UTC where it is left out.", textForm},
	"overlap":        {"What happens while the job before still runs. A key of Millrace.", choiceForm(wordsOf(overlaps())...)},
	"catchup_window": {"How late a job may be made that was missed: 30m, 12h, 2d. A key of Millrace.", textForm},
}

var patternShapes = map[string]shape{
	"hours":      {"The hours, 0 to 23.", countsForm},
	"minutes":    {"The minutes, 0 to 59.", countsForm},
	"month_days": {"The days of the month, 1 to 31. Months that have no such day are left out.", countsForm},
	"week_days":  {"The days of the week: monday, tuesday, ...", orForm(textForm, listForm(textForm))},
}

// countsForm is a count, or a list of them.
func countsForm() *Schema { return orForm(countForm, listForm(countForm))() }

// triggerSchema tells the types of triggers apart.
func triggerSchema() *Schema {
	return &Schema{
		Type: []string{"object"},
		If:   &Schema{Properties: map[string]*Schema{"type": {Type: []string{"string"}, Pattern: anyCase(string(recurrence.Recurrence))}}, Required: []string{"type"}},
		Then: partForm("recurrenceTrigger")(),
		Else: partForm("cronTrigger")(),
	}
}

// createJobSchema is the job that a schedule makes: a path, the name of an
// earlier job, a job that is written here, or another job with changes.
func createJobSchema() *Schema {
	return &Schema{
		Type: []string{"string", "object"},
		If:   &Schema{Type: []string{"object"}},
		Then: &Schema{
			If:   &Schema{Required: []string{"job"}},
			Then: changedJob().schema(),
			Else: &Schema{
				If:   &Schema{Properties: map[string]*Schema{"type": {Type: []string{"string"}, Pattern: anyCase("pipeline")}}, Required: []string{"type"}},
				Then: partForm("pipelineJob")(),
				Else: partForm("commandJob")(),
			},
		},
	}
}

// changedJob is a job with changes. Which keys it may change depends on the job,
// which is in another file.
func changedJob() part {
	parts := schemaParts()
	command, pipeline := parts["commandJob"], parts["pipelineJob"]
	keys := keySet{what: "a job with changes", read: []string{"job"}, ignored: pipeline.keys.ignored}
	for _, key := range slices.Concat(pipeline.keys.read, command.keys.read) {
		if !contains(keys.read, key) {
			keys.read = append(keys.read, key)
		}
	}
	shapes := withShapes(command.shapes, pipeline.shapes)
	shapes["type"] = shape{"What kind of job it is.", choiceForm("command", "pipeline")}
	shapes["job"] = shape{"The job that is changed: the path of its file, or azureml:JOB.", orForm(textForm, partForm("pipelineJob"), partForm("commandJob"))}
	return part{keys: keys, shapes: shapes}
}
