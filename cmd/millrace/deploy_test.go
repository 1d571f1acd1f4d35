package main

import (
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/spf13/pflag"
)

// The files that people deploy with are read here, for no engine is there to
// refuse what is wrong with them: their command lines must be ones that this
// program takes.

// composeFile is the part of docker-compose.yml that is checked.
type composeFile struct {
	Services map[string]composeService `yaml:"services"`
	Volumes  map[string]any            `yaml:"volumes"`
}

type composeService struct {
	Image       string                    `yaml:"image"`
	Command     []string                  `yaml:"command"`
	Environment map[string]string         `yaml:"environment"`
	DependsOn   map[string]composeDepends `yaml:"depends_on"`
	Volumes     []string                  `yaml:"volumes"`
	Ports       []string                  `yaml:"ports"`
	Healthcheck map[string]any            `yaml:"healthcheck"`
	Profiles    []string                  `yaml:"profiles"`
}

type composeDepends struct {
	Condition string `yaml:"condition"`
}

func repository(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// variable is ${NAME:-value} in docker-compose.yml.
var variable = regexp.MustCompile(`\$\{([A-Z0-9_]+):-([^}]*)\}`)

func compose(t *testing.T) composeFile {
	t.Helper()
	text := variable.ReplaceAllString(repository(t, "docker-compose.yml"), "$2")
	var c composeFile
	if err := yaml.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// takes checks a command line without running it: the command is there, takes
// the flags and their values, and nothing is left over.
func takes(t *testing.T, where string, args []string, env map[string]string) {
	t.Helper()
	c := newConsole(t)
	maps.Copy(c.env.(variables), env)
	root := newRootCmd(c.app)
	cmd, rest, err := root.Find(args)
	if err != nil || cmd == root || cmd.RunE == nil {
		t.Errorf("%s: millrace %s: no such command (%v)", where, strings.Join(args, " "), err)
		return
	}
	if err := cmd.ParseFlags(rest); err != nil {
		t.Errorf("%s: millrace %s: %v", where, strings.Join(args, " "), err)
		return
	}
	if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
		t.Errorf("%s: millrace %s: %v", where, strings.Join(args, " "), err)
	}
	// What the flags mean is decided with the configuration.
	if err := root.PersistentPreRunE(cmd, nil); err != nil {
		t.Errorf("%s: millrace %s: %v", where, strings.Join(args, " "), err)
	}
	if _, err := c.config(); err != nil {
		t.Errorf("%s: millrace %s: %v", where, strings.Join(args, " "), err)
	}
	c.untouched(t)
}

func TestComposeCallsCommandsThatAreThere(t *testing.T) {
	var called []string
	for name, s := range compose(t).Services {
		if s.Image != "millrace:local" {
			continue
		}
		takes(t, "service "+name, s.Command, s.Environment)
		called = append(called, strings.Join(s.Command[:2], " "))
		sharedByAll(t, "service "+name, s.Environment["MILLRACE_STORE"])
	}
	slices.Sort(called)
	if want := []string{"cluster check", "cluster init", "worker start", "worker start", "worker start"}; !slices.Equal(called, want) {
		t.Errorf("called are %q, want %q", called, want)
	}
}

func sharedByAll(t *testing.T, where, store string) {
	t.Helper()
	if _, err := url.Parse(store); err != nil || !sharedPlace(store).good() || !strings.HasPrefix(store, "s3://") {
		t.Errorf("%s: the store is %q (%v)", where, store, err)
	}
}

func TestComposeIsOfOnePiece(t *testing.T) {
	c := compose(t)
	for name, s := range c.Services {
		for other, on := range s.DependsOn {
			before, ok := c.Services[other]
			if !ok {
				t.Errorf("%s depends on %s, which is not there", name, other)
			}
			if on.Condition == "service_healthy" && before.Healthcheck == nil {
				t.Errorf("%s waits for the health of %s, which has no check", name, other)
			}
		}
		for _, v := range s.Volumes {
			from, _, mounted := strings.Cut(v, ":")
			switch _, named := c.Volumes[from]; {
			case !mounted || from == ".":
			case strings.HasPrefix(from, "./"):
				repository(t, strings.TrimPrefix(from, "./"))
			case !named:
				t.Errorf("%s uses volume %s, which is not there", name, from)
			}
		}
		for _, p := range s.Ports {
			if !strings.HasPrefix(p, "127.0.0.1:") {
				t.Errorf("%s opens %s to everybody", name, p)
			}
		}
		if image, version, ok := strings.Cut(s.Image, ":"); !ok || version == "latest" {
			t.Errorf("%s takes any version of %s", name, image)
		}
	}
	if _, ok := c.Services["gpu"]; !ok || !slices.Contains(c.Services["gpu"].Profiles, "gpu") {
		t.Error("there is no worker for GPUs that starts when asked for only")
	}
}

// The values that .env.example shows are those that hold without it.
func TestTheExampleEnvironmentIsThatOfCompose(t *testing.T) {
	shown := map[string]string{}
	for line := range strings.Lines(repository(t, ".env.example")) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(name, "#") {
			shown[name] = value
		}
	}
	used := map[string]bool{}
	for _, m := range variable.FindAllStringSubmatch(repository(t, "docker-compose.yml"), -1) {
		used[m[1]] = true
		if shown[m[1]] != m[2] {
			t.Errorf("%s is %q in docker-compose.yml and %q in .env.example", m[1], m[2], shown[m[1]])
		}
	}
	for name := range shown {
		if !used[name] {
			t.Errorf("%s is in .env.example only", name)
		}
	}
	if strings.Contains(variable.ReplaceAllString(repository(t, "docker-compose.yml"), ""), "${") {
		t.Error("a variable of docker-compose.yml has no value of its own")
	}
}

// manifest is the part of a Kubernetes object that is checked.
type manifest struct {
	Kind     string `yaml:"kind"`
	Metadata struct {
		Name      string `yaml:"name"`
		Namespace string `yaml:"namespace"`
	} `yaml:"metadata"`
	Data map[string]string `yaml:"data"`
	Spec struct {
		Selector struct {
			MatchLabels map[string]string `yaml:"matchLabels"`
		} `yaml:"selector"`
		Template struct {
			Metadata struct {
				Labels map[string]string `yaml:"labels"`
			} `yaml:"metadata"`
			Spec struct {
				Grace      int            `yaml:"terminationGracePeriodSeconds"`
				Containers []podContainer `yaml:"containers"`
				Volumes    []struct {
					Name string `yaml:"name"`
				} `yaml:"volumes"`
			} `yaml:"spec"`
		} `yaml:"template"`
	} `yaml:"spec"`
	Resources []string `yaml:"resources"`
}

type podContainer struct {
	Image   string   `yaml:"image"`
	Args    []string `yaml:"args"`
	EnvFrom []map[string]struct {
		Name string `yaml:"name"`
	} `yaml:"envFrom"`
	Ports []struct {
		Name string `yaml:"name"`
		Port int    `yaml:"containerPort"`
	} `yaml:"ports"`
	Liveness  map[string]any `yaml:"livenessProbe"`
	Readiness struct {
		HTTP struct {
			Path string `yaml:"path"`
			Port string `yaml:"port"`
		} `yaml:"httpGet"`
	} `yaml:"readinessProbe"`
	Mounts []struct {
		Name string `yaml:"name"`
		Path string `yaml:"mountPath"`
	} `yaml:"volumeMounts"`
}

// manifests are the objects of deploy/kubernetes, by the names of their files.
func manifests(t *testing.T) map[string]manifest {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "..", "deploy", "kubernetes", "*.yml"))
	if err != nil || len(paths) == 0 {
		t.Fatal(err, paths)
	}
	all := map[string]manifest{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var m manifest
		if err := yaml.Unmarshal(text, &m); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all[filepath.Base(path)] = m
	}
	return all
}

func TestKubernetesRunsCommandsThatAreThere(t *testing.T) {
	all := manifests(t)
	settings := all["config.yml"].Data
	sharedByAll(t, "config.yml", settings["MILLRACE_STORE"])
	queues := map[string]bool{}
	for file, m := range all {
		if m.Kind != "Deployment" && m.Kind != "Job" {
			continue
		}
		pod := m.Spec.Template.Spec
		for _, c := range pod.Containers {
			takes(t, file, c.Args, settings)
			for _, from := range c.EnvFrom {
				for kind, ref := range from {
					if ref.Name != all["config.yml"].Metadata.Name || kind == "secretRef" && ref.Name != all["secret.yml"].Metadata.Name {
						t.Errorf("%s: there is no %s %s", file, kind, ref.Name)
					}
				}
			}
			if m.Kind == "Job" {
				continue
			}
			f := pflag.NewFlagSet("", pflag.ContinueOnError)
			f.ParseErrorsAllowlist.UnknownFlags = true
			queue := f.String("queue", "", "")
			if err := f.Parse(c.Args); err != nil {
				t.Fatal(err)
			}
			queues[*queue] = true
			port := fmt.Sprint(c.Ports[0].Port)
			if !strings.HasSuffix(settings["MILLRACE_METRICS"], ":"+port) || c.Readiness.HTTP.Port != c.Ports[0].Name || c.Readiness.HTTP.Path != "/readyz" || c.Liveness == nil {
				t.Errorf("%s: nobody answers the probes", file)
			}
			if len(c.Mounts) != 1 || c.Mounts[0].Name != pod.Volumes[0].Name || !strings.Contains(repository(t, "Dockerfile"), "MILLRACE_HOME="+c.Mounts[0].Path+"\n") {
				t.Errorf("%s: the home of the image has no volume", file)
			}
		}
		for label, value := range m.Spec.Selector.MatchLabels {
			if m.Spec.Template.Metadata.Labels[label] != value {
				t.Errorf("%s: the selector does not select its own pods", file)
			}
		}
	}
	for _, queue := range []string{"pipelines", "cpu", "gpu"} {
		if !queues[queue] {
			t.Errorf("nobody serves queue %s", queue)
		}
	}
	for _, file := range all["kustomization.yml"].Resources {
		if _, ok := all[file]; !ok {
			t.Errorf("kustomization.yml names %s, which is not there", file)
		}
	}
	if n := len(all["kustomization.yml"].Resources); n != len(all)-1 {
		t.Errorf("kustomization.yml names %d of %d files", n, len(all)-1)
	}
}
