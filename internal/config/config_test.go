package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/term"
)

// variables is an environment.
type variables map[string]string

func (v variables) LookupEnv(name string) (string, bool) {
	s, ok := v[name]
	return s, ok
}

func (v variables) Environ() []string {
	var list []string
	for name, value := range v {
		list = append(list, name+"="+value)
	}
	return list
}

// written makes a home with a configuration file.
func written(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFlagsGoBeforeTheEnvironmentBeforeTheFileBeforeDefaults(t *testing.T) {
	const file = "cpu_slots: 1\ngpu_slots: 1\npython: /file\nstore: file:///file\n"
	home := written(t, file)
	env := variables{"MILLRACE_HOME": home, "MILLRACE_CPU_SLOTS": "2", "MILLRACE_PYTHON": "/env"}
	three := 3
	got, err := Load(Flags{CPUSlots: &three}, env)
	if err != nil {
		t.Fatal(err)
	}
	want := usual(Config{Home: home, Store: "file:///file", CPUSlots: 3, GPUSlots: 1, Python: "/env"})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// usual adds what holds where nobody says otherwise.
func usual(c Config) Config {
	c.Worker.DrainTimeout = 10 * time.Minute
	return c
}

func TestTheHomeIsTheFlagOrTheVariableOrInTheUsersFolder(t *testing.T) {
	flag := "/flag"
	for _, test := range []struct {
		flag *string
		env  variables
		want string
	}{
		{&flag, variables{"MILLRACE_HOME": "/env", "HOME": "/user"}, "/flag"},
		{nil, variables{"MILLRACE_HOME": "/env", "HOME": "/user"}, "/env"},
		{nil, variables{"HOME": "/user"}, "/user/.millrace"},
	} {
		if got, err := Home(test.flag, test.env); err != nil || got != test.want {
			t.Errorf("got %q, %v, want %q", got, err, test.want)
		}
	}
	if _, err := Home(nil, variables{}); err == nil {
		t.Error("no home, and no error")
	}
}

func TestAFileIsNotNeeded(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not there")
	got, err := Load(Flags{Home: &dir}, variables{})
	if diff := cmp.Diff(usual(Config{Home: dir}), got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestTheFileIsReadWhole(t *testing.T) {
	home := written(t, `# how this machine works
store: s3://bucket?region=eu-west-1
cpu_slots: 8   # cores
python: "/opt/my python"
output: table
computes:
  big-cluster: cpu
  azureml:v100: gpu
`)
	got, err := Load(Flags{Home: &home}, variables{})
	want := usual(Config{
		Home: home, Store: "s3://bucket?region=eu-west-1", CPUSlots: 8, Python: "/opt/my python", Output: term.Grid,
		Computes: map[string]string{"big-cluster": "cpu", "v100": "gpu"},
	})
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestAMistakeInTheFileSaysWhereItIs(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"store: x\ncpu_slot: 2\n", `config.yaml:2:1: unknown key "cpu_slot"; the keys are store, cpu_slots, gpu_slots, `},
		{"store: a\nstore: b\n", `config.yaml:2:1: `},
		{"cpu_slots: many\n", `config.yaml:1:12: cpu_slots: "many" is not a number of slots`},
		{"cpu_slots: [1]\n", `config.yaml:1:12: cpu_slots: expected one value`},
		{"output: xml\n", `config.yaml:1:9: output: "xml" is not an output format`},
		{"computes: [a, b]\n", `config.yaml:1:11: computes: expected a`},
		{"computes:\n  a: {}\n", `config.yaml:2:6: computes: expected the name of a queue`},
		{"- a\n", `config.yaml:1:1: expected`},
		{"store: \"x\n", `config.yaml:1:8: `},
		{"a: b\n---\nc: d\n", `config.yaml: holds more than one document`},
	} {
		home := written(t, test.text)
		_, err := Load(Flags{Home: &home}, variables{})
		var mistake *Error
		if !errors.As(err, &mistake) || !strings.HasPrefix(err.Error(), filepath.Join(home, test.want)) {
			t.Errorf("%q: got %v, want %s", test.text, err, test.want)
		}
	}
}

func TestAMistakeInAVariableNamesIt(t *testing.T) {
	home := t.TempDir()
	for name, value := range map[string]string{"MILLRACE_CPU_SLOTS": "-1", "MILLRACE_GPU_SLOTS": "1.5", "MILLRACE_OUTPUT": "xml"} {
		_, err := Load(Flags{Home: &home}, variables{name: value})
		if err == nil || !strings.HasPrefix(err.Error(), name+": ") {
			t.Errorf("%s=%s: got %v", name, value, err)
		}
	}
	much := 1_000_000
	if _, err := Load(Flags{Home: &home, CPUSlots: &much}, variables{}); err == nil || !strings.HasPrefix(err.Error(), "--cpu-slots: ") {
		t.Errorf("got %v", err)
	}
}

func TestATemporalServerIsUsedOnlyWhereTheEnvironmentNamesOne(t *testing.T) {
	home := t.TempDir()
	profiles := filepath.Join(home, "temporal.toml")
	const text = "[profile.default]\naddress = \"default:7233\"\n[profile.prod]\naddress = \"prod:7233\"\nnamespace = \"ml\"\n"
	if err := os.WriteFile(profiles, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		env  variables
		want *Temporal
	}{
		{variables{}, nil},
		{variables{"TEMPORAL_CONFIG_FILE": profiles}, nil},
		{variables{"TEMPORAL_ADDRESS": "here:1"}, &Temporal{"here:1", "default"}},
		{variables{"TEMPORAL_ADDRESS": "here:1", "TEMPORAL_NAMESPACE": "mine"}, &Temporal{"here:1", "mine"}},
		{variables{"TEMPORAL_CONFIG_FILE": profiles, "TEMPORAL_PROFILE": "prod"}, &Temporal{"prod:7233", "ml"}},
	} {
		got, err := Load(Flags{Home: &home}, test.env)
		if diff := cmp.Diff(test.want, got.Temporal); err != nil || diff != "" {
			t.Errorf("%v: %v %s", test.env, err, diff)
		}
	}
	if _, err := Load(Flags{Home: &home}, variables{"TEMPORAL_CONFIG_FILE": profiles, "TEMPORAL_PROFILE": "none"}); err == nil {
		t.Error("an unknown profile is no mistake")
	}
}

func FuzzTheFileIsReadOrRefused(f *testing.F) {
	for _, s := range []string{"a: b", "computes: {a: b}", "? [a]\n: b", "<<: *a", "&a store: *a", "!!int store: 3", "store: |\n  x", "- - -", "\"", "{", "a: &x [*x]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var c Config
		var mistake *Error
		if err := c.readFile("config.yaml", []byte(text)); err != nil && !errors.As(err, &mistake) {
			t.Fatalf("%q: %v is not an *Error", text, err)
		}
	})
}
