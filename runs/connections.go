package runs

import (
	"context"
	"errors"
	"time"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/internal/connection"
	"github.com/millrace-ml/millrace/pipeline"
)

func (s *Service) connections() connection.Shelf { return connection.NewShelf(s.Store) }

// CreateConnection keeps what the file of a connection says, in the place of one
// that has its name. Mistakes are [azureml.Problems].
func (s *Service) CreateConnection(ctx context.Context, f *azureml.ConnectionFile) (connection.Definition, error) {
	d := connection.Definition{
		Name: f.Name, Type: f.Type, Description: f.Description, Tags: f.Tags, Target: f.Target, Credentials: f.Credentials,
	}
	if d.Type == "" {
		d.Type = connection.TypeOf(d.Target)
	}
	if wrong, ok := errors.AsType[*pipeline.Failure](d.Check()); ok {
		f.Mistake(wrong.Hint, wrong.Message)
		return d, f.Problems()
	}
	d.Created, d.CreatedBy = time.Now().UTC(), whoami()
	switch before, err := s.connections().Find(ctx, d.Name); {
	case err == nil:
		d.Modified, d.ModifiedBy = d.Created, d.CreatedBy
		d.Created, d.CreatedBy = before.Created, before.CreatedBy
	case !errors.Is(err, asset.ErrNotFound):
		return d, err
	}
	return d, s.connections().Put(ctx, d)
}

// ListConnections returns all connections by name. Those whose records are
// damaged are in the error, an [asset.Damaged].
func (s *Service) ListConnections(ctx context.Context) ([]connection.Definition, error) {
	return s.connections().All(ctx)
}

// ShowConnection returns one connection, or an [asset.NotFound].
func (s *Service) ShowConnection(ctx context.Context, name string) (connection.Definition, error) {
	return s.connections().Find(ctx, name)
}

// DeleteConnection forgets a connection; what it leads to stays.
func (s *Service) DeleteConnection(ctx context.Context, name string) error {
	return s.connections().Drop(ctx, name)
}

// ConnectionDocument is a connection in the shape of "az ml connection show -o
// json". In the place of credentials stands where they are.
func ConnectionDocument(d connection.Definition) map[string]any {
	return map[string]any{
		"id": "azureml:connections/" + d.Name, "name": d.Name, "type": d.Type, "target": d.Target,
		"description": orNull(d.Description), "tags": nonNil(d.Tags), "credentials": anyMap(d.Credentials),
	}
}
