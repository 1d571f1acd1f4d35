package asset

import (
	"cmp"
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/internal/near"
)

// mostNear is how many names an error offers.
const mostNear = 3

// Near returns the names that were probably meant, the most likely first.
func Near(name string, names []string) []string {
	type candidate struct {
		name     string
		distance int
	}
	lower := strings.ToLower(name)
	var found []candidate
	for _, other := range names {
		// A third of the letters may differ; a beginning counts as nearly equal.
		d := near.Distance(lower, strings.ToLower(other))
		if len(name) > 2 && strings.HasPrefix(strings.ToLower(other), lower) {
			d = 1
		}
		if d <= max(1, len(name)/3) {
			found = append(found, candidate{other, d})
		}
	}
	slices.SortFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.name, b.name))
	})
	var meant []string
	for _, c := range found[:min(mostNear, len(found))] {
		meant = append(meant, c.name)
	}
	return meant
}
