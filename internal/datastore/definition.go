package datastore

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/millrace-ml/millrace/pipeline"
)

// Type says what kind of storage a datastore is.
type Type string

// The types of Azure ML, and those of Millrace, which are written as a URL.
const (
	AzureBlob  Type = "azure_blob"
	AzureFile  Type = "azure_file"
	AzureGen2  Type = "azure_data_lake_gen2"
	AzureGen1  Type = "azure_data_lake_gen1"
	OneLake    Type = "one_lake"
	FileType   Type = "file"
	S3Type     Type = "s3"
	GSType     Type = "gs"
	AzBlobType Type = "azblob"
)

// Definition is what is kept of a datastore: where its data is, and where the
// credentials for it are. The credentials themselves are nowhere in it.
type Definition struct {
	Name        string            `json:"name"`
	Type        Type              `json:"type"`
	Description string            `json:"description,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`

	// Where Azure has the data; which of these there are depends on the type.
	AccountName   string    `json:"account_name,omitempty"`
	ContainerName string    `json:"container_name,omitempty"`
	Filesystem    string    `json:"filesystem,omitempty"`
	FileShareName string    `json:"file_share_name,omitempty"`
	StoreName     string    `json:"store_name,omitempty"`
	Workspace     string    `json:"one_lake_workspace_name,omitempty"`
	Artifact      *LakeItem `json:"artifact,omitempty"`
	Endpoint      string    `json:"endpoint,omitempty"`
	Protocol      string    `json:"protocol,omitempty"`

	// URL is where the data really is: file:///FOLDER, s3://BUCKET/PREFIX and
	// its like. In a datastore of one of Azure's types it stands in for Azure.
	URL string `json:"url,omitempty"`
	// StandsFor are addresses whose data is read from this datastore instead.
	// The container of one of Azure's types need not be among them.
	StandsFor []string `json:"stands_for,omitempty"`

	Credentials map[string]Reference `json:"credentials,omitempty"`

	Created    time.Time `json:"created,omitzero"`
	CreatedBy  string    `json:"created_by,omitempty"`
	Modified   time.Time `json:"modified,omitzero"`
	ModifiedBy string    `json:"modified_by,omitempty"`
}

// LakeItem is the item of a OneLake workspace that a datastore is.
type LakeItem struct {
	Type string `json:"type,omitempty"`
	Name string `json:"name"`
}

// Mistake is what is wrong with one key of a definition.
type Mistake struct {
	// Key leads to the value as in a file: "url", "stands_for[1]".
	Key           string
	Message, Hint string
}

// Error is the mistake in one line.
func (m *Mistake) Error() string { return m.Key + ": " + m.Message }

var (
	accountForm  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	endpointForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?$`)
	protocols    = []string{"https", "http", WASBS, WASB, ABFSS, ABFS}
)

// Check returns all that is wrong with a definition, as [*Mistake]s. What it
// repeats of values holds no secret.
func (d Definition) Check() []*Mistake {
	var found []*Mistake
	wrong := func(key, hint, format string, args ...any) {
		found = append(found, &Mistake{Key: key, Hint: hint, Message: fmt.Sprintf(format, args...)})
	}
	if err := pipeline.CheckAssetName("name of a datastore", d.Name); err != nil {
		wrong("name", "", "%s", err)
	}
	if d.AccountName != "" && !accountForm.MatchString(d.AccountName) {
		wrong("account_name", "accounts have names of lower-case letters and digits", "%q is not the name of a storage account", d.AccountName)
	}
	for key, value := range map[string]string{"container_name": d.ContainerName, "filesystem": d.Filesystem} {
		if value != "" && !containerForm.MatchString(value) {
			wrong(key, "containers have names of lower-case letters, digits and hyphens", "%q is not the name of a container", value)
		}
	}
	if d.Endpoint != "" && !endpointForm.MatchString(d.Endpoint) {
		wrong("endpoint", "write core.windows.net, or what your cloud has in its place", "%q is not the name of a server", withoutSecrets(d.Endpoint))
	}
	if d.Protocol != "" && !slices.Contains(protocols, d.Protocol) {
		wrong("protocol", "use one of "+strings.Join(protocols, ", "), "%q is not a protocol", d.Protocol)
	}
	if d.URL != "" {
		d.checkURL(wrong)
	}
	for i, text := range d.StandsFor {
		if u, err := ParseURI(text); err != nil {
			wrong(fmt.Sprintf("stands_for[%d]", i), hintOf(err), "%s", messageOf(err))
		} else if u.address() == "" {
			wrong(fmt.Sprintf("stands_for[%d]", i), "write an address of the web, of Azure storage or of a bucket, without a query",
				"no datastore can stand for %s", u)
		}
	}
	slices.SortStableFunc(found, func(a, b *Mistake) int { return strings.Compare(a.Key, b.Key) })
	return found
}

func (d Definition) checkURL(wrong func(key, hint, format string, args ...any)) {
	const hint = "write file:///FOLDER, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or azblob://CONTAINER/PREFIX"
	u, err := ParseURI(d.URL)
	switch {
	case err != nil:
		wrong("url", hintOf(err), "%s", messageOf(err))
	case !slices.Contains([]string{File, S3, GS, AzBlob}, u.Scheme):
		wrong("url", hint, "a datastore cannot lie at %s", u)
	case slices.Contains([]Type{FileType, S3Type, GSType, AzBlobType}, d.Type) && string(d.Type) != u.Scheme:
		wrong("url", `write "type: `+u.Scheme+`"`, "this is not an address of the type %s", d.Type)
	}
}

func hintOf(err error) string {
	if f, ok := errors.AsType[*pipeline.Failure](err); ok {
		return f.Hint
	}
	return ""
}

func messageOf(err error) string {
	if f, ok := errors.AsType[*pipeline.Failure](err); ok {
		return f.Message
	}
	return err.Error()
}

// location is where the data of a datastore is: an address of one of the
// schemes [File], [S3], [GS] and [AzBlob], or of [WASBS] for a container of an
// account.
func (d Definition) location() (URI, error) {
	if d.URL != "" {
		return ParseURI(d.URL)
	}
	if host, container := d.container(); container != "" {
		return URI{Scheme: WASBS, Host: host, Container: container, Folder: true}, nil
	}
	return URI{}, invalid("mount it, and set \"url: file:///FOLDER\" in the datastore; or copy its data to a bucket or folder, and set that",
		"data in the datastore %q cannot be read or written: Millrace cannot reach storage of the type %s by itself", d.Name, d.Type)
}

// container is the container in Azure's blob storage that a datastore is, and
// its server; "" of all other types.
func (d Definition) container() (host, container string) {
	switch d.Type {
	case AzureBlob:
		container = d.ContainerName
	case AzureGen2:
		container = d.Filesystem
	}
	if container == "" || d.AccountName == "" {
		return "", ""
	}
	endpoint := d.Endpoint
	if endpoint == "" {
		endpoint = "core.windows.net"
	}
	return d.AccountName + ".blob." + endpoint, container
}

// insecure tells that the account is to be spoken to without encryption.
func (d Definition) insecure() bool { return d.Protocol == "http" }

// addresses are the places that the datastore stands for, as [URI.address]
// spells them.
func (d Definition) addresses() []string {
	var list []string
	if host, container := d.container(); container != "" {
		list = append(list, trimmed("azure://"+host, container))
	}
	if d.Type == AzureGen1 && d.StoreName != "" {
		list = append(list, "adl://"+strings.ToLower(d.StoreName)+".azuredatalakestore.net")
	}
	for _, text := range d.StandsFor {
		if u, err := ParseURI(text); err == nil {
			if a := u.address(); a != "" {
				list = append(list, a)
			}
		}
	}
	return list
}

// StandsOnlyFor reports whether a datastore is there to stand for one address,
// and for nothing else.
func (d Definition) StandsOnlyFor(address string) bool {
	u, err := ParseURI(address)
	return err == nil && len(d.StandsFor) == 1 && slices.Equal(d.addresses(), []string{u.address()})
}

// NameFor makes a name for a datastore that stands for an address.
func NameFor(address string) (string, error) {
	u, err := ParseURI(address)
	if err != nil {
		return "", err
	}
	where := u.address()
	if where == "" {
		return "", invalid("write an address of the web, of Azure storage or of a bucket, without a query", "no datastore can stand for %s", u)
	}
	_, where, _ = strings.Cut(where, "://")
	host, rest, _ := strings.Cut(where, "/")
	if s, ok := u.storage(); ok {
		host, _, _ = strings.Cut(s.host, ".") // the account
	} else if bare, _, err := net.SplitHostPort(host); err == nil {
		host = bare
	}
	name := strings.Trim(notInName.ReplaceAllString(host+"_"+rest, "_"), "_.-")
	if name == "" {
		name = "mapped"
	}
	return name[:min(len(name), 200)], nil
}

var notInName = regexp.MustCompile(`[^A-Za-z0-9-]+`)

// urlOf writes a folder of this machine as a URL.
func urlOf(folder string) string { return (&url.URL{Scheme: File, Path: folder}).String() }
