package environment

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

const (
	usualIndex = "https://pypi.org/simple"
	maxIndex   = 64 << 20
	maxWheel   = 256 << 20
)

// fetchUV puts uv at a path, unless it is there: as a wheel from PyPI, or the
// index that pip and uv are told of, checked against the hash that it names.
func (m *Manager) fetchUV(ctx context.Context, at string, w Watch) error {
	if _, err := os.Stat(at); err == nil {
		return nil
	}
	if err := os.MkdirAll(m.Tools, 0o755); err != nil {
		return err
	}
	lock, err := lockFile(ctx, filepath.Join(m.Tools, ".lock"), true, nil)
	if err != nil {
		return err
	}
	defer lock.Close()
	if _, err := os.Stat(at); err == nil {
		return nil
	}
	w.say("fetching uv " + uvVersion)
	client, err := m.client()
	if err != nil {
		return err
	}
	index := usualIndex
	for _, name := range []string{"UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"} {
		if v := m.env(name); v != "" {
			index = v
			break
		}
	}
	page := strings.TrimSuffix(index, "/") + "/uv/"
	text, kind, err := get(ctx, client, page, maxIndex)
	if err != nil {
		return err
	}
	wheel, err := pick(page, text, kind)
	if err != nil {
		return err
	}
	data, _, err := get(ctx, client, wheel.url, maxWheel)
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != wheel.sha256 {
		return fmt.Errorf("%s is not what its index says: the SHA-256 differs", wheel.name)
	}
	return unpackUV(data, at)
}

// client trusts the certificates that pip is told of, beside the system's.
func (m *Manager) client() (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if file := m.env("PIP_CERT"); file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the certificates that PIP_CERT names: %w", err)
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		pool.AppendCertsFromPEM(text)
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	transport.ResponseHeaderTimeout = 30 * time.Second
	return &http.Client{Transport: transport, Timeout: 10 * time.Minute}, nil
}

func get(ctx context.Context, client *http.Client, address string, most int64) (data []byte, kind string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, "", errors.New("the address of the index cannot be read")
	}
	request.Header.Set("Accept", "application/vnd.pypi.simple.v1+json, text/html;q=0.1, */*;q=0.01")
	response, err := client.Do(request)
	if err != nil {
		return nil, "", err // an error of net/url, which hides passwords
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, "", fmt.Errorf("%s answers %s", request.URL.Redacted(), response.Status)
	}
	data, err = io.ReadAll(io.LimitReader(response.Body, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%s is larger than %d bytes", request.URL.Redacted(), most)
	}
	return data, response.Header.Get("Content-Type"), err
}

type wheelFile struct{ name, url, sha256 string }

// anchor is a file on an index page of the older kind.
var anchor = regexp.MustCompile(`(?i)<a[^>]*href="([^"]+)#sha256=([0-9a-f]{64})"[^>]*>\s*([^<\s]+)\s*</a>`)

// pick finds the wheel for this machine on an index page.
func pick(page string, text []byte, kind string) (wheelFile, error) {
	var files []wheelFile
	if strings.Contains(kind, "json") {
		var index struct {
			Files []struct {
				Filename string            `json:"filename"`
				URL      string            `json:"url"`
				Hashes   map[string]string `json:"hashes"`
			} `json:"files"`
		}
		if err := json.Unmarshal(text, &index); err != nil {
			return wheelFile{}, fmt.Errorf("read the index of uv: %w", err)
		}
		for _, f := range index.Files {
			files = append(files, wheelFile{f.Filename, f.URL, strings.ToLower(f.Hashes["sha256"])})
		}
	} else {
		for _, a := range anchor.FindAllSubmatch(text, -1) {
			files = append(files, wheelFile{string(a[3]), html.UnescapeString(string(a[1])), strings.ToLower(string(a[2]))})
		}
	}
	base, err := url.Parse(page)
	if err != nil {
		return wheelFile{}, errors.New("the address of the index cannot be read")
	}
	for _, f := range files {
		if !strings.HasPrefix(f.name, "uv-"+uvVersion+"-") || !strings.HasSuffix(f.name, ".whl") || !fits(f.name) || f.sha256 == "" {
			continue
		}
		target, err := base.Parse(f.url)
		if err != nil {
			continue
		}
		f.url = target.String()
		return f, nil
	}
	return wheelFile{}, fmt.Errorf("the index has no uv %s for %s/%s", uvVersion, runtime.GOOS, runtime.GOARCH)
}

// fits reports whether a wheel is for this machine.
func fits(name string) bool {
	arch := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	if runtime.GOOS == "darwin" {
		arch = map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH]
		return strings.Contains(name, "macosx") && strings.Contains(name, arch)
	}
	family := "manylinux"
	if musl, _ := filepath.Glob("/lib/ld-musl-*"); len(musl) > 0 {
		family = "musllinux"
	}
	return arch != "" && strings.Contains(name, family) && strings.Contains(name, arch)
}

// unpackUV takes the program out of the wheel.
func unpackUV(wheel []byte, at string) error {
	archive, err := zip.NewReader(bytes.NewReader(wheel), int64(len(wheel)))
	if err != nil {
		return fmt.Errorf("unpack uv: %w", err)
	}
	for _, f := range archive.File {
		if path.Base(f.Name) != "uv" || !strings.HasSuffix(path.Dir(f.Name), ".data/scripts") {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return err
		}
		in, err := f.Open()
		if err != nil {
			return fmt.Errorf("unpack uv: %w", err)
		}
		defer in.Close()
		temp, err := os.CreateTemp(filepath.Dir(at), ".uv-")
		if err != nil {
			return err
		}
		defer os.Remove(temp.Name()) // of no effect once it has its name
		_, err = io.Copy(temp, io.LimitReader(in, maxWheel))
		if err = errors.Join(err, temp.Chmod(0o755), temp.Close()); err != nil {
			return fmt.Errorf("unpack uv: %w", err)
		}
		return os.Rename(temp.Name(), at)
	}
	return errors.New("the wheel of uv has no program in it")
}
