package datastore

import (
	"context"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

// DefaultDatastore is meant where a file names none.
const DefaultDatastore = "workspaceblobstore"

// Names are the datastores that exist.
func Names() []string {
	return []string{DefaultDatastore, "workspacefilestore", "workspaceworkingdirectory", "workspaceartifactstore"}
}

// Resolver brings data from outside into a store, and publishes what was made.
// It may be used from many goroutines once its fields are set.
type Resolver struct {
	store *artifact.Store

	// Client does the downloads. New sets one that waits for no server forever.
	Client *http.Client
	// MaxDownload is how many bytes one download may have; 0 means any number.
	MaxDownload int64
	// Stall is how long a download may go without a byte.
	Stall time.Duration
}

// New returns a resolver for a store, and for the datastores that lie in it.
func New(store *artifact.Store) *Resolver {
	return &Resolver{store: store, Client: newClient(), Stall: 2 * time.Minute}
}

// Fetch brings the data at an address into the store. What is there decides
// whether it becomes a file or a tree; the type of the port that asks matters
// only on the web, where an address is one file. Progress, if not nil, is told
// how many bytes have arrived of a download, from one goroutine.
func (r *Resolver) Fetch(
	ctx context.Context, uri string, want pipeline.PortType, progress func(bytes int64),
) (pipeline.Artifact, error) {
	u, err := ParseURI(uri)
	if err != nil {
		return pipeline.Artifact{}, err
	}
	var a pipeline.Artifact
	switch u.Scheme {
	case Azure:
		if err := known(u); err != nil {
			return pipeline.Artifact{}, err
		}
		if r.store.Dir() == "" {
			a, err = r.fetchObjects(ctx, u)
		} else {
			a, err = r.fetchPlace(ctx, u)
		}
	case File:
		a, err = r.fetchLocal(ctx, u, u.Path, u.Path)
	default:
		a, err = r.download(ctx, u, want, progress)
	}
	if err != nil {
		return pipeline.Artifact{}, at(u, "fetch", err)
	}
	return a, nil
}

// Publish writes an artifact to a place in a datastore: a tree as the folder of
// that path, a file as that path or, where the path ends in a slash, under its
// own name in that folder. Files that were there are replaced, each at once;
// others in the folder stay. What is written are copies, which may be changed.
func (r *Resolver) Publish(ctx context.Context, a pipeline.Artifact, uri string) error {
	u, err := ParseURI(uri)
	if err != nil {
		return err
	}
	if u.Scheme != Azure {
		return invalid("write azureml://datastores/"+DefaultDatastore+"/paths/PATH",
			"outputs cannot be published to %s: only to datastores", u)
	}
	if err := known(u); err != nil {
		return err
	}
	if !a.Tree && u.Folder {
		if !isName(a.Name) {
			return invalid("write the name of the file at the end of the path", "%s is a folder, and the output is a file without a name", u)
		}
		u.Path, u.Folder = path.Join(u.Path, a.Name), false
	}
	if r.store.Dir() == "" {
		err = r.publishObjects(ctx, a, u)
	} else {
		err = r.publishPlace(ctx, a, u)
	}
	if err != nil {
		return at(u, "publish", err)
	}
	return nil
}

func known(u URI) error {
	if !slices.Contains(Names(), u.Datastore) {
		return invalid("these exist: "+strings.Join(Names(), ", "), "%s: there is no datastore %q", u, u.Datastore)
	}
	return nil
}

// isName reports whether text can be the name of a file.
func isName(text string) bool {
	return text != "" && text != "." && text != ".." && len(text) <= maxName && !strings.ContainsAny(text, "/\x00")
}

// fetchLocal imports a file or folder of this machine. Shown is its path as the
// user knows it, and gives a file its name.
func (r *Resolver) fetchLocal(ctx context.Context, u URI, local, shown string) (pipeline.Artifact, error) {
	info, err := os.Stat(local)
	if err != nil {
		return pipeline.Artifact{}, notThere(u, shown, err)
	}
	if info.IsDir() {
		return r.store.ImportTree(ctx, local, artifact.Copy)
	}
	a, err := r.store.ImportFile(ctx, local, artifact.Copy)
	if name := path.Base(shown); err == nil && isName(name) {
		a.Name = name
	}
	return a, err
}
