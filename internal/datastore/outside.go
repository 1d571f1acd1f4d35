package datastore

import (
	"context"
	"errors"
	"io"
	"path"
	"strings"

	"github.com/zeebo/blake3"

	"github.com/millrace-ml/millrace/pipeline"
)

// Outside is an address whose files are read and written one by one, where they
// lie, with no copy of them in the store.
type Outside struct {
	uri   URI
	place streaming
	path  string // of the address, below the place
}

// streaming is a place whose files can be had one by one. Paths are below the
// place.
type streaming interface {
	// files lists what lies at a path: the file itself, or what is below it.
	files(ctx context.Context, at target) (found []Entry, single bool, err error)
	// look looks at one file; nil where there is none.
	look(ctx context.Context, at string) (*Entry, error)
	// open reads a file from an offset on.
	open(ctx context.Context, at string, from int64) (io.ReadCloser, error)
	// pour makes a file, whole or not at all, and reads it again.
	pour(ctx context.Context, at string, c Content) (Written, error)
	// makeFolder makes a folder with nothing in it.
	makeFolder(ctx context.Context, at string) error
}

// Entry is a file, or an empty folder, at an address outside.
type Entry struct {
	// Path is relative to the address; that of a single file is its name.
	Path string
	// Size is in bytes, -1 where the server does not say.
	Size int64
	// Version is different when the content is; "" where nobody can tell.
	Version string
	Folder  bool
}

// Same reports whether two files are known to have the same content.
func (e Entry) Same(other Entry) bool {
	return strings.HasPrefix(e.Version, byDigest) && e.Version == other.Version && e.Size == other.Size
}

// Content is what is written.
type Content struct {
	// Size is in bytes, -1 where it is not known.
	Size int64
	// Name names the bytes, so that a write that broke off can go on; "" has it
	// begin again.
	Name string
	// Open gives the bytes from an offset on.
	Open func(ctx context.Context, from int64) (io.ReadCloser, error)
	// Progress is told of bytes as they are moved, also of those that were there.
	Progress func(bytes int64)
}

// Written is what was written and read again.
type Written struct {
	Digest pipeline.Digest
	Size   int64
	// Version is that of the file now.
	Version string
}

// Outside finds an address. The type of the port that asks matters as it does
// for [Resolver.Fetch].
func (r *Resolver) Outside(ctx context.Context, uri string, want pipeline.PortType) (*Outside, error) {
	u, err := ParseURI(uri)
	if err != nil {
		return nil, err
	}
	p, below, err := r.find(ctx, u, want)
	if err != nil {
		return nil, at(u, "find", err)
	}
	o := &Outside{uri: u, path: below}
	switch p := p.(type) {
	case nil:
		if isFolder(want) {
			return nil, at(u, "find", invalid("give the input the type uri_file", "an address on the web is one file, and the type of the input, %s, needs a folder", want))
		}
		o.place, o.path = &page{r, u}, ""
	case streaming:
		o.place = p
	}
	return o, nil
}

// Connected finds a path in a place that a definition describes.
func (r *Resolver) Connected(ctx context.Context, d Definition, below string) (*Outside, error) {
	p, err := r.placeOf(ctx, d)
	if err != nil {
		return nil, err
	}
	clean, folder, err := cleanPath(below, below)
	if err != nil {
		return nil, err
	}
	place, ok := p.(streaming)
	if !ok {
		return nil, invalid("", "%s cannot be read file by file", d.URL)
	}
	u, err := d.location()
	if err != nil {
		return nil, err
	}
	u.Path, u.Folder = path.Join(u.Path, clean), folder
	return &Outside{uri: u, place: place, path: clean}, nil
}

// String is the address, without what is secret in it.
func (o *Outside) String() string { return o.uri.String() }

// Uploaded reports whether the address is that of data that was uploaded, which
// is in the store and nowhere else.
func (o *Outside) Uploaded() bool { _, ok := o.uri.uploaded(); return ok }

// Folder reports whether the address can only be that of a folder.
func (o *Outside) Folder() bool { return o.uri.Folder }

// Files lists the files at the address. Single tells that it is one file itself.
func (o *Outside) Files(ctx context.Context) (found []Entry, single bool, err error) {
	found, single, err = o.place.files(ctx, target{path: o.path, folder: o.uri.Folder && o.path != ""})
	return found, single, o.told("list", err)
}

// Nothing reports whether an error says that there is nothing at an address.
func Nothing(err error) bool {
	_, ok := errors.AsType[*nothing](err)
	return ok
}

// Look looks at a file below the address; nil where there is none.
func (o *Outside) Look(ctx context.Context, below string) (*Entry, error) {
	f, err := o.place.look(ctx, path.Join(o.path, below))
	return f, o.told("look at", err)
}

// Open reads a file below the address from an offset on. Of a single file below
// is "".
func (o *Outside) Open(ctx context.Context, below string, from int64) (io.ReadCloser, error) {
	body, err := o.place.open(ctx, path.Join(o.path, below), from)
	return body, o.told("read", err)
}

// Write makes a file below the address, whole or not at all, and makes sure that
// what is there are the bytes that were given.
func (o *Outside) Write(ctx context.Context, below string, c Content) (Written, error) {
	w, err := o.place.pour(ctx, path.Join(o.path, below), c)
	return w, o.told("write", err)
}

// MakeFolder makes an empty folder below the address.
func (o *Outside) MakeFolder(ctx context.Context, below string) error {
	return o.told("make", o.place.makeFolder(ctx, path.Join(o.path, below)))
}

func (o *Outside) told(verb string, err error) error {
	if err == nil {
		return nil
	}
	if n, ok := errors.AsType[*nothing](err); ok {
		return &nothing{at(o.uri, verb, n.error)}
	}
	return at(o.uri, verb, err)
}

// errOther: what was written is not what was read.
func errOther(what string) error {
	return unreachable("what was written to %s is not what was read", what)
}

// moving hashes bytes on their way, and tells of them.
type moving struct {
	io.Reader
	hash     *blake3.Hasher
	progress func(int64)
	read     int64
	failed   error
}

func (m *moving) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	_, _ = m.hash.Write(p[:n])
	m.read += int64(n)
	if m.progress != nil && n > 0 {
		m.progress(int64(n))
	}
	if err != nil && !errors.Is(err, io.EOF) {
		m.failed = err
	}
	return n, err
}

func (m *moving) digest() pipeline.Digest { return pipeline.NewDigest(m.hash.Sum(nil)) }

// interruptible is a reader that fails when its context has ended.
type interruptible struct {
	context.Context
	io.Reader
}

func (i interruptible) Read(p []byte) (int, error) {
	if err := i.Err(); err != nil {
		return 0, err
	}
	return i.Reader.Read(p)
}
