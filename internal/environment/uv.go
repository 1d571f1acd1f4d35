package environment

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/millrace-ml/millrace/pipeline"
)

// uvVersion is fetched where the machine has no uv, or an older one than
// uvOldest.
const uvVersion = "0.13.9"

var uvOldest = [3]int{0, 5, 0}

// uv returns the path of uv: the one on the PATH, or one that is fetched once.
func (m *Manager) uv(ctx context.Context, w Watch) (string, error) {
	m.tooling.Lock()
	defer m.tooling.Unlock()
	if m.uvPath != "" {
		return m.uvPath, nil
	}
	for _, folder := range filepath.SplitList(m.env("PATH")) {
		path := filepath.Join(folder, "uv")
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, probeTime)
		out, err := m.command(ctx, path, "--version").Output()
		cancel()
		if v, ok := parseVersion(strings.TrimPrefix(string(out), "uv ")); err == nil && ok && slices.Compare(v[:], uvOldest[:]) >= 0 {
			m.uvPath = path
			return path, nil
		}
	}
	path := filepath.Join(m.Tools, "uv-"+uvVersion, "uv")
	if err := m.fetchUV(ctx, path, w); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", fmt.Errorf("environments are made with uv, which is not on the PATH and cannot be fetched: %w "+
			"(install it with `pip install uv`, or have steps run with the machine's own software: --environments host)", err)
	}
	m.uvPath = path
	return path, nil
}

// command prepares a tool: with the settings of the worker, but for what would
// have it look into other environments than the one it is told.
func (m *Manager) command(ctx context.Context, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = m.toolEnviron()
	cmd.Dir = m.Folder // no project's settings
	if _, err := os.Stat(cmd.Dir); err != nil {
		cmd.Dir = os.TempDir()
	}
	// A group of its own, so that what it starts ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

func (m *Manager) toolEnviron() []string {
	var env []string
	for _, text := range m.Environ {
		name, _, _ := strings.Cut(text, "=")
		if !Hides(name) && name != "UV_CACHE_DIR" && name != "UV_PYTHON" && name != "UV_PROJECT_ENVIRONMENT" && name != "UV_SYSTEM_PYTHON" {
			env = append(env, text)
		}
	}
	set := func(name, value string) {
		if value != "" && m.env(name) == "" {
			env = append(env, name+"="+value)
		}
	}
	if m.env("UV_INDEX_URL") == "" {
		set("UV_DEFAULT_INDEX", m.env("PIP_INDEX_URL"))
	}
	set("UV_EXTRA_INDEX_URL", m.env("PIP_EXTRA_INDEX_URL"))
	set("SSL_CERT_FILE", m.env("PIP_CERT"))
	// The certificates of the machine count, as with pip; older ones know it by
	// the second name.
	set("UV_SYSTEM_CERTS", "1")
	set("UV_NATIVE_TLS", "1")
	return append(env, "UV_CACHE_DIR="+filepath.Join(m.Folder, cacheFolder), "UV_NO_PROGRESS=1", "NO_COLOR=1")
}

// Hides reports whether a variable of the worker's would lead a Python away
// from its own environment, so that neither tools nor steps get it.
func Hides(name string) bool {
	switch name {
	case "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE", "PYTHONEXECUTABLE",
		"__PYVENV_LAUNCHER__", "PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_PYTHON", "PYENV_VERSION":
		return true
	}
	return strings.HasPrefix(name, "CONDA_") || strings.HasPrefix(name, "_CONDA_")
}

// toolFailure is what a tool had to say when it failed.
type toolFailure struct {
	what string
	text string
}

func (f *toolFailure) Error() string { return f.what + ": " + f.text }

// run runs uv. What it prints beside its result goes to the log.
func (m *Manager) run(ctx context.Context, w Watch, stdin string, args ...string) (string, error) {
	path, err := m.uv(ctx, w)
	if err != nil {
		return "", err
	}
	return m.runTool(ctx, w, path, stdin, args...)
}

func (m *Manager) runTool(ctx context.Context, w Watch, path, stdin string, args ...string) (string, error) {
	var out, said bytes.Buffer
	cmd := m.command(ctx, path, args...)
	cmd.Stdin = strings.NewReader(stdin)
	if w.hold != nil {
		// The lock is held for as long as the tool lives, also without us.
		cmd.ExtraFiles = []*os.File{w.hold}
	}
	cmd.Stdout = &out
	log := w.log()
	fmt.Fprintf(log, "+ %s %s\n", filepath.Base(path), strings.Join(args, " "))
	cmd.Stderr = io.MultiWriter(&said, log)
	err := cmd.Run()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if _, ended := errors.AsType[*exec.ExitError](err); ended {
		text := strings.TrimSpace(said.String())
		if text == "" {
			text = strings.TrimSpace(out.String())
		}
		return "", &toolFailure{what: filepath.Base(path) + " " + strings.Join(args[:min(2, len(args))], " "), text: text}
	}
	if err != nil {
		return "", fmt.Errorf("start %s: %w", path, err)
	}
	return out.String(), nil
}

var (
	// outside is what uv says when the network or the disk is in the way, and
	// nothing of what was asked for.
	outside = regexp.MustCompile(`(?i)error sending request|dns error|Connection (?:refused|reset|closed)|timed out|operation timed out|` +
		`Request failed after|network was disabled|invalid peer certificate|No space left on device|Disk quota exceeded|Permission denied|` +
		`Read-only file system|50[0234] (?:Internal|Bad|Service|Gateway)|429 Too Many|Too many open files|error decoding response body`)
	retried = regexp.MustCompile(`^Request failed after \d+ retr`)
	// noise are lines that say nothing about what went wrong.
	noise = regexp.MustCompile(`^(?:Using |Resolved |Prepared |Installed |Downloading |Building |Creating |Activate |warning: )`)
)

// sorted tells a failure of what was asked for, which is the user's to mend,
// from trouble that may pass.
func sorted(err error, doing string) error {
	failure, ok := errors.AsType[*toolFailure](err)
	if !ok {
		return err
	}
	words := matters(failure.text)
	if outside.MatchString(failure.text) {
		// How long it tried is not why, and differs each time.
		if why := slices.DeleteFunc(slices.Clone(words), retried.MatchString); len(why) > 0 {
			words = why
		}
		return fmt.Errorf("%s: %s", doing, strings.Join(words[:min(4, len(words))], " "))
	}
	f := &pipeline.Failure{Kind: pipeline.UserFailure, Message: doing + ": " + first(words), LogTail: words}
	if len(words) > 1 && len(words[1]) < 600 {
		f.Message = doing + ": " + words[1]
	}
	return f
}

func first(words []string) string {
	if len(words) == 0 {
		return "uv failed without a word"
	}
	return words[0]
}

// mostWords is how many lines of a tool's are passed on.
const mostWords = 30

// matters cuts what a tool said to what matters: its sentences, a line each.
func matters(text string) []string {
	var words []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		for _, lead := range []string{"error: ", "cause: ", "× ", "╰─▶ ", "├─▶ ", "│ "} {
			line = strings.TrimSpace(strings.TrimPrefix(line, lead))
		}
		if line != "" && !noise.MatchString(line) && !slices.Contains(words, line) {
			words = append(words, line)
		}
	}
	if len(words) > mostWords {
		words = slices.Concat(words[:mostWords/2], []string{"..."}, words[len(words)-mostWords/2:])
	}
	return words
}
