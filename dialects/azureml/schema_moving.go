package azureml

// movingParts are the mappings of what moves data, and of Spark applications.
func movingParts() map[string]part {
	return map[string]part{
		"transferNode":          {built: func() *Schema { return withComponent("transferComponentNode", "inlineTransferNode") }},
		"inlineTransferNode":    {keys: transferNodeKeys, shapes: withShapes(nodeShapes, transferShapes), required: []string{"type", "task"}},
		"transferComponentNode": {keys: transferComponentNodeKeys, shapes: withShapes(nodeShapes, transferShapes), required: []string{"component"}},
		"dataTransferComponent": {keys: transferComponentKeys, shapes: withShapes(transferShapes, declaringShapes), required: []string{"type", "task"}},
		"dataTransferJob":       {keys: transferJobKeys, shapes: withShapes(transferShapes, singleJobShapes), required: []string{"type", "task"}},
		"source":                {keys: sourceKeys, shapes: only(externalShapes, sourceKeys), required: []string{"type", "connection"}},
		"sink":                  {keys: sinkKeys, shapes: only(externalShapes, sinkKeys), required: []string{"type", "connection"}},
		"parameter": {keys: parameterKeys, required: []string{"name", "value"}, shapes: map[string]shape{
			"name": {"The name of the parameter.", textForm}, "value": {"Its value.", textForm}, "type": {"What it is; text where it is left out.", textForm},
		}},

		"connection": {keys: connectionKeys, required: []string{"name", "target"}, shapes: map[string]shape{
			"type":        {"What it leads to; that of the target where it is left out.", textForm},
			"target":      {"The address, without a password: postgres://HOST/DATABASE, sqlite:///PATH, s3://BUCKET/PREFIX, file:///FOLDER; or env:NAME.", textForm},
			"credentials": {"Where the credentials are: env:NAME or file:/PATH each.", mapForm(nil, anyForm)},
			"description": {"What it leads to.", textForm},
		}},

		"sparkNode":          {built: func() *Schema { return withComponent("sparkComponentNode", "inlineSparkNode") }},
		"inlineSparkNode":    {keys: sparkNodeKeys, shapes: withShapes(nodeShapes, sparkShapes), required: []string{"type", "entry"}},
		"sparkComponentNode": {keys: sparkComponentNodeKeys, shapes: withShapes(nodeShapes, sparkShapes), required: []string{"component"}},
		"sparkComponent":     {keys: sparkComponentKeys, shapes: withShapes(sparkShapes, declaringShapes), required: []string{"type", "entry"}},
		"sparkJob":           {keys: sparkJobKeys, shapes: withShapes(sparkShapes, singleJobShapes), required: []string{"type", "entry"}},
		"sparkEntry": {keys: sparkEntryKeys, shapes: map[string]shape{
			"file": {"The Python file to run, in the folder of the code.", textForm}, "class_name": {"The class to run, of the first of the jars.", textForm},
		}},
		"sparkResources": {keys: sparkResourcesKeys},
	}
}

// only are the shapes of some keys.
func only(shapes map[string]shape, keys keySet) map[string]shape {
	chosen := map[string]shape{}
	for key, s := range shapes {
		if contains(keys.read, key) {
			chosen[key] = s
		}
	}
	return chosen
}

// withComponent tells nodes that name a component from those that say all
// themselves.
func withComponent(named, inline string) *Schema {
	return &Schema{If: &Schema{Required: []string{"component"}}, Then: partForm(named)(), Else: partForm(inline)()}
}

var declaringShapes = map[string]shape{
	"inputs":  {"The inputs that the component declares.", mapForm(groupName, partForm("port"))},
	"outputs": {"The outputs that the component declares.", mapForm(portName, partForm("outputPort"))},
}

var singleJobShapes = map[string]shape{
	"inputs":         {"What the job is given.", mapForm(portName, partForm("input"))},
	"outputs":        {"What the job makes, and where it goes.", mapForm(portName, partForm("output"))},
	"description":    {"What the job does.", textForm},
	"queue_settings": {vocabulary["queue_settings"].about, partForm("queueSettings")},
}

var transferShapes = map[string]shape{
	"type":           {"data_transfer, for what moves data between places outside.", choiceForm("data_transfer")},
	"task":           {"What is done: copy_data, import_data or export_data.", choiceForm(transferTasks...)},
	"data_copy_mode": {"What becomes of files that are there already; they are overwritten where it is left out.", choiceForm(copyModes...)},
	"source":         {"Where data is imported from.", partForm("source")},
	"sink":           {"Where data is exported to.", partForm("sink")},
}

var externalShapes = map[string]shape{
	"type":             {"What kind of place it is.", choiceForm(externalTypes...)},
	"connection":       {"The name of a connection, its address without a password, or env:NAME or file:/PATH for one that is secret.", textForm},
	"path":             {"The path in a file system; of a source the last names may be a pattern.", textForm},
	"query":            {"The query whose rows are imported.", textForm},
	"table_name":       {"The table: NAME, or SCHEMA.NAME.", textForm},
	"stored_procedure": {"The stored procedure whose rows are imported.", textForm},
	"format":           {"parquet or csv; parquet where neither it nor the name of the output says.", textForm},
	"mode":             {"append, replace, merge (by the primary key) or fail_if_exists; append where it is left out.", textForm},

	"stored_procedure_params": {"The parameters of the stored procedure.", listForm(partForm("parameter"))},
}

var sparkShapes = map[string]shape{
	"type":      {"spark, for what runs through spark-submit.", choiceForm("spark")},
	"entry":     {"What is run: a Python file, or a class.", partForm("sparkEntry")},
	"py_files":  {"Further files and archives of Python, in the folder of the code.", orForm(textForm, listForm(textForm))},
	"jars":      {"Jars for the class path; where a class is entered, the first has it.", orForm(textForm, listForm(textForm))},
	"files":     {"Files that each executor finds in its working directory.", orForm(textForm, listForm(textForm))},
	"archives":  {"Archives that are unpacked there.", orForm(textForm, listForm(textForm))},
	"conf":      {"Properties of Spark, such as spark.executor.memory.", mapForm(nil, textForm)},
	"args":      {"The arguments. ${{inputs.NAME}} and ${{outputs.NAME}} stand for values and addresses.", textForm},
	"resources": {"The size of the machines, in the place of a compute.", partForm("sparkResources")},
}
