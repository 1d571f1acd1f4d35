package step

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace-ml/millrace/pipeline"
)

// rank is one process of a step.
type rank struct {
	name, log string
	instance  int
	server    bool
	env       map[string]string
	// launch, if set, makes the command one that starts all of the processes.
	launch func(command string) string
}

// maxRanks bounds what a slip of the finger starts.
const maxRanks = 256

// localhost is where all processes of a step run that has no gang.
const localhost = "127.0.0.1"

const tensorFlow = "tensorflow"

// ranksOf works out the processes of a step that run on this machine. Without a
// gang those are all. Without a distribution there is one, also where several
// instances are asked for, as in Azure ML.
func ranksOf(s *pipeline.Step, g *Gang) ([]rank, error) {
	if s.Distribution == nil {
		return []rank{{env: node(0, 1, "main")}}, nil
	}
	if err := checkRanks(s); err != nil {
		return nil, err
	}
	if g == nil {
		members, err := together(s, max(1, s.Resources.InstanceCount))
		if err != nil {
			return nil, err
		}
		return layout(s.Distribution, members)
	}
	ranks, err := layout(s.Distribution, g.Members)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(ranks, func(r rank) bool { return r.instance != g.Instance }), nil
}

func checkRanks(s *pipeline.Step) error {
	d := s.Distribution
	switch d.Type {
	case "pytorch", "torch.distributed", "mpi", tensorFlow:
	default:
		return invalid("distribution %q is not one that Millrace runs: pytorch, mpi, tensorflow", d.Type)
	}
	instances, each := max(1, s.Resources.InstanceCount), max(1, d.ProcessesPerInstance)
	for _, n := range []int{instances, each, d.Workers, d.ParameterServers, instances * each} {
		if n > maxRanks {
			return invalid("the distribution asks for more than %d processes", maxRanks)
		}
	}
	return nil
}

// layout says what every process of a step is told, on every member.
func layout(d *pipeline.Distribution, members []Member) ([]rank, error) {
	each := max(1, d.ProcessesPerInstance)
	switch d.Type {
	case tensorFlow:
		return tensorflow(d, members)
	case "mpi":
		return spread(members, each, func(world, rank, local, _ int, env map[string]string) {
			env["OMPI_COMM_WORLD_SIZE"] = strconv.Itoa(world)
			env["OMPI_COMM_WORLD_RANK"] = strconv.Itoa(rank)
			env["OMPI_COMM_WORLD_LOCAL_RANK"] = strconv.Itoa(local)
			env["OMPI_COMM_WORLD_LOCAL_SIZE"] = strconv.Itoa(each)
			env["OMPI_COMM_WORLD_NODE_RANK"] = strconv.Itoa(local)
			env["OMPI_UNIVERSE_SIZE"] = strconv.Itoa(world)
		}), nil
	}
	return spread(members, each, func(world, rank, local, instance int, env map[string]string) {
		env["WORLD_SIZE"] = strconv.Itoa(world)
		env["RANK"] = strconv.Itoa(rank)
		env["LOCAL_RANK"] = strconv.Itoa(local)
		env["LOCAL_WORLD_SIZE"] = strconv.Itoa(each)
		env["NODE_RANK"] = strconv.Itoa(instance)
	}), nil
}

// spread makes the same number of processes for each instance.
func spread(members []Member, each int, set func(world, rank, local, instance int, env map[string]string)) []rank {
	world := len(members) * each
	ranks := make([]rank, world)
	meet := meeting(members)
	for i := range ranks {
		env := node(i/each, len(members), fmt.Sprintf("rank_%d", i))
		maps.Copy(env, meet)
		set(world, i, i%each, i/each, env)
		ranks[i] = rank{
			name: fmt.Sprintf("process %d", i), log: fmt.Sprintf("std_log_process_%d.txt", i),
			instance: i / each, env: env,
		}
	}
	return ranks
}

// meeting is where all processes of a step meet.
func meeting(members []Member) map[string]string {
	first := members[0]
	var hosts []string
	for _, m := range members {
		if !slices.Contains(hosts, m.Address) {
			hosts = append(hosts, m.Address)
		}
	}
	list := strings.Join(hosts, ",")
	return map[string]string{
		"MASTER_ADDR":                   first.Address,
		"MASTER_PORT":                   strconv.Itoa(first.Ports[0]),
		"AZ_BATCH_MASTER_NODE":          first.at(0),
		"AZ_BATCHAI_MPI_MASTER_NODE":    first.Address,
		"AZ_BATCHAI_JOB_MASTER_NODE_IP": first.Address,
		"AZ_BATCH_HOST_LIST":            list,
		"AZ_BATCHAI_NODE_LIST":          list,
	}
}

// tasks are the processes of TensorFlow: so many workers, then the parameter
// servers. They are dealt out to the instances in turn.
func tasks(d *pipeline.Distribution, instances int) (workers, all int) {
	if workers = d.Workers; workers == 0 {
		workers = instances
	}
	return workers, workers + d.ParameterServers
}

// tensorflow makes workers and parameter servers. The latter serve until the
// workers are done.
func tensorflow(d *pipeline.Distribution, members []Member) ([]rank, error) {
	workers, all := tasks(d, len(members))
	ranks := make([]rank, all)
	cluster := map[string][]string{}
	for i := range ranks {
		job := "worker"
		if i >= workers {
			job = "ps"
		}
		instance := i % len(members)
		cluster[job] = append(cluster[job], members[instance].at(i/len(members)))
		ranks[i] = rank{instance: instance, server: job == "ps"}
	}
	for i := range ranks {
		job, index, suffix := "worker", i, ""
		if i >= workers {
			job, index, suffix = "ps", i-workers, "_ps"
		}
		config, err := json.Marshal(map[string]any{
			"cluster":     cluster,
			"task":        map[string]any{"type": job, "index": index},
			"environment": "cloud",
		})
		if err != nil {
			return nil, err
		}
		r := &ranks[i]
		r.name, r.log = fmt.Sprintf("%s %d", job, index), fmt.Sprintf("std_log_process_%d%s.txt", index, suffix)
		r.env = node(r.instance, len(members), fmt.Sprintf("rank_%d", i))
		r.env["TF_CONFIG"] = string(config)
	}
	return ranks, nil
}

// node is what every process is told of the node that it stands for.
func node(index, count int, process string) map[string]string {
	return map[string]string{
		"AZUREML_CR_NODE_RANK": strconv.Itoa(index),
		"AZUREML_NODE_COUNT":   strconv.Itoa(count),
		"AZUREML_PROCESS_NAME": process,
	}
}
