package asset

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/millrace-ml/millrace/internal/artifact"
)

// identityKey is the record of which store this is. A reference such as
// azureml:iris:3 means something else in each store.
const identityKey = "identity/store.json"

type storedIdentity struct {
	Schema int    `json:"schema"`
	ID     string `json:"id"`
}

// Called is the catalog with an identity that is known beforehand: that of a
// store that every home fills with the same.
func (c *Catalog) Called(id string) *Catalog { return &Catalog{store: c.store, id: id} }

// Identity tells the store from all others, under whatever name or URL it is
// used. It is "" as long as nobody has asked with [Catalog.Identify].
func (c *Catalog) Identity(ctx context.Context) (string, error) {
	if c.id != "" {
		return c.id, nil
	}
	b, err := c.store.ReadRecord(ctx, identityKey)
	if errors.Is(err, artifact.ErrGone) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var s storedIdentity
	if err := decode(identityKey, b, &s); err != nil {
		return "", err
	}
	if err := checkSchema(identityKey, s.Schema); err != nil {
		return "", err
	}
	if s.ID == "" {
		return "", damaged(identityKey, "it names no store")
	}
	return s.ID, nil
}

// Identify returns the identity of the store, and gives it one where it has none.
// Of many who do so at once all get the same.
func (c *Catalog) Identify(ctx context.Context) (string, error) {
	id, err := c.Identity(ctx)
	if err != nil || id != "" {
		return id, err
	}
	b, err := json.Marshal(storedIdentity{schema, rand.Text()})
	if err != nil {
		return "", err
	}
	if _, err := c.store.CreateRecord(ctx, identityKey, b); err != nil {
		return "", fmt.Errorf("give the store an identity: %w", err)
	}
	return c.Identity(ctx)
}
