//go:build docker

package docker_test

import (
	"errors"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/millrace-ml/millrace/internal/executor"
	"github.com/millrace-ml/millrace/internal/executor/docker"
)

// run runs a command in a container and returns what it printed.
func run(t *testing.T, e *docker.Executor, command string, change func(*executor.Program)) (string, executor.Exit) {
	t.Helper()
	folder := t.TempDir()
	p := executor.Program{
		Command: command, Dir: folder, Log: filepath.Join(folder, "log"),
		Container: &executor.Container{Image: programs, Mounts: []string{folder}},
	}
	if change != nil {
		change(&p)
	}
	exit, err := e.Run(t.Context(), p)
	if err != nil {
		t.Fatalf("Run(%q): %v", command, err)
	}
	text, err := os.ReadFile(p.Log)
	if err != nil {
		t.Fatal(err)
	}
	return string(text), exit
}

func TestAContainerHasWhatWasAskedFor(t *testing.T) {
	e := &docker.Executor{Engine: open(t)}
	shared := t.TempDir()
	for _, test := range []struct {
		name, command string
		change        func(*executor.Container)
		network, want string
	}{
		{name: "the image's variables", command: "echo $OF_THE_IMAGE", want: "kept"},
		{name: "shared memory", command: "df -h --output=size /dev/shm | tail -n 1", want: "128M",
			change: func(c *executor.Container) { c.SharedMemory = 128 << 20 }},
		{name: "no network", command: "ls /sys/class/net", network: "none", want: "lo"},
		{name: "the file's network", command: "ls /sys/class/net", want: "lo",
			change: func(c *executor.Container) { c.Args = []string{"--network", "none"} }},
		{name: "a volume", command: "touch " + shared + "/new || echo refused", want: "refused",
			change: func(c *executor.Container) { c.Args = []string{"-v", shared + ":" + shared + ":ro"} }},
		{name: "a limit", command: "ulimit -n", want: "1234",
			change: func(c *executor.Container) { c.Args = []string{"--ulimit", "nofile=1234"} }},
		{name: "an init", command: "ps -o comm= -p 1", want: "docker-init"},
	} {
		e.Network = test.network
		text, exit := run(t, e, test.command, func(p *executor.Program) {
			if test.change != nil {
				test.change(p.Container)
			}
		})
		lines := strings.Split(strings.TrimSpace(text), "\n")
		if got := strings.TrimSpace(lines[len(lines)-1]); got != test.want || exit.Code != 0 {
			t.Errorf("%s: %q printed %q and ended with %d, want %q", test.name, test.command, text, exit.Code, test.want)
		}
	}
}

func TestAFullDiskUnderTheLogIsAnError(t *testing.T) {
	folder := t.TempDir()
	e := &docker.Executor{Engine: open(t)}
	exit, err := e.Run(t.Context(), executor.Program{
		Command: "echo text; exit 3", Dir: folder, Log: "/dev/full",
		Container: &executor.Container{Image: programs, Mounts: []string{folder}},
	})
	if !errors.Is(err, syscall.ENOSPC) || exit.Code != 3 {
		t.Errorf("Run = %+v, %v", exit, err)
	}
}

func TestWhatAnEngineCannotStart(t *testing.T) {
	e := &docker.Executor{Engine: open(t)}
	folder := t.TempDir()
	for _, test := range []struct {
		name   string
		c      executor.Container
		reason executor.StartReason
	}{
		{"no such image", executor.Container{Image: "millrace-test:absent"}, executor.Other},
		{"arguments that are not for steps", executor.Container{Image: programs, Args: []string{"--pid", "host"}}, executor.Refused},
		{"a folder that is not there", executor.Container{Image: programs, Mounts: []string{folder + "/absent"}}, executor.Other},
		{"a GPU of a machine without", executor.Container{Image: programs, GPUs: []string{"7"}}, executor.Other},
	} {
		test.c.Mounts = append(test.c.Mounts, folder)
		_, err := e.Run(t.Context(), executor.Program{
			Command: "touch ran", Dir: folder, Log: filepath.Join(folder, "log"), Container: &test.c, Env: []string{"MARK=" + folder},
		})
		if start, ok := errors.AsType[*executor.StartError](err); !ok || start.Reason != test.reason {
			t.Errorf("%s: error %v, want reason %q", test.name, err, test.reason)
		}
	}
	if left := e.Find("MARK=" + folder); len(left) > 0 {
		t.Errorf("containers are left: %v", left)
	}
}

// The worker of most machines is not root, and its programs are not either.
func TestConformanceAsOrdinaryUser(t *testing.T) {
	socket, err := url.Parse(os.Getenv("DOCKER_HOST"))
	if os.Geteuid() != 0 || err != nil || socket.Scheme != "unix" {
		return // TestConformance has seen to it
	}
	info, err := os.Stat(socket.Path)
	if err != nil {
		t.Fatal(err)
	}
	group := info.Sys().(*syscall.Stat_t).Gid
	const nobody = 65534
	dir := t.TempDir()
	if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chown(dir, nobody, nobody)); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "docker.test")
	copyProgram(t, program)
	cmd := exec.Command(program, "-test.run=^TestConformance$/^(ExitCode|LogIsAddedTo|WorkingDirectory|ReadOnlyFoldersStayAsTheyAre|CancelEndsEveryProcess|AdoptTellsHowItEnded)$")
	cmd.Dir = dir
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "TMPDIR=" + dir, "HOME=" + dir, "DOCKER_HOST=" + os.Getenv("DOCKER_HOST")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody, Groups: []uint32{group}}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
}

func copyProgram(t *testing.T, to string) {
	t.Helper()
	from, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(dst, from); err != nil {
		t.Fatal(err)
	}
	if err := dst.Close(); err != nil {
		t.Fatal(err)
	}
}
