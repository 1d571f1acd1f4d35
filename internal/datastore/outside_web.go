package datastore

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// page is one file on the web, which can only be read.
type page struct {
	*Resolver
	uri URI
}

func (p *page) ask(ctx context.Context, method string, from int64) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, p.uri.URL.String(), nil)
	if err != nil {
		return nil, invalid("write https://HOST/PATH", "it cannot be asked for")
	}
	request.Header.Set("User-Agent", "millrace")
	if from > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	response, err := p.Client.Do(request)
	if err != nil {
		return nil, transportFailure(ctx, err)
	}
	return response, nil
}

func (p *page) files(ctx context.Context, _ target) ([]Entry, bool, error) {
	one, err := p.look(ctx, "")
	if err != nil {
		return nil, false, err
	}
	return []Entry{*one}, true, nil
}

// look asks for the head of the file. Servers that do not answer that are asked
// for the whole, later.
func (p *page) look(ctx context.Context, _ string) (*Entry, error) {
	one := &Entry{Path: webName(p.uri.URL), Size: -1}
	response, err := p.ask(ctx, http.MethodHead, 0)
	if err != nil {
		return nil, err
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return one, nil
	}
	one.Size = response.ContentLength
	tag := response.Header.Get("ETag")
	if tag == "" {
		tag = response.Header.Get("Last-Modified")
	}
	if tag != "" && response.Header.Get("Accept-Ranges") == "bytes" {
		one.Version = fmt.Sprintf("%d-%s", one.Size, tag)
	}
	return one, nil
}

func (p *page) open(ctx context.Context, _ string, from int64) (io.ReadCloser, error) {
	inside, cancel := context.WithCancelCause(ctx)
	response, err := p.ask(inside, http.MethodGet, from) //nolint:bodyclose // whoever reads it does
	if err != nil {
		cancel(nil)
		return nil, err
	}
	if from > 0 && response.StatusCode == http.StatusPartialContent {
		response.StatusCode = http.StatusOK
		from = 0
	}
	if err := p.acceptable(response); err != nil {
		_ = response.Body.Close()
		cancel(nil)
		return nil, err
	}
	body := &watched{body: response.Body, limit: p.MaxDownload, patience: p.Stall}
	body.stalled = time.AfterFunc(p.Stall, func() { cancel(errStalled) })
	read := &pulled{Reader: body, explain: func(err error) error { return p.bodyFailure(ctx, inside, body, err) }, close: func() error {
		body.stalled.Stop()
		cancel(nil)
		return response.Body.Close()
	}}
	// A server that sends the whole again is read up to where we were.
	if _, err := io.CopyN(io.Discard, read, from); err != nil {
		_ = read.Close()
		return nil, err
	}
	return read, nil
}

func (p *page) pour(context.Context, string, Content) (Written, error) {
	return Written{}, p.readOnly()
}

func (p *page) makeFolder(context.Context, string) error { return p.readOnly() }

func (p *page) readOnly() error {
	return invalid("write azureml://datastores/NAME/paths/PATH", "nothing can be written to an address on the web")
}
