package datastore

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
	"unicode"

	"github.com/millrace-ml/millrace/pipeline"
)

// maxRedirects is what browsers and Go's own client allow, near enough.
const maxRedirects = 10

func newClient() *http.Client {
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   20 * time.Second,
		ResponseHeaderTimeout: 2 * time.Minute,
		IdleConnTimeout:       30 * time.Second,
		MaxIdleConnsPerHost:   atOnce,
		ForceAttemptHTTP2:     true,
		// Bytes are kept as they are published.
		DisableCompression: true,
	}
	return &http.Client{Transport: transport, CheckRedirect: checkRedirect}
}

// checkRedirect returns failures: where a server sends its visitors is no
// matter of trying again.
func checkRedirect(next *http.Request, before []*http.Request) error {
	switch to := next.URL.Scheme; {
	case len(before) > maxRedirects:
		return missing("check the address", "it redirects more than %d times", maxRedirects)
	case to != HTTP && to != HTTPS:
		return missing("check the address", "it redirects to %s://, which cannot be read", to)
	case before[0].URL.Scheme == HTTPS && to == HTTP:
		return missing("", "it redirects from https:// to http://, which is not safe")
	}
	return nil
}

// errStalled ends a download that has stopped coming.
var errStalled = errors.New("no data arrived")

// download reads one file from the web.
func (r *Resolver) download(
	ctx context.Context, u URI, want pipeline.PortType, progress func(int64),
) (pipeline.Artifact, error) {
	if isFolder(want) {
		return pipeline.Artifact{}, invalid("download the folder and give its path, or give the input the type uri_file; "+howToMap,
			"an address on the web is one file, and the type of the input, %s, needs a folder", want)
	}
	requested, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	request, err := http.NewRequestWithContext(requested, http.MethodGet, u.URL.String(), nil)
	if err != nil {
		return pipeline.Artifact{}, invalid("write https://HOST/PATH", "it cannot be asked for")
	}
	request.Header.Set("User-Agent", "millrace")
	response, err := r.Client.Do(request)
	if err != nil {
		return pipeline.Artifact{}, transportFailure(ctx, err)
	}
	defer func() { _ = response.Body.Close() }()
	if err := r.acceptable(response); err != nil {
		return pipeline.Artifact{}, err
	}
	body := &watched{body: response.Body, limit: r.MaxDownload, progress: progress}
	body.stalled = time.AfterFunc(r.Stall, func() { cancel(errStalled) })
	body.patience = r.Stall
	defer body.stalled.Stop()
	a, err := r.store.Put(requested, body)
	if err != nil {
		return pipeline.Artifact{}, r.bodyFailure(ctx, requested, body, err)
	}
	a.Name = webName(u.URL)
	return a, nil
}

// acceptable turns answers that carry no data into failures.
func (r *Resolver) acceptable(response *http.Response) error {
	switch code := response.StatusCode; {
	case code == http.StatusOK:
	case code >= 500, code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests:
		return unreachable("the server answered %s", response.Status)
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return missing("check that the address may be read without signing in, or that its signature has not expired",
			"the server answered %s", response.Status)
	default:
		return missing("check the address", "the server answered %s", response.Status)
	}
	if r.MaxDownload > 0 && response.ContentLength > r.MaxDownload {
		return r.tooLarge()
	}
	return nil
}

func (r *Resolver) tooLarge() error {
	return missing("", "the file has more than the %d bytes that are allowed", r.MaxDownload)
}

// transportFailure explains why there was no answer. The address, with
// whatever is secret in it, is cut off.
func transportFailure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if known, ok := errors.AsType[*pipeline.Failure](err); ok {
		return known
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	var unknown *net.DNSError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &unknown) && unknown.IsNotFound:
		return missing("check the address, and that this machine is connected; "+howToMap, "there is no host %q", unknown.Name)
	case errors.As(err, &certificate):
		return missing("", "the server's certificate is not valid: %v", certificate.Err)
	}
	return unreachable("the server cannot be reached: %v", err)
}

// bodyFailure tells a download that broke off from a store that failed.
func (r *Resolver) bodyFailure(ctx, requested context.Context, body *watched, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(context.Cause(requested), errStalled):
		return unreachable("no data arrived for %v, after %d bytes", r.Stall, body.read)
	case errors.Is(err, errTooLarge):
		return r.tooLarge()
	case body.failed != nil:
		return unreachable("the download broke off after %d bytes: %v", body.read, body.failed)
	}
	return err
}

var errTooLarge = errors.New("too large")

// watched is the body of a response. It counts, and notices when nothing comes.
type watched struct {
	body     io.Reader
	limit    int64
	progress func(int64)
	stalled  *time.Timer
	patience time.Duration
	read     int64
	failed   error // what the network has said, if it failed
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.body.Read(p)
	w.read += int64(n)
	w.stalled.Reset(w.patience)
	if err != nil && !errors.Is(err, io.EOF) {
		w.failed = err
	}
	if w.limit > 0 && w.read > w.limit {
		return 0, errTooLarge
	}
	if w.progress != nil && n > 0 {
		w.progress(w.read)
	}
	return n, err
}

// webName is the name that a download gets: the last one in the path of its
// address.
func webName(u *url.URL) string {
	if name := path.Base(u.Path); isName(name) && !strings.ContainsFunc(name, unicode.IsControl) {
		return name
	}
	return "download"
}
