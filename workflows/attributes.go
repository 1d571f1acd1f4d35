package workflows

import (
	"fmt"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/millrace-ml/millrace/pipeline"
)

// The search attributes of a job, to find jobs by in the Temporal UI.
const (
	attributeType       = "MillraceType"
	attributeExperiment = "MillraceExperiment"
	attributeStatus     = "MillraceStatus"
	attributeSteps      = "MillraceSteps"
	attributeReused     = "MillraceReused"
)

// SearchAttributes are the attributes that a namespace must know.
func SearchAttributes() map[string]enumspb.IndexedValueType {
	return map[string]enumspb.IndexedValueType{
		attributeType:       enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		attributeExperiment: enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		attributeStatus:     enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		attributeSteps:      enumspb.INDEXED_VALUE_TYPE_INT,
		attributeReused:     enumspb.INDEXED_VALUE_TYPE_INT,
	}
}

// description is what the Temporal UI says of a job from its start: Markdown.
func description(plan *pipeline.Plan, file string) string {
	var b strings.Builder
	if plan.Description != "" {
		fmt.Fprintf(&b, "%s\n\n", strings.TrimSpace(plan.Description))
	}
	fmt.Fprintf(&b, "%s job from `%s`\n\n", plan.Type, file)
	for i, step := range plan.Steps {
		if i == maxDetails {
			fmt.Fprintf(&b, "- and %d more\n", len(plan.Steps)-i)
			break
		}
		kind := ""
		if step.Kind != pipeline.Program {
			kind = ", " + string(step.Kind) + ","
		}
		fmt.Fprintf(&b, "- **%s**%s on queue `%s`", step.Name, kind, step.Queue)
		var after []string
		for _, in := range step.Inputs {
			if in.Binding.Step != nil {
				after = append(after, in.Binding.Step.Step)
			}
		}
		if len(after) > 0 {
			fmt.Fprintf(&b, ", after %s", strings.Join(after, ", "))
		}
		b.WriteString("\n")
	}
	return b.String()
}
