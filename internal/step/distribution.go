package step

import (
	"encoding/json"
	"fmt"
	"net"
	"strconv"

	"github.com/millrace-ml/millrace/pipeline"
)

// rank is one process of a step.
type rank struct {
	name, log string
	server    bool
	env       map[string]string
}

// maxRanks bounds what a slip of the finger starts on one machine.
const maxRanks = 256

// localhost is where all processes of a step run.
const localhost = "127.0.0.1"

// ranksOf works out the processes of a step. Without a distribution that is
// one, also where several instances are asked for, as in Azure ML.
func ranksOf(s *pipeline.Step) ([]rank, error) {
	d := s.Distribution
	if d == nil {
		return []rank{{env: node(0, 1, "main")}}, nil
	}
	instances := max(1, s.Resources.InstanceCount)
	each := max(1, d.ProcessesPerInstance)
	workers, servers := d.Workers, d.ParameterServers
	if workers == 0 {
		workers = instances
	}
	if instances > maxRanks || each > maxRanks || instances*each > maxRanks || workers > maxRanks || servers > maxRanks {
		return nil, invalid("the distribution asks for more than %d processes on one machine", maxRanks)
	}
	switch d.Type {
	case "pytorch", "torch.distributed":
		return spread(instances, each, func(world, rank, local, node int, env map[string]string) {
			env["WORLD_SIZE"] = strconv.Itoa(world)
			env["RANK"] = strconv.Itoa(rank)
			env["LOCAL_RANK"] = strconv.Itoa(local)
			env["LOCAL_WORLD_SIZE"] = strconv.Itoa(each)
			env["NODE_RANK"] = strconv.Itoa(node)
		})
	case "mpi":
		return spread(instances, each, func(world, rank, local, node int, env map[string]string) {
			env["OMPI_COMM_WORLD_SIZE"] = strconv.Itoa(world)
			env["OMPI_COMM_WORLD_RANK"] = strconv.Itoa(rank)
			env["OMPI_COMM_WORLD_LOCAL_RANK"] = strconv.Itoa(local)
			env["OMPI_COMM_WORLD_LOCAL_SIZE"] = strconv.Itoa(each)
			env["OMPI_COMM_WORLD_NODE_RANK"] = strconv.Itoa(local)
			env["OMPI_UNIVERSE_SIZE"] = strconv.Itoa(world)
		})
	case "tensorflow":
		return tensorflow(workers, servers)
	}
	return nil, invalid("distribution %q is not one that Millrace runs: pytorch, mpi, tensorflow", d.Type)
}

// spread makes the same number of processes for each instance.
func spread(instances, each int, set func(world, rank, local, node int, env map[string]string)) ([]rank, error) {
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	port := strconv.Itoa(ports[0])
	world := instances * each
	ranks := make([]rank, world)
	for i := range ranks {
		env := node(i/each, instances, fmt.Sprintf("rank_%d", i))
		env["MASTER_ADDR"], env["MASTER_PORT"] = localhost, port
		env["AZ_BATCH_MASTER_NODE"] = net.JoinHostPort(localhost, port)
		env["AZ_BATCHAI_MPI_MASTER_NODE"] = localhost
		env["AZ_BATCHAI_JOB_MASTER_NODE_IP"] = localhost
		env["AZ_BATCH_HOST_LIST"] = localhost
		env["AZ_BATCHAI_NODE_LIST"] = localhost
		set(world, i, i%each, i/each, env)
		ranks[i] = rank{name: fmt.Sprintf("process %d", i), log: fmt.Sprintf("std_log_process_%d.txt", i), env: env}
	}
	return ranks, nil
}

// tensorflow makes workers and parameter servers. The latter serve until the
// workers are done.
func tensorflow(workers, servers int) ([]rank, error) {
	ports, err := freePorts(workers + servers)
	if err != nil {
		return nil, err
	}
	cluster := map[string][]string{}
	for i, port := range ports {
		job := "worker"
		if i >= workers {
			job = "ps"
		}
		cluster[job] = append(cluster[job], net.JoinHostPort(localhost, strconv.Itoa(port)))
	}
	ranks := make([]rank, len(ports))
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
		env := node(i, len(ports), fmt.Sprintf("rank_%d", i))
		env["TF_CONFIG"] = string(config)
		ranks[i] = rank{
			name:   fmt.Sprintf("%s %d", job, index),
			log:    fmt.Sprintf("std_log_process_%d%s.txt", index, suffix),
			server: job == "ps",
			env:    env,
		}
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

// freePorts finds ports that nobody listens on now.
func freePorts(count int) ([]int, error) {
	ports := make([]int, count)
	for i := range ports {
		// All are held until the last is found, so that no two are the same.
		listener, err := net.Listen("tcp", net.JoinHostPort(localhost, "0"))
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer listener.Close()
		ports[i] = listener.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}
