package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDatastoreVerbsReadTheFlagsOfAz(t *testing.T) {
	wants(t, newDatastoreCreateCmd, "-f f.yml --set a=1 b=2 -n x", datastoreCreateOptions{file: "f.yml", name: "x", set: []string{"a=1", "b=2"}})
	wants(t, newDatastoreCreateCmd, "--name x --type azure_blob --account-name a --container-name c --url ./d",
		datastoreCreateOptions{name: "x", kind: "azure_blob", account: "a", container: "c", url: "./d"})
	wants(t, newDatastoreMapCmd, "https://h/x ./d -n x", datastoreMapOptions{address: "https://h/x", to: "./d", name: "x"})
	wants(t, newDatastoreListCmd, "-r 3 -g group -w workspace", datastoreListOptions{most: 3})
	wants(t, newDatastoreShowCmd, "--name x", datastoreShowOptions{name: "x"})
	wants(t, newDatastoreUpdateCmd, "-n x --set a=1 --remove b --add c d", datastoreUpdateOptions{name: "x", changes: changes{list: []change{
		{"set", []string{"a=1"}}, {"remove", []string{"b"}}, {"add", []string{"c", "d"}},
	}}})
	wants(t, newDatastoreDeleteCmd, "-n x", datastoreDeleteOptions{name: "x"})

	refuses(t, newDatastoreCreateCmd, "", "-n/--name is missing")
	refuses(t, newDatastoreCreateCmd, "f.yml", `unexpected argument "f.yml"`)
	refuses(t, newDatastoreMapCmd, "https://h/x", "FOLDER is missing")
	refuses(t, newDatastoreListCmd, "-r 0", "not a number of datastores")
	for _, newCmd := range []string{"show", "update", "delete"} {
		c := newConsole(t)
		if code := c.run("datastore", newCmd); code != exitUsage || !strings.Contains(c.err.String(), "-n/--name is missing") {
			t.Errorf("%s: code %d: %s", newCmd, code, c.err.String())
		}
	}
}

// sayings runs commands one after the other in one home, and returns what the last
// of them said.
func sayings(t *testing.T, lines ...[]string) (out, err string, code int) {
	t.Helper()
	first := newConsole(t)
	for _, line := range lines {
		c := newConsole(t)
		c.env.(variables)["MILLRACE_HOME"] = first.env.(variables)["MILLRACE_HOME"]
		code = c.run(line...)
		out, err = c.out.String(), c.err.String()
	}
	return out, err, code
}

func TestDatastoresInTheShapeOfAz(t *testing.T) {
	saved(t, "blob.yml", "name: raw\ntype: azure_blob\naccount_name: acme\ncontainer_name: c\ndescription: d\ntags: {a: 1}\n")
	out, _, code := sayings(t, []string{"datastore", "create", "-f", "blob.yml"})
	if code != exitDone {
		t.Fatal(code)
	}
	const want = `{
  "account_name": "acme",
  "container_name": "c",
  "credentials": {},
  "description": "d",
  "endpoint": "core.windows.net",
  "id": "azureml:datastores/raw",
  "name": "raw",
  "protocol": "https",
  "tags": {
    "a": "1"
  },
  "type": "azure_blob"
}
`
	if diff := cmp.Diff(want, out); diff != "" {
		t.Error(diff)
	}
	out, _, _ = sayings(t, []string{"datastore", "create", "-f", "blob.yml"}, []string{"datastore", "list", "-o", "table", "--query", "[4:].{name: name, type: type, account: account_name}"})
	if want := "Name  Type        Account\n----  ----------  -------\nraw   azure_blob  acme\n"; out != want {
		t.Errorf("the table is\n%s", out)
	}
	// What is shown can be made of again.
	out, _, _ = sayings(t, []string{"datastore", "create", "-f", "blob.yml"}, []string{"datastore", "show", "-n", "raw", "-o", "yaml"})
	if err := os.WriteFile("shown.yml", []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	if again, err, code := sayings(t, []string{"datastore", "create", "-f", "shown.yml", "-o", "yaml"}); code != exitDone || again != out || err != "" {
		t.Errorf("code %d: %s\n%s", code, again, err)
	}
}

func TestMistakesInDatastoresLeaveNothing(t *testing.T) {
	saved(t, "f.yml", "name: x\ntype: azure_blob\naccount_name: EVIL\ncontainr_name: c\nurl: https://h\n")
	for line, want := range map[string]string{
		"datastore create -f f.yml":                         "f.yml:3:15: error: \"EVIL\" is not the name of a storage account",
		"datastore create -f f.yml --set tags=x":            "\n4 mistakes\n",
		"datastore create -n x":                             "this datastore has no type",
		"datastore create -n x --type azure_blobs":          `did you mean "azure_blob"?`,
		"datastore create -n a/b --url ./d":                 "use letters",
		"datastore create -n x --url s3://b?secret=hunter2": "cannot have all the parameters",
		"datastore map https://h/x?sig=hunter2 ./d":         "without a query",
		"datastore map nothing ./d":                         "not an address",
	} {
		c := newConsole(t)
		code := c.run(strings.Fields(line)...)
		if code != exitUsage || !strings.Contains(c.err.String(), want) || c.out.Len() > 0 || strings.Contains(c.err.String(), "hunter2") {
			t.Errorf("%s: code %d, stdout %q, stderr\n%s", line, code, c.out.String(), c.err.String())
		}
		if !strings.Contains(line, "map") {
			c.untouched(t)
		}
	}
}

func TestAMappingCanBeMovedAndHasANameOfItsOwn(t *testing.T) {
	t.Chdir(t.TempDir())
	const address = "wasbs://c@acc.blob.core.windows.net/p"
	out, err, _ := sayings(t,
		[]string{"datastore", "create", "-n", "acc_c_p", "--url", "./other"},
		[]string{"datastore", "map", address, "./one"},
		[]string{"datastore", "map", "https://acc.blob.core.windows.net/c/p/", "./two"}, // the same place
		[]string{"datastore", "list", "--query", "[4:].[name, url, join(' ', not_null(stands_for, `[]`))]", "-o", "tsv"})
	here, _ := filepath.Abs(".")
	want := "acc_c_p\tfile://" + here + "/other\t\nacc_c_p_2\tfile://" + here + "/two\thttps://acc.blob.core.windows.net/c/p/\n"
	if out != want {
		t.Errorf("there is\n%swant\n%s%s", out, want, err)
	}
	_, err, _ = sayings(t, []string{"datastore", "map", address, "./one"})
	if !strings.Contains(err, "there is no "+here+"/one on this machine yet") {
		t.Errorf("said %q", err)
	}
}

// Wherever a person writes a secret, it is not kept and not repeated.
func TestNoVerbKeepsOrRepeatsASecret(t *testing.T) {
	t.Chdir(t.TempDir())
	create := []string{"datastore", "create", "-n", "x", "--type", "azure_blob", "--account-name", "acc", "--container-name", "c"}
	for _, line := range [][]string{
		append(create, "--set", "credentials.account_key=hunter2"),
		append(create, "--set", "credentials.account_key.env=hunter2 hunter2"),
		append(create, "--set", "credentials=hunter2"),
		append(create, "--set", "sas_token=hunter2"),
		append(create, "--url", "azblob://c?sas=hunter2"),
		append(create, "--url", "s3://id:hunter2@bucket"),
		{"datastore", "update", "-n", "x", "--set", "credentials.account_key=hunter2"},
		{"datastore", "update", "-n", "x", "--set", "credentials.account_key.env=hunter2 x"},
		{"datastore", "update", "-n", "x", "--set", "credentials=hunter2"},
		{"datastore", "update", "-n", "x", "--set", "credentials[0]=hunter2"},
		{"datastore", "update", "-n", "x", "--add", "credentials", "hunter2"},
		{"datastore", "update", "-n", "x", "--add", "credentials", "account_key=hunter2"},
		{"datastore", "update", "-n", "x", "--set", "url=s3://id:hunter2@bucket"},
		{"datastore", "update", "-n", "x", "--set", "url=azblob://c?sig=hunter2"},
		{"datastore", "map", "https://h/x?sig=hunter2", "./d"},
	} {
		c := newConsole(t)
		c.run(create...)
		c.out.Reset()
		c.err.Reset()
		next := newConsole(t)
		home := c.env.(variables)["MILLRACE_HOME"]
		next.env.(variables)["MILLRACE_HOME"] = home
		next.run(line...)
		if told := next.out.String() + next.err.String(); strings.Contains(told, "hunter2") || next.err.Len() == 0 {
			t.Errorf("%s said\n%s", line, told)
		}
		_ = filepath.WalkDir(home, func(path string, d fs.DirEntry, err error) error {
			if b, reading := os.ReadFile(path); err == nil && reading == nil && strings.Contains(string(b), "hunter2") {
				t.Errorf("%s left it in %s", line, path)
			}
			return nil
		})
	}
}
