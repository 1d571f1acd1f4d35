//go:build linux

package cluster

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	taskqueue "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// Where the parts listen, each at its own address.
const (
	postgresPort = "5432"
	s3Port       = "9000"
	temporalPort = "7233"
)

// postgres is PostgreSQL as Debian packs it. It refuses to run as root, so root
// runs it as the user that Debian made for it.
func (f *Fleet) postgres() (*Part, error) {
	programs, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(programs) == 0 {
		return nil, fmt.Errorf("PostgreSQL is not installed: apt-get install postgresql")
	}
	programs = []string{programs[len(programs)-1]}
	folder := filepath.Join(f.dir, "postgres")
	if err := os.Mkdir(folder, 0o777); err != nil {
		return nil, err
	}
	bin, data := filepath.Dir(programs[0]), filepath.Join(folder, "data")
	var as []string
	if os.Geteuid() == 0 {
		// The folder is shared with a user who has no rights in it.
		if err := os.Chmod(folder, 0o777); err != nil {
			return nil, err
		}
		as = []string{"setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig=KILL"}
	}
	initdb := append(slices.Clone(as), filepath.Join(bin, "initdb"), "-D", data, "-U", "temporal", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
	cmd := exec.Command(initdb[0], initdb[1:]...)
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	p, err := f.part("postgres", 11)
	if err != nil {
		return nil, err
	}
	access := filepath.Join(folder, "access")
	if err := os.WriteFile(access, []byte("host all all 0.0.0.0/0 trust\n"), 0o644); err != nil {
		return nil, err
	}
	p.command = append(as, programs[0], "-D", data, "-h", p.Address, "-p", postgresPort,
		"-c", "unix_socket_directories=", "-c", "hba_file="+access, "-c", "max_connections=200",
		"-c", "fsync=off") // a killed process loses nothing that it has written; machines are not unplugged here
	p.environ = f.environment()
	p.ready = func(ctx context.Context) error {
		return exec.CommandContext(ctx, filepath.Join(bin, "pg_isready"), "-q", "-U", "temporal", "-h", p.Address, "-p", postgresPort).Run()
	}
	return p, nil
}

// s3 is the server in ./s3.
func (f *Fleet) s3() (*Part, error) {
	p, err := f.part("s3", 12)
	if err != nil {
		return nil, err
	}
	address := net.JoinHostPort(p.Address, s3Port)
	p.command = []string{f.program("s3"), address, filepath.Join(f.dir, "s3.journal")}
	p.environ = f.environment()
	p.ready = func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		return answer.Body.Close()
	}
	return p, nil
}

// temporal is the server in internal/devserver/postgres.
func (f *Fleet) temporal() (*Part, error) {
	p, err := f.part("temporal", 13)
	if err != nil {
		return nil, err
	}
	p.command = []string{f.program("temporal-postgres"), "start"}
	p.environ = append(f.environment(),
		"DB=postgres12", "POSTGRES_SEEDS="+f.Postgres.Address, "DB_PORT="+postgresPort,
		"POSTGRES_USER=temporal", "POSTGRES_PWD=temporal", "NUM_HISTORY_SHARDS=4",
		"BIND_ON_IP="+p.Address, "LOG_LEVEL=warn", "DYNAMIC_CONFIG_FILE_PATH="+f.options.Dynamic)
	p.ready = func(ctx context.Context) error {
		_, err := f.Client.CheckHealth(ctx, nil)
		return err
	}
	return p, nil
}

// setUpTemporal makes the server's databases.
func (f *Fleet) setUpTemporal(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, f.program("temporal-postgres"), "setup")
	cmd.Env = f.Temporal.environ
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("set up Temporal: %w\n%s", err, out)
	}
	return nil
}

// Worker says what a worker of the fleet does.
type Worker struct {
	Name  string
	Queue string
	// Args are further arguments of "worker start".
	Args []string
	// Disk is the size of the worker's disk, "64m"; "" for as much as there is.
	Disk string
}

func (f *Fleet) worker(host int, w Worker) (*Part, error) {
	p, err := f.part(w.Name, host)
	if err != nil {
		return nil, err
	}
	home := f.Home(p)
	if err := os.Mkdir(home, 0o755); err != nil {
		return nil, err
	}
	if w.Disk != "" {
		if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+w.Disk, "tmpfs", home).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("make a disk: %w: %s", err, out)
		}
		f.disks = append(f.disks, home)
	}
	p.command = append([]string{f.program("millrace"), "worker", "start", "--queue", w.Queue}, w.Args...)
	// What it writes for a moment goes onto its own disk too.
	p.environ = append(f.Environment(), "MILLRACE_HOME="+home, "TMPDIR="+home)
	p.ready = func(ctx context.Context) error { return f.polls(ctx, p, w.Queue) }
	return p, nil
}

// polls returns nil when Temporal has seen the worker ask for tasks of a queue.
func (f *Fleet) polls(ctx context.Context, p *Part, queue string) error {
	about := enumspb.TASK_QUEUE_TYPE_ACTIVITY
	if queue == "pipelines" {
		about = enumspb.TASK_QUEUE_TYPE_WORKFLOW
	}
	answer, err := f.Client.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace:     client.DefaultNamespace,
		TaskQueue:     &taskqueue.TaskQueue{Name: queue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
		TaskQueueType: about,
	})
	if err != nil {
		return err
	}
	for _, poller := range answer.GetPollers() {
		if strings.HasSuffix(poller.GetIdentity(), fmt.Sprintf("#%d", p.PID())) {
			return nil
		}
	}
	return fmt.Errorf("it does not poll queue %s", queue)
}
