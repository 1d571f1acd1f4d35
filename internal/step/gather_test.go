package step_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/step"
	"github.com/millrace-ml/millrace/pipeline"
)

func TestWhatInstancesWroteIsJoined(t *testing.T) {
	for _, tt := range []struct {
		name  string
		parts []map[string]string
		want  map[string]string
		notes string // a part of each line
	}{
		{
			"each writes its own", []map[string]string{{"a/0": "0"}, {"a/1": "1"}, {"2": "2"}},
			map[string]string{"a/0": "0", "a/1": "1", "2": "2"}, "",
		},
		{
			"the same is no conflict", []map[string]string{{"x": "x"}, {"x": "x", "y": "y"}},
			map[string]string{"x": "x", "y": "y"}, "",
		},
		{
			"the first wins", []map[string]string{{"x": "0"}, {"x": "1", "y": "1"}, {"y": "2"}},
			map[string]string{"x": "0", "y": "1"}, "x of instance 0 is kept; that of instance 1|y of instance 1 is kept; that of instance 2",
		},
		{
			"a file in the place of a folder", []map[string]string{{"x": "0", "d/f": "0"}, {"x/y": "1", "d": "1"}},
			map[string]string{"x": "0", "d/f": "0"}, "d of instance 0|x/y of instance 0",
		},
		{
			"nothing written by some", []map[string]string{{}, {"y": "1"}, {}},
			map[string]string{"y": "1"}, "",
		},
		{
			"empty folders", []map[string]string{{"logs/": "", "none/": ""}, {"logs/1": "1"}},
			map[string]string{"logs/1": "1", "none/": ""}, "",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			var parts []map[string]pipeline.Artifact
			for _, files := range tt.parts {
				parts = append(parts, map[string]pipeline.Artifact{"o": w.tree(t, files)})
			}
			s := &pipeline.Step{Outputs: []pipeline.Output{{Name: "o", Type: pipeline.URIFolder}}}
			got, err := w.Gather(t.Context(), s, parts)
			must(t, err)
			if diff := cmp.Diff(tt.want, w.contents(t, got["o"])); diff != "" {
				t.Errorf("joined (-want +got):\n%s", diff)
			}
			said := ""
			if kept := got[pipeline.Artifacts]; !kept.IsZero() {
				said = w.contents(t, kept)[step.GangLog]
			}
			if tt.notes == "" && said != "" {
				t.Errorf("said %q, want nothing", said)
			}
			mustContain(t, step.GangLog, said, strings.Split(tt.notes, "|")...)
		})
	}
}

func TestTheFileOfTheFirstInstanceThatHasOne(t *testing.T) {
	w := newWorld(t)
	s := &pipeline.Step{Outputs: []pipeline.Output{{Name: "model", Type: pipeline.URIFile}}}
	second, third := w.file(t, "model", "1"), w.file(t, "model", "2")
	parts := []map[string]pipeline.Artifact{{}, {"model": second}, {"model": third}}
	got, err := w.Gather(t.Context(), s, parts)
	must(t, err)
	if got["model"] != second {
		t.Errorf("the model is %+v", got["model"])
	}
	mustContain(t, step.GangLog, w.contents(t, got[pipeline.Artifacts])[step.GangLog], `output "model": the file of instance 1 is kept`)

	_, err = w.Gather(t.Context(), s, []map[string]pipeline.Artifact{{}, {}})
	if !isKind(err, pipeline.UserFailure) || !strings.Contains(err.Error(), "none of the 2 instances") {
		t.Errorf("without any: %v", err)
	}
}

// member is an attempt of one instance of a gang.
func member(instance int, d pipeline.Distribution, command string, members ...step.Member) step.Attempt {
	a := distributed(d, len(members), command)
	a.Gang = &step.Gang{Instance: instance, Members: members}
	return a
}

func TestEachInstanceStartsItsOwnProcesses(t *testing.T) {
	members := []step.Member{{Address: "10.0.0.1", Ports: []int{4001, 4002}}, {Address: "10.0.0.2", Ports: []int{4003, 4004}}}
	for _, tt := range []struct {
		name, command string
		distribution  pipeline.Distribution
		want          []string
	}{
		{
			"pytorch", "echo $RANK/$WORLD_SIZE local $LOCAL_RANK/$LOCAL_WORLD_SIZE node $NODE_RANK/$AZUREML_NODE_COUNT at $MASTER_ADDR:$MASTER_PORT of $AZ_BATCH_HOST_LIST",
			pipeline.Distribution{Type: "pytorch", ProcessesPerInstance: 2},
			[]string{
				"2.txt: 2/4 local 0/2 node 1/2 at 10.0.0.1:4001 of 10.0.0.1,10.0.0.2\n",
				"3.txt: 3/4 local 1/2 node 1/2 at 10.0.0.1:4001 of 10.0.0.1,10.0.0.2\n",
			},
		},
		{
			"mpi", "echo $OMPI_COMM_WORLD_RANK/$OMPI_COMM_WORLD_SIZE local $OMPI_COMM_WORLD_LOCAL_RANK at $AZ_BATCH_MASTER_NODE",
			pipeline.Distribution{Type: "mpi", ProcessesPerInstance: 1},
			[]string{"1.txt: 1/2 local 0 at 10.0.0.1:4001\n"},
		},
		{
			"tensorflow", "echo $TF_CONFIG",
			pipeline.Distribution{Type: "tensorflow", ParameterServers: 1},
			[]string{`1.txt: {"cluster":{"ps":["10.0.0.1:4002"],"worker":["10.0.0.1:4001","10.0.0.2:4003"]},"environment":"cloud","task":{"index":1,"type":"worker"}}` + "\n"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			result, log := w.run(t, member(1, tt.distribution, tt.command, members...))
			got := w.lines(t, result)
			for i := range got {
				got[i] = strings.TrimPrefix(got[i], "user_logs/std_log_process_")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("printed (-want +got):\n%s", diff)
			}
			if _, first, _ := strings.Cut(got[0], ": "); log != first {
				t.Errorf("the log is %q", log)
			}
			w.isGone(t)
		})
	}
}

func TestPortsAreForWhoeverIsCalled(t *testing.T) {
	for _, tt := range []struct {
		distribution pipeline.Distribution
		want         []int
	}{
		{pipeline.Distribution{Type: "pytorch", ProcessesPerInstance: 4}, []int{1, 0, 0}},
		{pipeline.Distribution{Type: "mpi"}, []int{1, 0, 0}},
		{pipeline.Distribution{Type: "tensorflow"}, []int{1, 1, 1}},
		{pipeline.Distribution{Type: "tensorflow", Workers: 3, ParameterServers: 2}, []int{2, 2, 1}},
		{pipeline.Distribution{Type: "tensorflow", Workers: 1, ParameterServers: 1}, []int{1, 1, 0}},
	} {
		s := &pipeline.Step{Distribution: &tt.distribution}
		var got []int
		for i := range tt.want {
			ports, err := step.Ports(s, i, len(tt.want))
			must(t, err)
			got = append(got, len(ports))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt.distribution, diff)
		}
	}
}

func TestAServerOfAGangServesUntilAllHaveMet(t *testing.T) {
	w := newWorld(t)
	members := []step.Member{{Address: "127.0.0.1", Ports: []int{1}}, {Address: "127.0.0.1", Ports: []int{2}}}
	a := member(1, pipeline.Distribution{Type: "tensorflow", Workers: 1, ParameterServers: 1}, "touch up; echo serving; sleep 1000", members...)
	serving, met := make(chan struct{}), false
	a.Started = func() { close(serving) }
	a.Gang.Meet = func(context.Context) error {
		<-serving
		met = true
		return nil
	}
	result, _ := w.run(t, a)
	if !met || result.ExitCode != 0 {
		t.Errorf("met: %v; exit code %d", met, result.ExitCode)
	}
	w.isGone(t)
}

func TestAnInstanceNeedNotWriteTheFile(t *testing.T) {
	w := newWorld(t)
	members := []step.Member{{Address: "127.0.0.1", Ports: []int{1}}, {Address: "127.0.0.1"}}
	a := member(1, pipeline.Distribution{Type: "pytorch"}, "true", members...)
	a.Step.Outputs = []pipeline.Output{{Name: "model", Type: pipeline.URIFile}}
	result, _ := w.run(t, a)
	if _, ok := result.Outputs["model"]; ok {
		t.Errorf("outputs %+v", result.Outputs)
	}
}
