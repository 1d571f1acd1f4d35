package cache

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/artifact/s3test"
	"github.com/millrace-ml/millrace/pipeline"
)

var testKey = KeyOf([]Ingredient{{"test", "key"}})

func everyStore(t *testing.T, test func(t *testing.T, store *artifact.Store)) {
	t.Run("file", func(t *testing.T) { test(t, openStore(t, "file://"+t.TempDir()+"/store")) })
	t.Run("mem", func(t *testing.T) { test(t, openStore(t, "mem://")) })
	t.Run("s3", func(t *testing.T) { test(t, openStore(t, s3test.Start(t))) })
}

func openStore(t testing.TB, url string) *artifact.Store {
	t.Helper()
	s, err := artifact.Open(t.Context(), url)
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// someTree stores a tree with one file of that text.
func someTree(t testing.TB, s *artifact.Store, text string) (tree, file pipeline.Artifact) {
	t.Helper()
	file, err := s.PutBytes(t.Context(), []byte(text))
	must(t, err)
	tree, err = s.PutTree(t.Context(), artifact.Tree{Entries: []artifact.Entry{
		{Path: "f", Mode: artifact.Plain, Size: file.Size, Digest: file.Digest},
	}})
	must(t, err)
	return tree, file
}

func TestWhatIsRecordedIsFound(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		c, ctx := New(store), t.Context()
		tree, file := someTree(t, store, "model")
		if e, err := c.Lookup(ctx, testKey); e != nil || err != nil {
			t.Fatalf("Lookup = %v, %v before anything was recorded", e, err)
		}
		want := Entry{
			Key:         testKey,
			Outputs:     map[string]pipeline.Artifact{"model": file, "artifacts": tree},
			Ingredients: []Ingredient{{"command", "python a.py\n\"x\""}},
			Job:         "brave_owl", Step: "train",
			Created: time.Date(2026, 11, 22, 18, 0, 0, 1000, time.UTC), Duration: 90 * time.Second,
		}
		older := want
		older.Job = "older"
		must(t, c.Record(ctx, older))
		must(t, c.Record(ctx, want))
		got, err := c.Lookup(ctx, testKey)
		must(t, err)
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestEntryWhoseArtifactsHaveGoneIsAMiss(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		c, ctx := New(store), t.Context()
		tree, file := someTree(t, store, "model")
		for _, gone := range []pipeline.Digest{file.Digest, tree.Digest} {
			someTree(t, store, "model")
			must(t, c.Record(ctx, Entry{Key: testKey, Outputs: map[string]pipeline.Artifact{"o": tree}}))
			if e, err := c.Lookup(ctx, testKey); e == nil || err != nil {
				t.Fatalf("Lookup = %v, %v", e, err)
			}
			must(t, store.Bucket().Delete(ctx, "blobs/"+gone.Hex()[:2]+"/"+gone.Hex()))
			if e, err := c.Lookup(ctx, testKey); e != nil || err != nil {
				t.Errorf("Lookup = %v, %v without %s", e, err, gone)
			}
			if e, err := c.Entry(ctx, testKey); e == nil || err != nil {
				t.Errorf("Entry = %v, %v: the record itself is still of use", e, err)
			}
		}
	})
}

func TestIngredientsAreKnownWithAndWithoutAResult(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		c, ctx := New(store), t.Context()
		failed, finished := []Ingredient{{"command", "false"}}, []Ingredient{{"command", "true"}}
		must(t, c.Note(ctx, failed))
		must(t, c.Record(ctx, Entry{Key: KeyOf(finished), Ingredients: finished}))
		for _, want := range [][]Ingredient{failed, finished, nil} {
			key := KeyOf(want)
			if want == nil {
				key = testKey
			}
			got, err := c.IngredientsOf(ctx, key)
			must(t, err)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
		if e, err := c.Lookup(ctx, KeyOf(failed)); e != nil || err != nil {
			t.Errorf("Lookup = %v, %v of what was only noted", e, err)
		}
	})
}

func TestUnreadableEntriesAreMisses(t *testing.T) {
	store := openStore(t, "mem://")
	c := New(store)
	digest := "blake3:" + strings.Repeat("00", 32)
	for name, text := range map[string]string{
		"empty":       "",
		"cut short":   `{"schema":1,"key":"` + string(testKey),
		"other key":   `{"schema":1,"key":"` + string(KeyOf(nil)) + `"}`,
		"schema":      `{"schema":2,"key":"` + string(testKey) + `"}`,
		"bad digest":  `{"schema":1,"key":"` + string(testKey) + `","outputs":{"o":{"digest":"../../x"}}}`,
		"gone digest": `{"schema":1,"key":"` + string(testKey) + `","outputs":{"o":{"digest":"` + digest + `"}}}`,
	} {
		must(t, store.WriteRecord(t.Context(), entryKey(testKey), []byte(text)))
		if e, err := c.Lookup(t.Context(), testKey); e != nil || err != nil {
			t.Errorf("%s: Lookup = %v, %v", name, e, err)
		}
	}
}

func TestKeysAreCheckedBeforeTheyBecomePaths(t *testing.T) {
	c := New(openStore(t, "mem://"))
	for _, k := range []Key{"", "x", Key(strings.Repeat("../", 21) + "a"), Key(strings.Repeat("A", 64))} {
		if _, err := c.Lookup(t.Context(), k); err == nil {
			t.Errorf("Lookup(%q): no error", k)
		}
		if err := c.Record(t.Context(), Entry{Key: k}); err == nil {
			t.Errorf("Record(%q): no error", k)
		}
		if _, _, err := c.Claim(t.Context(), k, Owner{}, aliveAlways); err == nil {
			t.Errorf("Claim(%q): no error", k)
		}
		if _, err := c.Holder(t.Context(), k); err == nil {
			t.Errorf("Holder(%q): no error", k)
		}
	}
}

func TestLookupManyAnswersInOrder(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		c := New(store)
		keys := record(t, c, store, 20)
		keys[3], keys[11] = KeyOf(nil), KeyOf(nil)
		entries, err := c.LookupMany(t.Context(), keys)
		must(t, err)
		for i, e := range entries {
			switch {
			case i == 3 || i == 11:
				if e != nil {
					t.Errorf("%d: found %v", i, e.Key)
				}
			case e == nil || e.Key != keys[i]:
				t.Errorf("%d: %v, want %s", i, e, keys[i])
			}
		}
	})
}

// record records n steps, each with the folder that every step has and an
// output of its own.
func record(t testing.TB, c *Cache, store *artifact.Store, n int) []Key {
	keys := make([]Key, n)
	for i := range keys {
		ingredients := []Ingredient{{"command", fmt.Sprint("step ", i)}}
		keys[i] = KeyOf(ingredients)
		logs, _ := someTree(t, store, fmt.Sprint("log ", i))
		out, _ := someTree(t, store, fmt.Sprint("out ", i))
		must(t, c.Record(t.Context(), Entry{
			Key: keys[i], Ingredients: ingredients,
			Outputs: map[string]pipeline.Artifact{"artifacts": logs, "out": out},
		}))
	}
	return keys
}

func TestLookupOfManyKeysStopsAtAnError(t *testing.T) {
	store := openStore(t, "file://"+t.TempDir()+"/store")
	c := New(store)
	keys := record(t, c, store, 3)
	// A folder where a file should be: not a miss, something is wrong here.
	path := filepath.Join(store.Dir(), entryKey(keys[1]))
	must(t, os.Remove(path))
	must(t, os.Mkdir(path, 0o755))
	keys = append(keys, "not a key")
	if _, err := c.LookupMany(t.Context(), keys); err == nil {
		t.Error("no error")
	}
}

func BenchmarkLookupMany1000(b *testing.B) {
	store := openStore(b, "file://"+b.TempDir()+"/store")
	c := New(store)
	keys := record(b, c, store, 1000)
	for b.Loop() {
		entries, err := c.LookupMany(b.Context(), keys)
		must(b, err)
		for _, e := range entries {
			if e == nil {
				b.Fatal("a miss")
			}
		}
	}
}

func BenchmarkRecord(b *testing.B) {
	store := openStore(b, "file://"+b.TempDir()+"/store")
	c := New(store)
	for i := 0; b.Loop(); i++ {
		must(b, c.Record(b.Context(), Entry{Key: KeyOf([]Ingredient{{"n", fmt.Sprint(i)}})}))
	}
}

func BenchmarkClaimAndRelease(b *testing.B) {
	c := New(openStore(b, "file://"+b.TempDir()+"/store"))
	for i := 0; b.Loop(); i++ {
		claim, _, err := c.Claim(b.Context(), KeyOf([]Ingredient{{"n", fmt.Sprint(i)}}), Owner{Workflow: "w"}, aliveAlways)
		must(b, err)
		must(b, claim.Release(b.Context()))
	}
}
