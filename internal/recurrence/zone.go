package recurrence

import (
	"fmt"
	"strings"
	"time"
)

// Location finds a time zone by the name that Windows has for it, or the IANA;
// "" is UTC.
func Location(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	for _, z := range windows {
		if strings.EqualFold(name, z.name) {
			name = z.iana
			break
		}
	}
	// "Local" would mean something else on every machine.
	loc, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, fmt.Errorf("%q is not a time zone", name)
	}
	return loc, nil
}

// Zones are the names that Windows has, from west to east.
func Zones() []string {
	names := make([]string, len(windows))
	for i, z := range windows {
		names[i] = z.name
	}
	return names
}
