package docker

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/moby/moby/api/types/registry"
)

// loginFile is what "docker login" leaves.
type loginFile struct {
	Auths map[string]struct {
		Auth          string `json:"auth"`
		IdentityToken string `json:"identitytoken"`
	} `json:"auths"`
	Helpers map[string]string `json:"credHelpers"`
	Store   string            `json:"credsStore"`
}

// hub is what Docker Hub is called in image names, and in that file.
const (
	hub      = "docker.io"
	hubLogin = "https://index.docker.io/v1/"
)

// logins reads what "docker login" has left for the worker's user.
func logins() (loginFile, error) {
	folder := os.Getenv("DOCKER_CONFIG")
	if folder == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return loginFile{}, nil //nolint:nilerr // who has no home has not logged in
		}
		folder = filepath.Join(home, ".docker")
	}
	text, err := os.ReadFile(filepath.Join(folder, "config.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return loginFile{}, nil
	}
	var file loginFile
	if err == nil {
		err = json.Unmarshal(text, &file)
	}
	if err != nil {
		return loginFile{}, fmt.Errorf("read what docker login has left: %w", err)
	}
	return file, nil
}

// credentials are what the engine is to show to a registry, in the form that it
// takes them; "" where nobody has logged in.
func credentials(ctx context.Context, host string) (string, error) {
	file, err := logins()
	if err != nil {
		return "", err
	}
	names := []string{host, "https://" + host, "https://" + host + "/v1/", "https://" + host + "/v2/"}
	if host == hub {
		names = []string{hubLogin, hub, "index.docker.io"}
	}
	for _, name := range names {
		helper := file.Store
		if own := file.Helpers[name]; own != "" {
			helper = own
		}
		if helper != "" {
			found, err := ask(ctx, helper, name)
			if found != nil || err != nil {
				return encode(found), err
			}
		}
		login, ok := file.Auths[name]
		if !ok || login.Auth == "" && login.IdentityToken == "" {
			continue
		}
		found := registry.AuthConfig{ServerAddress: name, IdentityToken: login.IdentityToken}
		text, err := base64.StdEncoding.DecodeString(login.Auth)
		if err != nil {
			return "", fmt.Errorf("what docker login has left for %s is damaged: log in again", name)
		}
		user, password, _ := strings.Cut(string(text), ":")
		found.Username, found.Password = user, strings.TrimRight(password, "\x00")
		return encode(&found), nil
	}
	return "", nil
}

// ask has a credential helper look for a registry.
func ask(ctx context.Context, helper, name string) (*registry.AuthConfig, error) {
	cmd := exec.CommandContext(ctx, "docker-credential-"+helper, "get")
	cmd.Stdin = strings.NewReader(name)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if cmd.Run() != nil {
		return nil, nil //nolint:nilerr // it knows none, or cannot be run: the registry says what it wants
	}
	var found struct{ Username, Secret string }
	if err := json.Unmarshal(said.Bytes(), &found); err != nil {
		return nil, fmt.Errorf("docker-credential-%s gives no credentials for %s", helper, name)
	}
	auth := &registry.AuthConfig{ServerAddress: name, Username: found.Username, Password: found.Secret}
	if found.Username == "<token>" {
		auth.Username, auth.Password, auth.IdentityToken = "", "", found.Secret
	}
	return auth, nil
}

func encode(auth *registry.AuthConfig) string {
	if auth == nil {
		return ""
	}
	text, _ := json.Marshal(auth) // texts only: never fails
	return base64.URLEncoding.EncodeToString(text)
}
