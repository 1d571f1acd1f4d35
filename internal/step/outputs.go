package step

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

// captured are the folders of the working directory that are kept.
var captured = []string{"outputs", "logs"}

// isFile reports whether an output is one file. Literals leave a program as
// the text of a file too.
func isFile(out pipeline.Output) bool {
	return out.Type == pipeline.URIFile || out.Type.IsLiteral()
}

// prepareOutput makes what the program finds of an output: an empty folder, or
// a folder in which the file is still missing.
func prepareOutput(out pipeline.Output, at *claim) (string, error) {
	folder := at.output(out.Name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	return at.outputPath(out), nil
}

// outputPath is where the program finds, or leaves, an output.
func (f folder) outputPath(out pipeline.Output) string {
	switch folder := f.output(out.Name); {
	case !isFile(out):
		return folder
	case out.File != "":
		return filepath.Join(folder, out.File)
	default:
		return filepath.Join(folder, out.Name)
	}
}

// collect stores what a program that succeeded has written to its declared
// outputs. In a gang it need not write the files: one of the instances must.
func (r *Runner) collect(ctx context.Context, a Attempt, at *claim, p *ports) (map[string]pipeline.Artifact, error) {
	kept := make(map[string]pipeline.Artifact, len(a.Step.Outputs)+1)
	for _, out := range a.Step.Outputs {
		if out.Name == pipeline.Artifacts {
			continue // see keep
		}
		if _, err := os.Lstat(p.outputs[out.Name]); a.Gang != nil && isFile(out) && errors.Is(err, fs.ErrNotExist) {
			continue // see Gather
		}
		a, err := r.collectOutput(ctx, out, p.outputs[out.Name])
		if failure := (*pipeline.Failure)(nil); errors.As(err, &failure) {
			failure = at.localise(*failure, fmt.Sprintf("output %q: ", out.Name))
			failure.ExitCode = new(int) // it had ended well
			failure.LogTail = tail(filepath.Join(at.path, filepath.FromSlash(Log)))
			return kept, failure
		}
		if err != nil {
			return kept, fmt.Errorf("output %q: %w", out.Name, err)
		}
		kept[out.Name] = a
	}
	return kept, nil
}

func (r *Runner) collectOutput(ctx context.Context, out pipeline.Output, path string) (pipeline.Artifact, error) {
	info, err := os.Lstat(path)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission):
		return pipeline.Artifact{}, err
	case isFile(out) && err != nil:
		return pipeline.Artifact{}, mistake("the program did not write the file "+path, "the folder of that output holds "+contents(filepath.Dir(path)))
	case out.Type.IsLiteral() && info.IsDir() && regular(filepath.Join(path, namedOutput)):
		return r.Store.ImportFile(ctx, filepath.Join(path, namedOutput), artifact.Move)
	case isFile(out) && info.IsDir():
		return pipeline.Artifact{}, mistake(path+" is a folder, but the output is a single file",
			"declare it with `type: uri_folder`, or write a file at that path")
	case isFile(out):
		return r.Store.ImportFile(ctx, path, artifact.Move)
	case err != nil:
		return pipeline.Artifact{}, mistake("the folder "+path+" is gone", "the program must leave the folder that it was given in place")
	case !info.IsDir():
		return pipeline.Artifact{}, mistake(path+" is not a folder any more", "declare the output with `type: uri_file` to write a single file")
	}
	return r.Store.ImportTree(ctx, path, artifact.Move)
}

func regular(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().IsRegular()
}
