//go:build !linux

package supervisor

// adoptsOrphans: who loses its parent here becomes a child of the first process
// of the machine. Daemons that leave the session are out of reach.
const adoptsOrphans = false

func become() {}

func descendants(session int) []member { return members(session) }
