package asset

import (
	"sync"
	"testing"
)

func TestEveryStoreHasAnIdentityOfItsOwn(t *testing.T) {
	everyCatalog(t, func(t *testing.T, c *Catalog) {
		if id, err := c.Identity(t.Context()); id != "" || err != nil {
			t.Fatalf("before anybody asks: %q, %v", id, err)
		}
		ids := make([]string, 5)
		var all sync.WaitGroup
		for i := range ids {
			all.Go(func() {
				var err error
				if ids[i], err = New(c.Store()).Identify(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for _, id := range ids {
			if kept, err := c.Identity(t.Context()); id == "" || id != kept || err != nil {
				t.Errorf("%q, kept %q, %v", id, kept, err)
			}
		}
		if other, err := open(t, "mem://").Identify(t.Context()); other == ids[0] || err != nil {
			t.Errorf("another store has the identity %q, %v", other, err)
		}
		if id, err := c.Called("stock").Identify(t.Context()); id != "stock" || err != nil {
			t.Errorf("%q, %v", id, err)
		}
	})
}

func TestDamagedIdentitiesAreNotReplaced(t *testing.T) {
	for _, text := range []string{"", "{", `{"schema":1}`, `{"id":"x"}`, `{"schema":99,"id":"x"}`} {
		c := open(t, "mem://")
		must(t, c.Store().WriteRecord(t.Context(), identityKey, []byte(text)))
		if id, err := c.Identify(t.Context()); err == nil {
			t.Errorf("%q is taken for the identity %q", text, id)
		}
	}
}
