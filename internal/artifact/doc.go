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
// # The cache
//
// A worker whose store is a bucket keeps what it brings in a folder of its own
// disk ([Store.WithCache]), and gives it out as a local store does:
//
//	blobs/<first 2 hex digits>/<hex>     a file's bytes; .x as above
//	parts/<hex>                          a download, as far as it has come
//	bytes                                what all files hold together
//	tmp/                                 unfinished writes
//
// Any number of processes share the folder. One of those who want the same blob
// downloads it, in parts, several at a time; the lock of its file in parts/ says
// who. Where that one was killed the next goes on from the parts that are there.
// A blob is hashed before it gets its name, and gets with it a modification time
// that is no date but a mark. Whoever writes to it through a link changes that:
// it is hashed again before it is given out, and deleted if it is not what its
// name says. The same is done after each start of the machine, since nothing is
// synced to disk. What is not noticed, here as in a local store, is a change of
// bytes that leaves size and time as they were.
//
// The folder never holds more than its bound: room is reserved before bytes are
// written, and made by deleting what was not used for longest. What attempts
// have links to is spared; deleting it would free nothing. What finds no room,
// or a disk that is full, is copied straight from the bucket.
//
// # Errors
//
// What the user must put right (a link out of a tree, a file that cannot be
// read) is a [*pipeline.Failure]. Any other error is the store's:
// infrastructure, worth another try. [ErrGone] and [ErrDamaged] tell content
// that is missing or is not what its name says.
package artifact
