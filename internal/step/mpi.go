package step

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/millrace-ml/millrace/internal/executor"
)

// launchers start the processes of a program that uses MPI, and tell them of one
// another in their own way.
var launchers = []string{"mpirun", "mpiexec"}

// launcher is the first of them on a PATH, or "".
func launcher(path string) string {
	for _, name := range launchers {
		for _, folder := range filepath.SplitList(path) {
			full := filepath.Join(folder, name)
			if info, err := os.Stat(full); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				return full
			}
		}
	}
	return ""
}

// launched is what every process that mpirun starts does: it prints to a log of
// its own, runs the command, and the first one that fails says so. Open MPI has
// told it its place in Azure's words; others have words of their own.
const launched = `rank=${OMPI_COMM_WORLD_RANK:-${PMI_RANK:-0}}
exec >>"$2/std_log_process_$rank.txt" 2>&1
export OMPI_COMM_WORLD_RANK=$rank AZUREML_PROCESS_NAME=rank_$rank
export OMPI_COMM_WORLD_SIZE=${OMPI_COMM_WORLD_SIZE:-$4} OMPI_UNIVERSE_SIZE=$4
export OMPI_COMM_WORLD_LOCAL_RANK=${OMPI_COMM_WORLD_LOCAL_RANK:-$rank} OMPI_COMM_WORLD_LOCAL_SIZE=${OMPI_COMM_WORLD_LOCAL_SIZE:-$4}
/bin/bash -c "$1"
code=$?
if [ $code != 0 ]; then (set -C; echo $rank >"$3") 2>/dev/null; fi
exit $code`

// usesMPI reports whether an attempt is one for mpirun. Between machines it would
// need a way to start programs there, which is not ours to give: in a gang every
// worker starts its own. The one of this machine is of no use in a container, whose
// PATH is not known.
func usesMPI(a Attempt) bool {
	return a.Gang == nil && a.Step.Distribution != nil && a.Step.Distribution.Type == "mpi"
}

// underMPI is mpirun in the place of the processes that it starts.
func underMPI(mpirun string, ranks []rank, at *claim) rank {
	first := ranks[0]
	env := lenient()
	for name, value := range first.env {
		if !strings.HasPrefix(name, "OMPI_") { // those are for mpirun to set
			env[name] = value
		}
	}
	return rank{log: first.log, env: env, launch: func(command string) string {
		return launch(mpirun, command, len(ranks), at.logs(), at.culprit())
	}}
}

// culprit is where the process that fails first under mpirun says so.
func (f folder) culprit() string { return filepath.Join(f.path, "culprit") }

// launch is the command that has mpirun run another one in so many processes.
func launch(mpirun, command string, count int, logs, culprit string) string {
	words := []string{mpirun, "-n", strconv.Itoa(count), "/bin/bash", "-c", launched, "launched", command, logs, culprit, strconv.Itoa(count)}
	for i, word := range words {
		words[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return "exec " + strings.Join(words, " ")
}

// lenient are the settings that have Open MPI do on one machine what it refuses
// by itself: run as root, and run more processes than there are cores. Steps
// share the machine, so none is tied to a core. Other kinds of MPI do not know
// these variables.
func lenient() map[string]string {
	return map[string]string{
		"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
		"PRTE_ALLOW_RUN_AS_ROOT": "1", "PRTE_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
		"OMPI_MCA_rmaps_base_oversubscribe":       "1",
		"OMPI_MCA_hwloc_base_binding_policy":      "none",
		"PRTE_MCA_rmaps_default_mapping_policy":   ":oversubscribe",
		"PRTE_MCA_hwloc_default_binding_policy":   "none",
		"OMPI_MCA_btl_base_warn_component_unused": "0",
	}
}

// blamed is the ending of mpirun as that of the process that failed first.
func (e ending) blamed() ending {
	if e.culprit == "" || e.err != nil || e.Cause != executor.Exited || e.Code == 0 {
		return e
	}
	text, err := os.ReadFile(e.culprit)
	if err != nil {
		return e
	}
	if rank, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && rank >= 0 {
		e.name = fmt.Sprintf("process %d", rank)
		e.Log = filepath.Join(filepath.Dir(e.Log), fmt.Sprintf("std_log_process_%d.txt", rank))
	}
	return e
}
