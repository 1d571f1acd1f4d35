package datastore

import (
	"net/url"
	"path"
	"strings"
)

// The schemes that can be read.
const (
	Azure = "azureml"
	File  = "file"
	HTTP  = "http"
	HTTPS = "https"
	// Azure Blob storage, which has three schemes more than it needs, and Azure
	// Data Lake Gen1.
	WASB  = "wasb"
	WASBS = "wasbs"
	ABFS  = "abfs"
	ABFSS = "abfss"
	ADL   = "adl"
	// Buckets by the URLs of gocloud.dev.
	S3     = "s3"
	GS     = "gs"
	AzBlob = "azblob"
)

// URI is the address of data, taken apart.
type URI struct {
	// Scheme is one of the constants above.
	Scheme string
	// Datastore is the name of a datastore; of [Azure] only.
	Datastore string
	// Host is the server that an address of Azure storage names, such as
	// ACCOUNT.blob.core.windows.net; of [WASB] to [ADL] only.
	Host string
	// Container is that of an address of Azure storage, or a bucket; of [WASB]
	// to [ABFSS] and [S3] to [AzBlob] only.
	Container string
	// Path is clean. In a datastore, a container or a bucket it is relative, ""
	// for the whole of it; of a file it is absolute.
	Path string
	// Folder tells that the address ended in a slash.
	Folder bool
	// URL is the whole address; of [HTTP] and [HTTPS] only.
	URL *url.URL
	// Parameters say how a bucket is reached; of [S3] to [AzBlob] only.
	Parameters url.Values
}

const (
	maxURI  = 8192
	maxName = 255 // bytes between two slashes
)

// howToWrite is the hint for addresses that are none.
const howToWrite = "write azureml://datastores/NAME/paths/PATH, https://HOST/PATH, s3://BUCKET/PATH or file:///PATH"

// ParseURI takes an address apart:
//
//	azureml://datastores/NAME/paths/PATH
//	azureml://subscriptions/S/resourcegroups/G/workspaces/W/datastores/NAME/paths/PATH
//	https://HOST/PATH  http://HOST/PATH  file:///PATH
//	wasbs://CONTAINER@ACCOUNT.blob.core.windows.net/PATH  abfss://FILESYSTEM@ACCOUNT.dfs.core.windows.net/PATH
//	wasbs://ACCOUNT.blob.core.windows.net/CONTAINER/PATH
//	adl://ACCOUNT.azuredatalakestore.net/PATH
//	s3://BUCKET/PATH  gs://BUCKET/PATH  azblob://CONTAINER/PATH
//
// The workspace that the long form names is not looked at: there is only one.
// Paths are taken as they are, with no percent signs decoded, but for those of
// the web and of files.
func ParseURI(text string) (URI, error) {
	if len(text) > maxURI {
		return URI{}, invalid(howToWrite, "an address of %d bytes is too long", len(text))
	}
	for i := range len(text) {
		if text[i] < ' ' || text[i] == 0x7f {
			return URI{}, invalid(howToWrite, "address %q contains a control character", withoutSecrets(text))
		}
	}
	// "azureml:https://..." appears in Azure's documents and means the rest.
	if rest, ok := strings.CutPrefix(text, Azure+":"); ok && !strings.HasPrefix(rest, "//") && strings.Contains(rest, "://") {
		text = rest
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return URI{}, invalid(howToWrite, "%q is not an address", withoutSecrets(text))
	}
	switch scheme = strings.ToLower(scheme); scheme {
	case Azure:
		return parseAzure(text, rest)
	case File:
		return parseFile(text)
	case HTTP, HTTPS:
		return parseWeb(text)
	case WASB, WASBS, ABFS, ABFSS:
		return parseStorage(scheme, text, rest)
	case ADL:
		return parseLake(text, rest)
	case S3, GS, AzBlob:
		return parseBucket(scheme, text, rest)
	}
	return URI{}, invalid(howToWrite, "%s: addresses that begin with %s:// cannot be read", withoutSecrets(text), scheme)
}

func parseAzure(text, rest string) (URI, error) {
	const hint = "write azureml://datastores/NAME/paths/PATH"
	rest = withoutWorkspace(rest)
	rest, ok := cutWord(rest, "datastores")
	if !ok {
		return URI{}, invalid(hint, "%s does not name a place in a datastore", text)
	}
	name, rest, _ := strings.Cut(rest, "/")
	if name == "" {
		return URI{}, invalid(hint, "%s does not name the datastore", text)
	}
	if rest, ok = cutWord(rest, "paths"); !ok {
		return URI{}, invalid(hint, `%s lacks "/paths/" after the datastore`, text)
	}
	u := URI{Scheme: Azure, Datastore: name}
	var err error
	u.Path, u.Folder, err = cleanPath(text, rest)
	return u, err
}

// cleanPath cleans a path that is relative to a datastore or bucket, and
// refuses one that leads out of it.
func cleanPath(text, rest string) (clean string, folder bool, err error) {
	var names []string
	for name := range strings.SplitSeq(rest, "/") {
		switch {
		case name == "" || name == ".": // as in every path
		case name == "..":
			return "", false, invalid("write the path without \"..\"", "%s leaves its datastore", withoutSecrets(text))
		case len(name) > maxName:
			return "", false, invalid("", "%s contains a name of %d bytes; %d are possible", withoutSecrets(text), len(name), maxName)
		default:
			names = append(names, name)
		}
	}
	return strings.Join(names, "/"), rest == "" || strings.HasSuffix(rest, "/"), nil
}

// withoutWorkspace cuts the beginning off the long form of an address.
func withoutWorkspace(rest string) string {
	short := rest
	for _, word := range []string{"subscriptions", "resourcegroups", "providers", "workspaces"} {
		after, ok := cutWord(short, word)
		if !ok {
			if word == "providers" {
				continue // some leave it out
			}
			return rest
		}
		_, short, ok = strings.Cut(after, "/")
		if !ok {
			return rest
		}
	}
	return short
}

// cutWord cuts a word and the slash after it, if any, off a path. Azure does
// not distinguish "resourceGroups" from "resourcegroups".
func cutWord(p, word string) (string, bool) {
	first, rest, _ := strings.Cut(p, "/")
	return rest, strings.EqualFold(first, word)
}

func parseFile(text string) (URI, error) {
	const hint = "write file:///absolute/path"
	u, err := url.Parse(text)
	if err != nil || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return URI{}, invalid(hint, "%q is not the address of a file", text)
	}
	if u.Host != "" && u.Host != "localhost" {
		return URI{}, invalid(hint, "%q names a file of another machine, %q", text, u.Host)
	}
	if !strings.HasPrefix(u.Path, "/") || strings.IndexByte(u.Path, 0) >= 0 {
		return URI{}, invalid(hint, "%q is not an absolute path", text)
	}
	clean := path.Clean(u.Path)
	return URI{Scheme: File, Path: clean, Folder: clean == "/" || strings.HasSuffix(u.Path, "/")}, nil
}

func parseWeb(text string) (URI, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return URI{}, invalid("write https://HOST/PATH", "%q is not an address on the web", withoutSecrets(text))
	}
	u.Scheme = strings.ToLower(u.Scheme)
	return URI{Scheme: u.Scheme, Path: u.Path, Folder: strings.HasSuffix(u.Path, "/"), URL: u}, nil
}

// withoutSecrets cuts off what may be a password or a signature.
func withoutSecrets(text string) string {
	text, _, _ = strings.Cut(text, "?")
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return text
	}
	who, after, ok := strings.Cut(rest, "@")
	if !ok || strings.HasPrefix(scheme, "wasb") || strings.HasPrefix(scheme, "abfs") {
		return text // before the @ stands a container
	}
	if strings.Contains(who, "/") {
		return text
	}
	return scheme + "://...@" + after
}

// String writes the address in its short form. What may be secret in a web
// address (a password, a signature in the query) is left out.
func (u URI) String() string {
	switch u.Scheme {
	case Azure:
		return slashed("azureml://datastores/"+u.Datastore+"/paths/", u)
	case File:
		text := (&url.URL{Scheme: File, Path: u.Path}).String()
		if u.Folder && u.Path != "/" {
			text += "/"
		}
		return text
	case WASB, WASBS, ABFS, ABFSS:
		if u.Container == "" {
			return u.Scheme + "://" + u.Host + "/"
		}
		return slashed(u.Scheme+"://"+u.Container+"@"+u.Host+"/", u)
	case ADL:
		return slashed("adl://"+u.Host+"/", u)
	case S3, GS, AzBlob:
		text := slashed(u.Scheme+"://"+u.Container+"/", u)
		if len(u.Parameters) > 0 {
			text += "?" + u.Parameters.Encode()
		}
		return text
	}
	shown := url.URL{Scheme: u.URL.Scheme, Host: u.URL.Host, Path: u.URL.Path, RawPath: u.URL.RawPath}
	if u.URL.RawQuery != "" {
		return shown.String() + "?..."
	}
	return shown.String()
}

// slashed writes a relative path after a root that ends in a slash.
func slashed(root string, u URI) string {
	if u.Folder && u.Path != "" {
		return root + u.Path + "/"
	}
	return root + u.Path
}
