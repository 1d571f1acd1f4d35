package docker

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/jsonstream"
	"github.com/moby/moby/api/types/registry"

	"github.com/millrace-ml/millrace/pipeline"
)

func TestWhichImageAnEnvironmentMeans(t *testing.T) {
	curated := "azureml://registries/azureml/environments/sklearn-1.5/labels/latest"
	for _, test := range []struct {
		environment       pipeline.Environment
		sometimes, always string
	}{
		{pipeline.Environment{Image: "python:3.11"}, "python:3.11", "python:3.11"},
		{pipeline.Environment{Image: "python:3.11", Conda: "name: x"}, "python:3.11 with a conda file", "python:3.11 with a conda file"},
		{pipeline.Environment{Build: &pipeline.Build{Dockerfile: "Dockerfile"}}, "image built with Dockerfile", "image built with Dockerfile"},
		{pipeline.Environment{Reference: curated}, "", "mcr.microsoft.com/azureml/curated/sklearn-1.5"},
		{pipeline.Environment{Reference: "azureml:AzureML-sklearn-1.0-ubuntu20.04-py38-cpu@latest"}, "", "mcr.microsoft.com/azureml/curated/sklearn-1.0-ubuntu20.04-py38-cpu"},
		{pipeline.Environment{Conda: "name: x"}, "", noImage},
		{pipeline.Environment{}, "", noImage},
	} {
		if got := new(Images).Named(test.environment); got != test.sometimes {
			t.Errorf("with auto, %+v is %q, want %q", test.environment, got, test.sometimes)
		}
		if got := (&Images{Always: true}).Named(test.environment); got != test.always {
			t.Errorf("with docker, %+v is %q, want %q", test.environment, got, test.always)
		}
	}
}

func TestTagsTellContentsApart(t *testing.T) {
	seen := map[string]bool{}
	for _, parts := range [][]string{{"a", "b"}, {"ab"}, {"", "ab"}, {"ab", ""}, {"b", "a"}} {
		name := tag(parts...)
		if seen[name] || !strings.HasPrefix(name, "millrace/env:") {
			t.Errorf("%q is called %s", parts, name)
		}
		seen[name] = true
	}
}

func TestCredentialsAreThoseOfDockerLogin(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("DOCKER_CONFIG", folder)
	if got, err := credentials(t.Context(), "ghcr.io"); got != "" || err != nil {
		t.Errorf("without a file, %q, %v", got, err)
	}
	helper := "#!/bin/sh\nread name; case $name in helped.io) echo '{\"Username\":\"<token>\",\"Secret\":\"t\"}' ;; *) echo credentials not found; exit 1 ;; esac\n"
	if err := os.WriteFile(filepath.Join(folder, "docker-credential-ours"), []byte(helper), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
	file := `{"auths": {"ghcr.io": {"auth": "` + base64.StdEncoding.EncodeToString([]byte("me:pass:word")) + `"},
		"https://index.docker.io/v1/": {"auth": "` + base64.StdEncoding.EncodeToString([]byte("hub:p")) + `"}, "bad.io": {"auth": "?"}},
		"credHelpers": {"helped.io": "ours", "unknown.io": "ours"}}`
	if err := os.WriteFile(filepath.Join(folder, "config.json"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]registry.AuthConfig{
		"ghcr.io":    {Username: "me", Password: "pass:word", ServerAddress: "ghcr.io"},
		"docker.io":  {Username: "hub", Password: "p", ServerAddress: "https://index.docker.io/v1/"},
		"helped.io":  {IdentityToken: "t", ServerAddress: "helped.io"},
		"unknown.io": {},
		"other.io":   {},
	} {
		encoded, err := credentials(t.Context(), host)
		text, decodeErr := base64.URLEncoding.DecodeString(encoded)
		var got registry.AuthConfig
		if len(text) > 0 {
			decodeErr = errors.Join(decodeErr, json.Unmarshal(text, &got))
		}
		if err != nil || decodeErr != nil || got != want {
			t.Errorf("for %s: %+v, %v, want %+v", host, got, errors.Join(err, decodeErr), want)
		}
	}
	if _, err := credentials(t.Context(), "bad.io"); err == nil {
		t.Error("a damaged login is taken")
	}
}

func TestBuildsAreToldInTheirOwnWords(t *testing.T) {
	var lines []string
	p := newProgress("image", func(line string) { lines = append(lines, line) })
	for _, text := range []string{"Step 1/2 : FROM x\n", " ---> 0123\n", "two\nlines\r\n", "\n"} {
		p.built(jsonstream.Message{Stream: text})
	}
	if got, want := strings.Join(lines, "|"), "Step 1/2 : FROM x|two|lines"; got != want {
		t.Errorf("said %q, want %q", got, want)
	}
}

func TestAPullIsToldNowAndThen(t *testing.T) {
	var lines []string
	p := newProgress("image x", func(line string) { lines = append(lines, line) })
	p.last = p.last.Add(-between)
	for i := range 1000 {
		p.pulled(jsonstream.Message{ID: "layer", Status: "Downloading", Progress: &jsonstream.Progress{Current: int64(i) * 1e6, Total: 1e9}})
	}
	if len(lines) == 0 || len(lines) > 100 || lines[0] != "pulling image x: 0B of 1GB" {
		t.Errorf("said %q", lines)
	}
}

func TestWhoseFaultAFailedPullIs(t *testing.T) {
	for text, kind := range map[string]pipeline.FailureKind{
		"manifest for x:y not found: manifest unknown":                    pipeline.Invalid,
		"pull access denied for x, repository does not exist":             pipeline.Invalid,
		"Head https://ghcr.io/v2/x: unauthorized":                         pipeline.Invalid,
		"Get https://registry-1.docker.io/v2/: dial tcp: i/o timeout":     "",
		"toomanyrequests: You have reached your pull rate limit":          "",
		"failed to register layer: write /x: no space left on device":     "",
		"dial tcp: lookup registry-1.docker.io: Temporary failure in ...": "",
	} {
		failure, _ := errors.AsType[*pipeline.Failure](notPulled("x", errors.New(text)))
		if got := failure; (got == nil) != (kind == "") || got != nil && got.Kind != kind {
			t.Errorf("%q is %v, want kind %q", text, got, kind)
		}
	}
}
