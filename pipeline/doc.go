// Package pipeline is the ground floor of Millrace: the nouns that every other
// package speaks of. It knows no YAML, no Temporal and no storage, and imports
// nothing but the standard library.
//
// A [Plan] is the closed form of a job. A dialect compiles a file into one; its
// local sources are then pinned, so that equal bytes mean equal meaning; from
// there on nobody changes it. A [Value] is what a port holds once it is known.
package pipeline
