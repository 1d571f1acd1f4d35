package datastore

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/pipeline"
)

// Resolver brings data from outside into a store, and publishes what was made.
// It may be used from many goroutines once its fields are set.
type Resolver struct {
	store *artifact.Store
	shelf Shelf

	// Client does the downloads. New sets one that waits for no server forever.
	Client *http.Client
	// MaxDownload is how many bytes one download may have; 0 means any number.
	MaxDownload int64
	// Stall is how long a download may go without a byte.
	Stall time.Duration
	// LookupEnv reads the environment variables that credentials are in. New
	// sets that of this process.
	LookupEnv func(name string) (value string, ok bool)

	// retries is how often the server of a bucket is asked again at once.
	retries int32
	opened  opened
}

// New returns a resolver for a store, and for the datastores whose definitions
// are in it. They are read when they are needed, so that one that is made later
// is found.
func New(store *artifact.Store) *Resolver {
	return &Resolver{
		store: store, shelf: NewShelf(store), Client: newClient(), Stall: 2 * time.Minute, LookupEnv: os.LookupEnv, retries: 2,
	}
}

// Names are the names of all datastores that can be read.
func (r *Resolver) Names(ctx context.Context) ([]string, error) { return r.shelf.Names(ctx) }

// Check reports, without looking at any data, why nothing can be read from or
// written to an address: it is not one, or its datastore does not exist. The
// error's hint says what does exist, and how to create what does not.
func (r *Resolver) Check(ctx context.Context, uri string) error {
	u, err := ParseURI(uri)
	if err != nil || u.Scheme != Azure {
		return err
	}
	if d, err := r.definition(ctx, u); err != nil {
		return at(u, "look at", err)
	} else if !IsFixed(d.Name) {
		if _, err := d.location(); err != nil {
			return at(u, "look at", err)
		}
	}
	return nil
}

// Fetch brings the data at an address into the store. What is there decides
// whether it becomes a file or a tree; the type of the port that asks matters
// only on the web, where an address is one file, or a folder of Azure's.
// Progress, if not nil, is told how many bytes have arrived of a single file,
// from one goroutine.
func (r *Resolver) Fetch(
	ctx context.Context, uri string, want pipeline.PortType, progress func(bytes int64),
) (pipeline.Artifact, error) {
	u, err := ParseURI(uri)
	if err != nil {
		return pipeline.Artifact{}, err
	}
	a, err := r.fetch(ctx, u, want, progress)
	if err != nil {
		return pipeline.Artifact{}, at(u, "fetch", err)
	}
	return a, nil
}

func (r *Resolver) fetch(ctx context.Context, u URI, want pipeline.PortType, progress func(int64)) (pipeline.Artifact, error) {
	p, below, err := r.find(ctx, u, want)
	if err != nil {
		return pipeline.Artifact{}, err
	}
	if p == nil {
		return r.download(ctx, u, want, progress)
	}
	a, err := p.fetch(ctx, target{path: below, folder: u.Folder && below != "", name: path.Base(u.Path), progress: progress})
	if nowhere, ok := errors.AsType[*nothing](err); ok {
		if up, ok := u.uploaded(); ok {
			return r.fetchUpload(ctx, u, up)
		}
		if u.Datastore == DefaultDatastore && u.Path == outputsFolder {
			return r.store.PutTree(ctx, artifact.Tree{})
		}
		return a, nowhere.error
	}
	return a, err
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
	if err := r.publish(ctx, a, u); err != nil {
		return at(u, "publish", err)
	}
	return nil
}

func (r *Resolver) publish(ctx context.Context, a pipeline.Artifact, u URI) error {
	if _, ok := u.uploaded(); ok {
		return invalid("write another path", "what lies here was uploaded, and does not change")
	}
	p, err := r.inDatastore(ctx, u)
	if err != nil {
		return err
	}
	if !a.Tree && u.Folder {
		if !isName(a.Name) {
			return invalid("write the name of the file at the end of the path", "this is a folder, and the output is a file without a name")
		}
		u.Path, u.Folder = path.Join(u.Path, a.Name), false
	}
	return p.publish(ctx, a, u.Path)
}

// find finds where the data of an address is, and its path there. The place is
// nil for what is to be downloaded.
func (r *Resolver) find(ctx context.Context, u URI, want pipeline.PortType) (p place, below string, err error) {
	if u.Scheme == Azure {
		p, err = r.inDatastore(ctx, u)
		return p, u.Path, err
	}
	if u.Scheme == File {
		return folder{r.store, u.Path}, "", nil
	}
	if d, below, err := r.standIn(ctx, u); err != nil {
		return nil, "", err
	} else if d != nil {
		p, err := r.placeOf(ctx, *d)
		return p, below, err
	}
	return r.direct(ctx, u, want)
}

// inDatastore is the place that a datastore is.
func (r *Resolver) inDatastore(ctx context.Context, u URI) (place, error) {
	d, err := r.definition(ctx, u)
	if err != nil {
		return nil, err
	}
	if !IsFixed(d.Name) {
		return r.placeOf(ctx, d)
	}
	if dir := r.store.Dir(); dir != "" {
		return folder{r.store, filepath.Join(dir, "datastores", d.Name)}, nil
	}
	return &objects{
		store: r.store, bucket: r.store.Bucket(), prefix: "datastores/" + d.Name, called: "the bucket of the store", stall: r.Stall,
	}, nil
}

// definition is that of the datastore that an address names.
func (r *Resolver) definition(ctx context.Context, u URI) (Definition, error) {
	if err := pipeline.CheckAssetName("datastore", u.Datastore); err != nil {
		return Definition{}, invalid("", "%s", err)
	}
	if IsFixed(u.Datastore) {
		return Definition{Name: u.Datastore}, nil
	}
	d, err := r.shelf.Find(ctx, u.Datastore)
	if missing, ok := errors.AsType[*asset.NotFound](err); ok {
		return d, r.unknown(ctx, u.Datastore, missing.Near)
	}
	return d, err
}

// unknown says which datastores there are, and how to make one.
func (r *Resolver) unknown(ctx context.Context, name string, near []string) error {
	const most = 8
	names, err := r.Names(ctx)
	if err != nil {
		return err
	}
	hint := "these exist: " + strings.Join(names[:min(most, len(names))], ", ")
	if more := len(names) - most; more > 0 {
		hint += fmt.Sprintf(" and %d more", more)
	}
	if len(near) > 0 {
		hint = fmt.Sprintf("did you mean %q?", near[0])
	}
	return invalid(hint+"; `millrace datastore create --name "+name+" --url file:///FOLDER` makes one, and `millrace datastore create --help` shows the other kinds",
		"there is no datastore %q", name)
}

// placeOf is the place that a definition means.
func (r *Resolver) placeOf(ctx context.Context, d Definition) (place, error) {
	u, err := d.location()
	if err != nil {
		return nil, err
	}
	if u.Scheme == File {
		return folder{r.store, u.Path}, nil
	}
	known, err := r.lookUp(d)
	if err != nil {
		return nil, err
	}
	return r.inBucket(ctx, where{URI: u, insecure: d.insecure(), defined: true, secrets: known})
}

// standIn finds the datastore that stands for an address, and the path of the
// address in it. Of several the one that says most is taken.
func (r *Resolver) standIn(ctx context.Context, u URI) (*Definition, string, error) {
	address := u.address()
	if address == "" {
		return nil, "", nil
	}
	made, err := r.shelf.made(ctx)
	if err != nil {
		return nil, "", err
	}
	var best *Definition
	var most int
	var path string
	for i, d := range made {
		if d.URL == "" && u.signed() {
			continue // the address has credentials of its own
		}
		if _, err := d.location(); err != nil {
			continue // it cannot be read either
		}
		for _, root := range d.addresses() {
			if rest, ok := below(address, root); ok && len(root) > most {
				best, most, path = &made[i], len(root), rest
			}
		}
	}
	return best, path, nil
}

// signed reports whether an address on the web has a query, which may be a
// signature.
func (u URI) signed() bool { return u.URL != nil && u.URL.RawQuery != "" }

// direct is the place of an address that no datastore stands for.
func (r *Resolver) direct(ctx context.Context, u URI, want pipeline.PortType) (place, string, error) {
	switch u.Scheme {
	case S3, GS, AzBlob:
		w := where{URI: u}
		w.Path = ""
		o, err := r.inBucket(ctx, w)
		return o, u.Path, err
	case ADL:
		return nil, "", invalid("copy the data to this machine; "+howToMap,
			"Millrace cannot read from Azure Data Lake Gen1")
	}
	s, ok := u.storage()
	switch {
	case u.URL != nil && (!ok || s.container == "" || !u.Folder && !isFolder(want)):
		return nil, "", nil
	case s.container == "":
		return nil, "", invalid("write "+u.Scheme+"://CONTAINER@ACCOUNT.blob.core.windows.net/PATH", "this does not name a container")
	}
	w := where{URI: URI{Scheme: WASBS, Host: s.host, Container: s.container, Folder: true}}
	if u.URL != nil {
		w.insecure = u.Scheme == HTTP
		if u.signed() {
			w.secrets = secrets{"sas_token": u.URL.RawQuery}
		}
	}
	o, err := r.inBucket(ctx, w)
	if err == nil && len(o.secrets) == 0 {
		o.public = true
	}
	return o, s.path, err
}

// isFolder reports whether a port wants a folder.
func isFolder(want pipeline.PortType) bool {
	return slices.Contains([]pipeline.PortType{pipeline.URIFolder, pipeline.MLTable, pipeline.MLflowModel, pipeline.TritonModel}, want)
}

// isName reports whether text can be the name of a file.
func isName(text string) bool {
	return text != "" && text != "." && text != ".." && len(text) <= maxName && !strings.ContainsAny(text, "/\x00")
}
