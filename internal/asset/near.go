package asset

import (
	"cmp"
	"slices"
	"strings"
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
		d := distance(lower, strings.ToLower(other))
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

// distance is how many letters have to be changed, added, taken out or swapped
// with their neighbour to make one word of the other. Names are ASCII.
func distance(a, b string) int {
	older, old, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range old {
		old[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(old[j]+1, row[j-1]+1, old[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], older[j-2]+1)
			}
		}
		older, old, row = old, row, older
	}
	return old[len(b)]
}
