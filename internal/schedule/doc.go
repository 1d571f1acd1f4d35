// Package schedule keeps schedules, and makes the jobs that they ask for.
//
// A schedule has two parts. What it makes, and when, is its [Making]: a blob in
// the store, which never changes. A server is told of it by its digest, so that
// what fires at a time is always what was to fire then. What people may change of
// it, and which Making is the current one, stands in its [Record], on the shelf
// [Shelf] of the store's catalog.
//
// Every job of a schedule is named after the time it was made for, so that it is
// made once, whoever tries, however often.
package schedule
