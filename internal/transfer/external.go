package transfer

import (
	"context"
	"errors"
	"path"
	"strings"

	"github.com/millrace-ml/millrace/internal/connection"
	"github.com/millrace-ml/millrace/internal/datastore"
	"github.com/millrace-ml/millrace/pipeline"
)

// place finds a path in the file system that a connection names. A datastore is
// one, too.
func (m *Mover) place(ctx context.Context, x *pipeline.External, below string) (*datastore.Outside, error) {
	d, err := m.Connections.Resolve(ctx, x.Connection)
	if unknown, ok := errors.AsType[*connection.Unknown](err); ok {
		uri := "azureml://datastores/" + unknown.Name + "/paths/" + strings.TrimPrefix(below, "/")
		if m.Places.Check(ctx, uri) == nil {
			return m.Places.Outside(ctx, uri, pipeline.CustomModel)
		}
		return nil, noConnection(unknown.Name)
	}
	if err != nil {
		return nil, err
	}
	if web := strings.HasPrefix(d.Target, "http://") || strings.HasPrefix(d.Target, "https://"); web {
		return m.Places.Outside(ctx, strings.TrimSuffix(d.Target, "/")+"/"+strings.TrimPrefix(below, "/"), pipeline.URIFile)
	}
	files, err := d.Files()
	if err != nil {
		return nil, err
	}
	return m.Places.Connected(ctx, files, strings.TrimPrefix(below, "/"))
}

func noConnection(name string) error {
	return wrong("`millrace connection create --name "+name+" --target URL` makes one", "there is no connection %q", name)
}

// connected lists the files at the path of a source. The last names of the path
// may be a pattern.
func (m *Mover) connected(ctx context.Context, x *pipeline.External) ([]item, bool, error) {
	base, pattern := splitPattern(x.Path)
	o, err := m.place(ctx, x, base)
	if err != nil {
		return nil, false, err
	}
	all, single, err := m.outside(ctx, o)
	if err != nil || pattern == "" {
		return all, single, err
	}
	kept := all[:0]
	for _, it := range all {
		// A pattern without a slash at its end also takes what is below a folder
		// that it matches.
		if matches(pattern, it.path) {
			kept = append(kept, it)
		}
	}
	if len(kept) == 0 {
		return nil, false, wrong("check the pattern", "no file matches %q in %s", x.Path, o)
	}
	return kept, false, nil
}

// splitPattern cuts a path before the first name that is a pattern.
func splitPattern(text string) (base, pattern string) {
	at := strings.IndexAny(text, "*?[")
	if at < 0 {
		return text, ""
	}
	cut := strings.LastIndexByte(text[:at], '/') + 1
	return text[:cut], text[cut:]
}

// matches reports whether a path, or a folder that it is in, matches.
func matches(pattern, name string) bool {
	for at := name; at != "." && at != "/"; at = path.Dir(at) {
		if ok, err := path.Match(strings.TrimSuffix(pattern, "/"), at); ok && err == nil {
			return true
		}
	}
	return false
}
