package azureml

// An item of a parallel_for is a mapping, and so are items by name.
func itemForm() *Schema { return mapForm(groupName, partForm("input"))() }

// ifElsePart is a node that chooses between others.
func ifElsePart() part {
	block := orForm(textForm, listForm(textForm))
	return part{keys: ifElseKeys, required: []string{"type", "condition"}, shapes: map[string]shape{
		"type":        {"if_else, for a node that chooses which others run.", choiceForm("if_else")},
		"condition":   {"True, false, ${{parent.jobs.NODE.outputs.NAME}} with an output of the type boolean, or ${{parent.inputs.NAME}}.", textForm},
		"true_block":  {"The nodes that run where the condition is true: ${{parent.jobs.NODE}}, or a list of them.", block},
		"false_block": {"The nodes that run where the condition is false: ${{parent.jobs.NODE}}, or a list of them.", block},
		"description": {"What the node does.", textForm},
	}}
}

// doWhilePart is a node that runs another one again and again.
func doWhilePart() part {
	return part{keys: doWhileKeys, required: []string{"type", "body", "condition", "mapping", "limits"}, shapes: map[string]shape{
		"type":        {"do_while, for a node that runs another one again and again.", choiceForm("do_while")},
		"body":        {"The node that is run: ${{parent.jobs.NODE}}.", textForm},
		"condition":   {"The control output of the body that says whether to go on, or true.", textForm},
		"mapping":     {"Which outputs of an iteration become which inputs of the next.", mapForm(nil, orForm(textForm, listForm(textForm)))},
		"limits":      {"How often the body is run at most.", partForm("loopLimits")},
		"description": {"What the node does.", textForm},
	}}
}

// parallelForPart is a node that runs another one for every item of a list.
func parallelForPart() part {
	return part{keys: parallelForKeys, required: []string{"type", "body", "items"}, shapes: map[string]shape{
		"type":            {"parallel_for, for a node that runs another one for every item of a list.", choiceForm("parallel_for")},
		"body":            {"The node that is run: ${{parent.jobs.NODE}}.", textForm},
		"items":           {"What the body is run with: a list of mappings from its inputs to values, a mapping of them by name, JSON, or ${{parent.inputs.NAME}}.", orForm(textForm, listForm(itemForm), mapForm(nil, itemForm))},
		"max_concurrency": {"How many iterations run at the same time; any number where it is left out.", countForm},
		"outputs":         {"Where the outputs of all iterations go: ${{parent.outputs.NAME}}, or a place in a datastore.", mapForm(portName, partForm("nodeOutput"))},
		"description":     {"What the node does.", textForm},
	}}
}

// loopLimitsPart bounds a do_while.
func loopLimitsPart() part {
	return part{keys: loopLimitsKeys, required: []string{"max_iteration_count"}, shapes: map[string]shape{
		"max_iteration_count": {"The largest number of iterations, 1 to 1000.", countForm},
	}}
}
