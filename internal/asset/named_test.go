package asset

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// place is some thing that has a name and no version.
type place struct {
	Type  string            `json:"type"`
	Parts map[string]string `json:"parts,omitempty"`
}

func TestThingsHaveANameOnly(t *testing.T) {
	everyCatalog(t, func(t *testing.T, c *Catalog) {
		ctx := t.Context()
		lake := place{Type: "s3", Parts: map[string]string{"bucket": "lake"}}
		if added, err := Add(ctx, c, "datastore", "lake", lake); !added || err != nil {
			t.Errorf("Add = %v, %v", added, err)
		}
		if added, err := Add(ctx, c, "datastore", "lake", place{}); added || err != nil {
			t.Errorf("Add = %v, %v over another", added, err)
		}
		must(t, Put(ctx, c, "datastore", "pond", place{Type: "gs"}))
		must(t, Put(ctx, c, "datastore", "pond", place{Type: "file"}))
		must(t, Put(ctx, c, "compute", "lake", 7))
		got, err := Take[place](ctx, c, "datastore", "lake")
		if diff := cmp.Diff(lake, got); diff != "" || err != nil {
			t.Error(diff, err)
		}
		all, err := All[place](ctx, c, "datastore")
		if diff := cmp.Diff(map[string]place{"lake": lake, "pond": {Type: "file"}}, all); diff != "" || err != nil {
			t.Error(diff, err)
		}
		must(t, Drop(ctx, c, "datastore", "lake"))
		_, take := Take[place](ctx, c, "datastore", "lake")
		for _, err := range []error{take, Drop(ctx, c, "datastore", "lake")} {
			if !errors.Is(err, ErrNotFound) || err.Error() != `there is no datastore "lake"` {
				t.Errorf("after it was dropped: %v", err)
			}
		}
		if err := Drop(ctx, c, "datastore", "pnod"); err == nil || err.Error() != `there is no datastore "pnod" (did you mean "pond"?)` {
			t.Errorf("Drop = %v", err)
		}
		if all, err := All[place](ctx, c, "schedule"); len(all) != 0 || err != nil {
			t.Errorf("schedules: %v, %v", all, err)
		}
	})
}

func TestOneOfManyAddsAThing(t *testing.T) {
	everyCatalog(t, func(t *testing.T, c *Catalog) {
		const many = 32
		var all sync.WaitGroup
		winners := make(chan string, many)
		for i := range many {
			all.Go(func() {
				text := strconv.Itoa(i)
				added, err := Add(t.Context(), c, "registry", "shared", text)
				if err != nil {
					t.Error(err)
				}
				if added {
					winners <- text
				}
			})
		}
		all.Wait()
		close(winners)
		there, err := Take[string](t.Context(), c, "registry", "shared")
		must(t, err)
		if winner := <-winners; winner != there || len(winners) != 0 {
			t.Errorf("%s and %d others added it; it is by %s", winner, len(winners), there)
		}
	})
}

func TestThingsAreCheckedBeforeTheyBecomeKeys(t *testing.T) {
	c, ctx := open(t, "mem://"), t.Context()
	for _, bad := range []struct{ shelf, name string }{
		{"", "x"}, {"..", "x"}, {"component", "x"}, {"model", "x"}, {"a/b", "x"}, {"Compute", "x"},
		{"compute", ""}, {"compute", "../x"}, {"compute", "a b"}, {"compute", strings.Repeat("x", 251)},
	} {
		_, add := Add(ctx, c, bad.shelf, bad.name, 1)
		_, take := Take[int](ctx, c, bad.shelf, bad.name)
		for i, err := range []error{Put(ctx, c, bad.shelf, bad.name, 1), add, take, Drop(ctx, c, bad.shelf, bad.name)} {
			if err == nil || errors.Is(err, ErrNotFound) {
				t.Errorf("%+v, %d: %v", bad, i, err)
			}
		}
	}
	for _, shelf := range []string{"", "../x", "component"} {
		if _, err := All[int](ctx, c, shelf); err == nil {
			t.Errorf("All(%q): no error", shelf)
		}
	}
	if err := Put(ctx, c, "compute", "x", func() {}); err == nil {
		t.Error("what cannot be written was written")
	}
	must(t, c.Store().WriteRecord(ctx, "assets/compute/x.json", []byte("{")))
	if _, err := Take[int](ctx, c, "compute", "x"); err == nil || !strings.Contains(err.Error(), "assets/compute/x.json") {
		t.Errorf("damaged: %v", err)
	}
	must(t, Put(ctx, c, "compute", "y", 1))
	all, err := All[int](ctx, c, "compute")
	some, ok := errors.AsType[*Damaged](err)
	if !ok || some.Records["x"] == nil || !strings.Contains(err.Error(), "assets/compute/x.json") || len(all) != 1 || all["y"] != 1 {
		t.Errorf("with one that is damaged: %v, %v", all, err)
	}
	must(t, Drop(ctx, c, "compute", "x"))
	_, err = All[int](ctx, c, "compute")
	must(t, err)
}
