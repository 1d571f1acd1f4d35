package datastore

import (
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/pipeline"
)

// fakeAzure speaks as much of the protocol of Azure's blob storage as is
// needed to read, list and write. Containers named "public" need no
// credentials.
type fakeAzure struct {
	mu      sync.Mutex
	blobs   map[string]string            // by "host/container/key"
	marks   map[string]bool              // which of them mark folders
	parts   map[string]map[string]string // of uploads, by block
	asked   []string
	keySeen bool
}

// azure has a resolver meet a server of Azure's, and find variables in the
// environment.
func azure(t *testing.T, r *Resolver, environ map[string]string) *fakeAzure {
	t.Helper()
	f := &fakeAzure{blobs: map[string]string{}, marks: map[string]bool{}, parts: map[string]map[string]string{}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	at, err := url.Parse(server.URL)
	must(t, err)
	r.Client = &http.Client{Transport: transport(func(q *http.Request) (*http.Response, error) {
		if !strings.HasSuffix(q.URL.Hostname(), ".core.windows.net") {
			return nil, fmt.Errorf("nobody is to be asked at %s", q.URL.Hostname())
		}
		there := q.Clone(q.Context())
		there.Host = q.URL.Hostname()
		there.URL.Scheme, there.URL.Host = "http", at.Host
		return http.DefaultTransport.RoundTrip(there)
	})}
	r.LookupEnv = func(name string) (string, bool) {
		value, ok := environ[name]
		return value, ok
	}
	return f
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(q *http.Request) (*http.Response, error) { return f(q) }

func (f *fakeAzure) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	container, key, _ := strings.Cut(strings.TrimPrefix(q.URL.Path, "/"), "/")
	f.asked = append(f.asked, q.Method+" "+q.Host+q.URL.Path)
	account, _, _ := strings.Cut(q.Host, ".")
	signed := q.URL.Query().Get("sig") == "c2lnbmVk" || strings.HasPrefix(q.Header.Get("Authorization"), "SharedKey "+account+":")
	f.keySeen = f.keySeen || signed
	if !signed && container != "public" {
		w.Header().Set("x-ms-error-code", "NoAuthenticationInformation")
		http.Error(w, "<Error><Code>NoAuthenticationInformation</Code></Error>", http.StatusUnauthorized)
		return
	}
	at := q.Host + "/" + container + "/"
	if q.URL.Query().Get("comp") == "list" {
		f.list(w, at, q.URL.Query().Get("prefix"))
		return
	}
	switch q.Method {
	case http.MethodPut:
		f.put(w, q, at+key)
	default:
		f.get(w, at+key)
	}
}

func (f *fakeAzure) get(w http.ResponseWriter, at string) {
	text, ok := f.blobs[at]
	if !ok {
		w.Header().Set("x-ms-error-code", "BlobNotFound")
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if f.marks[at] {
		w.Header().Set("x-ms-meta-hdi_isfolder", "true")
	}
	w.Header().Set("Last-Modified", "Mon, 02 Nov 2026 09:00:00 GMT")
	w.Header().Set("x-ms-creation-time", "Mon, 02 Nov 2026 09:00:00 GMT")
	w.Header().Set("Content-Length", fmt.Sprint(len(text)))
	_, _ = io.WriteString(w, text)
}

func (f *fakeAzure) put(w http.ResponseWriter, q *http.Request, at string) {
	body, _ := io.ReadAll(q.Body)
	f.marks[at] = q.Header.Get("x-ms-meta-hdi_isfolder") == "true"
	switch q.URL.Query().Get("comp") {
	case "block":
		if f.parts[at] == nil {
			f.parts[at] = map[string]string{}
		}
		f.parts[at][q.URL.Query().Get("blockid")] = string(body)
	case "blocklist":
		var list struct{ Latest []string }
		_ = xml.Unmarshal(body, &list)
		f.blobs[at] = ""
		for _, id := range list.Latest {
			f.blobs[at] += f.parts[at][id]
		}
	default:
		f.blobs[at] = string(body)
	}
	w.WriteHeader(http.StatusCreated)
}

func (f *fakeAzure) list(w http.ResponseWriter, at, prefix string) {
	w.Header().Set("Content-Type", "application/xml")
	_, _ = io.WriteString(w, `<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs>`)
	for _, name := range slices.Sorted(maps.Keys(f.blobs)) {
		if key, ok := strings.CutPrefix(name, at); ok && strings.HasPrefix(key, prefix) {
			_, _ = io.WriteString(w, "<Blob><Name>")
			_ = xml.EscapeText(w, []byte(key))
			_, _ = fmt.Fprintf(w, "</Name><Properties><Last-Modified>Mon, 02 Nov 2026 09:00:00 GMT</Last-Modified><Etag>x</Etag>"+
				"<Content-Length>%d</Content-Length></Properties></Blob>", len(f.blobs[name]))
		}
	}
	_, _ = io.WriteString(w, "</Blobs><NextMarker /></EnumerationResults>")
}

const irisHost = "examples.blob.core.windows.net"

func TestAzureStorageByAllItsAddresses(t *testing.T) {
	s := localStore(t)
	r := New(s)
	f := azure(t, r, nil)
	f.blobs = map[string]string{
		irisHost + "/public/iris.csv": "1,2", irisHost + "/public/more/a.csv": "a", irisHost + "/public/more/b/c.csv": "c",
	}
	for _, uri := range []string{
		"wasbs://public@" + irisHost + "/iris.csv", "wasb://public@" + irisHost + "/iris.csv",
		"wasbs://" + irisHost + "/public/iris.csv", "azureml:wasbs://public@" + irisHost + "/iris.csv",
		"abfss://public@examples.dfs.core.windows.net/iris.csv", "abfs://public@examples.dfs.core.windows.net/iris.csv",
		"azblob://public/iris.csv?storage_account=examples",
		"https://" + irisHost + "/public/iris.csv",
	} {
		a, err := r.Fetch(t.Context(), uri, pipeline.URIFile, nil)
		if err != nil {
			t.Errorf("%s: %v", uri, err)
			continue
		}
		if diff := cmp.Diff(map[string]string{"iris.csv": "1,2"}, staged(t, s, a)); diff != "" {
			t.Errorf("%s:\n%s", uri, diff)
		}
	}
	for uri, want := range map[string]pipeline.PortType{
		"wasbs://public@" + irisHost + "/more":                     pipeline.URIFile,
		"wasbs://public@" + irisHost + "/more/":                    pipeline.URIFolder,
		"abfss://public@examples.dfs.core.windows.net/more":        pipeline.URIFolder,
		"https://" + irisHost + "/public/more":                     pipeline.URIFolder,
		"https://" + irisHost + "/public/more/":                    "",
		"https://examples.dfs.core.windows.net/public/more/":       "",
		"azblob://public/more/?storage_account=examples&cdn=false": pipeline.MLTable,
	} {
		a, err := r.Fetch(t.Context(), uri, want, nil)
		if err != nil {
			t.Errorf("%s: %v", uri, err)
			continue
		}
		if diff := cmp.Diff(map[string]string{"a.csv": "a", "b/c.csv": "c"}, staged(t, s, a)); diff != "" {
			t.Errorf("%s:\n%s", uri, diff)
		}
	}
	all, err := r.Fetch(t.Context(), "wasbs://public@"+irisHost+"/", pipeline.URIFolder, nil)
	must(t, err)
	if all.Files != 3 {
		t.Errorf("the container has %+v", all)
	}
}

func TestAzureAsksForCredentials(t *testing.T) {
	s := localStore(t)
	r := New(s)
	key := base64.StdEncoding.EncodeToString([]byte("key of the account"))
	environ := map[string]string{}
	f := azure(t, r, environ)
	f.blobs[irisHost+"/private/x.csv"] = "x"
	const uri = "wasbs://private@" + irisHost + "/x.csv"
	fetch := func() error {
		_, err := r.Fetch(t.Context(), uri, pipeline.URIFile, nil)
		return err
	}
	wantFailure(t, fetch(), pipeline.UserFailure, "may not be used", "NoAuthenticationInformation", "datastore create --help")

	// What Azure's own programs find in the environment is used for its account only.
	environ["AZURE_STORAGE_ACCOUNT"], environ["AZURE_STORAGE_KEY"] = "another", key
	wantFailure(t, fetch(), pipeline.UserFailure, "may not be used")
	environ["AZURE_STORAGE_ACCOUNT"] = "examples"
	must(t, fetch())
	clear(environ)
	wantFailure(t, fetch(), pipeline.UserFailure, "may not be used")

	// A signature in the address.
	_, err := r.Fetch(t.Context(), "https://"+irisHost+"/private/?sv=1&sig=c2lnbmVk", pipeline.URIFolder, nil)
	must(t, err)

	// The datastore of the container.
	for name, value := range map[string]string{"account_key": key, "sas_token": "?sv=2026&sig=c2lnbmVk"} {
		environ["SECRET"] = value
		d := Definition{Type: AzureBlob, AccountName: "examples", ContainerName: "private", Credentials: map[string]Reference{name: {Env: "SECRET"}}}
		withDatastore(t, s, d)
		must(t, fetch())
		_, err = r.Fetch(t.Context(), mine+"x.csv", pipeline.URIFile, nil)
		must(t, err)
		_, err = r.Fetch(t.Context(), "https://"+irisHost+"/private/x.csv", pipeline.URIFile, nil)
		must(t, err)
	}
	delete(environ, "SECRET")
	wantFailure(t, fetch(), pipeline.UserFailure, "SECRET is not set", "set it where the workers run")
}

// Credentials in the environment are for Azure's servers; a file may name any.
func TestEnvironmentsCredentialsGoToAzureOnly(t *testing.T) {
	r := New(localStore(t))
	r.retries = -1 // none
	var asked []string
	r.Client = &http.Client{Transport: transport(func(q *http.Request) (*http.Response, error) {
		asked = append(asked, q.URL.String()+" "+q.Header.Get("Authorization"))
		return nil, fmt.Errorf("no network")
	})}
	environ := func(name string) (string, bool) {
		value := map[string]string{"AZURE_STORAGE_ACCOUNT": "examples", "AZURE_STORAGE_SAS_TOKEN": "sig=hunter2hunter2"}[name]
		return value, value != ""
	}
	r.LookupEnv = environ
	for _, uri := range []string{
		"wasbs://c@examples.blob.core.evil.net/x", "wasbs://c@examples.blob.core.windows.net.evil.net/x", "wasbs://c@examples.evil.net/x",
		"azblob://c/x?storage_account=examples&domain=blob.core.evil.net", "azblob://c/x?domain=evil.net&cdn=true", "https://examples.blob.core.evil.net/c/x/",
	} {
		_, err := r.Fetch(t.Context(), uri, pipeline.URIFile, nil)
		wantFailure(t, err, pipeline.Infrastructure, "no network")
	}
	for _, uri := range []string{
		"azblob://c/x?storage_account=evil.net/", "azblob://c/x?storage_account=examples&domain=evil.net/x", "azblob://c/x?storage_account=a%40evil.net", "azblob://c/x?storage_account=",
	} {
		if uri == "azblob://c/x?storage_account=" {
			r.LookupEnv = func(string) (string, bool) { return "", false }
		}
		_, err := r.Fetch(t.Context(), uri, pipeline.URIFile, nil)
		wantFailure(t, err, pipeline.Invalid, "does not name the storage account")
	}
	r.LookupEnv = environ
	if text := strings.Join(asked, "\n"); strings.Contains(text, "hunter2") || len(asked) == 0 {
		t.Errorf("asked:\n%s", text)
	}
	_, err := r.Fetch(t.Context(), "wasbs://c@"+irisHost+"/x", pipeline.URIFile, nil)
	wantFailure(t, err, pipeline.Infrastructure, "no network")
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v shows the secret", err)
	}
	if last := asked[len(asked)-1]; !strings.Contains(last, "hunter2") {
		t.Errorf("the last request was %s", last)
	}
}

// Accounts that know folders list them as empty blobs.
func TestFoldersOfDataLakesAreNoFiles(t *testing.T) {
	s := localStore(t)
	r := New(s)
	f := azure(t, r, nil)
	at := irisHost + "/public/"
	f.blobs = map[string]string{at + "lake": "", at + "lake/in": "", at + "lake/in/x.csv": "x", at + "lake/none": "", at + "lake/zero.txt": ""}
	f.marks = map[string]bool{at + "lake": true, at + "lake/in": true, at + "lake/none": true}
	for _, slash := range []string{"", "/"} {
		a, err := r.Fetch(t.Context(), "abfss://public@examples.dfs.core.windows.net/lake"+slash, pipeline.URIFolder, nil)
		must(t, err)
		tree, err := s.Manifest(t.Context(), a.Digest)
		must(t, err)
		var got []string
		for _, e := range tree.Entries {
			got = append(got, fmt.Sprintf("%s %v", e.Path, e.IsFolder()))
		}
		if diff := cmp.Diff([]string{"in/x.csv false", "none true", "zero.txt false"}, got); diff != "" {
			t.Error(diff)
		}
	}
	empty, err := r.Fetch(t.Context(), "abfss://public@examples.dfs.core.windows.net/lake/none/", pipeline.URIFolder, nil)
	must(t, err)
	if !empty.Tree || empty.Files != 0 {
		t.Errorf("the empty folder is %+v", empty)
	}
}

// The driver trusts the server to say when a blob was written.
func TestAServerThatSaysTooLittleDoesNoHarm(t *testing.T) {
	r := New(localStore(t))
	azure(t, r, nil)
	r.retries = -1 // none
	r.Client.Transport = transport(func(q *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Request: q, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("<a><Blobs><Blob/></Blobs></a>"))}, nil
	})
	for _, slash := range []string{"", "/"} {
		_, err := r.Fetch(t.Context(), "wasbs://c@"+irisHost+"/x"+slash, pipeline.URIFile, nil)
		wantFailure(t, err, pipeline.Infrastructure, "cannot be understood")
	}
}
