package azureml

import (
	"regexp"
	"strings"
)

// datastoreType is a type of datastore: the keys of its file, which of them it
// needs, and which credentials it can have.
type datastoreType struct {
	name        string
	keys        *keySet
	required    []string
	credentials []string
}

// what people are told that it is.
func (t datastoreType) what() string { return t.keys.what }

// datastoreAbout are the keys of every datastore.
var datastoreAbout = []string{"name", "type", "description", "tags", "credentials", "url", "stands_for"}

func datastoreKeysWith(fields ...string) []string { return append(fields, datastoreAbout...) }

var datastoreIgnored = []string{"$schema", "properties", "service_data_access_auth_identity"}

var (
	azureBlobKeys = keySet{what: "an Azure Blob datastore",
		read: datastoreKeysWith("account_name", "container_name", "endpoint", "protocol"), ignored: datastoreIgnored}
	azureFileKeys = keySet{what: "an Azure file share datastore",
		read: datastoreKeysWith("account_name", "file_share_name", "endpoint", "protocol"), ignored: datastoreIgnored}
	azureLakeKeys = keySet{what: "a Data Lake Gen2 datastore",
		read: datastoreKeysWith("account_name", "filesystem", "endpoint", "protocol"), ignored: datastoreIgnored}
	azureOldLakeKeys = keySet{what: "a Data Lake Gen1 datastore", read: datastoreKeysWith("store_name"), ignored: datastoreIgnored}
	oneLakeKeys      = keySet{what: "a OneLake datastore",
		read: datastoreKeysWith("one_lake_workspace_name", "endpoint", "artifact"), ignored: datastoreIgnored}
	lakeItemKeys     = keySet{what: "the artifact of a OneLake datastore", read: []string{"name", "type"}}
	urlDatastoreKeys = keySet{what: "a datastore with a URL", read: datastoreKeysWith(), ignored: datastoreIgnored}
)

// The credentials of Azure's storage, of a service principal, and of buckets.
// What they are called is what Azure ML, Amazon and Google call them.
var (
	principalCredentials = []string{"tenant_id", "client_id", "client_secret", "certificate", "thumbprint", "authority_url", "resource_url"}
	azureCredentials     = append([]string{"account_key", "sas_token"}, principalCredentials...)
	bucketCredentials    = map[string][]string{
		"s3":     {"access_key_id", "secret_access_key", "session_token"},
		"gs":     {"service_account_key"},
		"azblob": azureCredentials,
	}
	// identifiers are credentials that are no secrets.
	identifiers = []string{"tenant_id", "client_id", "thumbprint", "authority_url", "resource_url"}
)

// datastoreTypes are Azure ML's types, and then those of Millrace, which are
// the schemes of their URLs.
var datastoreTypes = []datastoreType{
	{"azure_blob", &azureBlobKeys, []string{"account_name", "container_name"}, azureCredentials},
	{"azure_file", &azureFileKeys, []string{"account_name", "file_share_name"}, azureCredentials},
	{"azure_data_lake_gen2", &azureLakeKeys, []string{"account_name", "filesystem"}, azureCredentials},
	{"azure_data_lake_gen1", &azureOldLakeKeys, []string{"store_name"}, principalCredentials},
	{"one_lake", &oneLakeKeys, []string{"one_lake_workspace_name"}, principalCredentials},
	{"file", &urlDatastoreKeys, []string{"url"}, nil},
	{"s3", &urlDatastoreKeys, []string{"url"}, bucketCredentials["s3"]},
	{"gs", &urlDatastoreKeys, []string{"url"}, bucketCredentials["gs"]},
	{"azblob", &urlDatastoreKeys, []string{"url"}, azureCredentials},
}

// datastoreTypeNamed finds a type by its name, in snake case or in camel case.
func datastoreTypeNamed(name string) (datastoreType, bool) {
	plain := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "")) }
	for _, t := range datastoreTypes {
		if plain(t.name) == plain(name) {
			return t, true
		}
	}
	return datastoreType{}, false
}

func datastoreTypeNames() []string {
	names := make([]string, len(datastoreTypes))
	for i, t := range datastoreTypes {
		names[i] = t.name
	}
	return names
}

// isCredential reports whether a key names a credential of any type.
func isCredential(key string) bool {
	for _, t := range datastoreTypes {
		if contains(t.credentials, key) {
			return true
		}
	}
	return false
}

// datastoreShapes are what the keys of datastores look like.
var datastoreShapes = map[string]shape{
	"type":            {"The type of storage, in snake case or in camel case.", textForm},
	"description":     {"What is kept there.", textForm},
	"account_name":    {"The storage account.", textForm},
	"container_name":  {"The container in the account.", textForm},
	"file_share_name": {"The file share in the account.", textForm},
	"filesystem":      {"The file system, or container, in the account.", textForm},
	"store_name":      {"The name of the lake.", textForm},
	"endpoint":        {"What follows the account in the name of its server; core.windows.net where it is left out.", textForm},
	"protocol":        {"How the account is spoken to: https, http, wasbs or abfss.", textForm},

	"one_lake_workspace_name": {"The workspace in OneLake.", textForm},
	"artifact":                {"The lakehouse in the workspace.", partForm("lakeItem")},

	"url":        {"Where the data really is: a folder, file:///FOLDER, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or azblob://CONTAINER/PREFIX.", textForm},
	"stands_for": {"Addresses whose data is read from here instead, such as https://HOST/PATH.", orForm(textForm, listForm(textForm))},
	"credentials": {
		"Where the credentials are: ${{env:NAME}}, {env: NAME} or {file: PATH} for each. Credentials themselves are not kept.",
		mapForm(regexp.MustCompile(`^[a-z_]+$`), orForm(textForm, mapForm(nil, textForm))),
	},
	"service_data_access_auth_identity": {"", anyForm},
}
