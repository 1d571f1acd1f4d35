package components

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/dialects/azureml"
)

var update = flag.Bool("update", false, "copy the parts into the components, and write the ports into README.md")

// component is what the tests read of component.yml.
type component struct {
	Name        string
	Version     int
	DisplayName string `yaml:"display_name"`
	Description string
	Code        string
	Environment struct{ Image string }
	Inputs      yaml.MapSlice
	Outputs     yaml.MapSlice
}

func readComponent(t *testing.T, name string) component {
	t.Helper()
	data, err := fs.ReadFile(FS(), name+"/component.yml")
	if err != nil {
		t.Fatal(err)
	}
	var c component
	if err := yaml.Unmarshal(data, &c); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return c
}

func TestEveryFolderIsAWholeComponent(t *testing.T) {
	folders, err := filepath.Glob("*/component.yml")
	if err != nil {
		t.Fatal(err)
	}
	for i := range folders {
		folders[i] = filepath.Dir(folders[i])
	}
	if diff := cmp.Diff(folders, Names()); diff != "" {
		t.Errorf("the folders here and those in the program (-want +got):\n%s", diff)
	}
	for _, name := range Names() {
		for _, file := range []string{"README.md", "test_" + name + ".py", "src/" + name + ".py"} {
			if _, err := os.Stat(filepath.Join(name, file)); err != nil {
				t.Error(err)
			}
		}
		c := readComponent(t, name)
		if c.Name != name || c.Version < 1 || c.DisplayName == "" || c.Description == "" || c.Code != "./src" || c.Environment.Image == "" {
			t.Errorf("%s: component.yml says %+v", name, c)
		}
		for _, port := range slices.Concat(c.Inputs, c.Outputs) {
			if text(port.Value, "description") == "" {
				t.Errorf("%s: port %s has no description", name, port.Key)
			}
		}
	}
}

func TestOnlyWhatRunsIsInTheProgram(t *testing.T) {
	err := fs.WalkDir(FS(), ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if path.Base(file) != "component.yml" && path.Ext(file) != ".py" || strings.Contains(file, "test_") {
			t.Errorf("%s is embedded", file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

var imported = regexp.MustCompile(`(?m)^(?:from|import) (\w+)`)

// A component carries exactly the parts that its own modules need, unchanged.
func TestComponentsCarryTheirParts(t *testing.T) {
	parts := map[string][]byte{}
	for _, file := range glob(t, "parts/*.py") {
		if module := moduleOf(file); module != "trial" && !strings.HasPrefix(module, "test_") {
			parts[module] = read(t, file)
		}
	}
	for _, name := range Names() {
		var todo [][]byte
		carried := map[string][]byte{}
		for _, file := range glob(t, name+"/src/*.py") {
			data := read(t, file)
			if _, isPart := parts[moduleOf(file)]; isPart {
				carried[moduleOf(file)] = data
			} else {
				todo = append(todo, data)
			}
		}
		needed := map[string][]byte{}
		for len(todo) > 0 {
			for _, m := range imported.FindAllSubmatch(todo[0], -1) {
				module := string(m[1])
				if data, ok := parts[module]; ok && needed[module] == nil {
					needed[module] = data
					todo = append(todo, data)
				}
			}
			todo = todo[1:]
		}
		if *update {
			for module := range carried {
				remove(t, filepath.Join(name, "src", module+".py"))
			}
			for module, data := range needed {
				write(t, filepath.Join(name, "src", module+".py"), data)
			}
			continue
		}
		if want, got := slices.Sorted(maps.Keys(needed)), slices.Sorted(maps.Keys(carried)); !slices.Equal(want, got) {
			t.Errorf("%s needs the parts %v and carries %v: run go test ./components -update", name, want, got)
			continue
		}
		for module, data := range needed {
			if !bytes.Equal(data, carried[module]) {
				t.Errorf("%s/src/%s.py is not parts/%s.py: change that one, and run go test ./components -update", name, module, module)
			}
		}
	}
}

func TestReadmesListThePorts(t *testing.T) {
	for _, name := range Names() {
		checkSection(t, filepath.Join(name, "README.md"), "Ports", ports(readComponent(t, name)))
	}
}

func TestTheCatalogueListsEveryComponent(t *testing.T) {
	var b strings.Builder
	b.WriteString("\n| component | what it does |\n|---|---|\n")
	for _, name := range Names() {
		fmt.Fprintf(&b, "| [`%s`](%s) | %s |\n", name, name, readComponent(t, name).Description)
	}
	checkSection(t, "README.md", "Catalogue", b.String())
}

// checkSection compares a section of a document, up to the next one, with what
// it should be.
func checkSection(t *testing.T, file, section, want string) {
	t.Helper()
	text := string(read(t, file))
	at := regexp.MustCompile(`(?s)\n## ` + section + `\n(.*?)\n## `).FindStringSubmatchIndex(text)
	if at == nil {
		t.Fatalf("%s has no section %s with another one behind it", file, section)
	}
	if *update {
		write(t, file, []byte(text[:at[2]]+want+text[at[3]:]))
		return
	}
	if diff := cmp.Diff(want, text[at[2]:at[3]]); diff != "" {
		t.Errorf("%s (-want +got), run go test ./components -update:\n%s", file, diff)
	}
}

// ports is the section of a README.md that lists the inputs and outputs.
func ports(c component) string {
	var b strings.Builder
	b.WriteString("\n| input | type | default | what it is |\n|---|---|---|---|\n")
	for _, p := range c.Inputs {
		preset := "required"
		if value, ok := field(p.Value, "default"); ok {
			preset = fmt.Sprintf("`%v`", value)
		} else if optional, _ := field(p.Value, "optional"); optional == true {
			preset = "optional"
		}
		kind := text(p.Value, "type")
		if values, ok := field(p.Value, "enum"); ok {
			var names []string
			for _, v := range values.([]any) {
				names = append(names, fmt.Sprintf("`%v`", v))
			}
			kind = strings.Join(names, ", ")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", p.Key, kind, preset, text(p.Value, "description"))
	}
	b.WriteString("\n| output | what is in it |\n|---|---|\n")
	for _, p := range c.Outputs {
		fmt.Fprintf(&b, "| `%s` | %s |\n", p.Key, text(p.Value, "description"))
	}
	return b.String()
}

var (
	node         = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	pipelineData = regexp.MustCompile(`\$\{\{parent\.inputs\.(\w+)\}\}`)
)

// The nodes in README.md are for pasting: in a pipeline they raise no problem,
// with the component itself in the place of its name in the registry.
func TestNodesOfReadmesLoad(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range Names() {
		pasted := node.FindStringSubmatch(string(read(t, filepath.Join(name, "README.md"))))
		if pasted == nil {
			t.Errorf("%s: README.md has no node to paste", name)
			continue
		}
		reference := "azureml://registries/millrace/components/" + name
		if !strings.Contains(pasted[1], reference+"\n") {
			t.Errorf("%s: the node in README.md does not refer to %s", name, reference)
		}
		jobs := strings.ReplaceAll(pasted[1], reference, filepath.Join(here, name, "component.yml"))
		text := "type: pipeline\nsettings: {default_compute: cpu-cluster}\ninputs:\n"
		seen := map[string]bool{}
		for _, m := range pipelineData.FindAllStringSubmatch(jobs, -1) {
			if !seen[m[1]] {
				text += fmt.Sprintf("  %s: {type: uri_file, path: data.csv}\n", m[1])
				seen[m[1]] = true
			}
		}
		text += "jobs:\n  " + strings.TrimSuffix(strings.ReplaceAll(jobs, "\n", "\n  "), "  ")
		dir := t.TempDir()
		file := filepath.Join(dir, "pipeline.yml")
		write(t, file, []byte(text))
		write(t, filepath.Join(dir, "data.csv"), []byte("x\n1\n"))
		job, err := azureml.Load(file, azureml.LoadOptions{})
		if err != nil || len(job.Problems()) > 0 {
			t.Errorf("%s: %v %v\n%s", name, err, job.Problems(), text)
			continue
		}
		if _, err := azureml.Compile(job, azureml.CompileOptions{Name: "job"}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The programs are tested in their own language.
func TestPrograms(t *testing.T) {
	for _, name := range append(Names(), "parts") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// The cache of go test knows of files only that the test itself reads.
			for _, file := range glob(t, "*/*.py") {
				read(t, file)
			}
			for _, file := range glob(t, "*/src/*.py") {
				read(t, file)
			}
			cmd := exec.Command("python3", "-W", "error::ResourceWarning", "-m", "unittest")
			cmd.Dir = name
			cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "PYTHONUTF8=1")
			out, err := cmd.CombinedOutput()
			if err != nil || bytes.Contains(out, []byte("Ran 0 tests")) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func field(value any, key string) (any, bool) {
	fields, ok := value.(map[string]any)
	v, ok2 := fields[key]
	return v, ok && ok2
}

func text(value any, key string) string {
	v, _ := field(value, key)
	s, _ := v.(string)
	return s
}

func moduleOf(file string) string { return strings.TrimSuffix(filepath.Base(file), ".py") }

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v", pattern, err)
	}
	return files
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}
