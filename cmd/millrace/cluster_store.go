package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/millrace-ml/millrace/internal/artifact"
)

// storePatience is how long the store has for all that it is tried with.
const storePatience = time.Minute

// storeShown is the URL of a store, for everybody's eyes.
func storeShown(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Redacted()
}

// inspectStore finds out whether all workers can share the store, and whether
// it does what they rely on.
func (a *app) inspectStore(ctx context.Context, raw string) []finding {
	place := sharedPlace(raw)
	if !place.good() {
		return []finding{place}
	}
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	s, err := a.openStore() // anew, where it is not the first look
	if err != nil {
		return []finding{{"store", standingFailed, err.Error(), "correct MILLRACE_STORE, or make the bucket"}}
	}
	found := []finding{place}
	t := &trial{store: s, folder: "checks/" + strings.ToLower(rand.Text()) + "/"}
	for _, check := range []struct {
		name string
		try  func(context.Context) error
		// promise is what is there if it works, advice what helps if not.
		promise, advice string
	}{
		{"store: write and read", t.writeAndRead, "what was written is read back",
			"the bucket has to exist, and the credentials must allow to read, write, list and delete objects in it"},
		{"store: create once", t.createOnce, "of many who create the same record at once, one does",
			"the store has to honour `If-None-Match: *` when it writes, as Amazon S3, Google Cloud Storage, Azure Blob Storage and SeaweedFS do; without, two workers may run the same step"},
		{"store: list", t.list, "what was written is listed at once", "listing has to be allowed, and as new as what was written"},
		{"store: delete", t.remove, "what was deleted is gone", "the credentials must allow to delete objects"},
	} {
		if err := check.try(ctx); err != nil {
			found = append(found, finding{check.name, standingFailed, err.Error(), check.advice})
			break // what comes after builds on it
		}
		found = append(found, finding{check.name, standingReady, check.promise, ""})
	}
	t.tidy(context.WithoutCancel(ctx))
	return found
}

// sharedPlace judges the URL alone.
func sharedPlace(raw string) finding {
	const name = "store"
	const advice = "set MILLRACE_STORE to a store that all workers reach, such as s3://bucket?region=eu-west-1"
	scheme, _, _ := strings.Cut(raw, ":")
	switch {
	case raw == "":
		return finding{name, standingMissing, "no store is named, so that each worker would keep its own", advice}
	case scheme == "mem":
		return finding{name, standingFailed, "mem:// lives in one process only", advice}
	case scheme == "file":
		return finding{name, standingReady, storeShown(raw) + ": a folder, which every worker needs under the same path", ""}
	}
	return finding{name, standingReady, storeShown(raw), ""}
}

// trial tries a store with records of its own.
type trial struct {
	store  *artifact.Store
	folder string
}

const (
	// rounds and rivals are how often, and by how many at once, the same record
	// is created.
	rounds = 5
	rivals = 8
)

func (t *trial) writeAndRead(ctx context.Context) error {
	want := []byte("Millrace was here")
	if err := t.store.WriteRecord(ctx, t.folder+"written", want); err != nil {
		return err
	}
	got, err := t.store.ReadRecord(ctx, t.folder+"written")
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("read %q where %q was written", got, want)
	}
	return err
}

func (t *trial) createOnce(ctx context.Context) error {
	for round := range rounds {
		key := fmt.Sprintf("%screated-%d", t.folder, round)
		var winners atomic.Int32
		var all errgroup.Group
		for range rivals {
			all.Go(func() error {
				created, err := t.store.CreateRecord(ctx, key, []byte(rand.Text()))
				if created {
					winners.Add(1)
				}
				return err
			})
		}
		if err := all.Wait(); err != nil {
			return err
		}
		if n := winners.Load(); n != 1 {
			return fmt.Errorf("of %d who created the same record at once, %d were told that they had", rivals, n)
		}
		if again, err := t.store.CreateRecord(ctx, key, nil); err != nil || again {
			return errors.Join(err, errors.New("a record that was there was created again"))
		}
	}
	return nil
}

func (t *trial) list(ctx context.Context) error {
	keys, err := t.store.ListRecords(ctx, t.folder)
	if err == nil && len(keys) != rounds+1 {
		err = fmt.Errorf("%d records are listed of %d that were written", len(keys), rounds+1)
	}
	return err
}

func (t *trial) remove(ctx context.Context) error {
	keys, err := t.store.ListRecords(ctx, t.folder)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if err := t.store.DeleteRecord(ctx, key); err != nil {
			return err
		}
		switch _, err := t.store.ReadRecord(ctx, key); {
		case err == nil:
			return fmt.Errorf("record %s is there after it was deleted", key)
		case !errors.Is(err, artifact.ErrGone):
			return err
		}
	}
	left, err := t.store.ListRecords(ctx, t.folder)
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("%d records are listed after they were deleted", len(left))
	}
	return err
}

// tidy deletes what a failed trial has left.
func (t *trial) tidy(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	keys, _ := t.store.ListRecords(ctx, t.folder)
	for _, key := range slices.Backward(keys) {
		_ = t.store.DeleteRecord(ctx, key)
	}
}
