// Package connection holds named places outside that are no datastores: where a
// database or a file system is, and where the credentials for it are. The
// credentials themselves are kept nowhere.
package connection

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/internal/datastore"
	"github.com/millrace-ml/millrace/internal/secret"
	"github.com/millrace-ml/millrace/pipeline"
)

// Definition is what is kept of a connection.
type Definition struct {
	Name        string            `json:"name"`
	Type        string            `json:"type"`
	Description string            `json:"description,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	// Target is the address, without credentials, or a reference to one that is
	// secret: env:NAME, file:/PATH.
	Target string `json:"target"`
	// Credentials are references, env:NAME or file:/PATH, by key. That of a user
	// may be the name itself.
	Credentials map[string]string `json:"credentials,omitempty"`

	Created    time.Time `json:"created,omitzero"`
	CreatedBy  string    `json:"created_by,omitempty"`
	Modified   time.Time `json:"modified,omitzero"`
	ModifiedBy string    `json:"modified_by,omitempty"`
}

// The types. Those of databases come first.
const (
	Postgres = "postgres"
	SQLite   = "sqlite"
)

// Types are the types that a connection can have.
func Types() []string { return []string{Postgres, SQLite, "file", "s3", "gs", "azblob"} }

// credentialKeys are the credentials that each type can have.
var credentialKeys = map[string][]string{
	Postgres: {"username", "password"},
	SQLite:   nil,
	"file":   nil,
	"s3":     {"access_key_id", "secret_access_key", "session_token"},
	"gs":     {"service_account_key"},
	"azblob": {"account_key", "sas_token", "tenant_id", "client_id", "client_secret"},
}

// public are the credentials that are no secrets.
var public = []string{"username", "tenant_id", "client_id"}

// TypeOf is the type that an address has by its scheme; "" of others.
func TypeOf(target string) string {
	scheme, _, _ := strings.Cut(target, "://")
	switch scheme = strings.ToLower(scheme); scheme {
	case "postgres", "postgresql":
		return Postgres
	case "sqlite", "sqlite3":
		return SQLite
	}
	if slices.Contains(Types(), scheme) {
		return scheme
	}
	return ""
}

// Check says what is wrong with a definition, as a [*pipeline.Failure]. It
// repeats nothing that may be a secret.
func (d Definition) Check() error {
	if err := pipeline.CheckAssetName("name of a connection", d.Name); err != nil {
		return invalid("", "%s", err)
	}
	if !slices.Contains(Types(), d.Type) {
		return invalid("the types are "+strings.Join(Types(), ", "), "%q is not a type of connection", d.Type)
	}
	if d.Target == "" {
		return invalid(howTo(d.Type), "the connection has no target")
	}
	if IsReference(d.Target) {
		if err := secret.Check(d.Target); err != nil {
			return invalid("", "target: %s", err)
		}
	} else {
		switch is := TypeOf(d.Target); {
		case holdsPassword(d.Target):
			return invalid(`write the password as a reference: "credentials: {password: env:NAME}"`, "the target holds a password; Millrace stores no credentials")
		case is != d.Type:
			return invalid(howTo(d.Type), "the target is not the address of a %s", d.Type)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(d.Credentials)) {
		ref := d.Credentials[key]
		legal := credentialKeys[d.Type]
		if !slices.Contains(legal, key) {
			return invalid("a "+d.Type+" can have "+orNone(legal), "%q is not a credential of a %s", key, d.Type)
		}
		if slices.Contains(public, key) && !IsReference(ref) {
			continue
		}
		if err := secret.Check(ref); err != nil {
			return invalid(`write "`+key+`: env:NAME"`, "credential %s: %s", key, err)
		}
	}
	return nil
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

func howTo(kind string) string {
	switch kind {
	case Postgres:
		return "write postgres://HOST:PORT/DATABASE"
	case SQLite:
		return "write sqlite:///ABSOLUTE/PATH"
	case "file":
		return "write file:///FOLDER"
	case "azblob":
		return "write azblob://CONTAINER/PREFIX?storage_account=ACCOUNT"
	}
	return "write " + kind + "://BUCKET/PREFIX"
}

// IsReference reports whether a text refers to a secret. An address of a file
// does not.
func IsReference(text string) bool {
	return secret.IsReference(text) && !strings.HasPrefix(text, "file://")
}

// secretParameter is a parameter of an address that nobody should see.
var secretParameter = regexp.MustCompile(`(?i)[?&](password|passwd|pwd|sslpassword|sig|secret|token|key)=`)

func holdsPassword(target string) bool {
	u, err := url.Parse(target)
	if err != nil {
		return strings.Contains(target, "@")
	}
	_, has := u.User.Password()
	return has || secretParameter.MatchString(target)
}

func invalid(hint, format string, args ...any) error {
	return &pipeline.Failure{Kind: pipeline.Invalid, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// shelf is where the catalog keeps definitions.
const shelf = "connection"

// Shelf holds the connections of a store.
type Shelf struct{ catalog *asset.Catalog }

// NewShelf returns the shelf of a store.
func NewShelf(store *artifact.Store) Shelf { return Shelf{asset.New(store)} }

// Find returns a connection. A missing one is an [*asset.NotFound].
func (s Shelf) Find(ctx context.Context, name string) (Definition, error) {
	return asset.Take[Definition](ctx, s.catalog, shelf, name)
}

// All returns all connections by name. Those whose records are damaged are in
// the error, an [asset.Damaged].
func (s Shelf) All(ctx context.Context) ([]Definition, error) {
	kept, err := asset.All[Definition](ctx, s.catalog, shelf)
	if asset.IgnoreDamaged(err) != nil {
		return nil, err
	}
	var all []Definition
	for _, name := range slices.Sorted(maps.Keys(kept)) {
		all = append(all, kept[name])
	}
	return all, err
}

// Put keeps a connection, in the place of any that has its name.
func (s Shelf) Put(ctx context.Context, d Definition) error {
	if err := d.Check(); err != nil {
		return err
	}
	return asset.Put(ctx, s.catalog, shelf, d.Name, d)
}

// Drop forgets a connection. A missing one is an [*asset.NotFound].
func (s Shelf) Drop(ctx context.Context, name string) error {
	if _, err := s.Find(ctx, name); err != nil {
		return err
	}
	return asset.Drop(ctx, s.catalog, shelf, name)
}

// Resolve finds what a file calls a connection: the name of one, an address, or
// a reference to an address that is secret.
func (s Shelf) Resolve(ctx context.Context, text string) (Definition, error) {
	switch {
	case IsReference(text):
		return Definition{Name: text, Target: text}, nil
	case strings.Contains(text, "://"):
		return Definition{Name: text, Type: TypeOf(text), Target: text}, nil
	}
	d, err := s.Find(ctx, text)
	if errors.Is(err, asset.ErrNotFound) {
		return d, &Unknown{Name: text}
	}
	return d, err
}

// Unknown says that there is no connection of a name.
type Unknown struct{ Name string }

// Error names it.
func (u *Unknown) Error() string { return fmt.Sprintf("there is no connection %q", u.Name) }

// Address is the target with the credentials in it. It is looked up where it is
// used, and must not be shown.
func (d Definition) Address() (*url.URL, error) {
	target := d.Target
	if IsReference(target) {
		var err error
		if target, err = secret.Resolve(target); err != nil {
			return nil, missing("%s", err)
		}
	}
	u, err := url.Parse(target)
	if err != nil {
		return nil, missing("the target of connection %q is not an address", d.Name)
	}
	user, password := u.User.Username(), ""
	if p, ok := u.User.Password(); ok {
		password = p
	}
	for key, into := range map[string]*string{"username": &user, "password": &password} {
		ref, ok := d.Credentials[key]
		if !ok {
			continue
		}
		if *into = ref; IsReference(ref) {
			if *into, err = secret.Resolve(ref); err != nil {
				return nil, missing("credential %s of connection %q: %s", key, d.Name, err)
			}
		}
	}
	switch {
	case password != "":
		u.User = url.UserPassword(user, password)
	case user != "":
		u.User = url.User(user)
	}
	return u, nil
}

func missing(format string, args ...any) error {
	return &pipeline.Failure{
		Kind: pipeline.UserFailure, Message: fmt.Sprintf(format, args...), Hint: "set it where the workers run, and start them again",
	}
}

// Files is the connection as a place of files.
func (d Definition) Files() (datastore.Definition, error) {
	u, err := d.Address()
	if err != nil {
		return datastore.Definition{}, err
	}
	kind := TypeOf(u.String())
	if kind == "" || kind == Postgres || kind == SQLite {
		return datastore.Definition{}, invalid("name one of the types file, s3, gs or azblob", "connection %q is no place of files", d.Name)
	}
	f := datastore.Definition{Name: d.Name, Type: datastore.Type(kind), URL: u.String()}
	for key, ref := range d.Credentials {
		if f.Credentials == nil {
			f.Credentials = map[string]datastore.Reference{}
		}
		f.Credentials[key] = reference(ref)
	}
	return f, nil
}

func reference(ref string) datastore.Reference {
	if name, ok := strings.CutPrefix(ref, "env:"); ok {
		return datastore.Reference{Env: name}
	}
	if path, ok := strings.CutPrefix(ref, "file:"); ok {
		return datastore.Reference{File: path}
	}
	return datastore.Reference{Text: ref}
}
