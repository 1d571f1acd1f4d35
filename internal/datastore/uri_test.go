package datastore

import (
	"errors"
	"net/url"
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

		"wasbs://c-1@acc.blob.core.windows.net/p/q.csv":        {Scheme: WASBS, Host: "acc.blob.core.windows.net", Container: "c-1", Path: "p/q.csv"},
		"wasb://c@acc.blob.core.windows.net":                   {Scheme: WASB, Host: "acc.blob.core.windows.net", Container: "c", Folder: true},
		"wasbs://acc-1.blob.core.windows.net/c/p/":             {Scheme: WASBS, Host: "acc-1.blob.core.windows.net", Container: "c", Path: "p", Folder: true},
		"azureml:wasbs://c@ACC.blob.core.windows.net/a b%20/+": {Scheme: WASBS, Host: "acc.blob.core.windows.net", Container: "c", Path: "a b%20/+"},
		"abfss://fs@acc.dfs.core.windows.net//p/./q":           {Scheme: ABFSS, Host: "acc.dfs.core.windows.net", Container: "fs", Path: "p/q"},
		"abfs://fs@127.0.0.1:10000/p":                          {Scheme: ABFS, Host: "127.0.0.1:10000", Container: "fs", Path: "p"},
		"wasbs://c@acc.blob.core.windows.net/p?sig=x":          {Scheme: WASBS, Host: "acc.blob.core.windows.net", Container: "c", Path: "p"},
		"adl://acc.azuredatalakestore.net/p/q":                 {Scheme: ADL, Host: "acc.azuredatalakestore.net", Path: "p/q"},
		"s3://my-bucket.x/p/q.csv":                             {Scheme: S3, Container: "my-bucket.x", Path: "p/q.csv"},
		"S3://b/":                                              {Scheme: S3, Container: "b", Folder: true},
		"s3://b/p/?region=eu-west-1&anonymous=true": {Scheme: S3, Container: "b", Path: "p", Folder: true,
			Parameters: url.Values{"region": {"eu-west-1"}, "anonymous": {"true"}}},
		"s3://b?endpoint=http%3A%2F%2Flocalhost%3A9000": {Scheme: S3, Container: "b", Folder: true, Parameters: url.Values{"endpoint": {"http://localhost:9000"}}},
		"gs://b/p":                          {Scheme: GS, Container: "b", Path: "p"},
		"azblob://c/p?storage_account=acme": {Scheme: AzBlob, Container: "c", Path: "p", Parameters: url.Values{"storage_account": {"acme"}}},
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
		"ftp://host/x":                                      "begin with ftp://",
		"https://user:hunter2@h\x01/x":                      "control character",
		"nothing?sig=hunter2":                               "not an address",
		"weird://user:hunter2@host/p?sig=hunter2":           "begin with weird://",
		"wasbs://c@a/../x":                                  "leaves its datastore",
		"wasbs://@acc.blob.core.windows.net/x":              "does not name a container",
		"wasbs://c@/x":                                      "does not name a container",
		"wasbs:///x":                                        "does not name a container",
		"wasbs://c@evil/@acc.blob.core.windows.net/..":      "leaves its datastore",
		"wasbs://c:d@acc.blob.core.windows.net/x":           "does not name a container",
		"abfss://f s@acc.dfs.core.windows.net/x":            "does not name a container",
		"adl://a b/p":                                       "does not name an account",
		"s3:///p":                                           "does not name a bucket",
		"s3://key:hunter2@bucket/p":                         "does not name a bucket",
		"s3://b/p?access_key=hunter2":                       "cannot have all the parameters",
		"s3://b/p?region=a&region=hunter2":                  "cannot have all the parameters",
		"s3://b/p?endpoint=http%3A%2F%2Fu%3Ahunter2%40host": "not the address of a server",
		"s3://b/p?%zz=hunter2":                              "not a list of parameters",
		"s3://b/a/../../c":                                  "leaves its datastore",
		"gs://b/p?sas=hunter2":                              "cannot have all the parameters",
		"azblob://c/p?sas=hunter2":                          "cannot have all the parameters",
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
		"azureml:https://host/f?x=y", "file:///a/../b", "file:///.", "wasbs://c@a/b", "http://u:p@h/%2e%2e/x",
		"wasbs://acc.blob.core.windows.net/c/p/", "abfss://fs@acc.dfs.core.windows.net/p", "adl://acc/p", "s3://b/p?region=x&anonymous=true",
		"gs://b//a/", "azblob://c/p?storage_account=a&domain=d", "https://acc.blob.core.windows.net/c/a%2Fb/../?sig=x", "s3://b?endpoint=http%3A%2F%2Fh",
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
		if address := u.address(); address != "" {
			if rest, ok := below(address, address); !ok || rest != "" || strings.HasSuffix(address, "/") && u.URL == nil {
				t.Fatalf("%q: bad address %q", text, address)
			}
		}
		switch u.Scheme {
		case Azure, WASB, WASBS, ABFS, ABFSS, ADL, S3, GS, AzBlob:
			if u.Path != "" && (path.Clean(u.Path) != u.Path || path.IsAbs(u.Path) || u.Path == ".." || strings.HasPrefix(u.Path, "../")) {
				t.Fatalf("%q: bad path %q", text, u.Path)
			}
			if strings.ContainsAny(u.Datastore+u.Container+u.Host, "/?@") && u.Scheme != Azure || strings.Contains(u.Datastore, "/") {
				t.Fatalf("%q: bad root %+v", text, u)
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
		if err != nil || again.Path != u.Path || again.Datastore != u.Datastore || again.Folder != u.Folder ||
			again.Host != u.Host || again.Container != u.Container || again.Parameters.Encode() != u.Parameters.Encode() {
			t.Fatalf("%q is written as %q, which is %+v, %v; was %+v", text, u, again, err, u)
		}
	})
}
