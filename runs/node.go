package runs

import (
	"cmp"
	"strconv"

	"github.com/millrace-ml/millrace/pipeline"
)

// node is a step as the file describes it, in az's shape.
func node(step *pipeline.Step) map[string]any {
	n := map[string]any{
		"type":                  cmp.Or(string(step.Kind), "command"),
		"display_name":          orNull(step.DisplayName),
		"component":             orNull(cmp.Or(step.ComponentAsset, step.Component)),
		"command":               step.Command.String(),
		"compute":               orNull(step.Compute),
		"environment":           environment(step.Environment),
		"environment_variables": nonNil(step.Variables),
	}
	switch {
	case step.Sweep != nil:
		sweepNode(n, step.Sweep)
	case step.Parallel != nil:
		parallelNode(n, step.Parallel, step.Code)
	case step.Loop != nil:
		loopNode(n, step.Loop)
	case step.Approval != nil:
		approvalNode(n, step.Approval)
	case step.Transfer != nil:
		transferNode(n, step.Transfer)
	}
	if step.Retry != nil {
		n["retry"] = retry(step.Retry)
	}
	if len(step.Guards) > 0 {
		n["runs_if"] = guards(step.Guards)
	}
	return n
}

// without takes away what nodes of a kind do not have.
func without(n map[string]any, keys ...string) {
	for _, key := range keys {
		delete(n, key)
	}
}

func sweepNode(n map[string]any, s *pipeline.Sweep) {
	n["trial"] = map[string]any{
		"command": n["command"], "environment": n["environment"],
		"environment_variables": n["environment_variables"], "component": n["component"],
	}
	without(n, "command", "environment", "environment_variables", "component")
	n["sampling_algorithm"] = sampling(s.Sampling)
	n["search_space"] = space(s.Space)
	goal := "maximize"
	if s.Objective.Minimise {
		goal = "minimize"
	}
	n["objective"] = map[string]any{"goal": goal, "primary_metric": s.Objective.Metric}
	n["limits"] = map[string]any{
		"max_total_trials": s.Limits.MaxTrials, "max_concurrent_trials": orUnset(s.Limits.MaxConcurrent),
		"timeout": orUnset(s.Limits.Timeout), "trial_timeout": orUnset(s.Limits.TrialTimeout),
	}
	n["early_termination"] = early(s.Early)
}

func sampling(s pipeline.Sampling) any {
	if s.Seed == nil && s.Rule == "" && s.LogBase == 0 {
		return s.Type
	}
	d := map[string]any{"type": s.Type}
	if s.Seed != nil {
		d["seed"] = *s.Seed
	}
	if s.Rule != "" {
		d["rule"] = s.Rule
	}
	if s.LogBase != 0 {
		d["logbase"] = s.LogBase
	}
	return d
}

func space(dimensions []pipeline.Dimension) map[string]any {
	d := make(map[string]any, len(dimensions))
	for _, dimension := range dimensions {
		d[dimension.Name] = domain(dimension.Domain)
	}
	return d
}

func domain(p pipeline.Domain) map[string]any {
	d := map[string]any{"type": p.Type}
	switch p.Type {
	case "choice":
		values := make([]any, len(p.Values))
		for i, v := range p.Values {
			values[i] = v.Text
			if v.Nested != nil {
				values[i] = space(v.Nested)
			}
		}
		d["values"] = values
	case "randint":
		d["upper"] = p.Upper
	case "normal", "qnormal", "lognormal", "qlognormal":
		d["mu"], d["sigma"] = p.Mu, p.Sigma
	default:
		d["min_value"], d["max_value"] = p.Min, p.Max
	}
	if p.Q != 0 {
		d["q"] = p.Q
	}
	return d
}

func early(e *pipeline.EarlyTermination) any {
	if e == nil {
		return nil
	}
	d := map[string]any{"type": e.Type, "evaluation_interval": e.Interval, "delay_evaluation": e.Delay}
	switch e.Type {
	case "bandit":
		d["slack_factor"], d["slack_amount"] = orUnset(e.SlackFactor), orUnset(e.SlackAmount)
	case "truncation_selection":
		d["truncation_percentage"] = e.Percentage
	}
	return d
}

func parallelNode(n map[string]any, p *pipeline.Parallel, code *pipeline.Code) {
	task := map[string]any{
		"type": "run_function", "entry_script": p.Entry, "code": nil,
		"program_arguments": orNull(p.Arguments.String()), "environment": n["environment"], "append_row_to": nil,
	}
	if code != nil && code.Artifact != nil {
		task["code"] = string(code.Artifact.Digest)
	}
	if p.AppendRowTo != "" {
		task["append_row_to"] = "${{outputs." + p.AppendRowTo + "}}"
	}
	n["task"] = task
	without(n, "command", "environment")
	n["input_data"] = "${{inputs." + p.Input + "}}"
	var size any
	switch {
	case len(p.PartitionKeys) > 0:
	case p.Bytes > 0:
		size = strconv.FormatInt(p.Bytes, 10)
	case p.Files > 0:
		size = strconv.Itoa(p.Files)
	}
	n["mini_batch_size"], n["partition_keys"] = size, list(p.PartitionKeys)
	n["mini_batch_error_threshold"], n["error_threshold"] = p.MaxFailedBatches, p.MaxFailedItems
	n["max_concurrency_per_instance"] = orUnset(p.Processes)
	n["retry_settings"] = map[string]any{"max_retries": p.Retries, "timeout": p.Timeout}
	n["logging_level"] = orNull(p.LogLevel)
}

func loopNode(n map[string]any, l *pipeline.Loop) {
	without(n, "command", "environment", "environment_variables", "component")
	if l.Body != nil {
		body := make([]any, len(l.Body.Steps))
		for i := range l.Body.Steps {
			body[i] = l.Body.Steps[i].Name
		}
		n["body"] = body
	}
	if n["type"] == string(pipeline.DoWhile) {
		n["condition"] = orNull(l.Condition)
		n["mapping"] = mapping(l.Mapping)
		n["limits"] = map[string]any{"max_iteration_count": l.Most}
		return
	}
	n["max_concurrency"] = orUnset(l.AtOnce)
	if l.Items == nil {
		n["items"] = "${{inputs." + l.ItemsInput + "}}"
		return
	}
	items := make([]any, len(l.Items))
	for i, item := range l.Items {
		items[i] = item.Name
	}
	n["items"] = items
}

// mapping lists, by output, the inputs of the next iteration that it becomes.
func mapping(carries []pipeline.Carry) map[string]any {
	d := map[string]any{}
	for _, c := range carries {
		inputs, _ := d[c.Output].([]any)
		d[c.Output] = append(inputs, c.Input)
	}
	return d
}

func approvalNode(n map[string]any, a *pipeline.Approval) {
	without(n, "command", "environment", "environment_variables", "component", "compute")
	n["message"] = orNull(a.Message.String())
	n["approvers"] = list(a.Approvers)
	n["timeout"] = orUnset(a.Timeout)
	n["approve_on_timeout"] = a.Approves
}

func transferNode(n map[string]any, t *pipeline.Transfer) {
	without(n, "command", "environment", "environment_variables")
	n["task"] = t.Task
	end := ""
	switch t.Task {
	case "copy_data":
		n["data_copy_mode"] = "fail_if_conflict"
		if t.Merge {
			n["data_copy_mode"] = "merge_with_overwrite"
		}
	case "import_data":
		end = "source"
	case "export_data":
		end = "sink"
	}
	if e := t.External; e != nil && end != "" {
		d := map[string]any{"type": e.Type, "connection": orNull(pipeline.WithoutSecrets(e.Connection))}
		for key, text := range map[string]string{"path": e.Path, "query": e.Query, "table_name": e.Table, "stored_procedure": e.Procedure} {
			if text != "" {
				d[key] = pipeline.WithoutSecrets(text)
			}
		}
		n[end] = d
	}
}

func retry(r *pipeline.Retry) map[string]any {
	codes := make([]any, len(r.ExitCodes))
	for i, code := range r.ExitCodes {
		codes[i] = code
	}
	return map[string]any{
		"attempts": r.Attempts, "delay": r.Delay, "backoff": r.Factor, "max_delay": r.MaxDelay,
		"exit_codes": codes, "on_timeout": r.OnTimeout,
	}
}

// guards are the conditions under which a step runs.
func guards(all []pipeline.Guard) []any {
	conditions := make([]any, len(all))
	for i, g := range all {
		condition := any(g.Value)
		if g.From != (pipeline.OutputRef{}) {
			condition = "${{parent.jobs." + g.From.Step + ".outputs." + g.From.Output + "}}"
		}
		conditions[i] = map[string]any{"node": g.Node, "condition": condition, "is": g.Want}
	}
	return conditions
}

func environment(e pipeline.Environment) any {
	switch {
	case e.Asset != "":
		return e.Asset
	case e.Reference != "":
		return e.Reference
	case e.Image != "":
		return map[string]any{"image": e.Image, "conda_file": orNull(e.Conda)}
	}
	return nil
}

// orUnset is a number, or null for 0.
func orUnset[T int | float64](n T) any {
	if n == 0 {
		return nil
	}
	return n
}

func list(texts []string) []any {
	all := make([]any, len(texts))
	for i, text := range texts {
		all[i] = text
	}
	return all
}
