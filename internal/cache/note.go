package cache

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/millrace-ml/millrace/internal/artifact"
)

func noteKey(k Key) string { return "ingredients/" + string(k[:2]) + "/" + string(k) }

// Note keeps the ingredients of a run that has no result to reuse: it failed,
// or is not deterministic. They are wanted when somebody asks what differs.
func (c *Cache) Note(ctx context.Context, ingredients []Ingredient) error {
	b, err := json.Marshal(ingredients)
	if err != nil {
		return fmt.Errorf("note ingredients: %w", err)
	}
	return c.store.WriteRecord(ctx, noteKey(KeyOf(ingredients)), b)
}

// IngredientsOf returns what a key is the hash of, as far as it was recorded or
// noted; nil if it is not known.
func (c *Cache) IngredientsOf(ctx context.Context, k Key) ([]Ingredient, error) {
	entry, err := c.Entry(ctx, k)
	if err != nil || entry != nil {
		if entry == nil {
			return nil, err
		}
		return entry.Ingredients, nil
	}
	b, err := c.store.ReadRecord(ctx, noteKey(k))
	if errors.Is(err, artifact.ErrGone) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up ingredients: %w", err)
	}
	var ingredients []Ingredient
	if json.Unmarshal(b, &ingredients) != nil {
		ingredients = nil // damaged: as good as not noted
	}
	return ingredients, nil
}
