package datastore

import (
	"errors"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/millrace-ml/millrace/pipeline"
)

func TestParseURI(t *testing.T) {
	place := func(store, path string, folder bool) URI {
		return URI{Scheme: Azure, Datastore: store, Path: path, Folder: folder}
	}
	const long = "azureml://subscriptions/s-1/resourceGroups/rg/workspaces/w/"
	for text, want := range map[string]URI{
		"azureml://datastores/workspaceblobstore/paths/a/b.csv":                                    place("workspaceblobstore", "a/b.csv", false),
		"azureml://datastores/workspaceblobstore/paths/a/":                                         place("workspaceblobstore", "a", true),
		"azureml://datastores/workspaceblobstore/paths/a//./b":                                     place("workspaceblobstore", "a/b", false),
		"azureml://datastores/workspaceblobstore/paths/":                                           place("workspaceblobstore", "", true),
		"azureml://datastores/workspaceblobstore/paths":                                            place("workspaceblobstore", "", true),
		"azureml://datastores/x/paths/a b/%20/ü?c#d":                                               place("x", "a b/%20/ü?c#d", false),
		"AZUREML://datastores/x/paths/a":                                                           place("x", "a", false),
		long + "datastores/x/paths/a":                                                              place("x", "a", false),
		strings.ToLower(long) + "datastores/x/paths/a/":                                            place("x", "a", true),
		"azureml://subscriptions/s/resourcegroups/g/providers/p/workspaces/w/datastores/x/paths/a": place("x", "a", false),
		"azureml:azureml://datastores/x/paths/a":                                                   place("x", "a", false),
		"file:///data/a%20b.csv":                                                                   {Scheme: File, Path: "/data/a b.csv"},
		"file://localhost/data/":                                                                   {Scheme: File, Path: "/data", Folder: true},
		"file:///data/../x":                                                                        {Scheme: File, Path: "/x"},
		"https://host/a/b.csv?sig=x":                                                               {Scheme: HTTPS, Path: "/a/b.csv"},
		"HTTP://host/":                                                                             {Scheme: HTTP, Path: "/", Folder: true},
		"azureml:https://host/f":                                                                   {Scheme: HTTPS, Path: "/f"},
	} {
		got, err := ParseURI(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(URI{}, "URL")); diff != "" {
			t.Errorf("%s:\n%s", text, diff)
		}
	}
}

func TestParseURIExplainsWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"":                                       "not an address",
		"data/x.csv":                             "not an address",
		"azureml:data:1":                         "not an address",
		"azureml://jobs/j/outputs/o/paths/p":     "does not name a place in a datastore",
		"azureml://datastores/":                  "does not name the datastore",
		"azureml://datastores/x":                 `lacks "/paths/"`,
		"azureml://datastores/x/ExperimentRun/y": `lacks "/paths/"`,
		"azureml://datastores/x/paths/a/../../b": "leaves its datastore",
		"azureml://datastores/x/paths/a\x00b":    "control character",
		"azureml://datastores/x/paths/a\nb":      "control character",
		"azureml://datastores/x/paths/" + strings.Repeat("n", 256): "256 bytes",
		"https://h/" + strings.Repeat("n", maxURI):                 "too long",
		"azureml://subscriptions/s/resourcegroups":                 "does not name a place in a datastore",
		"file://host/x": "another machine",
		"file:///x?y":   "not the address of a file",
		"file://":       "not an absolute path",
		"https://":      "not an address on the web",
		"https://user:hunter2@:80:/x?sig=hunter2": "not an address on the web",
		"ftp://host/x": "begin with ftp://",
		"wasbs://c@a.blob.core.windows.net/p?sig=hunter2": "mapped to an Azure Blob container",
		"abfss://c@a.dfs.core.windows.net/p":              "mapped to an Azure Data Lake Gen2 file system",
		"adl://a.azuredatalakestore.net/p":                "mapped to an Azure Data Lake Gen1 account",
		"s3://bucket/p":                                   "mapped to an S3 bucket",
		"gs://bucket/p":                                   "mapped to a Google Cloud Storage bucket",
	} {
		_, err := ParseURI(text)
		var f *pipeline.Failure
		if !errors.As(err, &f) || f.Kind != pipeline.Invalid {
			t.Errorf("%q: error = %v, want an invalid one", text, err)
			continue
		}
		if !strings.Contains(f.Message, want) {
			t.Errorf("%q: message %q lacks %q", text, f.Message, want)
		}
		if strings.Contains(f.Message, "hunter2") {
			t.Errorf("%q: message %q shows the secret", text, f.Message)
		}
	}
}

// Whatever an address says, its path stays in its datastore, and its short form
// means the same.
func FuzzParseURI(f *testing.F) {
	for _, text := range []string{
		"azureml://datastores/workspaceblobstore/paths/a/b.csv",
		"azureml://subscriptions/s/resourceGroups/g/workspaces/w/datastores/x/paths/a/",
		"azureml:https://host/f?x=y", "file:///a/../b", "wasbs://c@a/b", "http://u:p@h/%2e%2e/x",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := ParseURI(text)
		if err != nil {
			if _, ok := errors.AsType[*pipeline.Failure](err); !ok {
				t.Fatalf("%q: %v is not a failure", text, err)
			}
			return
		}
		switch u.Scheme {
		case Azure:
			if u.Path != "" && (path.Clean(u.Path) != u.Path || path.IsAbs(u.Path) || u.Path == ".." || strings.HasPrefix(u.Path, "../")) {
				t.Fatalf("%q: bad path %q", text, u.Path)
			}
			if strings.Contains(u.Datastore, "/") {
				t.Fatalf("%q: bad datastore %q", text, u.Datastore)
			}
		case File:
			if path.Clean(u.Path) != u.Path || !path.IsAbs(u.Path) {
				t.Fatalf("%q: bad path %q", text, u.Path)
			}
		case HTTP, HTTPS:
			if u.URL.Hostname() == "" {
				t.Fatalf("%q: no host", text)
			}
			if name := webName(u.URL); !isName(name) {
				t.Fatalf("%q: bad name %q", text, name)
			}
			return
		default:
			t.Fatalf("%q: scheme %q", text, u.Scheme)
		}
		again, err := ParseURI(u.String())
		if err != nil || again.Path != u.Path || again.Datastore != u.Datastore || again.Folder != u.Folder {
			t.Fatalf("%q is written as %q, which is %+v, %v; was %+v", text, u, again, err, u)
		}
	})
}
