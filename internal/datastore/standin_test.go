package datastore

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/pipeline"
)

// offline has a resolver reach nobody.
func offline(t *testing.T, r *Resolver) {
	r.Client = &http.Client{Transport: transport(func(q *http.Request) (*http.Response, error) {
		t.Errorf("%s was asked for", q.URL)
		return nil, http.ErrServerClosed
	})}
}

func TestAFolderStandsForAddressesElsewhere(t *testing.T) {
	s := localStore(t)
	ctx := t.Context()
	iris := made(t, map[string]string{"iris.csv": "iris", "in/a.csv": "a", "in/b.csv": "b"})
	one := made(t, map[string]string{"local-name.csv": "titanic"})
	shelf := NewShelf(s)
	for _, d := range []Definition{
		{Name: "iris", Type: AzureBlob, AccountName: "examples", ContainerName: "datasets", URL: urlOf(iris)},
		{Name: "titanic", Type: FileType, URL: urlOf(filepath.Join(one, "local-name.csv")), StandsFor: []string{"https://data.example.org/demo/Titanic.csv"}},
		{Name: "web", Type: FileType, URL: urlOf(iris), StandsFor: []string{"http://data.example.org:80/", "s3://bucket/some", "gs://bucket", "adl://lake.azuredatalakestore.net/in"}},
		{Name: "inner", Type: FileType, URL: urlOf(one), StandsFor: []string{"https://examples.blob.core.windows.net/datasets/deeper"}},
		{Name: "account", Type: FileType, URL: urlOf(filepath.Join(iris, "..")), StandsFor: []string{"wasbs://whole.blob.core.windows.net"}},
		{Name: "gen1", Type: AzureGen1, StoreName: "Old", URL: urlOf(iris)},
		{Name: "unreadable", Type: AzureFile, AccountName: "a", FileShareName: "s", StandsFor: []string{"https://data.example.org/demo/Titanic.csv"}},
	} {
		must(t, shelf.Put(ctx, d))
	}
	for uri, want := range map[string]map[string]string{
		"wasbs://datasets@examples.blob.core.windows.net/iris.csv":                {"iris.csv": "iris"},
		"wasbs://examples.blob.core.windows.net/datasets/iris.csv":                {"iris.csv": "iris"},
		"abfss://datasets@examples.dfs.core.windows.net/iris.csv":                 {"iris.csv": "iris"},
		"https://examples.blob.core.windows.net/datasets/iris.csv":                {"iris.csv": "iris"},
		"HTTPS://Examples.blob.core.windows.net/datasets//iris.csv?sig=abc":       {"iris.csv": "iris"},
		"azureml:https://examples.blob.core.windows.net/datasets/in/a.csv":        {"a.csv": "a"},
		"wasbs://datasets@examples.blob.core.windows.net/in/":                     {"a.csv": "a", "b.csv": "b"},
		"https://examples.blob.core.windows.net/datasets/in":                      {"a.csv": "a", "b.csv": "b"},
		"wasbs://datasets@examples.blob.core.windows.net":                         {"iris.csv": "iris", "in/a.csv": "a", "in/b.csv": "b"},
		"wasbs://datasets@examples.blob.core.windows.net/deeper/local-name.csv":   {"local-name.csv": "titanic"},
		"wasbs://dir@whole.blob.core.windows.net/in/b.csv":                        {"b.csv": "b"},
		"https://data.example.org/demo/Titanic.csv":                               {"Titanic.csv": "titanic"},
		"https://data.example.org/in/a.csv":                                       {"a.csv": "a"},
		"http://data.example.org/in/":                                             {"a.csv": "a", "b.csv": "b"},
		"s3://bucket/some/iris.csv?region=eu-west-1":                              {"iris.csv": "iris"},
		"gs://bucket/iris.csv":                                                    {"iris.csv": "iris"},
		"adl://lake.azuredatalakestore.net/in/in/a.csv":                           {"a.csv": "a"},
		"adl://old.azuredatalakestore.net/iris.csv":                               {"iris.csv": "iris"},
		"azureml://datastores/iris/paths/in/b.csv":                                {"b.csv": "b"},
		"azureml://datastores/gen1/paths/in/":                                     {"a.csv": "a", "b.csv": "b"},
		"https://examples.blob.core.windows.net/datasets/in/%61.csv":              {"a.csv": "a"},
		"wasbs://datasets@examples.blob.core.windows.net/./in//a.csv?ignored=yes": {"a.csv": "a"},
	} {
		r := New(s)
		offline(t, r)
		a, err := r.Fetch(ctx, uri, pipeline.URIFile, nil)
		if err != nil {
			t.Errorf("%s: %v", uri, err)
			continue
		}
		if diff := cmp.Diff(want, staged(t, s, a)); diff != "" {
			t.Errorf("%s:\n%s", uri, diff)
		}
	}
	r := New(s)
	offline(t, r)
	_, err := r.Fetch(ctx, "wasbs://datasets@examples.blob.core.windows.net/none.csv", pipeline.URIFile, nil)
	wantFailure(t, err, pipeline.UserFailure, "wasbs://datasets@examples.blob.core.windows.net/none.csv", filepath.Join(iris, "none.csv"))
}

// What looks like a mapped address, and is another one, is not read from the
// folder.
func TestAFolderStandsForNothingElse(t *testing.T) {
	s := localStore(t)
	ctx := t.Context()
	dir := made(t, map[string]string{"data/x.csv": "mine", "x.csv": "mine"})
	must(t, NewShelf(s).Put(ctx, Definition{
		Name: "d", Type: FileType, URL: urlOf(dir),
		StandsFor: []string{"https://host/data", "wasbs://c@acc.blob.core.windows.net/data", "s3://b/data"},
	}))
	for _, uri := range []string{
		"https://host/database/x.csv", "https://host/x.csv", "https://host:8443/data/x.csv", "https://host.evil/data/x.csv",
		"https://host/data/../x.csv", "https://host/data/x.csv?version=2", "https://host/data%2Fx.csv/../y",
		"https://acc.blob.core.windows.net/c/x.csv", "https://acc.blob.core.windows.net/cc/data/x.csv", "https://other.blob.core.windows.net/c/data/x.csv",
	} {
		r := New(s)
		asked := false
		r.Client = &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
			asked = true
			return nil, http.ErrServerClosed
		})}
		a, err := r.Fetch(ctx, uri, pipeline.URIFile, nil)
		if err == nil || !asked {
			t.Errorf("%s: %+v, %v, the server was asked: %t", uri, a, err, asked)
		}
	}
}

func TestTheDatastoreThatSaysMostStandsForAnAddress(t *testing.T) {
	s := localStore(t)
	for name, address := range map[string]string{"a": "https://h/one/two", "b": "https://h", "c": "https://h/one"} {
		dir := made(t, map[string]string{"who": name})
		must(t, NewShelf(s).Put(t.Context(), Definition{Name: name, Type: FileType, URL: urlOf(dir), StandsFor: []string{address}}))
	}
	for uri, want := range map[string]string{"https://h/who": "b", "https://h/one/who": "c", "https://h/one/two/who": "a"} {
		a, err := New(s).Fetch(t.Context(), uri, pipeline.URIFile, nil)
		must(t, err)
		if diff := cmp.Diff(map[string]string{"who": want}, staged(t, s, a)); diff != "" {
			t.Errorf("%s: %s", uri, diff)
		}
	}
}

// Nothing is kept of what was there before, and of what was not.
func TestADatastoreIsFoundAsSoonAsItIsMade(t *testing.T) {
	everyStoreResolver(t, func(t *testing.T, r *Resolver, shelf Shelf) {
		const uri = "azureml://datastores/late/paths/x"
		ctx := t.Context()
		wantFailure(t, r.Check(ctx, uri), pipeline.Invalid, `no datastore "late"`)
		for _, text := range []string{"one", "two"} {
			dir := made(t, map[string]string{"x": text})
			must(t, shelf.Put(ctx, Definition{Name: "late", Type: FileType, URL: urlOf(dir)}))
			must(t, r.Check(ctx, uri))
			a, err := r.Fetch(ctx, uri, pipeline.URIFile, nil)
			must(t, err)
			if diff := cmp.Diff(map[string]string{"x": text}, staged(t, r.store, a)); diff != "" {
				t.Error(diff)
			}
		}
		must(t, shelf.Drop(ctx, "late"))
		_, err := r.Fetch(ctx, uri, pipeline.URIFile, nil)
		wantFailure(t, err, pipeline.Invalid, `no datastore "late"`)
	})
}

func TestASymbolicLinkLeadsOutOfNoDatastore(t *testing.T) {
	s := localStore(t)
	outside := made(t, map[string]string{"secret": "x"})
	dir := made(t, map[string]string{"dir/inner": "y"})
	must(t, os.Symlink(outside, filepath.Join(dir, "out")))
	must(t, os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, "dir", "f")))
	w := withDatastore(t, s, Definition{Type: FileType, URL: urlOf(dir), StandsFor: []string{"https://host"}})
	for _, root := range []string{mine, "https://host/"} {
		for _, at := range []string{"out", "out/secret", "dir/f", "dir", ""} {
			_, err := w.Fetch(t.Context(), root+at, pipeline.URIFile, nil)
			wantFailure(t, err, pipeline.UserFailure, "symbolic link")
		}
	}
	files := tree(t, s, map[string]string{"a": "x"})
	wantFailure(t, w.Publish(t.Context(), files, mine+"out"), pipeline.UserFailure, "symbolic link")
	if diff := cmp.Diff(map[string]string{"secret": "x"}, contents(t, outside)); diff != "" {
		t.Error(diff)
	}
}
