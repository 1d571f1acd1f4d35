package azureml

// sweepParts are the mappings of sweeps.
func sweepParts() map[string]part {
	about := map[string]shape{
		"sampling_algorithm": {"How the values of the trials are chosen: random, grid or bayesian.", orForm(choiceForm(algorithms...), partForm("sampling"))},
		"search_space":       {"What is sampled, by name.", mapForm(portName, partForm("hyperparameter"))},
		"objective":          {"Which trial is the best.", partForm("objective")},
		"limits":             {"How many trials there are, and how long they may take.", partForm("sweepLimits")},
		"early_termination":  {"Which trials are ended before they have completed, by the values that they report.", partForm("earlyTermination")},
	}
	words := make([]string, len(distributions))
	for i, d := range distributions {
		words[i] = d.name
	}
	number := orForm(numberForm, textForm)
	return map[string]part{
		"sweepJob": {keys: sweepJobKeys, required: []string{"type", "trial", "search_space", "objective"}, shapes: withShapes(about, map[string]shape{
			"type":           {"sweep, for a job that runs a command many times, with sampled values.", choiceForm("sweep")},
			"inputs":         {"What all trials are given. The command reads it with ${{inputs.NAME}}.", mapForm(portName, partForm("input"))},
			"outputs":        {"What the job makes: the outputs of its best trial.", mapForm(portName, partForm("output"))},
			"description":    {"What the job does.", textForm},
			"trial":          {"The command that is run. It reads what is sampled with ${{search_space.NAME}}. Or the path of a component.", orForm(textForm, trialForm)},
			"resources":      {vocabulary["resources"].about, partForm("resources")},
			"queue_settings": {vocabulary["queue_settings"].about, partForm("queueSettings")},
		})},
		"sweepNode": {keys: sweepNodeKeys, required: []string{"type", "trial", "search_space", "objective"}, shapes: withShapes(nodeShapes, about, map[string]shape{
			"type":  {"sweep, for a node that runs a component many times, with sampled inputs.", choiceForm("sweep")},
			"trial": {"The component that is run: the path of its file, azureml:NAME:VERSION, or a component written here.", orForm(textForm, partForm("commandComponent"))},
		})},
		"trial": {keys: trialKeys, required: []string{"command"}},
		"sampling": {keys: samplingKeys, required: []string{"type"}, shapes: map[string]shape{
			"type":    {"random, grid or bayesian.", textForm},
			"seed":    {"A number with which random sampling repeats itself.", number},
			"rule":    {"random, or sobol for points that are spread evenly.", textForm},
			"logbase": {"The base of the exponents of logarithmic distributions; e where it is left out.", textForm},
		}},
		"objective": {keys: objectiveKeys, required: []string{"goal", "primary_metric"}, shapes: map[string]shape{
			"goal":           {"minimize or maximize.", textForm},
			"primary_metric": {"The name of the metric that trials are compared by, as the program logs it.", textForm},
		}},
		"sweepLimits": {keys: sweepLimitsKeys, shapes: map[string]shape{
			"max_total_trials":      {"How many trials there are.", textForm},
			"max_concurrent_trials": {"How many of them run at once.", textForm},
			"timeout":               {"After how many seconds the sweep ends, with the best trial so far.", textForm},
			"trial_timeout":         {"After how many seconds a trial is stopped.", textForm},
		}},
		"earlyTermination": {keys: earlyKeys, required: []string{"type"}, shapes: map[string]shape{
			"type":                  {"bandit, median_stopping or truncation_selection.", textForm},
			"evaluation_interval":   {"How many reports of the metric lie between two judgements; 1 where it is left out.", textForm},
			"delay_evaluation":      {"How many reports of the metric there are before the first judgement.", textForm},
			"slack_factor":          {"By which ratio a trial may be worse than the best, of bandit.", textForm},
			"slack_amount":          {"By how much a trial may be worse than the best, of bandit.", textForm},
			"truncation_percentage": {"How many percent of the trials are ended at each judgement, of truncation_selection.", textForm},
			"exclude_finished_jobs": {"True to compare with trials that go on only, of truncation_selection.", textForm},
		}},
		"hyperparameter": {keys: dimensionKeys, required: []string{"type"}, shapes: map[string]shape{
			"type":      {"The distribution: " + oneOf(words...) + ".", textForm},
			"values":    {"The values of a choice; a mapping brings further hyperparameters along.", listForm(anyForm)},
			"upper":     {"The values of randint are 0 to upper-1.", textForm},
			"min_value": {"The least value; of a logarithmic distribution, its exponent.", textForm},
			"max_value": {"The greatest value; of a logarithmic distribution, its exponent.", textForm},
			"mu":        {"The mean of a normal distribution.", textForm},
			"sigma":     {"The standard deviation of a normal distribution.", textForm},
			"q":         {"What the values of a q... distribution are multiples of.", textForm},
		}},
	}
}

// trialForm is the trial of a job: what declares inputs is a component.
func trialForm() *Schema {
	return &Schema{
		Type: []string{"object"}, If: &Schema{Required: []string{"inputs"}},
		Then: partForm("commandComponent")(), Else: partForm("trial")(),
	}
}
