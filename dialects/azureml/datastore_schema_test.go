package azureml

import (
	"testing"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
)

// The schemas of datastores and the loader agree.
func TestSchemasOfDatastores(t *testing.T) {
	schemas := compiledSchemas(t)
	for text, kind := range map[string]string{
		"{name: a, type: azure_blob, account_name: a, container_name: c, credentials: {account_key: '${{env:K}}', sas_token: {file: /k}}}": "azureBlob",
		"{name: a, type: AzureFile, account_name: a, file_share_name: 1, tags: {a: 1}}":                                                    "azureFile",
		"{name: a, type: azure_data_lake_gen2, account_name: a, filesystem: c, protocol: abfss, id: x}":                                    "azureDataLakeGen2",
		"{name: a, type: azure_data_lake_gen1, store_name: a, url: 'file:///x'}":                                                           "azureDataLakeGen1",
		"{name: a, type: one_lake, one_lake_workspace_name: w, artifact: {type: lake_house, name: n}}":                                     "oneLake",
		"{name: a, url: 's3://b', stands_for: [https://h]}":                                                                                "datastore",
		"{name: a, type: gs, url: 'gs://b', stands_for: https://h, $schema: x}":                                                            "datastore",
	} {
		root, _ := yaml.Parse("d.yml", ".", []byte(text))
		if err := schemas[kind].Validate(asJSON(root)); err != nil {
			t.Errorf("%s is no %s: %v", text, kind, err)
		}
		if f, err := ParseDatastore("d.yml", text, LoadOptions{}); err != nil || len(f.Problems()) > 0 {
			t.Errorf("%s: %v", text, f.Problems())
		}
		for _, change := range []string{"no_such_key=1", "artifact=x", "credentials=x", "tags=x"} {
			bad, _ := yaml.Parse("d.yml", ".", []byte(text))
			l := newLoader(LoadOptions{})
			l.set(bad, []string{change})
			_, err := ParseDatastore("d.yml", text, LoadOptions{Set: []string{change}})
			if fits := schemas[kind].Validate(asJSON(bad)) == nil; fits != (err == nil) {
				t.Errorf("%s with --set %s: fits %t, loads: %v", text, change, fits, err)
			}
		}
	}
}
