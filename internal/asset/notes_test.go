package asset

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/pipeline"
)

func TestArchivedVersionsAreOnlyFoundByName(t *testing.T) {
	everyCatalog(t, func(t *testing.T, c *Catalog) {
		ctx := t.Context()
		for range 3 {
			create(t, c, train(""))
		}
		must(t, c.Archive(ctx, pipeline.ComponentAsset, "train", "3", true))
		if got := find(t, c, "train").Version; got != "2" {
			t.Errorf("with version 3 archived the latest is %s", got)
		}
		if v := find(t, c, "train:3"); !v.Notes.Archived || v.Notes.Modified.IsZero() {
			t.Errorf("notes of version 3: %+v", v.Notes)
		}
		must(t, c.Archive(ctx, pipeline.ComponentAsset, "train", "", true))
		_, err := c.Find(ctx, ref(t, "train@latest"))
		missing, ok := errors.AsType[*NotFound](err)
		if !ok || !missing.Archived || err.Error() != `all versions of component "train" are archived (3, 2, 1): name one of them, or restore one` {
			t.Errorf("with all archived: %v", err)
		}
		all, err := c.Versions(ctx, pipeline.ComponentAsset, "train")
		if got := numbers(all); got != "3 2 1" || err != nil {
			t.Errorf("versions %s, %v", got, err)
		}
		list, err := c.List(ctx, pipeline.ComponentAsset)
		if got := numbers(list); got != "3" || err != nil || !list[0].Notes.Archived {
			t.Errorf("list %s, %v", got, err)
		}
		if made := create(t, c, train("")); made.Version != "4" || find(t, c, "train").Version != "4" {
			t.Errorf("made version %s, latest %s", made.Version, find(t, c, "train").Version)
		}
		must(t, c.Archive(ctx, pipeline.ComponentAsset, "train", "", false))
		if v := find(t, c, "train:1"); v.Notes.Archived {
			t.Error("version 1 was not restored")
		}
		for _, version := range []string{"9", ""} {
			name := "train"
			if version == "" {
				name = "nothing"
			}
			if err := c.Archive(ctx, pipeline.ComponentAsset, name, version, true); !errors.Is(err, ErrNotFound) {
				t.Errorf("Archive(%s, %q) = %v", name, version, err)
			}
		}
	})
}

func TestNotesChangeAndNothingElse(t *testing.T) {
	everyCatalog(t, func(t *testing.T, c *Catalog) {
		ctx := t.Context()
		v := train("")
		v.Notes = Notes{Description: "as created", Tags: map[string]string{"a": "1"}}
		made := create(t, c, v)
		noted, err := c.Note(ctx, ref(t, "train"), func(n *Notes) error {
			n.Tags["b"] = "2"
			n.ModifiedBy = "anna"
			return nil
		})
		must(t, err)
		if noted.Notes.Modified.Before(made.Created) {
			t.Errorf("modified at %v, created at %v", noted.Notes.Modified, made.Created)
		}
		want := made
		want.Notes = Notes{
			Description: "as created", Tags: map[string]string{"a": "1", "b": "2"}, ModifiedBy: "anna", Modified: noted.Notes.Modified,
		}
		if diff := cmp.Diff(want, find(t, c, "train:1")); diff != "" {
			t.Error(diff)
		}
		refused := errors.New("refused")
		if _, err := c.Note(ctx, ref(t, "train"), func(n *Notes) error { n.Stage = "x"; return refused }); !errors.Is(err, refused) {
			t.Errorf("Note = %v", err)
		}
		if diff := cmp.Diff(want, find(t, c, "train")); diff != "" {
			t.Error(diff)
		}
		if _, err := c.Note(ctx, ref(t, "train:2"), func(*Notes) error { return nil }); !errors.Is(err, ErrNotFound) {
			t.Errorf("Note of what is not there = %v", err)
		}
	})
}

func TestForgottenVersionsAreGone(t *testing.T) {
	everyCatalog(t, func(t *testing.T, c *Catalog) {
		ctx := t.Context()
		create(t, c, train("1"))
		create(t, c, train("2"))
		must(t, c.Archive(ctx, pipeline.ComponentAsset, "train", "2", true))
		for range 2 {
			must(t, c.Forget(ctx, pipeline.ComponentAsset, "train", "2"))
		}
		if _, err := c.Find(ctx, ref(t, "train:2")); !errors.Is(err, ErrNotFound) {
			t.Errorf("Find = %v", err)
		}
		if made := create(t, c, train("")); made.Version != "2" || find(t, c, "train:2").Notes.Archived {
			t.Error("the next version inherits from the one before")
		}
		must(t, c.Forget(ctx, pipeline.ComponentAsset, "train", "1"))
		must(t, c.Forget(ctx, pipeline.ComponentAsset, "train", "2"))
		if names, err := c.Names(ctx, pipeline.ComponentAsset); len(names) != 0 || err != nil {
			t.Errorf("Names = %v, %v", names, err)
		}
		if _, err := c.Versions(ctx, pipeline.ComponentAsset, "train"); !errors.Is(err, ErrNotFound) {
			t.Errorf("Versions = %v", err)
		}
		for _, version := range []string{"", "../1", "1/2"} {
			if err := c.Forget(ctx, pipeline.ComponentAsset, "train", version); err == nil {
				t.Errorf("Forget(%q): no error", version)
			}
		}
	})
}

func TestNotesDoNotOutliveTheirVersion(t *testing.T) {
	c, ctx := open(t, "mem://"), t.Context()
	first := create(t, c, train("1"))
	must(t, c.Forget(ctx, pipeline.ComponentAsset, "train", "1"))
	first.Notes.Archived = true
	must(t, c.note(ctx, &first)) // by one who has seen it before
	create(t, c, train("1"))
	if find(t, c, "train:1").Notes.Archived || find(t, c, "train").Notes.Archived {
		t.Error("the second has the notes of the first")
	}
}
