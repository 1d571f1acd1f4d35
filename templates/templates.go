// Package templates holds starter projects, a folder each, and writes them.
package templates

import (
	"embed"
	"io/fs"
	"slices"
)

//go:embed all:minimal all:retrain all:stock all:tabular
var projects embed.FS

// Default is the template that is meant where none is named.
const Default = "tabular"

// Template is a starter project.
type Template struct {
	Name string
	// Summary says in a sentence what it is.
	Summary string
	// Another is a change to an input, as --set takes it, to try next.
	Another string
}

// All are the templates, the default one first.
func All() []Template {
	return []Template{
		{
			Name: Default, Summary: "Prepare a table, train a classifier and evaluate it, with components of your own",
			Another: "inputs.test_share=0.4",
		},
		{
			Name: "stock", Summary: "The same with stock components only, and a report; no code",
			Another: "inputs.l2=10",
		},
		{
			Name: "retrain", Summary: "A model that is registered, and trained again on a schedule",
			Another: "inputs.until=2025-04-30",
		},
		{
			Name: "minimal", Summary: "One step in one file",
			Another: "inputs.who=you",
		},
	}
}

// Find returns the template with that name.
func Find(name string) (Template, bool) {
	all := All()
	i := slices.IndexFunc(all, func(t Template) bool { return t.Name == name })
	if i < 0 {
		return Template{}, false
	}
	return all[i], true
}

// Files are the paths of its files, with slashes, in order.
func (t Template) Files() ([]string, error) {
	var files []string
	err := fs.WalkDir(projects, t.Name, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path[len(t.Name)+1:])
		}
		return err
	})
	return files, err
}
