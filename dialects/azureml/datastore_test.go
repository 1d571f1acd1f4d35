package azureml_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/millrace-ml/millrace/dialects/azureml"
)

func loadDatastore(t *testing.T, text string, set ...string) (*azureml.DatastoreFile, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("store.yml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return azureml.LoadDatastore("store.yml", azureml.LoadOptions{Set: set})
}

func TestDatastoreFilesOfEveryType(t *testing.T) {
	here := t.TempDir()
	for text, want := range map[string]*azureml.DatastoreFile{
		"$schema: https://x/azureBlob.schema.json\nname: b\ntype: azure_blob\ndescription: d\ntags: {a: 1}\naccount_name: acc\ncontainer_name: c\nprotocol: wasbs\n": {
			Name: "b", Type: "azure_blob", Description: "d", Tags: map[string]string{"a": "1"},
			Fields: map[string]string{"account_name": "acc", "container_name": "c", "protocol": "wasbs"}},
		"{name: b, type: AzureBlob, account_name: acc, container_name: c, credentials: {account_key: '${{env:KEY}}'}}": {
			Name: "b", Type: "azure_blob", Fields: map[string]string{"account_name": "acc", "container_name": "c"},
			Credentials: map[string]azureml.Credential{"account_key": {Env: "KEY"}}},
		"{name: f, type: azure_file, account_name: acc, file_share_name: s, credentials: {sas_token: {env: SAS}}}": {
			Name: "f", Type: "azure_file", Fields: map[string]string{"account_name": "acc", "file_share_name": "s"},
			Credentials: map[string]azureml.Credential{"sas_token": {Env: "SAS"}}},
		"{name: g2, type: AzureDataLakeGen2, account_name: acc, filesystem: fs, credentials: {tenant_id: t, client_id: c, client_secret: {file: /run/s}}}": {
			Name: "g2", Type: "azure_data_lake_gen2", Fields: map[string]string{"account_name": "acc", "filesystem": "fs"},
			Credentials: map[string]azureml.Credential{"tenant_id": {Text: "t"}, "client_id": {Text: "c"}, "client_secret": {File: "/run/s"}}},
		"{name: g1, type: azure_data_lake_gen1, store_name: s, url: 'file:///mnt/lake'}": {
			Name: "g1", Type: "azure_data_lake_gen1", Fields: map[string]string{"store_name": "s", "url": "file:///mnt/lake"}},
		"{name: o, type: one_lake, one_lake_workspace_name: w, endpoint: onelake.dfs.fabric.microsoft.com, artifact: {type: lake_house, name: n}}": {
			Name: "o", Type: "one_lake", ItemType: "lake_house", ItemName: "n",
			Fields: map[string]string{"one_lake_workspace_name": "w", "endpoint": "onelake.dfs.fabric.microsoft.com"}},
		"{name: l, url: 's3://bucket/p?region=eu-west-1', credentials: {access_key_id: '${{ env:ID }}', secret_access_key: '${{file: /run/key }}'}}": {
			Name: "l", Type: "s3", Fields: map[string]string{"url": "s3://bucket/p?region=eu-west-1"},
			Credentials: map[string]azureml.Credential{"access_key_id": {Env: "ID"}, "secret_access_key": {File: "/run/key"}}},
		"{name: m, type: azure_blob, account_name: a, container_name: c, url: 'gs://b', credentials: {service_account_key: {file: /k.json}}}": {
			Name: "m", Type: "azure_blob", Fields: map[string]string{"account_name": "a", "container_name": "c", "url": "gs://b"},
			Credentials: map[string]azureml.Credential{"service_account_key": {File: "/k.json"}}},
		"{name: n, url: " + here + ", stands_for: 'https://h/x'}": {
			Name: "n", Type: "file", Fields: map[string]string{"url": "file://" + here}, StandsFor: []string{"https://h/x"}},
		"{name: n, url: 'file:///d', stands_for: ['https://h/x', 's3://b'], credentials: {}, id: x, container_name: }": {
			Name: "n", Type: "file", Fields: map[string]string{"url": "file:///d"}, StandsFor: []string{"https://h/x", "s3://b"}},
	} {
		got, err := loadDatastore(t, text)
		if strings.Contains(text, "container_name: }") {
			if err == nil {
				t.Errorf("%s: a key that the type cannot have was taken", text)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s\n%v", text, err)
			continue
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(azureml.DatastoreFile{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s\n%s", text, diff)
		}
	}
}

func TestDatastoresOfPairsAlone(t *testing.T) {
	t.Chdir(t.TempDir())
	f, err := azureml.LoadDatastore("", azureml.LoadOptions{Set: []string{"name=x", "url=data/here", "credentials=", "tags.a=b"}})
	here, _ := filepath.Abs("data/here")
	if err != nil || f.Type != "file" || f.Fields["url"] != "file://"+here || f.Tags["a"] != "b" {
		t.Errorf("%+v, %v", f, err)
	}
	_, err = azureml.LoadDatastore("", azureml.LoadOptions{Set: []string{"type=azure_blob"}})
	want := "flags:1:1: this datastore has no name\nflags:1:1: an Azure Blob datastore needs account_name\nflags:1:1: an Azure Blob datastore needs container_name"
	if err == nil || err.Error() != want {
		t.Errorf("error = %v", err)
	}
}

func TestMistakesInDatastoreFiles(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "store.yml:1:1: this file is empty",
		"[]":                             "store.yml:1:1: a datastore is a mapping, and this is a list",
		"name: x":                        "store.yml:1:1: this datastore has no type",
		"name: x\ntype: azureblobs":      `store.yml:2:7: "azureblobs" is not a type of datastore`,
		"name: x\ntype: [a]":             "store.yml:2:7: type must be text, not a list",
		"name: a b\ntype: file\nurl: /x": `store.yml:1:7: name "a b": use letters`,
		"name: x\ntype: azure_blob\naccount_nam: a\ncontainer_name: c":               `store.yml:3:1: "account_nam" is not a key of an Azure Blob datastore`,
		"name: x\ntype: azure_file\naccount_name: a\ncontainer_name: c":              `store.yml:1:1: an Azure file share datastore needs file_share_name`,
		"name: x\ntype: s3\naccess_key_id: a\nurl: s3://b":                           `store.yml:3:1: access_key_id belongs under credentials`,
		"name: x\ntype: s3\nurl: s3://b\ncredentials: {account_key: '${{env:X}}'}":   `store.yml:4:15: this is not a credential of a datastore with a URL`,
		"name: x\ntype: s3\nurl: s3://b\ncredentials: {session_token: {env: 'A B'}}": `store.yml:4:15: session_token does not name an environment variable`,
		"name: x\ntype: s3\nurl: s3://b\ncredentials: {session_token: {vault: X}}":   `store.yml:4:15: session_token does not say where the credential is`,
		"name: x\ntype: s3\nurl: s3://b\ncredentials: {session_token: [a]}":          `store.yml:4:15: session_token does not say where the credential is`,
		"name: x\ntype: s3\nurl: s3://b\ncredentials: abc":                           `store.yml:4:14: credentials must be a mapping`,
		"type: pipeline\njobs: {a: {command: x}}":                                    `store.yml:1:1: this looks like a job`,
		"command: x": `store.yml:1:1: this looks like a job`,
	} {
		_, err := loadDatastore(t, text)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: error = %v, want %s", text, err, want)
		}
	}
	if f, err := azureml.LoadDatastore("none.yml", azureml.LoadOptions{}); err == nil || f == nil || !strings.HasPrefix(err.Error(), "none.yml:1:1: there is no such file") {
		t.Errorf("error = %v", err)
	}
}

func TestMistakesThatAreFoundLaterStandAtTheirPlaces(t *testing.T) {
	f, err := loadDatastore(t, "name: x\nurl: file:///x\nstands_for:\n  - https://a\n  - b\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"url", "stands_for[1]", "stands_for[7]", "nothing"} {
		f.Mistake(key, "", key+" is wrong")
	}
	want := "store.yml:1:1: nothing is wrong\nstore.yml:2:6: url is wrong\nstore.yml:4:3: stands_for[7] is wrong\nstore.yml:5:5: stands_for[1] is wrong"
	if got := f.Problems().Error(); got != want {
		t.Error(got)
	}
}

const hidden = "hunter2=="

// Whatever a file says, and whatever is wrong with it: what may be a credential
// is neither kept nor shown.
func TestCredentialsInFilesAreNeitherKeptNorShown(t *testing.T) {
	const head = "name: x\ntype: azure_blob\naccount_name: acc\ncontainer_name: c\n"
	for text, wants := range map[string]struct {
		warning bool
		message string
	}{
		head + "credentials: {account_key: " + hidden + "}":                  {true, "account_key is not kept: Millrace stores no credentials"},
		head + "credentials:\n  sas_token: ?sv=" + hidden + "&sig=" + hidden: {true, "sas_token is not kept"},
		head + "credentials:\n  account_key: >\n    " + hidden + "\n    x":   {true, "account_key is not kept"},
		head + "credentials:\n  client_secret: '" + hidden + "'\n":           {true, "client_secret is not kept"},
		head + "account_key: " + hidden:                                      {false, "account_key belongs under credentials"},
		head + "acount_key: " + hidden:                                       {false, "is not a key"},
		head + "credentials:\n  acount_key: " + hidden:                       {false, "this is not a credential"},
		head + "credentials:\n  " + hidden + ": x":                           {false, "this is not a credential"},
		head + "credentials: " + hidden:                                      {false, "must be a mapping"},
		head + "credentials:\n  account_key: {env: " + hidden + "}":          {false, "does not name an environment variable"},
		head + "credentials:\n  account_key: {" + hidden + ": x}":            {false, "does not say where"},
		head + "credentials:\n  account_key: {env: a, x: " + hidden + "}":    {false, "does not say where"},
		head + "credentials:\n  account_key: ${{vault:" + hidden + "}}":      {true, "account_key is not kept"},
		head + "credentials:\n  account_key: *" + hidden:                     {false, "this cannot be read"},
		head + "credentials:\n  account_key: !" + hidden + " x":              {false, "this cannot be read"},
		head + "credentials:\n  account_key: \"" + hidden + "\n":             {false, "this cannot be read"},
		head + "credentials:\n  account_key: \"\\" + hidden + "\"\n":         {false, "this cannot be read"},
		head + "credentials:\n  account_key:\n    " + hidden + ": - [\n":     {false, "this cannot be read"},
		head + "credentials:\n  account_key: &" + hidden + " &b x\n":         {false, "this cannot be read"},
		head + "credentials: {account_key:\n" + hidden + "\n":                {false, ""},
		head + "sas: " + hidden + ": x":                                      {false, "this cannot be read"},
		"{name: x, type: azure_blob, credentials: {account_key: " + hidden:   {false, "this cannot be read"},
		"name: x\nurl: azblob://c?sas=" + hidden + "\nzzz: 1":                {false, "is not a key"},
	} {
		f, err := loadDatastore(t, text)
		if wants.warning != (err == nil) {
			t.Errorf("%q: error = %v", text, err)
		}
		f.Mistake("url", "", "it is wrong")
		f.Mistake("credentials", "", "it is wrong")
		shown := rendered(f.Problems()) + fmt.Sprintf("%v %+v", err, *f) + f.Problems().Error()
		if !strings.Contains(shown, wants.message) {
			t.Errorf("%q: lacks %q:\n%s", text, wants.message, shown)
		}
		told := fmt.Sprint(rendered(f.Problems()), err, f.Name, f.Type, f.Fields, f.Credentials, f.StandsFor, f.Tags, f.Problems())
		if strings.Contains(told, "hunter2") && !strings.Contains(text, "azblob") || strings.Contains(rendered(f.Problems()), "hunter2") {
			t.Errorf("%q shows a credential:\n%s", text, told)
		}
	}
	for _, pair := range []string{"credentials.account_key=" + hidden, "credentials=" + hidden, "credentials.x[0]=" + hidden, "account_key=" + hidden, "credentials.account_key.env=" + hidden, "name.sas_token=" + hidden, "sas_token " + hidden} {
		f, err := loadDatastore(t, head, pair)
		if shown := fmt.Sprint(rendered(f.Problems()), err, f.Credentials); strings.Contains(shown, "hunter2") || len(f.Problems()) == 0 {
			t.Errorf("--set %s shows a credential:\n%s", pair, shown)
		}
	}
}

func FuzzLoadDatastore(f *testing.F) {
	for _, text := range []string{
		"name: x\ntype: azure_blob\naccount_name: a\ncontainer_name: c\ncredentials: {account_key: x}", "{name: x, url: 's3://b', stands_for: [a]}",
		"type: one_lake\nartifact: {name: x}", "credentials:\n  account_key: {env: X}\n",
	} {
		f.Add(text, "name=x")
	}
	f.Fuzz(func(t *testing.T, text, pair string) {
		file, err := azureml.ParseDatastore("f", text, azureml.LoadOptions{Set: []string{pair}})
		if err == nil && (file.Type == "" || file.Name == "") {
			t.Fatalf("%q gives %+v", text, file)
		}
		for _, c := range file.Credentials {
			if c.Env == "" && c.File == "" && c.Text == "" {
				t.Fatalf("%q keeps an empty credential", text)
			}
		}
		file.Mistake("stands_for[0]", "", "x")
		_ = rendered(file.Problems())
	})
}
