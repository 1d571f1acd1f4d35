// Package components holds the stock components, a folder each.
package components

import (
	"embed"
	"io/fs"
)

//go:embed all:parts
var files embed.FS

// FS is the folders of all components.
func FS() fs.FS { return files }

// Names are the stock components, by name.
func Names() []string { return nil }
