package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxRecord bounds a record: they are for facts, not for data.
const maxRecord = 64 << 20

// WriteRecord writes a small object beside the artifacts, replacing any that
// is there. Readers see the old one or the new one, whole. Keys are paths of
// letters, digits and "._-=", so that a folder can hold them as they are.
func (s *Store) WriteRecord(ctx context.Context, key string, b []byte) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if err := s.backend.write(ctx, key, b); err != nil {
		return fmt.Errorf("write record %s: %w", key, err)
	}
	return nil
}

// CreateRecord writes a record if there is none of that key, and reports
// whether it did. Of many who try at once, in any process, exactly one does.
func (s *Store) CreateRecord(ctx context.Context, key string, b []byte) (bool, error) {
	if err := checkKey(key); err != nil {
		return false, err
	}
	created, err := s.backend.create(ctx, key, b)
	if err != nil {
		return false, fmt.Errorf("create record %s: %w", key, err)
	}
	return created, nil
}

// ReadRecord returns a record, or [ErrGone].
func (s *Store) ReadRecord(ctx context.Context, key string) ([]byte, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	r, err := s.bucket.NewReader(ctx, key, nil)
	if isMissing(err) {
		return nil, fmt.Errorf("record %s: %w", key, ErrGone)
	}
	if err != nil {
		return nil, fmt.Errorf("read record %s: %w", key, err)
	}
	b, err := io.ReadAll(io.LimitReader(r, maxRecord+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("read record %s: %w", key, err)
	}
	if len(b) > maxRecord {
		return nil, fmt.Errorf("record %s is larger than %d bytes", key, maxRecord)
	}
	return b, nil
}

// ListRecords returns the keys that begin with prefix, sorted. The prefix
// begins with a whole folder name; one that ends in "/" is answered fastest.
func (s *Store) ListRecords(ctx context.Context, prefix string) ([]string, error) {
	if err := checkKey(prefix + "x"); err != nil {
		return nil, err
	}
	keys, err := s.backend.list(ctx, prefix)
	if err != nil {
		return nil, fmt.Errorf("list records %s: %w", prefix, err)
	}
	slices.Sort(keys)
	return keys, nil
}

// DeleteRecord deletes a record; a missing one is no error.
func (s *Store) DeleteRecord(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if err := s.backend.remove(ctx, key); err != nil {
		return fmt.Errorf("delete record %s: %w", key, err)
	}
	return nil
}

// checkKey keeps records out of the store's own keys and inside its folder.
func checkKey(key string) error {
	folder, _, _ := strings.Cut(key, "/")
	if folder == "blobs" || folder == "tmp" || folder == key {
		return fmt.Errorf("record key %q does not lie in a folder of its own", key)
	}
	for name := range strings.SplitSeq(key, "/") {
		if name == "" || strings.Trim(name, ".") == "" {
			return fmt.Errorf("record key %q is not a clean path", key)
		}
	}
	for _, c := range key {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.ContainsRune("._-=/", c):
		default:
			return fmt.Errorf("record key %q contains %q", key, c)
		}
	}
	return nil
}
