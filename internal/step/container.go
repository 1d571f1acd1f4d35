package step

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/docker/go-units"

	"github.com/millrace-ml/millrace/internal/executor"
)

// usualSharedMemory is the size of /dev/shm in Azure ML where a file does not
// say: data loaders of PyTorch want more than the engine's own 64 MB.
const usualSharedMemory = 2 << 30

// container is what the programs of an attempt have around them where they run
// in an image; nil where they run as processes of this machine.
//
// Of this machine they see the attempt's folder and its TMPDIR: inputs are in
// there, as links to the store's files or as copies.
func (a Attempt) container(at *claim, programs int) (*executor.Container, error) {
	if at.software.image == "" {
		return nil, nil
	}
	c := &executor.Container{
		Image:        at.software.image,
		Mounts:       []string{at.path, at.tmp},
		GPUs:         devices(a.Env),
		SharedMemory: usualSharedMemory,
		Labels: map[string]string{
			"io.millrace.job": a.Plan.Name, "io.millrace.step": a.Step.Name, "io.millrace.attempt": strconv.Itoa(a.Number),
		},
	}
	if size := a.Step.Resources.SharedMemory; size != "" {
		n, err := units.RAMInBytes(strings.TrimSpace(size))
		if err != nil || n <= 0 {
			return nil, invalid("shm_size: %q is no size: write a number and a unit, such as 2g", size)
		}
		c.SharedMemory = n
	}
	words, err := words(a.Step.Resources.DockerArgs)
	if err != nil {
		return nil, invalid("docker_args: %v", err)
	}
	c.Args = words
	if programs > 1 || a.Gang != nil {
		// They find each other by the machine's addresses, and share its memory.
		c.Args = append([]string{"--network=host", "--ipc=host"}, words...)
	}
	return c, nil
}

// network is what the file connects the programs' containers to; "" where it
// leaves that to the worker.
func (a Attempt) network() string {
	if a.Gang != nil || a.Step.Distribution != nil {
		return "host"
	}
	words, _ := words(a.Step.Resources.DockerArgs)
	for i, word := range words {
		for _, flag := range []string{"--network", "--net"} {
			if name, ok := strings.CutPrefix(word, flag+"="); ok {
				return name
			}
			if word == flag && i+1 < len(words) {
				return words[i+1]
			}
		}
	}
	return ""
}

// visible names the devices that CUDA shows to a program.
const visible = "CUDA_VISIBLE_DEVICES"

// devices are the GPUs that an attempt was lent.
func devices(env []string) []string {
	for _, text := range env {
		if list, ok := strings.CutPrefix(text, visible+"="); ok && list != "" {
			return strings.Split(list, ",")
		}
	}
	return nil
}

// contained is the environment that programs in a container begin with. The
// worker's own means nothing there: of it they get the way to the network and
// what they may show there. PATH and the like are the image's.
func (r *Runner) contained(a Attempt, at *claim) environment {
	env := environment{"TMPDIR": at.tmp}
	for _, text := range r.Environ {
		name, value, _ := strings.Cut(text, "=")
		if passes(name) && goesAlong(name) && !strings.HasPrefix(value, "/") {
			env[name] = value
		}
	}
	if os.Geteuid() != 0 {
		// Images know their own users only.
		env["HOME"], env["USER"], env["LOGNAME"] = at.tmp, "millrace", "millrace"
	}
	if len(devices(a.Env)) == 0 {
		env["NVIDIA_VISIBLE_DEVICES"] = "void" // images of NVIDIA's ask for all
	}
	return env
}

// renumbered is what a container calls the devices that it sees.
func renumbered(env []string) map[string]string {
	given := devices(env)
	if len(given) == 0 {
		return nil
	}
	numbers := make([]string, len(given))
	for i := range given {
		numbers[i] = strconv.Itoa(i)
	}
	return map[string]string{visible: strings.Join(numbers, ",")}
}

// goesAlong reports whether a variable of the worker's means the same in a
// container: proxies and credentials, but no paths.
func goesAlong(name string) bool {
	switch strings.ToUpper(name) {
	case "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "FTP_PROXY":
		return true
	}
	for _, prefix := range []string{"AWS_", "AZURE_", "GOOGLE_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// imageHint knows what is missing in images.
func imageHint(end ending, text string) string {
	if end.Container == nil {
		return ""
	}
	const remedy = "name an image that has it, or add a conda_file to the environment"
	if name := last(notFound, text); end.Code == 127 && name != "" {
		return fmt.Sprintf("`%s` is not in the image of this step: %s", name, remedy)
	}
	if module := last(noModule, text); module != "" {
		name, _, _ := strings.Cut(module, ".")
		return fmt.Sprintf("the Python in the image of this step has no module %s: %s", name, remedy)
	}
	if sharedMem.MatchString(text) || end.Code == 135 {
		return fmt.Sprintf("/dev/shm is too small for the program's data loaders: raise resources.shm_size, which is %s now, or use fewer workers",
			units.BytesSize(float64(end.Container.SharedMemory)))
	}
	return ""
}

// words splits a text as a shell does, without giving a meaning to anything but
// quotes and backslashes.
func words(text string) ([]string, error) {
	var all []string
	var word strings.Builder
	inWord, quote, escaped := false, rune(0), false
	for _, c := range text {
		switch {
		case escaped:
			if quote == '"' && c != '"' && c != '\\' {
				word.WriteByte('\\')
			}
			word.WriteRune(c)
			escaped = false
		case c == '\\' && quote != '\'':
			inWord, escaped = true, true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			inWord, quote = true, c
		case quote == 0 && strings.ContainsRune(" \t\r\n", c):
			if inWord {
				all = append(all, word.String())
				word.Reset()
			}
			inWord = false
		default:
			inWord = true
			word.WriteRune(c)
		}
	}
	if quote != 0 || escaped {
		return nil, errors.New("a quotation mark is not closed")
	}
	if inWord {
		all = append(all, word.String())
	}
	return all, nil
}
