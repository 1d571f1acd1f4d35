package asset

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/millrace-ml/millrace/pipeline"
)

func TestNamesAreCheckedBeforeTheyBecomeKeys(t *testing.T) {
	c, ctx := open(t, "file://"+t.TempDir()+"/store"), t.Context()
	long := strings.Repeat("x", 251)
	for _, bad := range []struct {
		kind          pipeline.AssetKind
		name, version string
	}{
		{"component", "", "1"}, {"component", "../x", "1"}, {"component", "a/b", "1"}, {"component", ".a", "1"}, {"component", "a b", ""},
		{"component", "a", ".."}, {"component", "a", "1/2"}, {"component", "a", "1:2"}, {"component", "a", long},
		{"component", long + "xxxxx", ""}, {"", "a", "1"}, {"job", "a", "1"}, {"../x", "a", "1"},
	} {
		v := train(bad.version)
		v.Kind, v.Name = bad.kind, bad.name
		_, _, create := c.Create(ctx, v)
		_, find := c.Find(ctx, pipeline.AssetRef{Kind: bad.kind, Name: bad.name, Version: bad.version})
		_, note := c.Note(ctx, pipeline.AssetRef{Kind: bad.kind, Name: bad.name, Version: bad.version}, func(*Notes) error { return nil })
		errs := []error{create, find, note, c.Archive(ctx, bad.kind, bad.name, bad.version, true)}
		if bad.version == "" || bad.name == "" {
			_, versions := c.Versions(ctx, bad.kind, bad.name)
			errs = append(errs, versions)
		}
		for i, err := range errs {
			if err == nil || errors.Is(err, ErrNotFound) {
				t.Errorf("%+v, %d: %v", bad, i, err)
			}
		}
	}
	for _, kind := range []pipeline.AssetKind{"", "..", "job"} {
		if _, err := c.List(ctx, kind); err == nil {
			t.Errorf("List(%q): no error", kind)
		}
		if _, err := c.Names(ctx, kind); err == nil {
			t.Errorf("Names(%q): no error", kind)
		}
	}
	longest := train(strings.Repeat("v", 250))
	longest.Name = strings.Repeat("n", 250)
	create(t, c, longest)
}

func TestDamagedRecordsAreNamed(t *testing.T) {
	everyCatalog(t, func(t *testing.T, c *Catalog) {
		ctx := t.Context()
		create(t, c, train("1"))
		key := "assets/component/train/versions/2.json"
		for _, text := range []string{
			"", "{", "null", `{"schema":1}`,
			`{"schema":1,"kind":"component","name":"train","version":"1"}`,
			`{"schema":1,"kind":"component","name":"train","version":"2","artifact":{"digest":"../../etc"}}`,
			`{"schema":1,"kind":"component","name":"train","version":"2","artifacts":[{}]}`,
			`{"schema":2,"kind":"component","name":"train","version":"2"}`,
		} {
			must(t, c.Store().WriteRecord(ctx, key, []byte(text)))
			_, find := c.Find(ctx, ref(t, "train:2"))
			_, latest := c.Find(ctx, ref(t, "train"))
			_, list := c.List(ctx, pipeline.ComponentAsset)
			_, _, again := c.Create(ctx, train("2"))
			for i, err := range []error{find, latest, list, again} {
				if err == nil || !strings.Contains(err.Error(), key) || errors.Is(err, ErrNotFound) || errors.Is(err, ErrExists) {
					t.Errorf("%s, %d: %v", text, i, err)
				}
			}
		}
		if made := create(t, c, train("")); made.Version != "3" {
			t.Errorf("the next version is %s", made.Version)
		}
		if _, err := c.Find(ctx, ref(t, "train:9")); !errors.Is(err, ErrNotFound) {
			t.Errorf("of a version that never was: %v", err)
		}
		// What can be read can be archived.
		if _, ok := errors.AsType[*Damaged](c.Archive(ctx, pipeline.ComponentAsset, "train", "", true)); !ok || !find(t, c, "train:1").Notes.Archived {
			t.Error("version 1 is not archived, or version 2 not told of")
		}
		if _, ok := errors.AsType[*Damaged](c.Archive(ctx, pipeline.ComponentAsset, "train", "", false)); !ok {
			t.Error("version 2 is not told of")
		}
		// Those who can do without it get the others.
		versions, err := c.Versions(ctx, pipeline.ComponentAsset, "train")
		some, ok := errors.AsType[*Damaged](err)
		if numbers(versions) != "3 1" || !ok || len(some.Records) != 1 || some.Records["train:2"] == nil {
			t.Errorf("versions %s, %v", numbers(versions), err)
		}
		names, err := c.List(ctx, pipeline.ComponentAsset)
		if some, ok := errors.AsType[*Damaged](err); numbers(names) != "3" || !ok || some.Records["train:2"] == nil {
			t.Errorf("names with version %s, %v", numbers(names), err)
		}
		must(t, c.Forget(ctx, pipeline.ComponentAsset, "train", "2"))
		if got := find(t, c, "train").Version; got != "3" {
			t.Errorf("latest = %s", got)
		}
		notes := "assets/component/train/notes/3.json"
		for _, text := range []string{"", "[]", `{"schema":7}`, "{}"} {
			must(t, c.Store().WriteRecord(ctx, notes, []byte(text)))
			if _, err := c.Find(ctx, ref(t, "train:3")); err == nil || !strings.Contains(err.Error(), notes) {
				t.Errorf("notes %q: %v", text, err)
			}
		}
	})
}

func TestOtherRecordsAreNoAssets(t *testing.T) {
	c := open(t, "mem://")
	create(t, c, train("1"))
	for _, key := range []string{
		"assets/component/train/versions/1.json.bak", "assets/component/train/versions/2", "assets/component/train/note.txt",
		"assets/component/README", "assets/component/train/notes/7.json", "assets/component/x/notes/1.json", "assets/compute/sub/x.json", "assets/compute/x",
	} {
		must(t, c.Store().WriteRecord(t.Context(), key, []byte("{}")))
	}
	all, err := c.Versions(t.Context(), pipeline.ComponentAsset, "train")
	names, _ := c.Names(t.Context(), pipeline.ComponentAsset)
	if numbers(all) != "1" || err != nil || fmt.Sprint(names) != "[train]" {
		t.Errorf("versions %s, %v, names %v", numbers(all), err, names)
	}
	if things, err := All[int](t.Context(), c, "compute"); len(things) != 0 || err != nil {
		t.Errorf("computes: %v, %v", things, err)
	}
}

func TestRecordsAreBounded(t *testing.T) {
	c := open(t, "mem://")
	v := train("1")
	v.Definition = strings.Repeat("x", maxRecord)
	if _, _, err := c.Create(t.Context(), v); err == nil || !strings.Contains(err.Error(), `create component "train:1"`) {
		t.Errorf("Create = %v", err)
	}
}
