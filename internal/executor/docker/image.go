package docker

import (
	"context"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/moby/moby/client"

	"github.com/millrace-ml/millrace/pipeline"
)

// Images makes the images of environments ready on an engine.
type Images struct {
	Engine *Engine
	// Stage puts the files of a build context into a folder.
	Stage func(ctx context.Context, files *pipeline.Code, folder string) error
	// Requirements are the lines of a requirements file that does what a conda
	// file asks for, for images without conda.
	Requirements func(conda string) ([]string, error)
	// Always has every environment that Azure ML has an image for run in that.
	// Without it only files that name or build an image mean one.
	Always bool
}

// curatedImages is where Azure keeps the images of its curated environments.
const curatedImages = "mcr.microsoft.com/azureml/curated/"

// noImage stands for the image of an environment that means none, where all
// steps run in images.
const noImage = "no image"

// Named returns what people call the image that an environment means; "" where
// it means none, and need not.
func (i *Images) Named(e pipeline.Environment) string {
	name := i.base(e)
	if name == "" && e.Build != nil {
		name = "image built with " + e.Build.Dockerfile
	}
	switch {
	case name == "" && i.Always:
		return noImage
	case name != "" && e.Conda != "":
		name += " with a conda file"
	}
	return name
}

// base is the image to pull for an environment.
func (i *Images) base(e pipeline.Environment) string {
	if e.Image != "" || !i.Always || e.Reference == "" {
		return e.Image
	}
	ref, err := pipeline.ParseAssetRef(e.Reference, pipeline.EnvironmentAsset)
	if err != nil {
		return ""
	}
	return curatedImages + strings.TrimPrefix(ref.Name, "AzureML-")
}

// Image returns what names the image exactly that an environment means, on any
// machine, and has it there: pulled, or built. An image that is there is taken
// as it is, without asking its registry for a newer one.
func (i *Images) Image(ctx context.Context, e pipeline.Environment, say func(line string)) (string, error) {
	var exact string
	var err error
	switch name := i.base(e); {
	case e.Build != nil:
		exact, err = i.build(ctx, e.Build, say)
	case name != "":
		if err = i.Engine.pull(ctx, name, say); err == nil {
			exact, err = i.Engine.exact(ctx, name)
		}
	default:
		f := invalid("the environment names no image, and this worker runs steps in images only")
		f.Hint = "name one in the environment (`image:`), or start the worker with --executor auto"
		return "", f
	}
	if err != nil || e.Conda == "" {
		return exact, err
	}
	return i.layered(ctx, exact, e.Conda, say)
}

// Ready has the image there that Image has named, maybe on another machine.
func (i *Images) Ready(ctx context.Context, e pipeline.Environment, exact string, say func(line string)) error {
	if there, err := i.Engine.there(ctx, exact); there || err != nil {
		return err
	}
	if strings.HasPrefix(exact, repository+":") {
		made, err := i.Image(ctx, e, say)
		if err == nil && made != exact {
			// Its base has changed in between; what is in the key is still
			// what the steps before it ran in.
			err = fmt.Errorf("the image %s cannot be built again: it would be %s now; have the environment made anew", exact, made)
		}
		return err
	}
	if strings.Contains(exact, "@") {
		return i.Engine.pull(ctx, exact, say)
	}
	return fmt.Errorf("the image %s (%s) is not on this machine, and no registry is known that has it", i.Named(e), exact)
}

// there reports whether the engine has an image.
func (e *Engine) there(ctx context.Context, name string) (bool, error) {
	_, err := e.api.ImageInspect(ctx, name)
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for image %s: %w", name, err)
	}
	return true, nil
}

// exact returns what names an image that is there exactly: its digest in its
// registry or, if it was made on this machine, its identifier.
func (e *Engine) exact(ctx context.Context, name string) (string, error) {
	found, err := e.api.ImageInspect(ctx, name)
	if err != nil {
		return "", fmt.Errorf("look at image %s: %w", name, err)
	}
	for _, digest := range found.RepoDigests {
		if repository, _, _ := strings.Cut(digest, "@"); sameRepository(repository, name) {
			return digest, nil
		}
	}
	return found.ID, nil
}

func sameRepository(a, b string) bool {
	first, err := reference.ParseNormalizedNamed(a)
	if err != nil {
		return false
	}
	second, err := reference.ParseNormalizedNamed(b)
	return err == nil && first.Name() == second.Name()
}

// once has an image be made by one of all who ask for it at the same time. The
// others wait, and find it there.
func (e *Engine) once(ctx context.Context, name string, say func(string), work func() error) error {
	for waited := false; ; waited = true {
		if there, err := e.there(ctx, name); there || err != nil {
			return err
		}
		e.mu.Lock()
		busy := e.making[name]
		if busy == nil {
			e.making[name] = make(chan struct{})
		}
		e.mu.Unlock()
		if busy == nil {
			break
		}
		if !waited {
			say("waiting for image " + name + ", which another step has asked for")
		}
		select {
		case <-busy:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		close(e.making[name])
		delete(e.making, name)
	}()
	return work()
}

// pull pulls an image unless it is there.
func (e *Engine) pull(ctx context.Context, name string, say func(string)) error {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return invalid("%q is no name of an image: %v", name, err)
	}
	return e.once(ctx, name, say, func() error {
		say("pulling image " + name)
		auth, err := credentials(ctx, reference.Domain(named))
		if err != nil {
			return fmt.Errorf("pull image %s: %w", name, err)
		}
		pull, err := e.api.ImagePull(ctx, name, client.ImagePullOptions{RegistryAuth: auth})
		if err != nil {
			return notPulled(name, err)
		}
		defer pull.Close()
		shown := newProgress("image "+name, say)
		for message, err := range pull.JSONMessages(ctx) {
			if err == nil && message.Error != nil {
				err = message.Error
			}
			if err != nil {
				return notPulled(name, err)
			}
			shown.pulled(message)
		}
		return nil
	})
}

// notPulled says whether it is worth while to try again.
func notPulled(name string, err error) error {
	text := err.Error()
	for _, hopeless := range []string{"manifest unknown", "not found", "repository does not exist", "no matching manifest"} {
		if errdefs.IsNotFound(err) || strings.Contains(text, hopeless) {
			f := invalid("the image %s is not in its registry: %s", name, text)
			f.Hint = "see how it is spelled; for a private registry, run `docker login` as the user of the worker"
			return f
		}
	}
	if errdefs.IsUnauthorized(err) || errdefs.IsPermissionDenied(err) || strings.Contains(text, "unauthorized") || strings.Contains(text, "denied") {
		f := invalid("the registry does not give the image %s: %s", name, text)
		f.Hint = "run `docker login` as the user of the worker"
		return f
	}
	return fmt.Errorf("pull image %s: %w", name, err)
}

func invalid(format string, args ...any) *pipeline.Failure {
	return &pipeline.Failure{Kind: pipeline.Invalid, Message: fmt.Sprintf(format, args...)}
}
