package azureml

import "strings"

// azureDatastores are the parts for Azure ML's types of datastores; the others
// have a URL.
var azureDatastores = map[string]string{
	"azure_blob": "azureBlob", "azure_file": "azureFile", "azure_data_lake_gen1": "azureDataLakeGen1",
	"azure_data_lake_gen2": "azureDataLakeGen2", "one_lake": "oneLake",
}

// datastoreSchema tells the types of datastores apart.
func datastoreSchema() *Schema {
	s := partForm("urlDatastore")()
	for _, t := range datastoreTypes {
		part, ok := azureDatastores[t.name]
		if !ok {
			continue
		}
		// In snake case or in camel case.
		name := strings.ReplaceAll(anyCase(t.name), "_", "_?")
		s = &Schema{
			If:   &Schema{Required: []string{"type"}, Properties: map[string]*Schema{"type": {Type: []string{"string"}, Pattern: name}}},
			Then: partForm(part)(),
			Else: s,
		}
	}
	s.Title = "Datastore"
	return s
}
