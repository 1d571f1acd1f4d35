// Package components holds the stock components, a folder each. They are part
// of the program, which offers them in the registry "millrace".
package components

import (
	"embed"
	"io/fs"
)

// What a component needs to run, and no more: its tests and README.md stay
// outside. The folder parts is no component; see parts/README.md.
//
//go:embed */component.yml */src/*.py
var files embed.FS

// FS has a folder for each component, with component.yml and src in it.
func FS() fs.FS { return files }

// Names are the stock components, in the order of the alphabet.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil // a file system in memory that has a root
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}
