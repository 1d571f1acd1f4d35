package azureml

import "slices"

// ownNodes are the kinds of nodes with keys of their own that an editor knows,
// and the parts that say which.
var ownNodes = []struct{ kind, part string }{
	{"approval", "approvalNode"},
	{"if_else", "ifElseNode"},
	{"do_while", "doWhileNode"},
	{"parallel_for", "parallelForNode"},
	{"sweep", "sweepNode"},
	{"parallel", "parallelNode"},
	{"data_transfer", "transferNode"},
	{"spark", "sparkNode"},
}

// ofKind is the schema of a mapping that says it is of one of some kinds.
func ofKind(kinds ...string) *Schema {
	return &Schema{Required: []string{"type"}, Properties: map[string]*Schema{"type": {Type: []string{"string"}, Pattern: anyCase(kinds...)}}}
}

// ownNodeSchema tells the ownNodes apart; what is none of them may be anything.
func ownNodeSchema() *Schema {
	var s *Schema
	for _, own := range slices.Backward(ownNodes) {
		s = &Schema{If: ofKind(own.kind), Then: partForm(own.part)(), Else: s}
	}
	return s
}

// approvalPart is a node that waits for somebody's word.
func approvalPart() part {
	return part{keys: approvalKeys, required: []string{"type"}, shapes: withShapes(nodeShapes, map[string]shape{
		"type":       {"approval, for a node that waits until somebody approves or rejects it.", choiceForm("approval")},
		"message":    {"What is asked. ${{inputs.NAME}} stands for what the approval is given.", textForm},
		"inputs":     {"What is approved. Data among it is passed on as outputs of the same names.", mapForm(portName, partForm("input"))},
		"outputs":    {"Where the data that is passed on is published, or what it is registered as.", mapForm(portName, partForm("nodeOutput"))},
		"approvers":  {"Who may answer: names of users. Anybody where it is left out.", orForm(textForm, listForm(textForm))},
		"limits":     {"How long it waits.", partForm("nodeLimits")},
		"on_timeout": {"What counts when nobody has answered in time: reject, or approve. reject where it is left out.", choiceForm(rejects, approves)},
	})}
}

// retryPart is what a node says about trying again.
func retryPart() part {
	return part{keys: retryKeys, required: []string{"attempts"}, shapes: map[string]shape{
		"attempts":   {"How often the program is run at most.", textForm},
		"delay":      {"How many seconds lie between the first two attempts.", textForm},
		"backoff":    {"By what the delay is multiplied after each further attempt; 1 where it is left out.", textForm},
		"max_delay":  {"The longest delay, in seconds.", textForm},
		"exit_codes": {"The exit codes that are tried again; all failures of the program where it is left out.", orForm(textForm, listForm(textForm))},
		"on_timeout": {"True to try again when limits.timeout has passed.", textForm},
	}}
}
