package runs

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/datastore"
	"github.com/millrace-ml/millrace/pipeline"
)

// DownloadAsset copies data or a model to a folder of its name in dir, and
// returns that folder.
func (s *Service) DownloadAsset(ctx context.Context, ref pipeline.AssetRef, dir string) (string, error) {
	c, err := s.Catalog(ctx, ref.Registry)
	if err != nil {
		return "", err
	}
	v, err := c.Find(ctx, ref)
	if err != nil {
		return "", err
	}
	content, store := v.Artifact, c.Store()
	if content == nil {
		store = s.Store // whose datastores are meant
		fetched, err := datastore.New(store).Fetch(ctx, v.URI, pipeline.PortType(v.Type), nil)
		if err != nil {
			return "", fmt.Errorf("download %s %s: %w", v.Kind, v.Ref("").Short(), err)
		}
		content = &fetched
	}
	folder := filepath.Join(dir, v.Name)
	if err := copyInto(ctx, store, *content, folder); err != nil {
		return "", fmt.Errorf("download %s %s to %s: %w", v.Kind, v.Ref("").Short(), folder, err)
	}
	return folder, nil
}

// copyInto puts an artifact into a folder: a file under its name, a tree as the
// folder's content. Only whole entries are put there; what has their names is
// replaced, and the rest of the folder stays.
func copyInto(ctx context.Context, store *artifact.Store, a pipeline.Artifact, folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	// Beside the folder a rename is a matter of a moment.
	aside, err := os.MkdirTemp(filepath.Dir(folder), ".millrace-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(aside)
	whole := filepath.Join(aside, "content")
	to := whole
	if !a.Tree {
		to = filepath.Join(whole, a.Name)
	}
	if err := store.Stage(ctx, a, to, artifact.Writable); err != nil {
		return err
	}
	entries, err := os.ReadDir(whole)
	if err != nil {
		return err
	}
	for _, e := range entries {
		at := filepath.Join(folder, e.Name())
		if err := os.RemoveAll(at); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(whole, e.Name()), at); err != nil {
			return err
		}
	}
	return nil
}
