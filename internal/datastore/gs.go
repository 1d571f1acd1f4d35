package datastore

import (
	"context"

	storageapi "cloud.google.com/go/storage"
	"gocloud.dev/blob"
	"gocloud.dev/blob/gcsblob"
	"gocloud.dev/gcp"
	"golang.org/x/oauth2/google"
)

// scopeGS is what a key for Google's storage is asked for.
const scopeGS = "https://www.googleapis.com/auth/devstorage.read_write"

// openGS opens a bucket of Google Cloud Storage: with the credentials of the
// datastore, else with those of this process, else as a stranger.
func (r *Resolver) openGS(ctx context.Context, w where) (*blob.Bucket, error) {
	client := gcp.NewAnonymousHTTPClient(r.Client.Transport)
	if w.Parameters.Get("anonymous") != "true" {
		// What is opened outlives the request that opens it.
		found, err := r.googleCredentials(context.WithoutCancel(ctx), w.secrets)
		if err != nil {
			return nil, err
		}
		if found != nil {
			if client, err = gcp.NewHTTPClient(r.Client.Transport, gcp.CredentialsTokenSource(found)); err != nil {
				return nil, err
			}
		}
	}
	bucket, err := gcsblob.OpenBucket(ctx, client, w.Container, nil)
	if err != nil {
		return nil, err
	}
	var google *storageapi.Client
	if bucket.As(&google) {
		google.SetRetry(storageapi.WithMaxAttempts(int(max(r.retries, 0)) + 1)) // else it asks forever
	}
	return bucket, nil
}

func (r *Resolver) googleCredentials(ctx context.Context, known secrets) (*google.Credentials, error) {
	if key := known["service_account_key"]; key != "" {
		found, err := google.CredentialsFromJSONWithType(ctx, []byte(key), google.ServiceAccount, scopeGS)
		if err != nil {
			return nil, missing("give the JSON file of a service account", "the credential service_account_key is not the key of a service account")
		}
		return found, nil
	}
	found, err := gcp.DefaultCredentials(ctx)
	if err != nil {
		return nil, nil //nolint:nilerr // without any, only what is public can be read; that is no error yet
	}
	return found, nil
}
