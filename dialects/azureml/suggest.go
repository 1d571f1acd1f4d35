package azureml

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/internal/near"
)

// didYouMean words a hint for a name that does not exist: the legal name that
// looks like it, or else all the legal names.
func (l *loader) didYouMean(name string, legal []string, what string) string {
	if like := l.closest(name, legal); like != "" {
		return fmt.Sprintf("did you mean %q?", like)
	}
	return legalNames(legal, what)
}

// legalNames lists what would have been right.
func legalNames(legal []string, what string) string {
	const most = 24
	if len(legal) == 0 {
		return "there are no " + what
	}
	more := ""
	if len(legal) > most {
		more = fmt.Sprintf(" and %d more", len(legal)-most)
		legal = legal[:most]
	}
	return "the " + what + " are " + strings.Join(legal, ", ") + more
}

// closest returns the legal name nearest to the given one, or "" where none is
// near enough to be meant.
func (l *loader) closest(name string, legal []string) string {
	const longest = 40
	if name == "" || len(name) > longest || l.problems.full() || l.problems.crowded() {
		return ""
	}
	// A third of the letters may differ; a beginning counts as nearly equal.
	best, bestDistance := "", len(name)/3+1
	lower := strings.ToLower(name)
	for _, candidate := range legal {
		if len(candidate) > longest {
			continue
		}
		other := strings.ToLower(candidate)
		d := near.Distance(lower, other)
		if len(name) > 2 && (strings.HasPrefix(other, lower) || len(candidate) > 2 && strings.HasPrefix(lower, other)) {
			d = min(d, 1)
		}
		// Of two that begin alike, the one that is spelt more like it is meant.
		if d < bestDistance || best != "" && d == bestDistance && near.Distance(lower, other) < near.Distance(lower, strings.ToLower(best)) {
			best, bestDistance = candidate, d
		}
	}
	return best
}

// oneOf words the legal values of a field.
func oneOf[T ~string](values ...T) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return "use one of " + strings.Join(texts, ", ")
}

func contains(list []string, name string) bool { return slices.Contains(list, name) }
