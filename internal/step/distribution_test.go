package step_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/millrace-ml/millrace/internal/step"
	"github.com/millrace-ml/millrace/pipeline"
)

// distributed is an attempt of several processes.
func distributed(d pipeline.Distribution, instances int, command string) step.Attempt {
	a := attempt(command)
	a.Step.Distribution = &d
	a.Step.Resources.InstanceCount = instances
	return a
}

// lines returns what each process printed, in order of their logs.
func (w *world) lines(t *testing.T, result step.Result) []string {
	t.Helper()
	var all []string
	for path, text := range w.contents(t, result.Outputs[pipeline.Artifacts]) {
		if strings.HasPrefix(path, "user_logs/std_log_process_") {
			all = append(all, path+": "+text)
		}
	}
	slices.Sort(all)
	return all
}

func TestPyTorchProcesses(t *testing.T) {
	w := newWorld(t)
	a := distributed(pipeline.Distribution{Type: "pytorch", ProcessesPerInstance: 2}, 2,
		"echo $RANK/$WORLD_SIZE local $LOCAL_RANK/$LOCAL_WORLD_SIZE node $NODE_RANK/$AZUREML_NODE_COUNT $AZUREML_CR_NODE_RANK $AZUREML_PROCESS_NAME $MASTER_ADDR; "+
			"echo $MASTER_PORT > port.$RANK; touch $RANK; until [ -e 0 -a -e 1 -a -e 2 -a -e 3 ]; do sleep 0.01; done; cmp port.$RANK port.0 && [ $MASTER_PORT -gt 1023 ]")
	result, log := w.run(t, a)
	var want []string
	for rank := range 4 {
		want = append(want, fmt.Sprintf("user_logs/std_log_process_%d.txt: %d/4 local %d/2 node %d/2 %d rank_%d 127.0.0.1\n",
			rank, rank, rank%2, rank/2, rank/2, rank))
	}
	if got := w.lines(t, result); !slices.Equal(got, want) {
		t.Errorf("printed %q, want %q", got, want)
	}
	if first := strings.TrimPrefix(want[0], "user_logs/std_log_process_0.txt: "); log != first {
		t.Errorf("the step's log is %q, want that of process 0", log)
	}
	w.isGone(t)
}

const sayMPI = "echo $OMPI_COMM_WORLD_RANK/$OMPI_COMM_WORLD_SIZE local $OMPI_COMM_WORLD_LOCAL_RANK/$OMPI_COMM_WORLD_LOCAL_SIZE of $OMPI_UNIVERSE_SIZE $AZUREML_PROCESS_NAME at $AZ_BATCHAI_MPI_MASTER_NODE; " +
	"[ $AZ_BATCH_MASTER_NODE = $MASTER_ADDR:$MASTER_PORT ]"

// mpirun stands in for those of Open MPI and of MPICH: it starts so many
// processes, and tells each of them its rank in its own way.
const mpirun = `#!/bin/bash
echo "mpirun: starting $2"
count=$2; shift 2
for ((i = 0; i < count; i++)); do RANK=$i "$@" & all="$all $!"; done
worst=0
for pid in $all; do wait $pid; code=$?; if [ $code != 0 -a $worst = 0 ]; then worst=$code; kill $all; fi; done 2>/dev/null
exit $worst
`

func TestMPIProcesses(t *testing.T) {
	for _, tt := range []struct{ launcher, text string }{
		{"", ""},
		{"mpirun", strings.Replace(mpirun, "RANK=$i", "OMPI_COMM_WORLD_RANK=$i", 1)},
		{"mpiexec", strings.Replace(mpirun, "RANK=$i", "PMI_RANK=$i", 1)},
	} {
		t.Run(cmp.Or(tt.launcher, "none"), func(t *testing.T) {
			w := newWorld(t)
			path := t.TempDir()
			w.Environ = []string{"PATH=" + path}
			if tt.launcher != "" {
				must(t, os.WriteFile(filepath.Join(path, tt.launcher), []byte(tt.text), 0o755))
			}
			result, log := w.run(t, distributed(pipeline.Distribution{Type: "mpi", ProcessesPerInstance: 3}, 1, sayMPI))
			var want []string
			for rank := range 3 {
				said := fmt.Sprintf("%d/3 local %d/3 of 3 rank_%d at 127.0.0.1\n", rank, rank, rank)
				if rank == 0 && tt.launcher != "" {
					said += "mpirun: starting 3\n"
				}
				want = append(want, fmt.Sprintf("user_logs/std_log_process_%d.txt: %s", rank, said))
			}
			// Two programs write to the log of process 0: in what order is theirs.
			inOrder := func(log string) string {
				return strings.Join(slices.Sorted(strings.Lines(log)), "")
			}
			got := w.lines(t, result)
			const first = "user_logs/std_log_process_0.txt: "
			if len(got) > 0 {
				got[0] = first + inOrder(strings.TrimPrefix(got[0], first))
			}
			if !slices.Equal(got, want) {
				t.Errorf("printed %q, want %q", got, want)
			}
			if inOrder(log) != strings.TrimPrefix(want[0], first) {
				t.Errorf("the step's log is %q, want that of process 0", log)
			}
		})
	}
}

func TestWhoFailsUnderMpirunIsNamed(t *testing.T) {
	w := newWorld(t)
	path := t.TempDir()
	must(t, os.WriteFile(filepath.Join(path, "mpirun"), []byte(strings.Replace(mpirun, "RANK=$i", "OMPI_COMM_WORLD_RANK=$i", 1)), 0o755))
	w.Environ = []string{"PATH=" + path}
	failure, result := w.fail(t, distributed(pipeline.Distribution{Type: "mpi", ProcessesPerInstance: 3}, 1,
		`echo "it's rank $OMPI_COMM_WORLD_RANK"; [ $OMPI_COMM_WORLD_RANK != 1 ] || exit 9`), pipeline.UserFailure)
	mustContain(t, "message", failure.Message, "process 1 ended with exit code 9")
	if !slices.Equal(failure.LogTail, []string{"it's rank 1"}) || result.ExitCode != 9 {
		t.Errorf("exit code %d, log tail %q", result.ExitCode, failure.LogTail)
	}
}

func TestTensorFlowServersAreEndedWithTheLastWorker(t *testing.T) {
	w := newWorld(t)
	a := distributed(pipeline.Distribution{Type: "tensorflow", Workers: 2, ParameterServers: 1}, 2,
		`echo $TF_CONFIG; case $TF_CONFIG in *'"type":"ps"'*) touch up; sleep 1000;; *) until [ -e up ]; do sleep 0.01; done;; esac`)
	result, _ := w.run(t, a)
	lines := w.lines(t, result)
	if len(lines) != 3 {
		t.Fatalf("printed %q", lines)
	}
	type config struct {
		Cluster map[string][]string
		Task    struct {
			Type  string
			Index int
		}
		Environment string
	}
	var seen []string
	addresses := map[string]bool{}
	for _, line := range lines {
		name, text, _ := strings.Cut(line, ": ")
		var c config
		must(t, json.Unmarshal([]byte(text), &c))
		if len(c.Cluster["worker"]) != 2 || len(c.Cluster["ps"]) != 1 || c.Environment != "cloud" {
			t.Errorf("%s has %+v", name, c)
		}
		for _, address := range append(c.Cluster["worker"], c.Cluster["ps"]...) {
			addresses[address] = true
		}
		seen = append(seen, fmt.Sprintf("%s %s %d", name, c.Task.Type, c.Task.Index))
	}
	want := []string{
		"user_logs/std_log_process_0.txt worker 0",
		"user_logs/std_log_process_0_ps.txt ps 0",
		"user_logs/std_log_process_1.txt worker 1",
	}
	if !slices.Equal(seen, want) || len(addresses) != 3 {
		t.Errorf("saw %q at %v, want %q", seen, addresses, want)
	}
}

func TestAFailingProcessFailsTheStepAndEndsTheOthers(t *testing.T) {
	w := newWorld(t)
	a := distributed(pipeline.Distribution{Type: "pytorch", ProcessesPerInstance: 3}, 1,
		"echo rank $RANK begins; touch $RANK; until [ -e 0 -a -e 2 ]; do sleep 0.01; done; if [ $RANK = 1 ]; then echo rank 1 gives up; exit 9; fi; sleep 1000")
	failure, result := w.fail(t, a, pipeline.UserFailure)
	mustContain(t, "message", failure.Message, "process 1", "exit code 9")
	mustContain(t, "log tail", strings.Join(failure.LogTail, "\n"), "rank 1 gives up")
	if result.ExitCode != 9 || len(w.lines(t, result)) != 3 {
		t.Errorf("exit code %d, logs %q", result.ExitCode, w.lines(t, result))
	}
	w.isGone(t)
}

func TestATimeoutEndsAllProcesses(t *testing.T) {
	w := newWorld(t)
	a := distributed(pipeline.Distribution{Type: "mpi", ProcessesPerInstance: 2}, 1, "sleep 1000")
	a.Step.Timeout = 1
	w.fail(t, a, pipeline.Timeout)
	w.isGone(t)
}

func TestSeveralInstancesWithoutDistributionAreOneProcess(t *testing.T) {
	a := attempt("echo $AZUREML_NODE_COUNT ${RANK-none}")
	a.Step.Resources.InstanceCount = 4
	if _, log := newWorld(t).run(t, a); log != "1 none\n" {
		t.Errorf("log = %q", log)
	}
}
