package artifact

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRecords(t *testing.T) {
	everyStore(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		if _, err := s.ReadRecord(ctx, "cache/none"); !errors.Is(err, ErrGone) {
			t.Errorf("missing record: %v", err)
		}
		must(t, s.WriteRecord(ctx, "cache/a", []byte("1")))
		must(t, s.WriteRecord(ctx, "cache/a", []byte("2")))
		if made, err := s.CreateRecord(ctx, "cache/a", []byte("3")); made || err != nil {
			t.Errorf("CreateRecord = %v, %v over a record", made, err)
		}
		if made, err := s.CreateRecord(ctx, "cache/sub/b", []byte("4")); !made || err != nil {
			t.Errorf("CreateRecord = %v, %v", made, err)
		}
		b, err := s.ReadRecord(ctx, "cache/a")
		if err != nil || string(b) != "2" {
			t.Errorf("record = %q, %v", b, err)
		}
		keys, err := s.ListRecords(ctx, "cache/")
		must(t, err)
		if diff := cmp.Diff([]string{"cache/a", "cache/sub/b"}, keys); diff != "" {
			t.Error(diff)
		}
		must(t, s.DeleteRecord(ctx, "cache/sub/b"))
		must(t, s.DeleteRecord(ctx, "cache/sub/b"))
		keys, err = s.ListRecords(ctx, "cache/sub/")
		if len(keys) != 0 || err != nil {
			t.Errorf("after deletion: %v, %v", keys, err)
		}
		for _, key := range []string{"", "a", "blobs/x", "tmp/x", "../x", "a/../b", "a//b", "/a", "a/b ", "a/\x00", "jobs/", "a/.", "a/é"} {
			if err := s.WriteRecord(ctx, key, nil); err == nil {
				t.Errorf("key %q was taken", key)
			}
		}
	})
}

func TestOneOfManyCreatesARecord(t *testing.T) {
	everyStore(t, func(t *testing.T, s *Store) {
		const many = 32
		for round := range 20 {
			key := "claims/" + strings.Repeat("k", round+1) + "/0"
			wins := make(chan bool, many)
			for range many {
				go func() {
					made, err := s.CreateRecord(context.Background(), key, []byte("x"))
					if err != nil {
						t.Error(err)
					}
					wins <- made
				}()
			}
			won := 0
			for range many {
				if <-wins {
					won++
				}
			}
			if won != 1 {
				t.Fatalf("%d of %d created the record", won, many)
			}
		}
	})
}
