package step

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// hint is what to try next, from what is known to go wrong often. The first
// rule that has something to say is taken; "" if none has.
func hint(end ending, wd string, log []string) string {
	text := strings.Join(log, "\n")
	folders := filepath.SplitList(variable(end.Env, "PATH"))
	for _, rule := range []func() string{
		func() string { return imageHint(end, text) },
		func() string { return codeHint(end.Code, text) },
		func() string { return moduleHint(text, folders) },
		func() string { return inputHint(text, wd) },
		func() string { return fileHint(text, wd) },
		func() string { return resourceHint(text) },
		func() string { return javaHint(text) },
	} {
		if h := rule(); h != "" {
			return h
		}
	}
	return ""
}

func variable(env []string, name string) string {
	for _, text := range env {
		if value, ok := strings.CutPrefix(text, name+"="); ok {
			return value
		}
	}
	return ""
}

var (
	notFound   = regexp.MustCompile(`(?m)^.*?(?:line \d+: )?([^\s:]+): (?:command not found|not found)$`)
	noSuchFile = regexp.MustCompile(`(?m)^.*?line \d+: ([^:]+): No such file or directory$`)
	noRight    = regexp.MustCompile(`(?m)^.*?line \d+: ([^:]+): (?:Permission denied|Is a directory|cannot execute[^\n]*)$`)
	noModule   = regexp.MustCompile(`(?m)(?:ModuleNotFoundError|ImportError): No module named '?([A-Za-z0-9_.]+)'?`)
	pythonFile = regexp.MustCompile(`(?m)(?:FileNotFoundError: .*No such file or directory: |can't open file )'([^']+)'`)
	refused    = regexp.MustCompile(`(?m)^.*(?:Read-only file system|Permission denied|Operation not permitted).*$`)
	diskFull   = regexp.MustCompile(`No space left on device|ENOSPC|Disk quota exceeded`)
	gpuMemory  = regexp.MustCompile(`CUDA out of memory|CUDA_ERROR_OUT_OF_MEMORY|torch\.(?:cuda\.)?OutOfMemoryError`)
	noGPU      = regexp.MustCompile(`No CUDA GPUs are available|Found no NVIDIA driver|no CUDA-capable device`)
	hostMemory = regexp.MustCompile(`(?m)^(?:\S*\.)?MemoryError\b|Cannot allocate memory|std::bad_alloc`)
	sharedMem  = regexp.MustCompile(`insufficient shared memory|Unexpected bus error`)
)

// codeHint knows the exit codes that shells and signals give.
func codeHint(code int, text string) string {
	switch code {
	case 126:
		if m := last(noRight, text); m != "" {
			return fmt.Sprintf("%s cannot be run as a program: `chmod +x` it in the code folder, or name its interpreter, as in `bash %s`", m, m)
		}
		return "the command names something that cannot be run as a program: `chmod +x` it in the code folder, or name its interpreter"
	case 127:
		if m := last(notFound, text); m != "" {
			return missingCommand(m)
		}
		if m := last(noSuchFile, text); m != "" {
			return fmt.Sprintf("there is no %s; paths in a command start in the code folder", m)
		}
		return "a command was not found: it must be installed on the worker, or stand in the code folder and be called as ./NAME"
	case 132:
		return "the program used an instruction that this processor does not have; one of its libraries was built for another"
	case 134:
		return "the program gave up (abort); its last lines of output tell why"
	case 135:
		return "the program lost memory that it had mapped; a full /dev/shm is the usual reason: use fewer data loader workers"
	case 137:
		return "the program was killed; most often the machine had run out of memory: let it hold less at a time (smaller batches, fewer workers), " +
			"run fewer steps at once, or use a larger machine"
	case 139:
		return "the program crashed (segmentation fault), most often in a native library: look for versions that do not fit together"
	case 143:
		return "the program was asked to end (TERM), by something other than Millrace"
	}
	return ""
}

var noJava = regexp.MustCompile(`JAVA_HOME is not set|Unable to locate a Java Runtime`)

// javaHint knows what Spark says where there is no Java.
func javaHint(text string) string {
	if !noJava.MatchString(text) {
		return ""
	}
	return "Spark needs a Java runtime: install one on the worker (Debian: default-jre-headless), or set JAVA_HOME"
}

func missingCommand(name string) string {
	switch name {
	case "python", "python3", "pip", "pip3":
		return fmt.Sprintf("no %s is on the PATH of this worker: install Python, or name the folder of an environment with --python DIR", name)
	case "spark-submit":
		return "Spark is not on this worker: install pyspark in the step's environment (a conda_file with pip: [pyspark]), or Spark on the worker with SPARK_HOME set"
	}
	return fmt.Sprintf("`%s` is not on the PATH of this worker: install it there; a program of the code folder is called as ./%s", name, name)
}

// moduleHint tells which Python ran: there is often more than one.
func moduleHint(text string, folders []string) string {
	module := last(noModule, text)
	if module == "" {
		return ""
	}
	python := find("python", folders...)
	if python == "" || filepath.Base(filepath.Dir(filepath.Dir(python))) == shims {
		python = find("python3", folders...)
	}
	name, _, _ := strings.Cut(module, ".")
	if strings.HasSuffix(filepath.Dir(python), filepath.Join(string(filepath.Separator)+ownEnvironment, "bin")) {
		return fmt.Sprintf("the step's environment has no module %s: name what provides it among the packages of its conda file", name)
	}
	return fmt.Sprintf("%s ran, and has no module %s: install what provides it (`%s -m pip install ...`), or name the folder of another environment with --python DIR",
		python, name, python)
}

// fileHint lists the working directory where a relative path led nowhere.
func fileHint(text, wd string) string {
	path := last(pythonFile, text)
	if path == "" {
		return ""
	}
	if below, ok := strings.CutPrefix(path, wd+"/"); ok {
		path = below
	}
	if filepath.IsAbs(path) {
		return ""
	}
	return fmt.Sprintf("there is no %s: relative paths start in the copy of the code folder, where there is %s", path, contents(wd))
}

// inputHint helps a program that wrote into one of its inputs, or into a copy
// that kept the mode of one.
func inputHint(text, wd string) string {
	at := folder{path: filepath.Dir(wd)}
	lines := strings.Join(refused.FindAllString(text, -1), "\n")
	inside := func(folder, rest string) string {
		return last(regexp.MustCompile(regexp.QuoteMeta(folder)+rest), lines)
	}
	if input := inside(at.input(""), `(\w+)`); input != "" {
		return fmt.Sprintf("inputs are shared and read-only: write to an output instead, or set `mode: download` on input %q to get a copy of its own", input)
	}
	if path := inside(at.path, `/(?:out|wd)/([^:'"]+)`); path != "" {
		return fmt.Sprintf("%s may not be written to: if it was copied from an input, it is read-only as that is: "+
			"`chmod -R u+w` the copy, or set `mode: download` on the input", path)
	}
	return ""
}

func resourceHint(text string) string {
	switch {
	case diskFull.MatchString(text):
		return "the program found a disk full: free some space on the worker"
	case gpuMemory.MatchString(text):
		return "the GPU ran out of memory: use smaller batches or a smaller model, or see that nothing else uses it"
	case noGPU.MatchString(text):
		return "the program wants a GPU and was given none: give the step a compute with GPUs"
	case sharedMem.MatchString(text):
		return "/dev/shm is too small for the program's data loaders: use fewer workers"
	case hostMemory.MatchString(text):
		return "the machine ran out of memory: let the program hold less at a time, run fewer steps at once, or use a larger machine"
	}
	return ""
}

// last returns the first group of the last match, or "".
func last(pattern *regexp.Regexp, text string) string {
	all := pattern.FindAllStringSubmatch(text, -1)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1][1]
}
