package artifact

import (
	// The kinds of store that are compiled in. Each adds its scheme to those
	// that a bucket can be opened by.
	_ "gocloud.dev/blob/azureblob"
	_ "gocloud.dev/blob/fileblob"
	_ "gocloud.dev/blob/gcsblob"
	_ "gocloud.dev/blob/memblob"
	_ "gocloud.dev/blob/s3blob"
)
