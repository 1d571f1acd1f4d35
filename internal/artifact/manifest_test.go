package artifact

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/pipeline"
)

var someDigest = pipeline.Digest("blake3:" + strings.Repeat("0a", 32))

// The stored form is a promise: a change to it changes the digest of every
// tree there is.
func TestManifestText(t *testing.T) {
	tree := Tree{Entries: []Entry{
		{Path: "a", Mode: Executable, Size: 12, Digest: someDigest},
		{Path: "b/c\nd\\e", Mode: Plain, Size: 0, Digest: someDigest},
		{Path: "b-empty", Mode: EmptyFolder},
	}}
	want := "millrace tree 1\n" +
		"file 755 12 " + string(someDigest) + " a\n" +
		"file 644 0 " + string(someDigest) + ` b/c\nd\\e` + "\n" +
		"folder b-empty\n"
	if diff := cmp.Diff(want, string(tree.encode())); diff != "" {
		t.Error(diff)
	}
	back, err := parseManifest([]byte(want))
	must(t, err)
	if diff := cmp.Diff(tree, back); diff != "" {
		t.Error(diff)
	}
}

func TestManifestRefusesAnythingElse(t *testing.T) {
	d := string(someDigest)
	for name, body := range map[string]string{
		"no newline":         "folder a",
		"empty line":         "\n",
		"unknown kind":       "link a\n",
		"no path":            "folder\n",
		"empty path":         "folder \n",
		"absolute":           "folder /a\n",
		"parent":             "folder a/../b\n",
		"trailing slash":     "folder a/\n",
		"nul":                "folder a\x00\n",
		"long name":          "folder " + strings.Repeat("a", maxName+1) + "\n",
		"long path":          "folder " + strings.Repeat("a/", maxPath/2) + "b\n",
		"bad escape":         `folder a\tb` + "\n",
		"lone backslash":     `folder a\` + "\n",
		"mode":               "file 777 1 " + d + " a\n",
		"negative size":      "file 644 -1 " + d + " a\n",
		"size with a sign":   "file 644 +1 " + d + " a\n",
		"size with a zero":   "file 644 01 " + d + " a\n",
		"huge size":          "file 644 9223372036854775808 " + d + " a\n",
		"sizes overflow":     "file 644 9223372036854775807 " + d + " a\nfile 644 1 " + d + " b\n",
		"digest":             "file 644 1 blake3:00 a\n",
		"upper-case digest":  "file 644 1 " + strings.ToUpper(d) + " a\n",
		"twice":              "folder a\nfolder a\n",
		"out of order":       "folder b\nfolder a\n",
		"order as strings":   "folder a-b\nfile 644 1 " + d + " a/b\n",
		"file as folder":     "file 644 1 " + d + " a\nfile 644 1 " + d + " a/b\n",
		"empty but not":      "folder a\nfile 644 1 " + d + " a/b\n",
		"two spaces":         "file 644  1 " + d + " a\n",
		"carriage return ok": "",
	} {
		_, err := parseManifest([]byte(manifestHeading + body))
		if body == "" {
			must(t, err)
			continue
		}
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, text := range []string{"", "millrace tree 1", "millrace tree 2\n", "{}"} {
		if _, err := parseManifest([]byte(text)); err == nil {
			t.Errorf("%q was taken for a manifest", text)
		}
	}
}

func TestSizesThatOverflowAreRefused(t *testing.T) {
	tree := Tree{Entries: []Entry{
		{Path: "a", Mode: Plain, Size: math.MaxInt64, Digest: someDigest},
		{Path: "b", Mode: Plain, Size: 1, Digest: someDigest},
	}}
	if _, err := localStore(t).PutTree(t.Context(), tree); err == nil {
		t.Error("no error")
	}
}

// Whatever is read as a manifest has exactly one spelling and stays inside.
func FuzzManifest(f *testing.F) {
	d := string(someDigest)
	f.Add([]byte(manifestHeading))
	f.Add([]byte(manifestHeading + "file 755 12 " + d + " a\nfolder b\n"))
	f.Add([]byte(manifestHeading + "file 644 12 " + d + ` a/\n\\` + "\n"))
	f.Add([]byte(manifestHeading + "file 644 1 " + d + " a\nfile 644 1 " + d + " a/b\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		tree, err := parseManifest(text)
		if err != nil {
			return
		}
		if string(tree.encode()) != string(text) {
			t.Fatalf("%q is written as %q", text, tree.encode())
		}
		seen := map[string]bool{}
		for _, e := range tree.Entries {
			for at, c := range e.Path {
				if c == '/' && seen[e.Path[:at]] {
					t.Fatalf("%q is below a file", e.Path)
				}
			}
			if seen[e.Path] || strings.HasPrefix(e.Path, "/") || strings.Contains("/"+e.Path+"/", "/../") {
				t.Fatalf("bad path %q", e.Path)
			}
			seen[e.Path] = true
		}
	})
}
