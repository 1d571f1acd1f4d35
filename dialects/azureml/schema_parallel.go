package azureml

// batchShapes are the keys of what works on mini-batches.
var batchShapes = map[string]shape{
	"mini_batch_size":              {"How large a mini-batch is: a number of files or, of a table, a size such as 10kb.", textForm},
	"partition_keys":               {"The columns whose values make the mini-batches. They win over mini_batch_size.", listForm(textForm)},
	"mini_batch_error_threshold":   {"How many mini-batches may fail; -1, which is the default, for any number.", textForm},
	"error_threshold":              {"How many items may be missing in what run() returns; -1, which is the default, for any number.", textForm},
	"max_concurrency_per_instance": {"How many processes work at a time on each worker: one for each core, or for each GPU, where it is left out.", textForm},
	"logging_level":                {"How much is logged.", orForm(exactForm(logLevels...), textForm)},
	"retry_settings":               {"How often a mini-batch is tried again, and how long run() may take.", partForm("retrySettings")},
}

var retryShapes = map[string]shape{
	"max_retries": {"How often a mini-batch is tried again; 2 where it is left out.", textForm},
	"timeout":     {"How many seconds run() may take; 60 where it is left out.", textForm},
}

// parallelNodeShapes are the keys of nodes that work on mini-batches.
var parallelNodeShapes = withShapes(nodeShapes, batchShapes, map[string]shape{
	"type":       {"parallel, for a node that works through an input in mini-batches.", choiceForm("parallel")},
	"component":  {"The parallel component that the node runs: the path of its file, azureml:NAME:VERSION, or a component written here.", orForm(textForm, partForm("parallelComponent"))},
	"input_data": {"The input that is cut into mini-batches: ${{inputs.NAME}}.", textForm},
})

var taskShapes = map[string]shape{
	"type":              {"run_function: the entry script has a function run().", textForm},
	"entry_script":      {"The script with the functions init(), run() and shutdown(); a path inside of the code.", textForm},
	"program_arguments": {"The arguments of the script. ${{inputs.NAME}} and ${{outputs.NAME}} stand for values and paths. Options of Azure's runner, such as --allowed_failed_percent, may stand among them.", textForm},
	"model":             {"A model that works on the batches. Millrace does not run these.", anyForm},
}

// parallelNodeSchema tells nodes with a component from those that have their
// task in them.
func parallelNodeSchema() *Schema {
	return &Schema{
		If:   &Schema{Required: []string{"component"}},
		Then: partForm("parallelComponentNode")(),
		Else: partForm("inlineParallelNode")(),
	}
}
