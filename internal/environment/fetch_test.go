package environment_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
)

// indexOf serves a wheel of uv as an index does.
func indexOf(t *testing.T, html bool, spoil func(sum string) string) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	program, err := os.ReadFile(self)
	must(t, err)
	var wheel bytes.Buffer
	z := zip.NewWriter(&wheel)
	f, err := z.CreateHeader(&zip.FileHeader{Name: "uv-0.13.9.data/scripts/uv", Method: zip.Store})
	must(t, err)
	_, err = f.Write(program)
	must(t, err)
	must(t, z.Close())
	sum := sha256.Sum256(wheel.Bytes())
	digest := spoil(hex.EncodeToString(sum[:]))
	tag := map[string]string{"linux/amd64": "manylinux_2_17_x86_64", "linux/arm64": "manylinux_2_28_aarch64",
		"darwin/amd64": "macosx_10_12_x86_64", "darwin/arm64": "macosx_11_0_arm64"}[runtime.GOOS+"/"+runtime.GOARCH]
	if musl, _ := filepath.Glob("/lib/ld-musl-*"); len(musl) > 0 {
		tag = strings.Replace(tag, "manylinux", "musllinux", 1)
	}
	name := "uv-0.13.9-py3-none-" + tag + ".whl"
	var wheels atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/simple/uv/" && html:
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprintf(w, "<a href=\"../../files/%s#sha256=%s\" data-requires-python=\"&gt;=3.8\">%s</a>\n", name, digest, name)
		case r.URL.Path == "/simple/uv/":
			w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
			fmt.Fprintf(w, `{"files":[{"filename":"uv-0.1.0.tar.gz","url":"x","hashes":{}},{"filename":%q,"url":"../../files/%s","hashes":{"sha256":%q}}]}`, name, name, digest)
		case r.URL.Path == "/files/"+name:
			wheels.Add(1)
			_, _ = w.Write(wheel.Bytes())
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server, &wheels
}

func TestUVIsFetchedOnceFromTheIndex(t *testing.T) {
	for _, html := range []bool{false, true} {
		server, wheels := indexOf(t, html, func(sum string) string { return sum })
		m := newMachine(t)
		must(t, os.Remove(filepath.Join(m.home, "bin", "uv")))
		m.Environ = append(m.Environ, "PIP_INDEX_URL="+server.URL+"/simple")
		m.prepare("six=1.16")
		m.prepare("six=1.17")
		other := managerAt(m.home, m.store)
		other.Environ = m.Environ
		if _, err := other.Prepare(t.Context(), conda("numpy"), "cpu", false, m.watch()); err != nil {
			t.Error(err)
		}
		if wheels.Load() != 1 {
			t.Errorf("html %v: fetched %d times", html, wheels.Load())
		}
		if !strings.Contains(m.saidText(), "fetching uv 0.13.9") {
			t.Errorf("said:\n%s", m.saidText())
		}
	}
}

func TestAFileThatIsNotWhatItsIndexSaysIsNotRun(t *testing.T) {
	server, _ := indexOf(t, false, func(sum string) string { return strings.Repeat("0", len(sum)) })
	m := newMachine(t)
	must(t, os.Remove(filepath.Join(m.home, "bin", "uv")))
	m.Environ = append(m.Environ, "UV_DEFAULT_INDEX="+server.URL+"/simple")
	_, err := m.Prepare(t.Context(), conda("six"), "cpu", false, m.watch())
	if err == nil || !strings.Contains(err.Error(), "is not what its index says") {
		t.Errorf("got %v", err)
	}
	if found, _ := filepath.Glob(filepath.Join(m.Tools, "uv-*", "*")); len(found) > 0 {
		t.Errorf("there is %q", found)
	}
}

func TestWithoutANetworkItIsSaidWhatToDo(t *testing.T) {
	server, _ := indexOf(t, false, strings.Clone)
	server.Close()
	m := newMachine(t)
	must(t, os.Remove(filepath.Join(m.home, "bin", "uv")))
	m.Environ = append(m.Environ, "UV_INDEX_URL="+server.URL+"/simple")
	_, err := m.Prepare(t.Context(), conda("six"), "cpu", false, m.watch())
	if err == nil || !strings.Contains(err.Error(), "pip install uv") || !strings.Contains(err.Error(), "--environments host") {
		t.Errorf("got %v", err)
	}
}
