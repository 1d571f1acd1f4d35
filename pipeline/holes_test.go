package pipeline

import "testing"

func TestATemplateIsFilledForEachJob(t *testing.T) {
	name, when, plain := "run-"+NameHole, TriggerTimeHole, "as it is"
	source := &Source{URI: "azureml://datastores/d/paths/" + NameHole + "/" + TriggerTimeHole}
	template := &Plan{
		Type:    PipelineJob,
		Inputs:  []Input{{Name: "a", Binding: Binding{Literal: &name}}},
		Outputs: []JobOutput{{Name: "o", Path: "p/" + NameHole, From: &OutputRef{Step: "s", Output: "o"}}, {Name: "unbound", Path: NameHole}},
		Steps: []Step{{
			Name:      "s",
			Variables: map[string]string{"RUN": NameHole},
			Inputs:    []Input{{Name: "w", Binding: Binding{Literal: &when}}, {Name: "p", Binding: Binding{Literal: &plain}}, {Name: "d", Binding: Binding{Source: source}}},
			Outputs:   []Output{{Name: "o", Path: "p/" + NameHole, File: NameHole + ".csv"}},
		}},
	}
	for _, job := range []string{"one", "two"} {
		got := template.Fill(job, "noon")
		s := got.Steps[0]
		for _, tt := range []struct{ what, got, want string }{
			{"name", got.Name, job},
			{"input of the job", *got.Inputs[0].Binding.Literal, "run-" + job},
			{"output of the job", got.Outputs[0].Path, "p/" + job + "-s"},
			{"variable", s.Variables["RUN"], job},
			{"time", *s.Inputs[0].Binding.Literal, "noon"},
			{"text", *s.Inputs[1].Binding.Literal, plain},
			{"address", s.Inputs[2].Binding.Source.URI, "azureml://datastores/d/paths/" + job + "/noon"},
			{"output", s.Outputs[0].Path, "p/" + job + "-s"},
			{"file", s.Outputs[0].File, job + "-s.csv"},
		} {
			if tt.got != tt.want {
				t.Errorf("job %s: %s is %q, want %q", job, tt.what, tt.got, tt.want)
			}
		}
	}
	if template.Name != "" || *template.Steps[0].Inputs[0].Binding.Literal != TriggerTimeHole || source.URI == "" || template.Steps[0].Variables["RUN"] != NameHole {
		t.Error("the template was changed")
	}
}
