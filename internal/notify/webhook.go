package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/millrace-ml/millrace/internal/secret"
)

// The headers of a webhook's request.
const (
	headerEvent     = "X-Millrace-Event"
	headerDelivery  = "X-Millrace-Delivery"
	headerSignature = "X-Millrace-Signature"
)

// sign is the value of the header by which a receiver knows who has sent a
// message, and when: the HMAC-SHA256 over "TIME.BODY".
func sign(key string, at time.Time, body []byte) string {
	stamp := strconv.FormatInt(at.Unix(), 10)
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(stamp + "."))
	h.Write(body)
	return "t=" + stamp + ",v1=" + hex.EncodeToString(h.Sum(nil))
}

// stay does not follow redirects: a message goes where the configuration says,
// and nowhere else.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func (c *Channel) post(ctx context.Context, m Message) error {
	address := c.URL
	if isReference(address) {
		var err error
		if address, err = secret.Resolve(address); err != nil {
			return err
		}
	}
	u, err := webAddress(address)
	if err != nil {
		return final{err}
	}
	body, err := m.json()
	if err != nil {
		return final{err}
	}
	ctx, cancel := context.WithTimeout(ctx, webhookTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return final{errors.New("url is no address")}
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "millrace")
	request.Header.Set(headerEvent, string(m.Event))
	request.Header.Set(headerDelivery, m.ID)
	if c.Secret != "" {
		key, err := secret.Resolve(c.Secret)
		if err != nil {
			return err
		}
		request.Header.Set(headerSignature, sign(key, time.Now(), body))
	}
	answer, err := (&http.Client{CheckRedirect: stay}).Do(request)
	if err != nil {
		// Without the address, which may be the secret.
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err
		}
		return err
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection can be used again
	return judge(answer.StatusCode)
}

// judge says what a receiver's status means.
func judge(status int) error {
	err := fmt.Errorf("the receiver answered %d %s", status, http.StatusText(status))
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests, status >= 500:
		return err
	}
	return final{err}
}
