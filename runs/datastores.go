package runs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"time"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/internal/datastore"
)

// DefineDatastore makes the definition that the file of a datastore asks for. It
// reports all mistakes at once, as [azureml.Problems], those of the file among
// them.
func DefineDatastore(f *azureml.DatastoreFile) (datastore.Definition, error) {
	d := datastore.Definition{
		Name: f.Name, Type: datastore.Type(f.Type), Description: f.Description, Tags: f.Tags,
		AccountName: f.Fields["account_name"], ContainerName: f.Fields["container_name"], Filesystem: f.Fields["filesystem"],
		FileShareName: f.Fields["file_share_name"], StoreName: f.Fields["store_name"], Workspace: f.Fields["one_lake_workspace_name"],
		Endpoint: f.Fields["endpoint"], Protocol: f.Fields["protocol"], URL: f.Fields["url"], StandsFor: f.StandsFor,
	}
	if f.ItemName != "" || f.ItemType != "" {
		d.Artifact = &datastore.LakeItem{Type: f.ItemType, Name: f.ItemName}
	}
	for key, c := range f.Credentials {
		if d.Credentials == nil {
			d.Credentials = map[string]datastore.Reference{}
		}
		d.Credentials[key] = datastore.Reference{Env: c.Env, File: c.File, Text: c.Text}
	}
	for _, m := range d.Check() {
		if m.Key != "name" { // of which the file has said all
			f.Mistake(m.Key, m.Hint, m.Message)
		}
	}
	return d, f.Problems().Errors().ErrorOrNil()
}

// CreateDatastore keeps what the file of a datastore says, in the place of a
// datastore that has its name. Those that exist from the start are [ErrBuiltIn].
func (s *Service) CreateDatastore(ctx context.Context, f *azureml.DatastoreFile) (datastore.Definition, error) {
	d, err := DefineDatastore(f)
	if err != nil {
		return d, err
	}
	if datastore.IsFixed(d.Name) {
		return d, fixedDatastore(d.Name)
	}
	d.Created, d.CreatedBy = time.Now().UTC(), whoami()
	switch before, err := s.shelf().Find(ctx, d.Name); {
	case err == nil:
		d.Modified, d.ModifiedBy = d.Created, d.CreatedBy
		d.Created, d.CreatedBy = before.Created, before.CreatedBy
	case !errors.Is(err, asset.ErrNotFound):
		return d, err
	}
	return d, s.shelf().Put(ctx, d)
}

func (s *Service) shelf() datastore.Shelf { return datastore.NewShelf(s.Store) }

func fixedDatastore(name string) error {
	return fmt.Errorf("the datastore %s %w: its data lies beside the store", name, ErrBuiltIn)
}

// ListDatastores returns all datastores, those that exist from the start first,
// the others by name. Those whose records are damaged are in the error, an
// [asset.Damaged].
func (s *Service) ListDatastores(ctx context.Context) ([]datastore.Definition, error) {
	return s.shelf().All(ctx)
}

// ShowDatastore returns one datastore, or an [asset.NotFound].
func (s *Service) ShowDatastore(ctx context.Context, name string) (datastore.Definition, error) {
	return s.shelf().Find(ctx, name)
}

// UpdateDatastore changes a datastore. The change is given what the file of the
// datastore would say, and leaves there what it should say. Of those that exist
// from the start only the description and the tags can change. The problems are
// warnings.
func (s *Service) UpdateDatastore(ctx context.Context, name string, change func(file *map[string]any) error) (datastore.Definition, azureml.Problems, error) {
	before, err := s.shelf().Find(ctx, name)
	if err != nil {
		return before, nil, err
	}
	file := datastoreFile(before)
	if err := change(&file); err != nil {
		return before, nil, err
	}
	if datastore.IsFixed(name) {
		rest, was := maps.Clone(file), datastoreFile(before)
		for _, key := range []string{"description", "tags"} {
			delete(rest, key)
			delete(was, key)
		}
		if !reflect.DeepEqual(was, rest) {
			return before, nil, fixedDatastore(name)
		}
		// They need not say where they are.
		file = map[string]any{"name": name, "url": "file:///", "description": file["description"], "tags": file["tags"]}
	}
	text, err := json.Marshal(file)
	if err != nil {
		return before, nil, fmt.Errorf("update datastore %s: %w", name, err)
	}
	f, _ := azureml.ParseDatastore("datastore "+name, string(text), azureml.LoadOptions{})
	d, err := DefineDatastore(f)
	if err != nil {
		return before, nil, &NotADatastore{f.Problems().Errors()}
	}
	d.Created, d.CreatedBy, d.Modified, d.ModifiedBy = before.Created, before.CreatedBy, time.Now().UTC(), whoami()
	if err := s.shelf().Put(ctx, d); err != nil {
		return before, nil, err
	}
	d, err = s.shelf().Find(ctx, name)
	return d, f.Problems().Warnings(), err
}

// NotADatastore says what a change would make of a datastore that it cannot be.
type NotADatastore struct{ Problems azureml.Problems }

// Error has a line for every mistake. They stand in no file: the text that was
// read is made of the change.
func (e *NotADatastore) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.Message
		if p.Path != "" {
			lines[i] = p.Path + ": " + lines[i]
		}
		if p.Hint != "" {
			lines[i] += " (" + p.Hint + ")"
		}
	}
	return strings.Join(lines, "\n")
}

// DeleteDatastore forgets a datastore. Its data stays where it is.
func (s *Service) DeleteDatastore(ctx context.Context, name string) error {
	if datastore.IsFixed(name) {
		return fixedDatastore(name)
	}
	return s.shelf().Drop(ctx, name)
}

// datastoreFields are the keys that say where the data of a type is.
func datastoreFields(d datastore.Definition) map[string]any {
	switch d.Type {
	case datastore.AzureBlob:
		return map[string]any{"account_name": d.AccountName, "container_name": d.ContainerName, "endpoint": d.Endpoint, "protocol": d.Protocol}
	case datastore.AzureFile:
		return map[string]any{"account_name": d.AccountName, "file_share_name": d.FileShareName, "endpoint": d.Endpoint, "protocol": d.Protocol}
	case datastore.AzureGen2:
		return map[string]any{"account_name": d.AccountName, "filesystem": d.Filesystem, "endpoint": d.Endpoint, "protocol": d.Protocol}
	case datastore.AzureGen1:
		return map[string]any{"store_name": d.StoreName}
	case datastore.OneLake:
		fields := map[string]any{"one_lake_workspace_name": d.Workspace, "endpoint": d.Endpoint}
		if d.Artifact != nil {
			fields["artifact"] = map[string]any{"type": d.Artifact.Type, "name": d.Artifact.Name}
		}
		return fields
	}
	return nil
}

// datastoreFile is what the file of a datastore would say.
func datastoreFile(d datastore.Definition) map[string]any {
	file := datastoreFields(d)
	if file == nil {
		file = map[string]any{}
	}
	file["name"], file["type"], file["description"], file["url"] = d.Name, string(d.Type), d.Description, d.URL
	file["tags"], file["credentials"], file["stands_for"] = anyMap(d.Tags), credentialsDocument(d), anyList(d.StandsFor)
	return file
}

// credentialsDocument says where the credentials are, as a file would.
func credentialsDocument(d datastore.Definition) map[string]any {
	written := map[string]any{}
	for key, ref := range d.Credentials {
		written[key] = ref.String()
	}
	return written
}

// DatastoreDocument is a datastore in the shape that "az ml datastore show -o
// json" gives it. In the place of credentials stands where they are.
func DatastoreDocument(d datastore.Definition) map[string]any {
	doc := map[string]any{
		"id": "azureml:datastores/" + d.Name, "name": d.Name, "type": string(d.Type), "description": orNull(d.Description),
		"tags": nonNil(d.Tags), "credentials": credentialsDocument(d),
	}
	maps.Copy(doc, datastoreFields(d))
	for key, usual := range map[string]string{"endpoint": "core.windows.net", "protocol": "https"} {
		if text, there := doc[key]; there && text == "" && d.AccountName != "" {
			doc[key] = usual
		}
	}
	for key, v := range doc {
		if v == "" {
			doc[key] = nil
		}
	}
	if d.URL != "" {
		doc["url"] = d.URL
	}
	if len(d.StandsFor) > 0 {
		doc["stands_for"] = anyList(d.StandsFor)
	}
	return doc
}

func anyMap(m map[string]string) map[string]any {
	all := map[string]any{}
	for k, v := range m {
		all[k] = v
	}
	return all
}

func anyList(list []string) []any {
	all := make([]any, len(list))
	for i, v := range list {
		all[i] = v
	}
	return all
}

// NameForAddress is the name of the datastore that is to stand for an address:
// of the one that does nothing else already, or a new one.
func (s *Service) NameForAddress(ctx context.Context, address string) (string, error) {
	base, err := datastore.NameFor(address)
	if err != nil {
		return "", err
	}
	all, err := s.ListDatastores(ctx)
	if err != nil {
		return "", err
	}
	taken := map[string]bool{}
	for _, d := range all {
		if d.StandsOnlyFor(address) {
			return d.Name, nil
		}
		taken[d.Name] = true
	}
	name := base
	for n := 2; taken[name]; n++ {
		name = fmt.Sprintf("%s_%d", base, n)
	}
	return name, nil
}
