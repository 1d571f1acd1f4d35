//go:build linux

package cluster

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"go.temporal.io/sdk/client"

	"github.com/millrace-ml/millrace/internal/artifact/s3test"
)

// Options say what a fleet is made of.
type Options struct {
	// Dir is an empty folder for everything that the parts write.
	Dir string
	// Programs is the folder that millrace, temporal-postgres and s3 are in.
	Programs string
	// Dynamic is the file with Temporal's dynamic configuration.
	Dynamic string
	// Namespaces gives every part a network of its own: for root only.
	Namespaces bool
	Workers    []Worker
}

// Fleet is Millrace on several machines, as far as its parts can tell.
type Fleet struct {
	Postgres, S3, Temporal *Part
	// Workers are those of the options, in their order.
	Workers []*Part
	// Client is connected to the Temporal server, whenever that runs.
	Client client.Client

	options Options
	dir     string
	network *network
	disks   []string
}

// New makes a fleet. Nothing of it runs yet.
func New(o Options) (_ *Fleet, err error) {
	f := &Fleet{options: o, dir: o.Dir}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	if f.network, err = newNetwork(o.Namespaces); err != nil {
		return f, err
	}
	for _, server := range []struct {
		into *(*Part)
		part func() (*Part, error)
	}{{&f.Postgres, f.postgres}, {&f.S3, f.s3}, {&f.Temporal, f.temporal}} {
		if *server.into, err = server.part(); err != nil {
			return f, err
		}
	}
	for i, w := range o.Workers {
		p, err := f.worker(21+i, w)
		if err != nil {
			return f, err
		}
		f.Workers = append(f.Workers, p)
	}
	f.Client, err = client.NewLazyClient(client.Options{
		HostPort: net.JoinHostPort(f.Temporal.Address, temporalPort), Logger: slog.New(slog.DiscardHandler),
	})
	return f, err
}

// part makes a machine with nothing on it yet.
func (f *Fleet) part(name string, host int) (*Part, error) {
	p := &Part{Name: name, host: host, Address: f.network.address(host), log: filepath.Join(f.dir, name+".log")}
	var err error
	p.network, err = f.network.join(host)
	return p, err
}

// Start starts the servers, and has Millrace set them up. Workers are started
// one by one, by whoever needs them.
func (f *Fleet) Start(ctx context.Context) error {
	for _, start := range []func(context.Context) error{
		f.Postgres.Start, f.S3.Start, f.setUpTemporal, f.Temporal.Start,
	} {
		if err := start(ctx); err != nil {
			return err
		}
	}
	if out, err := f.Command(ctx, "cluster", "init").CombinedOutput(); err != nil {
		return fmt.Errorf("millrace cluster init: %w\n%s", err, out)
	}
	return nil
}

// Cut takes the cable between two parts away; Heal puts it back.
func (f *Fleet) Cut(one, other *Part) error { return f.network.cut(one.host, other.host) }

// Heal undoes Cut.
func (f *Fleet) Heal(one, other *Part) error { return f.network.heal(one.host, other.host) }

// Home is the folder in which a worker keeps what is its own.
func (f *Fleet) Home(worker *Part) string { return filepath.Join(f.dir, worker.Name) }

// Command is a call of millrace, by somebody who is none of the parts.
func (f *Fleet) Command(ctx context.Context, words ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, f.program("millrace"), words...)
	cmd.Env = append(f.Environment(), "MILLRACE_HOME="+filepath.Join(f.dir, "client"))
	return cmd
}

// Environment is what the parts of Millrace are told: where Temporal is, and
// where the store.
func (f *Fleet) Environment() []string {
	env := append(f.environment(),
		"TEMPORAL_ADDRESS="+net.JoinHostPort(f.Temporal.Address, temporalPort),
		"MILLRACE_STORE="+f.Store())
	for name, value := range s3test.Environment() {
		env = append(env, name+"="+value)
	}
	return env
}

// Store is the URL of the store.
func (f *Fleet) Store() string {
	return "s3://millrace?" + url.Values{
		"endpoint":       {"http://" + net.JoinHostPort(f.S3.Address, s3Port)},
		"region":         {"us-east-1"},
		"use_path_style": {"true"},
	}.Encode()
}

// fleetVariable marks all processes of a fleet, and what they start.
const fleetVariable = "MILLRACE_TEST_FLEET"

// environment is what every process has around it, and nothing else.
func (f *Fleet) environment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + f.dir, fleetVariable + "=" + f.dir}
}

func (f *Fleet) program(name string) string { return filepath.Join(f.options.Programs, name) }

// Close ends everything that the fleet has started, directly or not.
func (f *Fleet) Close() {
	if f.Client != nil {
		f.Client.Close()
	}
	for _, p := range append(f.Workers, f.Temporal, f.S3, f.Postgres) {
		if p != nil {
			p.Kill()
		}
	}
	f.sweep()
	for _, disk := range f.disks {
		_ = syscall.Unmount(disk, syscall.MNT_DETACH)
	}
	if f.network != nil {
		f.network.close()
	}
}

// sweep ends the processes that bear the mark of the fleet: programs of steps
// outlive the worker that started them.
func (f *Fleet) sweep() {
	mark := []byte(fleetVariable + "=" + f.dir)
	for range 3 { // what is started while the first are being ended
		found, _ := filepath.Glob("/proc/[0-9]*/environ")
		for _, path := range found {
			environ, err := os.ReadFile(path)
			if err != nil || !bytes.Contains(append(environ, 0), append(mark, 0)) {
				continue
			}
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
}
