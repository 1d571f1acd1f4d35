package datastore

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/pipeline"
)

func everyStoreResolver(t *testing.T, test func(t *testing.T, r *Resolver, shelf Shelf)) {
	everyStore(t, func(t *testing.T, s *artifact.Store) { test(t, New(s), NewShelf(s)) })
}

func TestUnknownDatastoreNamesThoseThatExist(t *testing.T) {
	everyStoreResolver(t, func(t *testing.T, r *Resolver, shelf Shelf) {
		ctx := t.Context()
		_, err := r.Fetch(ctx, "azureml://datastores/lakehouse/paths/x", pipeline.URIFile, nil)
		wantFailure(t, err, pipeline.Invalid, `there is no datastore "lakehouse"`, "these exist: workspaceblobstore, workspacefilestore, workspaceworkingdirectory, workspaceartifactstore",
			"millrace datastore create --name lakehouse --url file:///FOLDER")
		must(t, shelf.Put(ctx, Definition{Name: "my_lake", Type: FileType, URL: "file:///data"}))
		wantFailure(t, r.Check(ctx, "azureml://datastores/my_lak/paths/x"), pipeline.Invalid, `azureml://datastores/my_lak/paths/x: `, `did you mean "my_lake"?`, "create --name my_lak ")
		wantFailure(t, r.Check(ctx, "azureml://datastores/workspaceblobstor/paths/x"), pipeline.Invalid, `did you mean "workspaceblobstore"?`)
		wantFailure(t, r.Publish(ctx, pipeline.Artifact{}, "azureml://datastores/my_lak/paths/x"), pipeline.Invalid, `did you mean "my_lake"?`)
		wantFailure(t, r.Check(ctx, "azureml://datastores/../paths/x"), pipeline.Invalid, "use letters")
		wantFailure(t, r.Check(ctx, "ftp://x"), pipeline.Invalid, "ftp://")
		wantFailure(t, r.Publish(ctx, pipeline.Artifact{}, "https://host/x"), pipeline.Invalid, "only to datastores")
		for _, known := range []string{"azureml://datastores/my_lake/paths/none", blobstore + "none", "https://host/x", "wasbs://c@a/x", "s3://b/x", "file:///none"} {
			must(t, r.Check(ctx, known))
		}
		names, err := r.Names(ctx)
		must(t, err)
		if diff := cmp.Diff(append(Fixed(), "my_lake"), names); diff != "" {
			t.Error(diff)
		}
	})
}

func TestStorageThatCannotBeReachedIsSaidToBe(t *testing.T) {
	s := localStore(t)
	for _, d := range []Definition{
		{Type: AzureFile, AccountName: "acc", FileShareName: "share"}, {Type: AzureGen1, StoreName: "old"}, {Type: OneLake, Workspace: "w"},
	} {
		w := withDatastore(t, s, d)
		wantFailure(t, w.Check(t.Context(), mine+"x"), pipeline.Invalid, string(d.Type), "url: file:///FOLDER")
		_, err := w.Fetch(t.Context(), mine+"x", pipeline.URIFile, nil)
		wantFailure(t, err, pipeline.Invalid, `datastore "mine"`)
	}
	_, err := New(s).Fetch(t.Context(), "adl://old.azuredatalakestore.net/x", pipeline.URIFile, nil)
	wantFailure(t, err, pipeline.Invalid, "millrace datastore map adl://old.azuredatalakestore.net/x PATH")
}

func TestTheShelf(t *testing.T) {
	everyStoreResolver(t, func(t *testing.T, r *Resolver, shelf Shelf) {
		ctx := t.Context()
		d := Definition{
			Name: "lake", Type: AzureGen2, AccountName: "acme", Filesystem: "fs", Protocol: "abfss", Tags: map[string]string{"a": "b"},
			Credentials: map[string]Reference{"tenant_id": {Text: "t"}, "client_secret": {File: "/run/secret"}, "client_id": {Env: "ID"}},
		}
		must(t, shelf.Put(ctx, d))
		got, err := shelf.Find(ctx, "lake")
		must(t, err)
		if diff := cmp.Diff(d, got); diff != "" {
			t.Error(diff)
		}
		all, err := shelf.All(ctx)
		must(t, err)
		if len(all) != 5 || all[4].Name != "lake" {
			t.Errorf("all are %+v", all)
		}
		must(t, shelf.Drop(ctx, "lake"))
		var missing *asset.NotFound
		if _, err := shelf.Find(ctx, "lake"); !errors.As(err, &missing) {
			t.Errorf("error = %v", err)
		}
		if err := shelf.Drop(ctx, "workspacblobstore"); !errors.As(err, &missing) || !strings.Contains(err.Error(), "workspaceblobstore") {
			t.Errorf("error = %v", err)
		}
	})
}

func TestTheFixedOnesLieInTheStore(t *testing.T) {
	s := localStore(t)
	for _, name := range Fixed() {
		d, err := NewShelf(s).Find(t.Context(), name)
		must(t, err)
		if want := urlOf(filepath.Join(s.Dir(), "datastores", name)); d.URL != want {
			t.Errorf("%s lies at %s, want %s", name, d.URL, want)
		}
	}
}

func TestDefinitionsAreChecked(t *testing.T) {
	for want, d := range map[string]Definition{
		"name: ":           {Name: "a b"},
		"account_name: ":   {AccountName: "evil.net/"},
		"container_name: ": {ContainerName: "../x"},
		"filesystem: ":     {Filesystem: "a?b"},
		"endpoint: ":       {Endpoint: "evil.net/path?"},
		"protocol: ":       {Protocol: "ftp"},
		"url: \"relative":  {URL: "relative/path"},
		"url: a datastore": {URL: "https://host/x"},
		"url: this is not an address of the type s3": {Type: S3Type, URL: "file:///x"},
		"url: s3://b/x":                {URL: "s3://b/x/../../y"},
		"url: addresses that begin":    {URL: "s3://b?secret=hunter2"},
		"stands_for[1]: no datastore":  {StandsFor: []string{"https://h/x", "https://h/x?sig=hunter2"}},
		"stands_for[0]: no datastore":  {StandsFor: []string{"azureml://datastores/x/paths/y"}},
		"stands_for[0]: \"x\" is not ": {StandsFor: []string{"x"}},
	} {
		if d.Name == "" {
			d.Name = "d"
		}
		found := d.Check()
		if len(found) != 1 || !strings.HasPrefix(found[0].Error(), want) || strings.Contains(found[0].Error(), "hunter2") {
			t.Errorf("%s: found %v", want, found)
		}
		if NewShelf(localStore(t)).Put(t.Context(), d) == nil {
			t.Errorf("%s: it was kept", want)
		}
	}
}

func TestNamesForAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"wasbs://datasets@azuremlexamples.blob.core.windows.net":  "azuremlexamples_datasets",
		"https://azuremlexamples.blob.core.windows.net/datasets/": "azuremlexamples_datasets",
		"abfss://fs@acc.dfs.core.windows.net/a/b c":               "acc_fs_a_b_c",
		"https://dprepdata.example.org:8443/demo/Titanic.csv":     "dprepdata_example_org_demo_Titanic_csv",
		"s3://bucket/p":    "bucket_p",
		"https://[::1]/x":  "1_x",
		"adl://old.net/--": "old_net",
	} {
		got, err := NameFor(address)
		must(t, err)
		if got != want || pipeline.CheckAssetName("", got) != nil {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
	if _, err := NameFor("file:///x"); err == nil {
		t.Error("a file needs no datastore")
	}
}
