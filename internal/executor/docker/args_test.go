package docker

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
)

func TestArgumentsOfDockerRun(t *testing.T) {
	for _, test := range []struct {
		words   string
		network string // of the worker
		want    string // what of the container's description must be there
	}{
		{words: "-v /data:/data:ro", want: `{"Type":"bind","Source":"/data","Target":"/data","ReadOnly":true}`},
		{words: "--volume=cache:/cache", want: `{"Type":"volume","Source":"cache","Target":"/cache"}`},
		{words: "--shm-size 16g", want: `"ShmSize":17179869184`},
		{words: "--ipc=host", want: `"IpcMode":"host"`},
		{words: "--network none", want: `"NetworkMode":"none"`},
		{words: "--net=host", want: `"NetworkMode":"host"`},
		{words: "", network: "none", want: `"NetworkMode":"none"`},
		{words: "--network none", network: "none", want: `"NetworkMode":"none"`},
		{words: "--env A=1 -e B=x=y", want: `"Env":["GIVEN=step","A=1","B=x=y"]`},
		{words: "--env GIVEN=args", want: `"Env":["GIVEN=step"]`},
		{words: "--cpus 1.5", want: `"NanoCpus":1500000000`},
		{words: "--memory 512m", want: `"Memory":536870912`},
		{words: "-m 2g", want: `"Memory":1073741824`}, // what the step declares is less
		{words: "--memory-swap 4g", want: `"MemorySwap":4294967296`},
		{words: "--ulimit memlock=-1:-1 --ulimit nofile=1024", want: `"Ulimits":[{"Name":"memlock","Hard":-1,"Soft":-1},{"Name":"nofile","Hard":1024,"Soft":1024}]`},
		{words: "--cap-add SYS_PTRACE --cap-drop ALL", want: `"CapAdd":["SYS_PTRACE"],"CapDrop":["ALL"]`},
		{words: "--device /dev/fuse", want: `{"PathOnHost":"/dev/fuse","PathInContainer":"/dev/fuse","CgroupPermissions":"rwm"}`},
		{words: "--device /dev/a:/dev/b:r", want: `{"PathOnHost":"/dev/a","PathInContainer":"/dev/b","CgroupPermissions":"r"}`},
		{words: "--add-host db:10.0.0.1", want: `"ExtraHosts":["db:10.0.0.1"]`},
		{words: "--privileged", want: `"Privileged":true`},
		{words: "--tmpfs /scratch:size=1g", want: `"Tmpfs":{"/scratch":"size=1g"}`},
		{words: "--rm --init --hostname h", want: `"Hostname":"h"`},
		{words: "--gpus all", want: `"DeviceIDs":["0"]`}, // those that it was given
	} {
		config := &container.Config{Env: []string{"GIVEN=step"}}
		host := &container.HostConfig{Mounts: []mount.Mount{{Target: "/own"}}}
		host.Memory = 1 << 30
		host.DeviceRequests = []container.DeviceRequest{{DeviceIDs: []string{"0"}}}
		e := &Executor{Network: test.network}
		if err := e.arguments(strings.Fields(test.words), config, host); err != nil {
			t.Errorf("%q: %v", test.words, err)
			continue
		}
		text, err := json.Marshal([]any{config, host})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), test.want) {
			t.Errorf("%q: %s is not in %s", test.words, test.want, text)
		}
	}
}

func TestArgumentsThatAreRefused(t *testing.T) {
	for _, test := range []struct{ words, network, want string }{
		{words: "--pid host", want: "docker_args: --pid is not among the arguments of docker run that steps may use"},
		{words: "-u root", want: "docker_args: -u is not among"},
		{words: "--user=root", want: "docker_args: --user is not among"},
		{words: "-d", want: "docker_args: -d is not among"},
		{words: "ubuntu", want: `docker_args: "ubuntu" is no argument of docker run`},
		{words: "--network container:x", want: "a step joins no other container"},
		{words: "--network host", network: "none", want: `--network host: this worker connects containers to "none" only`},
		{words: "-v data", want: "--volume data: write SOURCE:FOLDER"},
		{words: "-v /a:/own", want: "the step's own folder is mounted there"},
		{words: "-v /a:/b:sideways", want: `the option "sideways" is not known`},
		{words: "--shm-size much", want: `"much" is no size`},
		{words: "--env HOME", want: "nothing of the worker's own environment is passed on"},
		{words: "--gpus all", want: "this step was given no GPU"},
		{words: "--ipc container:x", want: "it is host, private, shareable or none"},
		{words: "--cpus -1", want: "is no number of processors"},
		{words: "--cpus many", want: "many"},
		{words: "--volume", want: "--volume"},
	} {
		host := &container.HostConfig{Mounts: []mount.Mount{{Target: "/own"}}}
		err := (&Executor{Network: test.network}).arguments(strings.Fields(test.words), &container.Config{}, host)
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "docker_args: ") {
			t.Errorf("%q: error %v, want %q", test.words, err, test.want)
		}
	}
}

func FuzzArguments(f *testing.F) {
	f.Add("--gpus\nall\n-v\n/a:/b")
	f.Fuzz(func(_ *testing.T, words string) {
		_ = new(Executor).arguments(strings.Split(words, "\n"), &container.Config{}, &container.HostConfig{})
	})
}
