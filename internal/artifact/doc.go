// Package artifact keeps files and trees of files under the digest of their
// content, in a folder or in a bucket.
//
// # Layout
//
// Keys in the bucket are the layout; on a local store they are also the paths
// below the store's folder:
//
//	blobs/<first 2 hex digits>/<hex>     a file's bytes, or a tree's manifest
//	blobs/<first 2 hex digits>/<hex>.x   the same bytes with the executable bit (local only)
//	tmp/                                 unfinished writes (local only), swept when a day old
//
// Everything else (cache/, claims/, jobs/, datastores/) belongs to others, who
// write small objects there through the record functions.
//
// # Promises
//
// A blob is written once, appears whole or not at all, and is never changed.
// Writing the same content again does nothing. A blob whose size is not what
// it should be, as a power cut can leave it, counts as gone and is written
// anew; nothing is synced to disk, because whatever is lost can be made again.
//
// On a local store bytes are moved in and linked out. Blobs are read-only
// files; a program that changes one nevertheless, through a link it was given,
// is found out with [Store.Fingerprint] and the blob dropped with
// [Store.Verify].
//
// # Errors
//
// What the user must put right (a link out of a tree, a file that cannot be
// read) is a [*pipeline.Failure]. Any other error is the store's:
// infrastructure, worth another try. [ErrGone] and [ErrDamaged] tell content
// that is missing or is not what its name says.
package artifact
