package datastore

import (
	"context"
	"errors"
	"strings"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

// Azure copies what is on the user's machine to a folder of the default
// datastore, LocalUpload/HASH/NAME. Here the store has it already: the address
// names the artifact by its digest, and nothing lies there.

// uploads is where uploaded data seems to lie.
const uploads = "LocalUpload"

// outputsFolder is the folder of the default datastore that outputs without a
// path of their own go to, as their documents have it. It exists from the start:
// files name it as an input.
const outputsFolder = "azureml"

// UploadURI is the address under which an artifact that was made from local
// data is known. The name is that of the file or folder.
func UploadURI(a pipeline.Artifact, name string) string {
	uri := "azureml://datastores/" + DefaultDatastore + "/paths/" + uploads + "/" + a.Digest.Hex() + "/"
	if isName(name) && !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		uri += name
		if a.Tree {
			uri += "/"
		}
	}
	return uri
}

// upload is the address of uploaded data, taken apart.
type upload struct {
	digest pipeline.Digest
	// name is that of the file or folder; rest is the path below it.
	name, rest string
}

// uploaded takes the address of uploaded data apart; ok is false for any other.
func (u URI) uploaded() (up upload, ok bool) {
	if u.Scheme != Azure || u.Datastore != DefaultDatastore {
		return upload{}, false
	}
	rest, ok := strings.CutPrefix(u.Path, uploads+"/")
	if !ok {
		return upload{}, false
	}
	hex, rest, _ := strings.Cut(rest, "/")
	digest, err := pipeline.ParseDigest("blake3:" + hex)
	if err != nil {
		return upload{}, false
	}
	name, rest, _ := strings.Cut(rest, "/")
	return upload{digest, name, rest}, true
}

// fetchUpload finds uploaded data in the store. Nothing is copied.
func (r *Resolver) fetchUpload(ctx context.Context, u URI, up upload) (pipeline.Artifact, error) {
	const hint = "create the data or model asset again, from the files it was made of"
	a, err := r.store.Recall(ctx, up.digest)
	if errors.Is(err, artifact.ErrGone) {
		return a, &nothing{missing(hint, "there is nothing of that digest in the store")}
	}
	if err != nil {
		return a, err
	}
	if a.Tree {
		a, err = r.store.Select(ctx, a, up.rest)
		if errors.Is(err, artifact.ErrGone) {
			return a, &nothing{missing("", "there is no file or folder %q in it", up.rest)}
		}
		return a, err
	}
	if up.rest != "" || u.Folder && up.name != "" {
		return a, &nothing{missing("", "it is a file, and the address that of a folder")}
	}
	a.Name = up.name
	if !isName(up.name) {
		a.Name = up.digest.Short()
	}
	return a, nil
}
