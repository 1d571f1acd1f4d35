package datastore

import (
	"context"
	"errors"
	"io"
	"strings"

	"gocloud.dev/blob"
	"golang.org/x/sync/errgroup"
)

// maxObjects bounds a folder that is read: its list is held in memory.
const maxObjects = 4_000_000

// folderMark is how Azure says that an object stands for a folder.
const folderMark = "hdi_isfolder"

// listed is something below a path of a bucket.
type listed struct {
	name    string
	size    int64
	version string // as versionOf has it
	folder  bool   // there is nothing in it
}

// below lists what lies below a path: files, and those empty folders that the
// bucket knows of.
func (o *objects) below(ctx context.Context, at string) (found []listed, err error) {
	defer calm(&err)
	prefix := o.list(at)
	known := false // there is a mark for the path itself
	list := o.bucket.List(&blob.ListOptions{Prefix: prefix})
	for {
		object, err := list.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		// A key that ends in a slash marks a folder, as most tools have it.
		name, mark := strings.CutSuffix(strings.TrimPrefix(object.Key, prefix), "/")
		if name == "" && (mark || prefix != "") {
			known = true
			continue
		}
		if err := o.checkName(object.Key, name); err != nil {
			return nil, err
		}
		if len(found) == maxObjects {
			return nil, missing("name a part of it", "there are more than %d objects below %q in %s", maxObjects, prefix, o.called)
		}
		found = append(found, listed{name: name, size: object.Size, version: versionOf(object.Size, object.ModTime, object.MD5), folder: mark})
	}
	found, err = o.withoutMarks(ctx, prefix, found)
	if err == nil && len(found) == 0 && !known {
		err = o.isEmpty(ctx, at)
	}
	return found, err
}

// checkName refuses keys that cannot be the path of a file.
func (o *objects) checkName(key, name string) error {
	for part := range strings.SplitSeq(name, "/") {
		if !isName(part) {
			return missing("rename the object, or name a part of the bucket without it",
				"the object %q in %s cannot become a file: its key is not a path inside a folder", short(key), o.called)
		}
	}
	return nil
}

func short(text string) string {
	const most = 200
	if len(text) > most {
		return text[:most] + "..."
	}
	return text
}

// withoutMarks leaves out the objects that mark folders with something in them,
// and tells those that mark empty ones.
func (o *objects) withoutMarks(ctx context.Context, prefix string, found []listed) ([]listed, error) {
	folders := map[string]bool{}
	for _, f := range found {
		for at := parent(f.name); at != "" && !folders[at]; at = parent(at) {
			folders[at] = true
		}
	}
	var kept []listed
	seen := map[string]bool{}
	for _, f := range found {
		switch {
		case folders[f.name] && f.size > 0 && !f.folder:
			return nil, missing("rename the object", "%q in %s is an object, and other keys have it for a folder", short(prefix+f.name), o.called)
		case !folders[f.name] && !seen[f.name]:
			seen[f.name] = true
			kept = append(kept, f)
		}
	}
	if !o.marked {
		return kept, nil
	}
	g, inside := errgroup.WithContext(ctx)
	g.SetLimit(o.parallel())
	for i := range kept {
		if kept[i].size == 0 && !kept[i].folder {
			g.Go(func() (err error) {
				kept[i].folder, err = o.isMark(inside, prefix+kept[i].name)
				return err
			})
		}
	}
	return kept, g.Wait()
}

// isEmpty is nil where a path without anything below it is a folder.
func (o *objects) isEmpty(ctx context.Context, at string) error {
	key := o.key(at)
	if key != "" {
		if mark, err := o.isMark(ctx, key); mark {
			return nil
		} else if err != nil && !absent(err) {
			return err
		}
	}
	return &nothing{missing("put the file or folder there", "there is nothing at %q in %s", short(key), o.called)}
}

// isMark reports whether an empty object is the mark of a folder.
func (o *objects) isMark(ctx context.Context, key string) (mark bool, err error) {
	defer calm(&err)
	if !o.marked {
		return false, nil
	}
	attributes, err := o.bucket.Attributes(ctx, key)
	if err != nil {
		return false, err
	}
	for name, value := range attributes.Metadata {
		if strings.EqualFold(name, folderMark) && strings.EqualFold(value, "true") {
			return true, nil
		}
	}
	return false, nil
}
