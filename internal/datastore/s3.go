package datastore

import (
	"context"
	"net/http"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"
)

// openS3 opens a bucket of S3 or of a server that speaks like it. Without
// credentials of its own the usual ones of this process are used.
func (r *Resolver) openS3(ctx context.Context, w where) (*blob.Bucket, error) {
	opener := &s3blob.URLOpener{}
	bucket, err := opener.OpenBucketURL(ctx, &url.URL{Scheme: S3, Host: w.Container, RawQuery: w.Parameters.Encode()})
	if err != nil {
		return nil, err
	}
	var client *s3.Client
	if !bucket.As(&client) {
		return bucket, nil
	}
	// The parameters are read; what they cannot say is added to the client.
	options := client.Options()
	options.HTTPClient, options.RetryMaxAttempts = r.storageClient(), int(max(r.retries, 0))+1
	if known := w.secrets; known["access_key_id"] != "" || known["secret_access_key"] != "" {
		fixed := credentials.NewStaticCredentialsProvider(known["access_key_id"], known["secret_access_key"], known["session_token"])
		options.Credentials = aws.NewCredentialsCache(fixed)
	}
	_ = bucket.Close()
	return s3blob.OpenBucket(ctx, s3.New(options), w.Container, &opener.Options)
}

// storageClient is the client that speaks to buckets. They are asked with
// signatures, which hold for one address only: nobody is followed elsewhere.
func (r *Resolver) storageClient() *http.Client {
	return &http.Client{
		Transport:     r.Client.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
