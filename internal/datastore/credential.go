package datastore

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/millrace-ml/millrace/pipeline"
)

// Reference says where a credential is: in an environment variable, or in a
// file, of the process that needs it. An identifier that is no secret, such as
// the id of a tenant, may stand for itself.
type Reference struct {
	Env  string `json:"env,omitempty"`
	File string `json:"file,omitempty"`
	Text string `json:"text,omitempty"`
}

// String writes the reference as in a file.
func (r Reference) String() string {
	switch {
	case r.Env != "":
		return "${{env:" + r.Env + "}}"
	case r.File != "":
		return "${{file:" + r.File + "}}"
	}
	return r.Text
}

// maxSecret bounds the file of a credential; the largest is Google's JSON.
const maxSecret = 64 << 10

// secrets are credentials that were looked up, by key. They live as long as
// what is opened with them, and are written nowhere.
type secrets map[string]string

// lookUp reads the credentials that a definition refers to.
func (r *Resolver) lookUp(d Definition) (secrets, error) {
	found := secrets{}
	for key, ref := range d.Credentials {
		value, err := r.credential(ref)
		if err != nil {
			return nil, missing(hintOf(err), "credential %s of the datastore %q: %s", key, d.Name, messageOf(err))
		}
		found[key] = value
	}
	return found, nil
}

func (r *Resolver) credential(ref Reference) (string, error) {
	switch {
	case ref.Env != "":
		value, ok := r.LookupEnv(ref.Env)
		if !ok || strings.TrimSpace(value) == "" {
			return "", missing("set it where the workers run, and start them again", "the environment variable %s is not set", ref.Env)
		}
		return strings.TrimSpace(value), nil
	case ref.File != "":
		value, err := readSecret(ref.File)
		if err != nil {
			return "", missing("put the credential there, readable for the user that runs Millrace", "file %s: %v", ref.File, err)
		}
		return value, nil
	}
	return ref.Text, nil
}

func readSecret(path string) (string, error) {
	b, err := readRegular(path)
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err // the path is in the message around it
	}
	switch text := strings.TrimSpace(string(b)); {
	case err != nil:
		return "", err
	case len(b) > maxSecret:
		return "", fmt.Errorf("it has more than %d bytes", maxSecret)
	case text == "":
		return "", errors.New("it is empty")
	default:
		return text, nil
	}
}

// readRegular reads a file, but not much more than a credential can have.
func readRegular(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("this is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxSecret+1))
}

// query is what follows the question mark of an address.
var query = regexp.MustCompile(`(https?://[^\s"'?]*)\?[^\s"']*`)

// hide takes credentials out of text that others wrote, and makes one line of
// it.
func (s secrets) hide(text string) string {
	text = query.ReplaceAllString(text, "$1?...")
	for key, value := range s {
		if public(key) || len(value) < 4 {
			continue
		}
		for _, spelling := range spellings(value) {
			text = strings.ReplaceAll(text, spelling, "***")
		}
	}
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == ' ' }), " ")
	if len(text) > maxTold {
		text = strings.ToValidUTF8(text[:maxTold], "") + "..."
	}
	return text
}

// maxTold is how many bytes are told of what a server has said.
const maxTold = 400

// spellings are the forms in which a credential may appear in a message: as it
// is, in a URL, and the telling parts of a signature or a key file.
func spellings(value string) []string {
	parts := []string{value}
	if query, err := url.ParseQuery(value); err == nil && strings.Contains(value, "=") {
		for _, values := range query {
			parts = append(parts, values...)
		}
	}
	var object map[string]any
	if json.Unmarshal([]byte(value), &object) == nil {
		for key, v := range object {
			if text, ok := v.(string); ok && strings.Contains(key, "key") {
				parts = append(parts, text)
			}
		}
	}
	var all []string
	for i, part := range parts {
		if i > 0 && len(part) < 12 {
			continue // a date, or a version
		}
		all = append(all, part, url.QueryEscape(part), url.PathEscape(part))
	}
	return all
}

// identifiers are the keys of credentials that are no secrets.
var identifiers = []string{"tenant_id", "client_id", "authority_url", "resource_url", "thumbprint"}

// public reports whether what a credential's key names is no secret.
func public(key string) bool { return slices.Contains(identifiers, key) }

// checkReferences makes sure that no secret stands in a definition.
func (d Definition) checkReferences() error {
	for key, ref := range d.Credentials {
		if ref.Text != "" && !public(key) {
			return &pipeline.Failure{Kind: pipeline.Invalid, Message: "credential " + key + " is not a reference; no secret is kept"}
		}
	}
	return nil
}
