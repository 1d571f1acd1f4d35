// Package transfer moves data between places outside: files from place to place,
// rows of databases into files, and files into tables.
//
// Files are streamed, many at a time, and what was written is read again and
// compared. They pass through the store only where somebody in the job reads
// them afterwards; else a copy between two places outside is kept in neither.
//
// A transfer writes down in the store how far it has come, so that another
// attempt goes on there:
//
//	transfers/<job>/<step>/<attempt>-<n>   files that were moved
//	transfers/<job>/<step>/checked         nothing stood in the way
//	transfers/<job>/<step>/commit          an export is about to be committed
//	transfers/<job>/<step>/done            the result
//
// Errors: a [*pipeline.Failure] of the kinds UserFailure and Invalid is not to be
// tried again, all others may be.
package transfer
