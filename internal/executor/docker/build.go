package docker

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/jsonstream"
	"github.com/moby/moby/client"

	"github.com/millrace-ml/millrace/pipeline"
)

// repository is what the images that are made here are called; their tags are
// hashes of what they are made from.
const repository = "millrace/env"

// tag names an image by everything that it is made from.
func tag(parts ...string) string {
	hash := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(hash, "%d:%s\n", len(part), part)
	}
	return repository + ":" + hex.EncodeToString(hash.Sum(nil))[:24]
}

// build makes the image of a build context.
func (i *Images) build(ctx context.Context, b *pipeline.Build, say func(string)) (string, error) {
	if b.Context == nil || b.Context.Artifact == nil {
		return "", invalid("the build context of the environment has no files")
	}
	dockerfile := b.Dockerfile
	if dockerfile == "" {
		dockerfile = "Dockerfile"
	}
	if !filepath.IsLocal(filepath.FromSlash(dockerfile)) {
		return "", invalid("the dockerfile_path %q leads out of the build context", dockerfile)
	}
	name := tag("build", string(b.Context.Artifact.Digest), dockerfile)
	return name, i.Engine.once(ctx, name, say, func() error {
		folder, err := os.MkdirTemp("", "millrace-build-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(folder)
		files := filepath.Join(folder, "context")
		if err := i.Stage(ctx, b.Context, files); err != nil {
			return fmt.Errorf("build context: %w", err)
		}
		say("building an image with " + dockerfile)
		return i.Engine.build(ctx, name, dockerfile, files, say)
	})
}

// build has the engine build an image from a folder.
func (e *Engine) build(ctx context.Context, name, dockerfile, folder string, say func(string)) error {
	reader, writer := io.Pipe()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		writer.CloseWithError(archive(writer, folder))
	}()
	defer func() {
		_ = reader.Close() // ends the other one
		<-sent
	}()
	building, err := e.api.ImageBuild(ctx, reader, client.ImageBuildOptions{
		Tags: []string{name}, Dockerfile: dockerfile, Remove: true, ForceRemove: true,
		Labels: map[string]string{Label: "environment"}, BuildArgs: proxies(),
	})
	if err != nil {
		return notBuilt(ctx, err, nil)
	}
	defer building.Body.Close()
	shown := newProgress("the image to build on", say)
	for messages := json.NewDecoder(bufio.NewReader(building.Body)); ; {
		var m jsonstream.Message
		if err := messages.Decode(&m); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("build image: %w", err)
		}
		if m.Error != nil {
			return notBuilt(ctx, m.Error, shown.lines)
		}
		shown.built(m)
	}
}

// notBuilt is the file's own mistake, except where the machine is the reason.
func notBuilt(ctx context.Context, err error, printed []string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if client.IsErrConnectionFailed(err) || strings.Contains(err.Error(), "no space left on device") ||
		strings.Contains(err.Error(), "Temporary failure") || strings.Contains(err.Error(), "i/o timeout") {
		return fmt.Errorf("build image: %w", err)
	}
	f := invalid("the image of the environment cannot be built: %s", strings.TrimSpace(err.Error()))
	f.LogTail = printed
	for _, line := range slices.Backward(printed) {
		if strings.Contains(strings.ToLower(line), "error") {
			f.Hint = "the build printed: " + line
			break
		}
	}
	return f
}

// proxies are arguments that every build knows, and does not keep in the image.
func proxies() map[string]*string {
	found := make(map[string]*string)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"} {
		for _, spelled := range []string{name, strings.ToLower(name)} {
			if value, ok := os.LookupEnv(spelled); ok {
				found[spelled] = &value
			}
		}
	}
	return found
}

// archive writes a folder as the engine takes it. Links stay links; they are
// followed in the image, if at all.
func archive(to io.Writer, folder string) error {
	out := tar.NewWriter(to)
	err := filepath.WalkDir(folder, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || file == folder {
			return err
		}
		below, err := filepath.Rel(folder, file)
		if err != nil {
			return err
		}
		return add(out, file, path.Clean(filepath.ToSlash(below)), entry)
	})
	return errors.Join(err, out.Close())
}

func add(out *tar.Writer, file, name string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	link := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if link, err = os.Readlink(file); err != nil {
			return err
		}
	}
	header, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	// Of equal bytes the engine makes the same layer again.
	*header = tar.Header{Typeflag: header.Typeflag, Name: name, Linkname: link, Size: header.Size, Mode: header.Mode}
	if err := out.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
		return err
	}
	content, err := os.Open(file)
	if err != nil {
		return err
	}
	defer content.Close()
	_, err = io.Copy(out, content)
	return err
}
