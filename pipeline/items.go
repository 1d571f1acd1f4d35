package pipeline

import (
	"regexp"
	"strconv"
)

// notInName are the characters that the name of an iteration cannot have: it
// becomes part of a job's name.
var notInName = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

// ItemNames makes names of iterations of the keys that their items stand under.
// Each is another one, and what cannot be part of a job's name is replaced.
func ItemNames(keys []string) []string {
	const longest = 60
	names := make([]string, len(keys))
	taken := make(map[string]bool, len(keys))
	for i, key := range keys {
		name := notInName.ReplaceAllString(key, "_")
		if name = name[:min(len(name), longest)]; name == "" {
			name = "_"
		}
		if taken[name] {
			name += "-" + strconv.Itoa(i+1)
		}
		taken[name], names[i] = true, name
	}
	return names
}
