package azureml_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/pipeline"
)

func TestNoVersionIsCalledLikeALabel(t *testing.T) {
	dir := t.TempDir()
	for _, version := range []string{"latest", "default"} {
		write(t, dir, map[string]string{
			"data":     "1",
			"data.yml": "name: x\nversion: " + version + "\ntype: uri_file\npath: data\n",
			"job.yml":  "command: echo > ${{outputs.o}}/x\nenvironment: azureml:e:1\noutputs: {o: {name: x, version: " + version + "}}\n",
		})
		if _, err := azureml.LoadAsset(pipeline.DataAsset, filepath.Join(dir, "data.yml"), azureml.LoadOptions{}); err == nil || !strings.Contains(err.Error(), "data.yml:2:10: \""+version+"\" is a label") {
			t.Errorf("data: %v", err)
		}
		if _, problems := load(t, dir); len(problems) != 1 || !strings.Contains(problems[0].Message, "is a label") {
			t.Errorf("job: %v", problems)
		}
	}
	write(t, dir, map[string]string{"latest.yml": "name: latest\nversion: latest1\ntype: uri_file\npath: data\n"})
	if _, err := azureml.LoadAsset(pipeline.DataAsset, filepath.Join(dir, "latest.yml"), azureml.LoadOptions{}); err != nil {
		t.Error(err)
	}
}
