package azureml

import (
	"maps"
	"slices"
)

// schemaKinds are the kinds of files, in the order people are told of them.
var schemaKinds = []SchemaKind{
	{"pipelineJob", "A job that runs a pipeline: steps, and how they are connected."},
	{"commandJob", "A job that runs one command."},
	{"sweepJob", "A job that runs a command many times, with sampled values, and keeps the best."},
	{"commandComponent", "A component that runs a command: a step to be used in pipelines."},
	{"pipelineComponent", "A component that is a pipeline: steps to be used in pipelines as one."},
	{"parallelComponent", "A component that works through its input in batches, to be used in pipelines."},
	{"sparkJob", "A job that runs one Spark application."},
	{"sparkComponent", "A component that runs a Spark application, to be used in pipelines."},
	{"dataTransferJob", "A job that moves data between places outside."},
	{"dataTransferComponent", "A component that moves data between places outside, to be used in pipelines."},
	{"data", "A data asset: a file or a folder with a name and a version."},
	{"model", "A model: a file or a folder with a name and a version."},
	{"environment", "The software that a step needs."},
	{"schedule", "A schedule: a job, and when it is made."},
	{"azureBlob", "A datastore: a container of Azure's blob storage."},
	{"azureFile", "A datastore: a file share of Azure."},
	{"azureDataLakeGen2", "A datastore: a file system of Azure Data Lake Gen2."},
	{"azureDataLakeGen1", "A datastore: a lake of Azure Data Lake Gen1."},
	{"oneLake", "A datastore: a lakehouse in OneLake."},
	{"datastore", "A datastore of any type: a folder, or a bucket by its URL, or one of Azure's."},
	{"connection", "A connection: a database or a file system outside."},
	{"compute", "A compute: a name that nodes ask for, and the queue it stands for."},
	{"registry", "A registry: a store that is shared under a name."},
}

// schemaParts are the mappings of all files. Those that are no file are
// definitions in the schemas that use them.
func schemaParts() map[string]part {
	parts := map[string]part{
		"pipelineJob": {
			keys:     pipelineJobKeys,
			required: []string{"type"},
			shapes: map[string]shape{
				"type":        {"pipeline, for a job that runs a pipeline.", choiceForm("pipeline")},
				"inputs":      {"What the pipeline is given. Nodes read it with ${{parent.inputs.NAME}}.", mapForm(groupName, partForm("input"))},
				"outputs":     {"What the pipeline makes. Nodes write it with ${{parent.outputs.NAME}}.", mapForm(portName, partForm("output"))},
				"component":   {"A pipeline component to run, in the place of jobs.", orForm(textForm, partForm("pipelineComponent"))},
				"compute":     {"The compute of the nodes that name none.", textForm},
				"description": {"What the job does.", textForm},

				"queue_settings": {vocabulary["queue_settings"].about, partForm("queueSettings")},
			},
			rules: Schema{AnyOf: []*Schema{{Required: []string{"jobs"}}, {Required: []string{"component"}}}},
		},
		"commandJob": {
			keys:     commandJobKeys,
			required: []string{"command"},
			shapes: map[string]shape{
				"type":        {"command, for a job that runs one command. This is the default.", choiceForm("command")},
				"inputs":      {"What the command is given. It reads it with ${{inputs.NAME}}.", mapForm(portName, partForm("input"))},
				"outputs":     {"What the command makes. It writes it to ${{outputs.NAME}}.", mapForm(portName, partForm("output"))},
				"description": {"What the job does.", textForm},

				"queue_settings": {vocabulary["queue_settings"].about, partForm("queueSettings")},
			},
		},
		"commandComponent": {
			keys:     commandComponentKeys,
			required: []string{"command"},
			shapes: map[string]shape{
				"type":    {"command, for a component that runs a command. This is the default.", choiceForm("command")},
				"inputs":  {"The inputs that the component declares. The command reads them with ${{inputs.NAME}}.", mapForm(groupName, partForm("port"))},
				"outputs": {"The outputs that the component declares. The command writes them to ${{outputs.NAME}}.", mapForm(portName, partForm("outputPort"))},
			},
		},
		"pipelineComponent": {
			keys:     pipelineComponentKeys,
			required: []string{"type", "jobs"},
			shapes: map[string]shape{
				"type":    {"pipeline, for a component that is a pipeline.", choiceForm("pipeline")},
				"inputs":  {"The inputs that the component declares. Nodes read them with ${{parent.inputs.NAME}}.", mapForm(groupName, partForm("port"))},
				"outputs": {"The outputs that the component declares. Nodes write them with ${{parent.outputs.NAME}}.", mapForm(portName, partForm("outputPort"))},
			},
		},
		"parallelComponent": {
			keys:     parallelComponentKeys,
			required: []string{"type", "task", "input_data"},
			shapes: withShapes(batchShapes, map[string]shape{
				"type":    {"parallel, for a component that works through its input in batches.", choiceForm("parallel")},
				"inputs":  {"The inputs that the component declares.", mapForm(groupName, partForm("port"))},
				"outputs": {"The outputs that the component declares.", mapForm(portName, partForm("outputPort"))},
			}),
		},
		"parallelNode":          {built: parallelNodeSchema},
		"inlineParallelNode":    {keys: parallelNodeKeys, required: []string{"type", "task", "input_data"}, shapes: parallelNodeShapes},
		"parallelComponentNode": {keys: parallelComponentNodeKeys, required: []string{"type", "component"}, shapes: parallelNodeShapes},
		"retrySettings":         {keys: retrySettingsKeys, shapes: retryShapes},
		"task":                  {keys: parallelTaskKeys, required: []string{"type", "entry_script"}, shapes: taskShapes},
		"data": {
			keys:     dataKeys,
			required: []string{"path"},
			shapes: map[string]shape{
				"type":        {"What the data is; uri_folder where it is left out.", choiceForm(wordsOf(dataAssetTypes)...)},
				"path":        {"Where the data is: a local path, azureml://datastores/NAME/paths/PATH, or a URL.", textForm},
				"description": {"What the data is.", textForm},
			},
		},
		"model": {
			keys:     modelKeys,
			required: []string{"path"},
			shapes: map[string]shape{
				"type":        {"What the model is; custom_model where it is left out.", choiceForm(wordsOf(modelTypes)...)},
				"path":        {"Where the model is: a local path, azureml://jobs/JOB/outputs/OUTPUT/paths/PATH, or azureml://datastores/NAME/paths/PATH.", textForm},
				"description": {"What the model is.", textForm},
			},
		},
		"environment": {
			keys: environmentKeys,
			rules: Schema{
				AnyOf: []*Schema{{Required: []string{"image"}}, {Required: []string{"build"}}, {Required: []string{"conda_file"}}},
				Not:   &Schema{Required: []string{"image", "build"}},
			},
		},
		"azureBlob":         {keys: azureBlobKeys, shapes: datastoreShapes, required: []string{"type", "account_name", "container_name"}},
		"azureFile":         {keys: azureFileKeys, shapes: datastoreShapes, required: []string{"type", "account_name", "file_share_name"}},
		"azureDataLakeGen2": {keys: azureLakeKeys, shapes: datastoreShapes, required: []string{"type", "account_name", "filesystem"}},
		"azureDataLakeGen1": {keys: azureOldLakeKeys, shapes: datastoreShapes, required: []string{"type", "store_name"}},
		"oneLake":           {keys: oneLakeKeys, shapes: datastoreShapes, required: []string{"type", "one_lake_workspace_name"}},
		"urlDatastore":      {keys: urlDatastoreKeys, shapes: datastoreShapes, required: []string{"url"}},
		"datastore":         {built: datastoreSchema},
		"lakeItem": {keys: lakeItemKeys, shapes: map[string]shape{
			"name": {"The id or the name of the lakehouse.", textForm}, "type": {"lake_house.", textForm},
		}},
		"schedule": {
			keys:     scheduleKeys,
			required: []string{"trigger", "create_job"},
			shapes: map[string]shape{
				"trigger":     {"When the job is made.", partForm("trigger")},
				"create_job":  {"The job: the path of its file, azureml:JOB for an earlier one, or a job written here.", partForm("createJob")},
				"description": {"What the schedule is for.", textForm},
			},
		},
		"trigger":           {built: triggerSchema},
		"cronTrigger":       {keys: cronKeys, shapes: triggerShapes, required: []string{"type", "expression"}},
		"recurrenceTrigger": {keys: recurrenceKeys, shapes: triggerShapes, required: []string{"type", "frequency", "interval"}},
		"pattern":           {keys: patternKeys, shapes: patternShapes},
		"createJob":         {built: createJobSchema},
		"compute": {
			keys:     computeKeys,
			required: []string{"type"},
			shapes: map[string]shape{
				"type":        {"What kind of compute it is.", choiceForm(computeTypes...)},
				"description": {"What the compute is for.", textForm},
				"tier":        {"dedicated, or low_priority.", choiceForm(computeTiers...)},
			},
		},
		"sshSettings": {keys: sshKeys},
		"registry":    {keys: registryKeys, shapes: map[string]shape{"url": {"The store that the registry is: a folder, or the URL of a bucket.", textForm}}},
		"build":       {keys: buildKeys, required: []string{"path"}, shapes: map[string]shape{"path": {"The folder of the build context.", textForm}}},
		"settings":    {keys: settingsKeys},

		"node":            {built: nodeSchema},
		"commandNode":     {keys: commandNodeKeys, shapes: nodeShapes, required: []string{"command"}},
		"componentNode":   {keys: componentNodeKeys, shapes: nodeShapes, required: []string{"component"}},
		"pipelineNode":    {keys: pipelineNodeKeys, shapes: nodeShapes, required: []string{"component"}},
		"approvalNode":    approvalPart(),
		"ifElseNode":      ifElsePart(),
		"doWhileNode":     doWhilePart(),
		"parallelForNode": parallelForPart(),
		"loopLimits":      loopLimitsPart(),
		"retry":           retryPart(),
		"component":       {built: componentSchema},

		"input":       {built: inputSchema},
		"inputObject": {keys: inputKeys, shapes: inputShapes, rules: Schema{AnyOf: []*Schema{{Required: []string{"path"}}, {Required: []string{"value"}}}}},
		"output":      {keys: outputKeys, shapes: outputShapes},
		"nodeOutput":  {built: nodeOutputSchema},
		"port": {
			keys: portKeys, required: []string{"type"},
			shapes: map[string]shape{
				"type":        {"What the input takes.", exactForm(append(wordsOf(portTypes), "path", "any", "Any")...)},
				"mode":        {"How the step gets the data.", choiceForm(inputModeWords...)},
				"description": {"What the input is for.", textForm},
			},
			rules: Schema{
				If:   &Schema{Properties: map[string]*Schema{"type": {Enum: wordsOf(dataTypes)}}, Required: []string{"type"}},
				Then: &Schema{Not: &Schema{Properties: map[string]*Schema{"default": {Not: &Schema{Type: []string{"null"}}}}, Required: []string{"default"}}},
			},
		},
		"outputPort": {keys: outputPortKeys, shapes: outputShapes},

		"limits":           {keys: limitsKeys},
		"nodeLimits":       {keys: limitsKeys, shapes: boundShapes},
		"resources":        {keys: resourcesKeys, shapes: resourcesShapes},
		"nodeResources":    {keys: resourcesKeys, shapes: withShapes(resourcesShapes, boundShapes)},
		"queueSettings":    {keys: queueSettingsKeys},
		"nodeQueue":        {keys: queueSettingsKeys, shapes: boundShapes},
		"distribution":     {keys: distributionKeys, shapes: distributionShapes},
		"nodeDistribution": {keys: distributionKeys, shapes: withShapes(distributionShapes, boundShapes)},
	}
	maps.Copy(parts, sweepParts())
	maps.Copy(parts, movingParts())
	return parts
}

var (
	dataWords       = wordsOf(dataTypes)
	inputModeWords  = append(wordsOf(inputModes), "mount", "link")
	outputModeWords = append(wordsOf(outputModes), "mount", "link")
)

var nodeShapes = map[string]shape{
	"type":        {"What the node runs; command where it is left out.", choiceForm("command", "pipeline")},
	"component":   {vocabulary["component"].about, orForm(textForm, partForm("component"))},
	"inputs":      {"What the node is given: values, data, ${{parent.inputs.NAME}}, or ${{parent.jobs.NODE.outputs.NAME}}.", mapForm(groupName, partForm("input"))},
	"outputs":     {"Where what the node makes goes: ${{parent.outputs.NAME}}, or a place in a datastore.", mapForm(portName, partForm("nodeOutput"))},
	"compute":     {"Where the node runs: the name of a compute, or ${{parent.inputs.NAME}}.", textForm},
	"description": {"What the node does.", textForm},
	"limits":      {vocabulary["limits"].about, partForm("nodeLimits")},
	"resources":   {vocabulary["resources"].about, partForm("nodeResources")},

	"queue_settings": {vocabulary["queue_settings"].about, partForm("nodeQueue")},
	"distribution":   {vocabulary["distribution"].about, partForm("nodeDistribution")},
}

var inputShapes = map[string]shape{
	"type":        {"What the data is; uri_folder where it is left out.", choiceForm(dataWords...)},
	"path":        {"Where the data is: a local path, azureml:NAME:VERSION, azureml://datastores/NAME/paths/PATH, or a URL.", textForm},
	"mode":        {"How the step gets the data; ro_mount where it is left out.", choiceForm(inputModeWords...)},
	"value":       {"A plain value.", partForm("input")},
	"description": {"What the input is for.", textForm},
}

var outputShapes = map[string]shape{
	"type":        {"What the output is; uri_folder where it is left out. One of the type boolean, integer, number or string holds a value.", choiceForm(append(wordsOf(portTypes), "path", "any")...)},
	"path":        {"A place in a datastore that the output is published to: azureml://datastores/NAME/paths/PATH. ${{name}} is the name of the job.", textForm},
	"mode":        {"How the step writes the data; rw_mount where it is left out.", choiceForm(outputModeWords...)},
	"name":        {"The name of the asset that the output is registered as.", textForm},
	"version":     {"The version of the asset that the output is registered as; the next number where it is left out.", textForm},
	"description": {"What the output is for.", textForm},

	"is_control":      {"The output holds a value: a condition, or what a later node is given as text.", boolForm},
	"early_available": {"The value may be read before the step has ended; Millrace reads it at the end.", boolForm},
}

// resourcesShapes: properties take anything, and Millrace reads two of them.
var resourcesShapes = map[string]shape{
	"properties": {"Further words with values. gpus and memory mean what they mean beside it; Azure takes them here only.", mapForm(nil, anyForm)},
}

var distributionShapes = map[string]shape{
	"type":              {"How the processes find each other.", choiceForm(distributionWords...)},
	"distribution_type": {"An older name of type.", choiceForm(distributionWords...)},
	"port":              {"The port of the Ray cluster.", textForm},
	"address":           {"The address of the Ray cluster.", textForm},
}

var distributionWords = append(slices.Clone(distributionTypes), "torch.distributed")

// boundShapes are the numbers that nodes can take from the pipeline's inputs.
var boundShapes = map[string]shape{
	"timeout":                    {vocabulary["timeout"].about, boundCountForm},
	"instance_count":             {vocabulary["instance_count"].about, boundCountForm},
	"gpus":                       {vocabulary["gpus"].about, boundCountForm},
	"priority":                   {vocabulary["priority"].about, textForm},
	"process_count_per_instance": {vocabulary["process_count_per_instance"].about, boundCountForm},
	"worker_count":               {vocabulary["worker_count"].about, boundCountForm},
	"parameter_server_count":     {vocabulary["parameter_server_count"].about, boundCountForm},
}

func withShapes(all ...map[string]shape) map[string]shape {
	joined := map[string]shape{}
	for _, shapes := range all {
		maps.Copy(joined, shapes)
	}
	return joined
}

// nodeSchema tells the kinds of nodes apart. Those that do not run yet are
// files of Azure ML none the less, and an editor marks nothing in them.
func nodeSchema() *Schema {
	kinds := slices.Concat([]string{"command", "pipeline"}, ownKinds, laterKinds)
	return &Schema{
		Title:      "Node",
		Type:       []string{"object"},
		Properties: map[string]*Schema{"type": {Enum: nil, AnyOf: choiceForm(kinds...)().AnyOf}},
		If:         ofKind(slices.Concat(ownKinds, laterKinds)...),
		Then:       ownNodeSchema(),
		Else: &Schema{
			If:   ofKind("pipeline"),
			Then: partForm("pipelineNode")(),
			Else: &Schema{
				If:   &Schema{Required: []string{"component"}},
				Then: partForm("componentNode")(),
				Else: partForm("commandNode")(),
			},
		},
	}
}

// componentSchema is a component that is written in the node that runs it.
func componentSchema() *Schema {
	return &Schema{
		Type: []string{"object"},
		If:   &Schema{Required: []string{"jobs"}},
		Then: partForm("pipelineComponent")(),
		Else: partForm("commandComponent")(),
	}
}

// inputSchema is what an input is given: a value, a binding, or data.
func inputSchema() *Schema {
	return orForm(textForm, partForm("inputObject"))()
}

// nodeOutputSchema is an output of a node: what a job says about one, or a
// binding to an output of the pipeline.
func nodeOutputSchema() *Schema {
	return &Schema{AnyOf: []*Schema{
		partForm("output")(),
		{Type: []string{"string"}, Pattern: `^\s*\$\{\{\s*parent\.outputs\.\S+\s*\}\}\s*$`},
		{Type: []string{"null"}},
	}}
}
