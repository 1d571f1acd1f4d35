// Package sweep chooses the points of a search space that the trials of a sweep
// are run at, and says which trials are not worth going on with. It is pure:
// the same arguments give the same answers, on every machine.
package sweep
