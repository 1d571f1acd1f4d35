package docker

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// packages is where the packages of a conda file are put in an image.
const packages = "/opt/millrace/environment"

// usualPath is the PATH of an image that does not say.
const usualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// layerFile puts an environment on top of an image. "%[1]s" is the image,
// "%[2]s" the folder, "%[3]s" the PATH of the image.
const layerFile = `FROM %[1]s
USER 0
COPY files /opt/millrace/
RUN /bin/sh /opt/millrace/layer.sh %[2]s
ENV PATH=%[2]s/bin:%[3]s CONDA_PREFIX=%[2]s
`

//go:embed layer.sh
var layerScript string

// layered makes the image of a conda file on top of another image.
func (i *Images) layered(ctx context.Context, base, conda string, say func(string)) (string, error) {
	requirements, err := i.Requirements(conda)
	if err != nil {
		requirements = []string{"#! " + strings.ReplaceAll(err.Error(), "\n", " ")} // conda may know more
	}
	found, err := i.Engine.api.ImageInspect(ctx, base)
	if err != nil {
		return "", fmt.Errorf("look at image %s: %w", base, err)
	}
	search := usualPath
	if found.Config != nil {
		for _, text := range found.Config.Env {
			if value, ok := strings.CutPrefix(text, "PATH="); ok {
				search = value
			}
		}
	}
	files := map[string]string{
		"Dockerfile":             fmt.Sprintf(layerFile, base, packages, search),
		"files/layer.sh":         layerScript,
		"files/conda.yml":        conda,
		"files/requirements.txt": strings.Join(requirements, "\n") + "\n",
	}
	name := tag("layer", files["Dockerfile"], conda, files["files/requirements.txt"])
	if text := certificates(); text != "" {
		files["files/certificates.pem"] = text
	}
	return name, i.Engine.once(ctx, name, say, func() error {
		folder, err := os.MkdirTemp("", "millrace-build-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(folder)
		if err := os.Mkdir(filepath.Join(folder, "files"), 0o755); err != nil {
			return err
		}
		for file, text := range files {
			if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o644); err != nil {
				return err
			}
		}
		say("building an image with the packages of the conda file")
		return i.Engine.build(ctx, name, "Dockerfile", folder, say)
	})
}

// certificates are those that the worker's user trusts beyond the usual ones, as
// in networks that look into connections.
func certificates() string {
	for _, name := range []string{"PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"} {
		if text, err := os.ReadFile(os.Getenv(name)); err == nil {
			return string(text)
		}
	}
	return ""
}
