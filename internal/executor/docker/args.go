package docker

import (
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/spf13/pflag"
)

// arguments are the words of "docker run" that a file may use.
type arguments struct {
	volumes, env, ulimits, devices, hosts, tmpfs, sysctls []string
	capAdd, capDrop, groups, security                     []string
	gpus, ipc, network, hostname, runtime, cpuset         string
	cpus                                                  float64
	memory, swap, reserved, shared                        size
	pids                                                  int64
	privileged, ignored                                   bool
}

// size is a number of bytes as docker writes it: 2g, 512m.
type size int64

func (s *size) String() string { return strconv.FormatInt(int64(*s), 10) }
func (s *size) Type() string   { return "size" }
func (s *size) Set(text string) error {
	n, err := ParseSize(text)
	*s = size(n)
	return err
}

// ParseSize reads a number of bytes as docker writes it: 2g, 512m, 1048576.
func ParseSize(text string) (int64, error) {
	n, err := units.RAMInBytes(strings.TrimSpace(text))
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is no size: write a number and a unit, such as 2g", text)
	}
	return n, nil
}

func (a *arguments) flags() *pflag.FlagSet {
	f := pflag.NewFlagSet("docker run", pflag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	for _, list := range []struct {
		to          *[]string
		name, short string
	}{
		{&a.volumes, "volume", "v"}, {&a.env, "env", "e"}, {&a.ulimits, "ulimit", ""}, {&a.devices, "device", ""},
		{&a.hosts, "add-host", ""}, {&a.tmpfs, "tmpfs", ""}, {&a.sysctls, "sysctl", ""}, {&a.capAdd, "cap-add", ""},
		{&a.capDrop, "cap-drop", ""}, {&a.groups, "group-add", ""}, {&a.security, "security-opt", ""},
	} {
		f.StringArrayVarP(list.to, list.name, list.short, nil, "")
	}
	for _, text := range []struct {
		to          *string
		name, short string
	}{
		{&a.gpus, "gpus", ""}, {&a.ipc, "ipc", ""}, {&a.network, "network", ""}, {&a.network, "net", ""},
		{&a.hostname, "hostname", "h"}, {&a.runtime, "runtime", ""}, {&a.cpuset, "cpuset-cpus", ""},
	} {
		f.StringVarP(text.to, text.name, text.short, "", "")
	}
	f.Float64Var(&a.cpus, "cpus", 0, "")
	f.VarP(&a.memory, "memory", "m", "")
	f.Var(&a.swap, "memory-swap", "")
	f.Var(&a.reserved, "memory-reservation", "")
	f.Var(&a.shared, "shm-size", "")
	f.Int64Var(&a.pids, "pids-limit", 0, "")
	f.BoolVar(&a.privileged, "privileged", false, "")
	f.BoolVar(&a.ignored, "rm", true, "") // as every container is
	f.BoolVar(&a.ignored, "init", true, "")
	return f
}

// arguments adds what a file asks for in docker_args.
func (e *Executor) arguments(words []string, config *container.Config, host *container.HostConfig) error {
	var a arguments
	flags := a.flags()
	if err := flags.Parse(words); err != nil {
		return refusal(err)
	}
	if rest := flags.Args(); len(rest) > 0 {
		return fmt.Errorf("docker_args: %q is no argument of docker run; the image is named by the environment", rest[0])
	}
	if err := e.network(a.network, host); err != nil {
		return fmt.Errorf("docker_args: %w", err)
	}
	for _, err := range []error{
		a.mounts(host), a.resources(flags, host), a.namespaces(host), a.variables(config),
	} {
		if err != nil {
			return fmt.Errorf("docker_args: %w", err)
		}
	}
	config.Hostname = a.hostname
	host.CapAdd, host.CapDrop, host.GroupAdd = a.capAdd, a.capDrop, a.groups
	host.SecurityOpt, host.ExtraHosts, host.Runtime = a.security, a.hosts, a.runtime
	host.Privileged = a.privileged
	return nil
}

// refusal says which argument it was.
func refusal(err error) error {
	text := err.Error()
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		text = "--" + unknown.GetSpecifiedName()
		if unknown.GetSpecifiedShortnames() != "" {
			text = "-" + unknown.GetSpecifiedName()
		}
		return fmt.Errorf("docker_args: %s is not among the arguments of docker run that steps may use", text)
	}
	return fmt.Errorf("docker_args: %s", text)
}

func (a *arguments) mounts(host *container.HostConfig) error {
	for _, text := range a.volumes {
		parts := strings.Split(text, ":")
		if len(parts) < 2 || len(parts) > 3 || !filepath.IsAbs(parts[1]) {
			return fmt.Errorf("--volume %s: write SOURCE:FOLDER or SOURCE:FOLDER:ro", text)
		}
		m := mount.Mount{Type: mount.TypeVolume, Source: parts[0], Target: parts[1]}
		if filepath.IsAbs(parts[0]) {
			m.Type = mount.TypeBind
		}
		if len(parts) == 3 {
			for option := range strings.SplitSeq(parts[2], ",") {
				switch option {
				case "ro":
					m.ReadOnly = true
				case "rw", "z", "Z":
				default:
					return fmt.Errorf("--volume %s: the option %q is not known", text, option)
				}
			}
		}
		if slices.ContainsFunc(host.Mounts, func(own mount.Mount) bool { return own.Target == filepath.Clean(m.Target) }) {
			return fmt.Errorf("--volume %s: the step's own folder is mounted there", text)
		}
		host.Mounts = append(host.Mounts, m)
	}
	for _, text := range a.tmpfs {
		folder, options, _ := strings.Cut(text, ":")
		if host.Tmpfs == nil {
			host.Tmpfs = map[string]string{}
		}
		host.Tmpfs[folder] = options
	}
	for _, text := range a.devices {
		parts := strings.Split(text, ":")
		d := container.DeviceMapping{PathOnHost: parts[0], PathInContainer: parts[0], CgroupPermissions: "rwm"}
		if len(parts) > 1 && parts[1] != "" {
			d.PathInContainer = parts[1]
		}
		if len(parts) > 2 {
			d.CgroupPermissions = parts[2]
		}
		host.Devices = append(host.Devices, d)
	}
	return nil
}

func (a *arguments) resources(flags *pflag.FlagSet, host *container.HostConfig) error {
	if a.cpus < 0 || a.cpus > 1<<20 || math.IsNaN(a.cpus) {
		return fmt.Errorf("--cpus %v is no number of processors", a.cpus)
	}
	host.NanoCPUs, host.CpusetCpus = int64(a.cpus*1e9), a.cpuset
	// What the step declares is the least of limits, and its own to lower.
	if limit := int64(a.memory); limit > 0 && (host.Memory == 0 || limit < host.Memory) {
		host.Memory, host.MemorySwap = limit, limit
	}
	if a.swap > 0 {
		host.MemorySwap = int64(a.swap)
	}
	host.MemoryReservation = int64(a.reserved)
	if a.shared > 0 {
		host.ShmSize = int64(a.shared)
	}
	if flags.Changed("pids-limit") {
		host.PidsLimit = &a.pids
	}
	for _, text := range a.ulimits {
		limit, err := units.ParseUlimit(text)
		if err != nil {
			return fmt.Errorf("--ulimit %s: %w", text, err)
		}
		host.Ulimits = append(host.Ulimits, limit)
	}
	for _, text := range a.sysctls {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return fmt.Errorf("--sysctl %s: write NAME=VALUE", text)
		}
		if host.Sysctls == nil {
			host.Sysctls = map[string]string{}
		}
		host.Sysctls[name] = value
	}
	return nil
}

func (a *arguments) namespaces(host *container.HostConfig) error {
	switch a.ipc {
	case "", "host", "private", "shareable", "none":
		host.IpcMode = container.IpcMode(a.ipc)
	default:
		return fmt.Errorf("--ipc %s: it is host, private, shareable or none", a.ipc)
	}
	// Devices are the worker's to hand out: a step has those that it was given.
	if a.gpus != "" && len(host.DeviceRequests) == 0 {
		return fmt.Errorf("--gpus %s: this step was given no GPU; run it on a compute with GPUs", a.gpus)
	}
	return nil
}

// variables are the file's other way to set them. Those of the step stay.
func (a *arguments) variables(config *container.Config) error {
	has := make(map[string]bool)
	for _, text := range config.Env {
		name, _, _ := strings.Cut(text, "=")
		has[name] = true
	}
	for _, text := range a.env {
		name, _, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return fmt.Errorf("--env %s: write NAME=VALUE; nothing of the worker's own environment is passed on", text)
		}
		if !has[name] {
			config.Env = append(config.Env, text)
		}
	}
	return nil
}
