package azureml_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/pipeline"
)

func TestAddressesThatHoldSecretsAreWarnedOf(t *testing.T) {
	dir := t.TempDir()
	for address, secret := range map[string]bool{
		"https://acc.blob.core.windows.net/c/x.csv?sv=2020&sig=HIDDEN": true,
		"https://ann:HIDDEN@host/x.csv":                                true,
		"https://host/x.csv?version=HIDDEN":                            false,
		"wasbs://HIDDEN@acc.blob.core.windows.net/x.csv":               false,
	} {
		write(t, dir, map[string]string{
			"job.yml":  fmt.Sprintf("command: cat ${{inputs.x}} ${{inputs.y}}\nenvironment: azureml:e:1\ninputs:\n  x: {type: uri_file, path: '%s'}\n  y: {path: '%[1]s'}\n", address),
			"data.yml": fmt.Sprintf("name: x\ntype: uri_file\npath: %s\n", address),
		})
		job, err := azureml.Load(filepath.Join(dir, "job.yml"), azureml.LoadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		data, err := azureml.LoadAsset(pipeline.DataAsset, filepath.Join(dir, "data.yml"), azureml.LoadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		set, err := azureml.LoadAsset(pipeline.DataAsset, "", azureml.LoadOptions{Set: []string{"name=x", "type=uri_file", "path=" + address}})
		if err != nil {
			t.Fatal(err)
		}
		for name, warnings := range map[string]azureml.Problems{"job": job.Warnings, "data": data.Warnings, "set": set.Warnings} {
			var out strings.Builder
			warnings.Render(&out, false)
			if warned := strings.Contains(out.String(), "this address holds a secret"); warned != secret || secret && strings.Contains(out.String(), "HIDDEN") {
				t.Errorf("%s: %s: %s", address, name, out.String())
			}
		}
		if data.Source.URI != address {
			t.Errorf("kept %s", data.Source.URI)
		}
	}
}

func TestMistakesDoNotShowSecrets(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"data.yml": "name: x\ntype: uri_fil\npath: ftp://ann:HIDDEN@host/x?sig=HIDDEN\n"})
	_, err := azureml.LoadAsset(pipeline.DataAsset, filepath.Join(dir, "data.yml"), azureml.LoadOptions{})
	if err == nil || strings.Contains(fmt.Sprintf("%+v", err), "HIDDEN") {
		t.Errorf("got %v", err)
	}
}
