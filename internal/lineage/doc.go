// Package lineage answers what was made from what: which step made a model,
// from which data, with which code; and what has been made from a data set
// since.
//
// The answer is drawn from the records in the store alone (jobs/, history/,
// assets/ and the plans in blobs/), so it outlives Temporal's database, and
// needs no server.
//
// A [Graph] has nodes for steps and what they made, for versions of assets, for
// places outside, and for content that is known by its digest; an edge leads
// from what was there to what was made from it. What a reused step gave out is
// the output of the step that really ran: there is one node for both.
//
// [Read] reads three records of each job (submitted, ended, plan) and one of
// each version of an asset, many at a time: about a second for a few thousand
// jobs in a folder, and as many requests divided by the store's parallelism for
// a bucket. How many jobs are read is bounded; the newest come first.
package lineage
