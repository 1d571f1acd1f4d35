package datastore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace-ml/millrace/internal/artifact/s3test"
	"github.com/millrace-ml/millrace/pipeline"
)

func body(text string) io.ReadCloser { return io.NopCloser(strings.NewReader(text)) }

func TestCredentialsComeFromWhereTheirReferencesSay(t *testing.T) {
	// A server that wants to see the key of the datastore, not that of the environment.
	var seen []string
	url := s3test.Start(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			seen = append(seen, q.Header.Get("Authorization")+" "+q.Header.Get("X-Amz-Security-Token"))
			next.ServeHTTP(w, q)
		})
	})
	dir := made(t, map[string]string{"secret": "\n hunter2hunter2 \n"})
	w := withDatastore(t, localStore(t), Definition{Type: S3Type, URL: url, Credentials: map[string]Reference{
		"access_key_id": {Env: "LAKE_ID"}, "secret_access_key": {File: filepath.Join(dir, "secret")}, "session_token": {Env: "LAKE_TOKEN"},
	}})
	environ := map[string]string{"LAKE_ID": "AKIALAKE", "LAKE_TOKEN": "token-1"}
	w.LookupEnv = func(name string) (string, bool) {
		value, ok := environ[name]
		return value, ok
	}
	for _, token := range []string{"token-1", "token-2"} { // credentials may change
		environ["LAKE_TOKEN"], seen = token, nil
		must(t, w.Publish(t.Context(), tree(t, w.store, map[string]string{"a": "x"}), mine))
		for _, asked := range seen {
			if !strings.Contains(asked, "Credential=AKIALAKE/") || !strings.HasSuffix(asked, token) || strings.Contains(asked, "hunter2") {
				t.Errorf("asked with %q", asked)
			}
		}
		if len(seen) == 0 {
			t.Error("nobody was asked")
		}
	}

	missing := func(want string) {
		t.Helper()
		_, err := w.Fetch(t.Context(), mine+"a", pipeline.URIFile, nil)
		wantFailure(t, err, pipeline.UserFailure, `of the datastore "mine"`, want)
	}
	delete(environ, "LAKE_TOKEN")
	missing("credential session_token of the datastore \"mine\": the environment variable LAKE_TOKEN is not set")
	environ["LAKE_TOKEN"] = "x"
	secret := filepath.Join(dir, "secret")
	must(t, os.WriteFile(secret, []byte(" \n"), 0o600))
	missing(secret + ": it is empty")
	must(t, os.WriteFile(secret, make([]byte, maxSecret+1), 0o600))
	missing("it has more than")
	must(t, os.Remove(secret))
	missing("no such file")
	must(t, os.Mkdir(secret, 0o755))
	missing("not a regular file")
}

const sas = "sv=2026-01-01&sp=rl&sig=aHVudGVyMmh1bnRlcjI%2Bhunter2"

// loud is a network that repeats all that it was told.
func loud(err error) http.RoundTripper {
	return transport(func(q *http.Request) (*http.Response, error) {
		asked := q.URL.String() + " " + q.Header.Get("Authorization")
		if q.Body != nil && strings.Contains(q.URL.Path, "token") {
			b, _ := io.ReadAll(q.Body)
			asked += " " + string(b)
		}
		if err != nil {
			return nil, fmt.Errorf("asking %s: %w", asked, err)
		}
		text := "<Error><Code>Bad</Code><Message>you sent " + asked + "</Message></Error>"
		return &http.Response{StatusCode: http.StatusForbidden, Status: "403 " + asked, Header: http.Header{"X-Ms-Error-Code": {asked}}, Request: q, Body: body(text)}, nil
	})
}

// Whatever goes wrong, nobody is told a credential, and none is stored.
func TestNobodyIsToldACredential(t *testing.T) {
	s := localStore(t)
	for name, value := range s3test.Environment() {
		t.Setenv(name, value)
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hunter2hunter2")
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "/dev/null")
	key := "eyhunter2hunter2eyhunter2hunter2eyhunter2hunter2eyhunter2hunter2"
	environ := map[string]string{"KEY": key, "SAS": sas, "WRONG": "not base64 hunter2!", "JSON": `{"type":"service_account","private_key":"hunter2hunter2","client_email":"a@b"}`}
	for _, network := range []http.RoundTripper{loud(nil), loud(errors.New("broken")), loud(&net.DNSError{IsNotFound: true, Name: "host"}), loud(io.ErrUnexpectedEOF)} {
		for i, d := range []Definition{
			{Type: AzureBlob, AccountName: "acc", ContainerName: "c", Credentials: map[string]Reference{"account_key": {Env: "KEY"}}},
			{Type: AzureBlob, AccountName: "acc", ContainerName: "c", Credentials: map[string]Reference{"account_key": {Env: "WRONG"}}},
			{Type: AzureBlob, AccountName: "acc", ContainerName: "c", Credentials: map[string]Reference{"sas_token": {Env: "SAS"}}},
			{Type: AzureBlob, AccountName: "acc", ContainerName: "c", Credentials: map[string]Reference{"tenant_id": {Text: "t-1"}, "client_id": {Text: "c"}, "client_secret": {Env: "KEY"}}},
			{Type: AzureBlob, AccountName: "acc", ContainerName: "c", Credentials: map[string]Reference{"tenant_id": {Text: "no tenant!"}, "client_id": {Text: "c"}, "client_secret": {Env: "KEY"}}},
			{Type: S3Type, URL: "s3://b?region=x", Credentials: map[string]Reference{"access_key_id": {Env: "KEY"}, "secret_access_key": {Env: "SAS"}}},
			{Type: S3Type, URL: "s3://b?region=x"},
			{Type: GSType, URL: "gs://b", Credentials: map[string]Reference{"service_account_key": {Env: "JSON"}}},
			{Type: GSType, URL: "gs://b", Credentials: map[string]Reference{"service_account_key": {Env: "WRONG"}}},
		} {
			w := withDatastore(t, s, d)
			w.retries, w.Client = -1, &http.Client{Transport: network}
			w.LookupEnv = func(name string) (string, bool) {
				value, ok := environ[name]
				return value, ok
			}
			_, err := w.Fetch(t.Context(), mine+"x", pipeline.URIFile, nil)
			quiet(t, fmt.Sprintf("fetch from %d", i), err)
			quiet(t, fmt.Sprintf("publish to %d", i), w.Publish(t.Context(), tree(t, s, map[string]string{"a": "x"}), mine+"x"))
			_, err = w.Fetch(t.Context(), "https://acc.blob.core.windows.net/c/x/?"+sas, pipeline.URIFolder, nil)
			quiet(t, fmt.Sprintf("signed address, %d", i), err)
		}
	}
	noneStored(t, s.Dir())
}

func quiet(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error", what)
		return
	}
	if _, ok := errors.AsType[*pipeline.Failure](err); !ok {
		t.Errorf("%s: %v is no failure", what, err)
	}
	for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), hintOf(err), messageOf(err)} {
		if strings.Contains(text, "hunter2") {
			t.Errorf("%s: %q shows a credential", what, text)
		}
	}
}

func noneStored(t *testing.T, dir string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte("hunter2")) {
			t.Errorf("%s holds a credential", path)
		}
		return err
	}))
}

func TestNoSecretIsKept(t *testing.T) {
	s := localStore(t)
	for key := range map[string]bool{"account_key": true, "sas_token": true, "client_secret": true, "anything": true} {
		err := NewShelf(s).Put(t.Context(), Definition{Name: "d", Type: AzureBlob, Credentials: map[string]Reference{key: {Text: "hunter2"}}})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: error = %v", key, err)
		}
	}
	noneStored(t, s.Dir())
}
