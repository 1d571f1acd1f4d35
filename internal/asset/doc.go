// Package asset keeps components, data, models and environments by name and
// version in a store, and the things that have a name only: datastores,
// computes, registries, schedules.
//
// # Layout
//
// Everything is a small record beside the artifacts of the store:
//
//	assets/<kind>/<name>/versions/<version>.json   what was created, written once
//	assets/<kind>/<name>/notes/<version>.json      what has been noted since, if anything
//	assets/<shelf>/<name>.json                     a thing that has a name only
//	identity/store.json                            which store this is, once anybody has asked
//
// # Promises
//
// A version is one record that is created or not: of many who create the same
// one at once, in any process, exactly one does, and the others see what it
// made. It never changes afterwards. Notes are replaced whole; of two who note
// something at once the later one stays.
//
// # Errors
//
// [*NotFound] says what there is instead; [ErrExists] what is there already.
// A record that cannot be read is an error that names its key. Any other error
// is the store's.
package asset
