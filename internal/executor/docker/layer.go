package docker

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// packages is where the packages of a conda file are put in an image.
const packages = "/opt/millrace/environment"

// usualPath is the PATH of an image that does not say.
const usualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// dockerfile puts an environment on top of an image: with what the image has
// for that, or else with the Python that it has. "%[1]s" is the image, "%[2]s"
// the folder, "%[3]s" the PATH of the image.
const dockerfile = `FROM %[1]s
USER 0
COPY conda.yml requirements.txt /opt/millrace/
RUN set -e; cd /opt/millrace; \
    for tool in micromamba mamba conda; do \
      if command -v $tool >/dev/null; then \
        create="env create"; if [ $tool = micromamba ]; then create="create --yes"; fi; \
        $tool $create --prefix %[2]s --file conda.yml; $tool clean --all --yes >/dev/null || true; exit 0; \
      fi; \
    done; \
    for python in python3 python; do \
      if command -v $python >/dev/null; then \
        read -r first <requirements.txt; case $first in "#! "*) echo "$first" >&2; exit 1 ;; esac; \
        $python -m venv --system-site-packages %[2]s; \
        %[2]s/bin/python -m pip install --no-cache-dir --disable-pip-version-check -r requirements.txt; exit 0; \
      fi; \
    done; \
    echo "the image has neither conda nor python3 to make the environment with" >&2; exit 1
ENV PATH=%[2]s/bin:%[3]s CONDA_PREFIX=%[2]s
`

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
		"Dockerfile":       fmt.Sprintf(dockerfile, base, packages, search),
		"conda.yml":        conda,
		"requirements.txt": strings.Join(requirements, "\n") + "\n",
	}
	name := tag("layer", files["Dockerfile"], conda, files["requirements.txt"])
	return name, i.Engine.once(ctx, name, say, func() error {
		folder, err := os.MkdirTemp("", "millrace-build-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(folder)
		for file, text := range files {
			if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o644); err != nil {
				return err
			}
		}
		say("building an image with the packages of the conda file")
		return i.Engine.build(ctx, name, "Dockerfile", folder, say)
	})
}
