package transfer

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/internal/artifact"
)

// tables are the files that are exported: all of one form, with the same
// columns.
type tables struct {
	files   []tableFile
	columns []column
	rows    int64 // 0 where it is not known
	at      int
	temp    string
}

// tableFile is one file of rows.
type tableFile interface {
	// header are the columns, as far as the file says what they hold.
	header() []column
	// look takes the values of all columns in that say nothing of themselves.
	look(seen []guess) error
	// next gives a row, and io.EOF after the last.
	next() ([]any, error)
	close()
}

// tables opens the files of the input. They are brought to this machine, as the
// inputs of programs are.
func (m *Mover) tables(ctx context.Context, t Task) (in *tables, err error) {
	if len(t.Inputs) == 0 {
		return nil, invalid("", "the export has no input")
	}
	given := t.Inputs[0]
	a := given.Value.Artifact
	if given.Value.URI != "" {
		fetched, err := m.Places.Fetch(ctx, given.Value.URI, given.Type, nil)
		if err != nil {
			return nil, err
		}
		a = &fetched
	}
	if a == nil {
		return nil, invalid("", "input %s holds no data", given.Name)
	}
	temp, err := m.Store.MkdirTemp()
	if err != nil {
		return nil, err
	}
	in = &tables{temp: temp}
	defer func() {
		if err != nil {
			in.close()
			in = nil
		}
	}()
	to := filepath.Join(temp, "data")
	if !a.Tree {
		to = filepath.Join(to, a.Name)
	}
	if err := m.Store.Stage(ctx, *a, to, artifact.Link); err != nil {
		return in, err
	}
	return in, in.open(filepath.Join(temp, "data"))
}

// open opens the files of a folder, in the order of their names.
func (t *tables) open(dir string) error {
	form := ""
	err := filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, at)
		if err != nil {
			return err
		}
		is := formOfFile(name)
		switch {
		case is == "":
			return nil
		case is == "?":
			return wrong("export files whose names end in .parquet or .csv", "%s is neither a Parquet nor a CSV file", name)
		case form != "" && form != is:
			return wrong("export them one by one", "there are both Parquet and CSV files")
		}
		form = is
		var f tableFile
		if is == "csv" {
			f, err = openCSV(at, name)
		} else {
			var p *parquetFile
			if p, err = openParquet(at, name); err == nil {
				t.rows += p.file.NumRows()
			}
			f = p
		}
		if err == nil {
			t.files = append(t.files, f)
		}
		return err
	})
	if err != nil {
		return err
	}
	if len(t.files) == 0 {
		return wrong("export files whose names end in .parquet or .csv", "there is no Parquet or CSV file in the input")
	}
	t.columns = t.files[0].header()
	for _, f := range t.files[1:] {
		same := slices.EqualFunc(f.header(), t.columns, func(a, b column) bool { return a.name == b.name && a.kind == b.kind })
		if !same {
			return wrong("export them one by one", "the files do not have the same columns")
		}
	}
	return nil
}

// formOfFile is the form of a file by its name: "?" of no known one, and "" of
// files that only say something of others.
func formOfFile(name string) string {
	base := path.Base(filepath.ToSlash(name))
	if base == "MLTable" || strings.HasPrefix(base, "_") || strings.HasPrefix(base, ".") {
		return ""
	}
	switch strings.ToLower(path.Ext(base)) {
	case ".parquet", ".pq":
		return "parquet"
	case ".csv":
		return "csv"
	}
	return "?"
}

func (t *tables) close() {
	for _, f := range t.files {
		f.close()
	}
	_ = os.RemoveAll(t.temp)
}

// look finds by the values what columns hold that say nothing of themselves;
// known are those of the table that they go to.
func (t *tables) look(known map[string]column) error {
	if !slices.ContainsFunc(t.columns, func(c column) bool { return c.kind == unknown && known[c.name].kind == unknown }) {
		return nil
	}
	seen := make([]guess, len(t.columns))
	for _, f := range t.files {
		if err := f.look(seen); err != nil {
			return err
		}
	}
	for i := range t.columns {
		if t.columns[i].kind == unknown {
			t.columns[i].kind = seen[i].kind()
		}
	}
	return nil
}

// next gives a row of any file, and nil after the last.
func (t *tables) next() ([]any, error) {
	for t.at < len(t.files) {
		row, err := t.files[t.at].next()
		if err == nil {
			return row, nil
		}
		if !errors.Is(err, io.EOF) {
			return nil, err
		}
		t.at++
	}
	return nil, nil
}
