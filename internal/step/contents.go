package step

import (
	"fmt"
	"os"
	"strings"
)

// contents lists a folder for a hint: "a.csv, models/ and 3 more", or "nothing".
func contents(folder string) string {
	const most = 8
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) == 0 {
		return "nothing"
	}
	var names []string
	for _, entry := range entries[:min(most, len(entries))] {
		name := entry.Name()
		if entry.IsDir() {
			name += "/"
		}
		names = append(names, showable(name))
	}
	text := strings.Join(names, ", ")
	if more := len(entries) - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
