package runs_test

import (
	"errors"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/internal/datastore"
	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/runs"
)

func (w workspace) datastore(text string) datastore.Definition {
	w.Helper()
	f, err := azureml.ParseDatastore("d.yml", text, azureml.LoadOptions{})
	if err != nil {
		w.Fatal(err)
	}
	d, err := w.CreateDatastore(w.Context(), f)
	if err != nil {
		w.Fatal(err)
	}
	return d
}

func TestDatastoresAreKept(t *testing.T) {
	w := newWorkspace(t)
	first := w.datastore("{name: lake, type: s3, url: 's3://bucket/p', credentials: {secret_access_key: '${{env:KEY}}'}}")
	again := w.datastore("{name: lake, type: s3, url: 's3://other/p', description: moved}")
	if first.Created != again.Created || again.Modified.Before(first.Created) || first.CreatedBy == "" {
		t.Errorf("made at %v, and again at %v", first, again)
	}
	d, err := w.ShowDatastore(w.Context(), "lake")
	if err != nil || d.URL != "s3://other/p" || len(d.Credentials) > 0 {
		t.Errorf("%+v, %v", d, err)
	}
	all, err := w.ListDatastores(w.Context())
	if err != nil || len(all) != 5 || all[0].Name != datastore.DefaultDatastore || all[4].Name != "lake" {
		t.Errorf("all are %+v, %v", all, err)
	}
	if err := w.DeleteDatastore(w.Context(), "lake"); err != nil {
		t.Error(err)
	}
	var missing *asset.NotFound
	if err := w.DeleteDatastore(w.Context(), "lak"); !errors.As(err, &missing) {
		t.Errorf("error = %v", err)
	}
}

func TestMistakesOfADatastoreAreReportedTogether(t *testing.T) {
	f, err := azureml.ParseDatastore("d.yml", "name: x\ntype: s3\nurl: file:///x\nstands_for: [\"https://h?q\"]\nnonsense: 1\n", azureml.LoadOptions{})
	if err == nil {
		t.Error("the file has a mistake")
	}
	_, err = runs.DefineDatastore(f)
	var problems azureml.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("error = %v", err)
	}
	var got []string
	for _, p := range problems {
		got = append(got, p.Path)
	}
	if diff := cmp.Diff([]string{"url", "stands_for[0]", "nonsense"}, got); diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestDatastoresThatExistFromTheStartStay(t *testing.T) {
	w := newWorkspace(t)
	f, _ := azureml.ParseDatastore("d.yml", "{name: workspaceblobstore, url: 'file:///x'}", azureml.LoadOptions{})
	if _, err := w.CreateDatastore(w.Context(), f); !errors.Is(err, runs.ErrBuiltIn) {
		t.Errorf("error = %v", err)
	}
	if err := w.DeleteDatastore(w.Context(), "workspacefilestore"); !errors.Is(err, runs.ErrBuiltIn) {
		t.Errorf("error = %v", err)
	}
	set := func(key string, value any) (datastore.Definition, error) {
		d, _, err := w.UpdateDatastore(w.Context(), "workspacefilestore", func(file *map[string]any) error {
			(*file)[key] = value
			return nil
		})
		return d, err
	}
	before, _ := w.ShowDatastore(w.Context(), "workspacefilestore")
	for key, value := range map[string]any{"url": "file:///elsewhere", "stands_for": []any{"https://h"}, "account_name": "acme", "credentials": map[string]any{"account_key": "${{env:K}}"}} {
		if _, err := set(key, value); !errors.Is(err, runs.ErrBuiltIn) {
			t.Errorf("%s: error = %v", key, err)
		}
	}
	if d, err := set("description", "shared files"); err != nil || d.Description != "shared files" || d.URL != before.URL {
		t.Errorf("%+v, %v", d, err)
	}
	d, err := set("tags", map[string]any{"a": "b"})
	if err != nil || d.Description != "shared files" || d.Tags["a"] != "b" || d.URL != before.URL || d.Type != before.Type {
		t.Errorf("%+v, %v", d, err)
	}
	// What is noted about one does not move its data.
	content, err := w.Store.PutBytes(w.Context(), []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	content.Name = "f"
	const uri = "azureml://datastores/workspacefilestore/paths/f"
	if err := datastore.New(w.Store).Publish(w.Context(), content, uri); err != nil {
		t.Fatal(err)
	}
	if got, err := datastore.New(w.Store).Fetch(w.Context(), "file://"+filepath.Join(w.Store.Dir(), "datastores", "workspacefilestore", "f"), pipeline.URIFile, nil); err != nil || got.Digest != content.Digest {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAChangeMustLeaveADatastore(t *testing.T) {
	w := newWorkspace(t)
	before := w.datastore("{name: x, type: azure_blob, account_name: a, container_name: c, tags: {a: b}, credentials: {tenant_id: t, client_secret: {file: /k}}}")
	change := func(do func(file map[string]any)) (datastore.Definition, azureml.Problems, error) {
		return w.UpdateDatastore(w.Context(), "x", func(file *map[string]any) error {
			do(*file)
			return nil
		})
	}
	same, _, err := change(func(map[string]any) {})
	if err != nil {
		t.Fatal(err)
	}
	same.Modified, same.ModifiedBy = before.Modified, before.ModifiedBy
	if diff := cmp.Diff(before, same); diff != "" {
		t.Error(diff)
	}
	for want, do := range map[string]func(map[string]any){
		"needs account_name":           func(file map[string]any) { delete(file, "account_name") },
		"account_name: \"B C\" is not": func(file map[string]any) { file["account_name"] = "B C" },
		"url: a datastore cannot":      func(file map[string]any) { file["url"] = "https://h" },
		"this is not a credential":     func(file map[string]any) { file["credentials"] = map[string]any{"hunter2": "x"} },
	} {
		_, _, err := change(do)
		if _, ok := errors.AsType[*runs.NotADatastore](err); !ok || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("error = %v, want %s", err, want)
		}
	}
	after, warnings, err := change(func(file map[string]any) {
		file["credentials"] = map[string]any{"account_key": "hunter2", "sas_token": "${{env:S}}"}
		file["url"] = "gs://b"
	})
	if err != nil || len(warnings) != 1 || after.URL != "gs://b" {
		t.Errorf("%+v, %v, %v", after, warnings, err)
	}
	if diff := cmp.Diff(map[string]datastore.Reference{"sas_token": {Env: "S"}}, after.Credentials); diff != "" {
		t.Error(diff)
	}
	if _, _, err := w.UpdateDatastore(w.Context(), "none", nil); !errors.Is(err, asset.ErrNotFound) {
		t.Errorf("error = %v", err)
	}
}

func TestDocumentsOfDatastores(t *testing.T) {
	for text, want := range map[string]map[string]any{
		"{name: g, type: azure_data_lake_gen2, account_name: a, filesystem: f, endpoint: core.x, protocol: abfss, url: 'file:///x', stands_for: [https://h]}": {
			"type": "azure_data_lake_gen2", "account_name": "a", "filesystem": "f", "endpoint": "core.x", "protocol": "abfss", "url": "file:///x", "stands_for": []any{"https://h"}},
		"{name: g, type: one_lake, one_lake_workspace_name: w, artifact: {type: lake_house, name: n}}": {
			"type": "one_lake", "one_lake_workspace_name": "w", "endpoint": nil, "artifact": map[string]any{"type": "lake_house", "name": "n"}},
		"{name: g, type: azure_data_lake_gen1, store_name: s, credentials: {client_id: c, client_secret: x}}": {
			"type": "azure_data_lake_gen1", "store_name": "s", "credentials": map[string]any{"client_id": "c"}},
		"{name: g, type: azure_file, account_name: a, file_share_name: f, tags: {k: v}}": {
			"type": "azure_file", "account_name": "a", "file_share_name": "f", "endpoint": "core.windows.net", "protocol": "https", "tags": map[string]string{"k": "v"}},
	} {
		f, err := azureml.ParseDatastore("d.yml", text, azureml.LoadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		d, err := runs.DefineDatastore(f)
		if err != nil {
			t.Fatal(err)
		}
		whole := map[string]any{"id": "azureml:datastores/g", "name": "g", "description": nil, "tags": map[string]string{}, "credentials": map[string]any{}}
		maps.Copy(whole, want)
		if diff := cmp.Diff(whole, runs.DatastoreDocument(d)); diff != "" {
			t.Errorf("%s\n%s", text, diff)
		}
	}
}
