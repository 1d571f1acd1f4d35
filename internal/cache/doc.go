// Package cache remembers what finished steps have made, so that a step whose
// code, environment and inputs are unchanged is not run again, by anyone, in
// any pipeline; and lets identical steps that are in flight together run once.
//
// A [Key] is the hash of a step's [Ingredients]. They are kept beside the
// result, so that two keys can be compared line by line with [Diff].
//
// Records lie in the store's bucket:
//
//	cache/<first 2 hex digits>/<key>         an [Entry], JSON
//	ingredients/<first 2 hex digits>/<key>   those of a run without an entry, JSON; see [Cache.Note]
//	claims/<key>/<number>                    who runs the step now, JSON; see [Cache.Claim]
//
// Every error of this package is about the store, never about the user's step.
package cache
