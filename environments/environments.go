// Package environments holds the requirement sets that stand for Azure ML's
// curated environments: what those images are used for, from PyPI, in versions
// that go together. A file each, NAME.txt, in pip's notation; a line
// "# python RANGE" says which versions of Python it was tried with.
package environments

import (
	"embed"
	"slices"
	"strconv"
	"strings"
)

//go:embed *.txt
var files embed.FS

// Names lists the sets.
func Names() []string {
	entries, _ := files.ReadDir(".") // embedded: never fails
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".txt"))
	}
	return names
}

// Find returns the set for the name of a curated environment, without a prefix
// "AzureML-": the one of that very name, or the one of its family whose version
// is nearest. "sklearn-0.24-ubuntu18.04-py37-cpu" finds sklearn-1.0.
func Find(name string) (set, text string, ok bool) {
	name = strings.ToLower(name)
	if set, ok = family(name); !ok {
		return "", "", false
	}
	data, err := files.ReadFile(set + ".txt")
	return set, string(data), err == nil
}

// family finds the set of a name.
func family(name string) (string, bool) {
	sets := Names()
	if slices.Contains(sets, name) {
		return name, true
	}
	for _, alias := range aliases() {
		if strings.HasPrefix(name, alias.prefix) {
			return alias.set, true
		}
	}
	best, found := "", false
	var bestAbove bool
	var bestVersion []int
	wanted := version(name)
	for _, set := range sets {
		stem, has := split(set)
		given, _ := split(name)
		if !has || given != stem || wanted == nil {
			continue
		}
		v := version(set)
		above := slices.Compare(v, wanted) >= 0
		nearer := slices.Compare(v, bestVersion) < 0 == above
		if !found || above && !bestAbove || above == bestAbove && nearer {
			best, bestVersion, bestAbove, found = set, v, above, true
		}
	}
	return best, found
}

// aliases are names without a set of their own, by what they begin with, the
// longest first.
func aliases() []struct{ prefix, set string } {
	return []struct{ prefix, set string }{
		{"ai-ml-automl-dnn", "automl-dnn"},
		{"acft-", "transformers"},
		{"ai-ml-automl", "automl"},
		{"automl", "automl"},
		{"foundation-model-inference", "transformers"},
		{"responsibleai-0", "responsibleai-tabular"},
		{"responsibleai-1", "responsibleai-tabular"},
		{"responsibleai-ubuntu", "responsibleai-tabular"},
		{"minimal-", "minimal-inference"},
		{"minimal", "minimal-inference"},
		{"inference-", "minimal-inference"},
		{"designer", "sklearn-1.1"},
		{"tutorial", "sklearn-1.1"},
	}
}

// split cuts a name in front of its version: the first part that begins with a
// digit. "acpt-pytorch" is "pytorch", as older names have it.
func split(name string) (stem string, ok bool) {
	parts := strings.Split(name, "-")
	at := slices.IndexFunc(parts, func(p string) bool { return p != "" && p[0] >= '0' && p[0] <= '9' })
	if at <= 0 {
		return name, false
	}
	return strings.TrimPrefix(strings.Join(parts[:at], "-"), "acpt-"), true
}

// version is the version in a name; nil without one.
func version(name string) []int {
	for part := range strings.SplitSeq(name, "-") {
		var numbers []int
		for n := range strings.SplitSeq(part, ".") {
			i, err := strconv.Atoi(n)
			if err != nil {
				break
			}
			numbers = append(numbers, i)
		}
		if len(numbers) > 0 {
			return numbers
		}
	}
	return nil
}
