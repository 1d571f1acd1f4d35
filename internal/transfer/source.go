package transfer

import (
	"context"
	"io"
	"path"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/datastore"
	"github.com/millrace-ml/millrace/pipeline"
)

// item is a file, or an empty folder, that is to be moved.
type item struct {
	// path is where it goes, below the output.
	path   string
	size   int64 // -1 where it is not known
	folder bool
	// version names the content; "" where nobody can.
	version string
	// digest is known of what is in the store.
	digest     pipeline.Digest
	executable bool
	// of is where it comes from, for people.
	of   string
	open func(ctx context.Context, from int64) (io.ReadCloser, error)
	// now is the version at present; nil of what cannot change.
	now   func(ctx context.Context) (string, error)
	entry datastore.Entry
}

// items lists what an input holds, and tells whether that is one file.
func (m *Mover) items(ctx context.Context, in Input) ([]item, bool, error) {
	if in.Value.URI == "" {
		if in.Value.Artifact == nil {
			return nil, false, invalid("", "input %s holds no data", in.Name)
		}
		return m.stored(ctx, in.Name, *in.Value.Artifact)
	}
	o, err := m.Places.Outside(ctx, in.Value.URI, in.Type)
	if err != nil {
		return nil, false, err
	}
	items, single, err := m.outside(ctx, o)
	if datastore.Nothing(err) && o.Uploaded() {
		a, err := m.Places.Fetch(ctx, in.Value.URI, in.Type, nil)
		if err != nil {
			return nil, false, err
		}
		return m.stored(ctx, in.Name, a)
	}
	return items, single, err
}

// outside lists what lies at an address.
func (m *Mover) outside(ctx context.Context, o *datastore.Outside) ([]item, bool, error) {
	found, single, err := o.Files(ctx)
	if err != nil {
		return nil, false, err
	}
	items := make([]item, len(found))
	for i, f := range found {
		below := f.Path
		if single {
			below = ""
		}
		items[i] = item{
			path: f.Path, size: f.Size, folder: f.Folder, version: f.Version, of: o.String(), entry: f,
			open: func(ctx context.Context, from int64) (io.ReadCloser, error) { return o.Open(ctx, below, from) },
			now: func(ctx context.Context) (string, error) {
				f, err := o.Look(ctx, below)
				if err != nil || f == nil {
					return "", err
				}
				return f.Version, nil
			},
		}
	}
	return items, single, nil
}

// stored lists what is in an artifact.
func (m *Mover) stored(ctx context.Context, name string, a pipeline.Artifact) ([]item, bool, error) {
	if !a.Tree {
		base := a.Name
		if base == "" {
			base = name
		}
		return []item{m.ofStore(artifact.Entry{Path: base, Size: a.Size, Digest: a.Digest})}, true, nil
	}
	tree, err := m.Store.Manifest(ctx, a.Digest)
	if err != nil {
		return nil, false, err
	}
	items := make([]item, len(tree.Entries))
	for i, e := range tree.Entries {
		items[i] = m.ofStore(e)
	}
	return items, false, nil
}

func (m *Mover) ofStore(e artifact.Entry) item {
	return item{
		path: e.Path, size: e.Size, folder: e.IsFolder(), version: string(e.Digest), digest: e.Digest, executable: e.Mode == artifact.Executable, of: "the store",
		open: func(ctx context.Context, from int64) (io.ReadCloser, error) {
			body, err := m.Store.Open(ctx, e.Digest)
			if err != nil {
				return nil, err
			}
			if _, err := io.CopyN(io.Discard, body, from); err != nil {
				_ = body.Close()
				return nil, err
			}
			return body, nil
		},
	}
}

// gather lists what all inputs hold. Of two files that go to one path the later
// one is taken, or the conflict is a failure. Single tells that it is one file.
func (m *Mover) gather(ctx context.Context, inputs []Input, conflicts bool) (all []item, single bool, err error) {
	at := map[string]int{}
	from := map[string]string{}
	for _, in := range inputs {
		items, one, err := m.items(ctx, in)
		if err != nil {
			return nil, false, err
		}
		single = one && len(inputs) == 1
		for _, it := range items {
			i, twice := at[it.path]
			switch {
			case !twice:
				at[it.path] = len(all)
				all = append(all, it)
			case it.folder && all[i].folder:
			case conflicts:
				return nil, false, wrong(`rename one of them, or write "data_copy_mode: merge_with_overwrite" to take the later`,
					"%s is in input %s and in input %s", it.path, from[it.path], in.Name)
			default:
				all[i] = it
			}
			from[it.path] = in.Name
		}
	}
	return withoutFilledFolders(all, from)(single)
}

// withoutFilledFolders leaves out the empty folders of one input that are filled
// by another, and refuses a file that another input has for a folder.
func withoutFilledFolders(all []item, from map[string]string) func(single bool) ([]item, bool, error) {
	return func(single bool) ([]item, bool, error) {
		folders := map[string]string{}
		for _, it := range all {
			for dir := path.Dir(it.path); dir != "." && dir != "/" && folders[dir] == ""; dir = path.Dir(dir) {
				folders[dir] = it.path
			}
		}
		kept := all[:0]
		for _, it := range all {
			inside := folders[it.path]
			switch {
			case inside == "":
				kept = append(kept, it)
			case !it.folder:
				return nil, false, wrong("rename one of them", "%s is a file in input %s, and a folder in input %s", it.path, from[it.path], from[inside])
			}
		}
		return kept, single, nil
	}
}
