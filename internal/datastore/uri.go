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
)

// URI is the address of data, taken apart.
type URI struct {
	// Scheme is one of [Azure], [File], [HTTP] and [HTTPS].
	Scheme string
	// Datastore is the name of a datastore; of [Azure] only.
	Datastore string
	// Path is clean. In a datastore it is relative, "" for the whole of it; of a
	// file it is absolute.
	Path string
	// Folder tells that the address ended in a slash.
	Folder bool
	// URL is the whole address; of [HTTP] and [HTTPS] only.
	URL *url.URL
}

const (
	maxURI  = 8192
	maxName = 255 // bytes between two slashes
)

// howToWrite is the hint for addresses that are none.
const howToWrite = "write azureml://datastores/NAME/paths/PATH, https://HOST/PATH or file:///PATH"

// ParseURI takes an address apart:
//
//	azureml://datastores/NAME/paths/PATH
//	azureml://subscriptions/S/resourcegroups/G/workspaces/W/datastores/NAME/paths/PATH
//	https://HOST/PATH  http://HOST/PATH  file:///PATH
//
// The workspace that the long form names is not looked at: there is only one.
// Paths in datastores are taken as they are, with no percent signs decoded.
func ParseURI(text string) (URI, error) {
	if len(text) > maxURI {
		return URI{}, invalid(howToWrite, "an address of %d bytes is too long", len(text))
	}
	for i := range len(text) {
		if text[i] < ' ' || text[i] == 0x7f {
			return URI{}, invalid(howToWrite, "address %q contains a control character", text)
		}
	}
	// "azureml:https://..." appears in Azure's documents and means the rest.
	if rest, ok := strings.CutPrefix(text, Azure+":"); ok && !strings.HasPrefix(rest, "//") && strings.Contains(rest, "://") {
		text = rest
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return URI{}, invalid(howToWrite, "%q is not an address", text)
	}
	switch scheme = strings.ToLower(scheme); scheme {
	case Azure:
		return parseAzure(text, rest)
	case File:
		return parseFile(text)
	case HTTP, HTTPS:
		return parseWeb(text)
	}
	return URI{}, foreign(scheme, text)
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
	u := URI{Scheme: Azure, Datastore: name, Folder: rest == "" || strings.HasSuffix(rest, "/")}
	var names []string
	for name := range strings.SplitSeq(rest, "/") {
		switch {
		case name == "" || name == ".": // as in every path
		case name == "..":
			return URI{}, invalid("write the path without \"..\"", "%s leaves its datastore", text)
		case len(name) > maxName:
			return URI{}, invalid("", "%s contains a name of %d bytes; %d are possible", text, len(name), maxName)
		default:
			names = append(names, name)
		}
	}
	u.Path = strings.Join(names, "/")
	return u, nil
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
	return URI{Scheme: File, Path: path.Clean(u.Path), Folder: strings.HasSuffix(u.Path, "/")}, nil
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
	if i := strings.LastIndexByte(text, '@'); i >= 0 {
		return "..." + text[i:]
	}
	return text
}

// foreign explains why an address of storage elsewhere cannot be read.
func foreign(scheme, text string) error {
	bare, _, _ := strings.Cut(text, "?") // what follows may be a signature
	var kind string
	switch scheme {
	case "wasb", "wasbs":
		kind = "an Azure Blob container"
	case "abfs", "abfss":
		kind = "an Azure Data Lake Gen2 file system"
	case "adl":
		kind = "an Azure Data Lake Gen1 account"
	case "s3":
		kind = "an S3 bucket"
	case "gs":
		kind = "a Google Cloud Storage bucket"
	default:
		return invalid(howToWrite, "%s: addresses that begin with %s:// cannot be read", bare, scheme)
	}
	return invalid("put the data into a datastore that exists and write azureml://datastores/"+DefaultDatastore+"/paths/PATH, or use its https address",
		"%s: reading it needs a datastore that is mapped to %s, and datastores cannot be mapped yet", bare, kind)
}

// String writes the address in its short form. What may be secret in a web
// address (a password, a signature in the query) is left out.
func (u URI) String() string {
	switch u.Scheme {
	case Azure:
		text := "azureml://datastores/" + u.Datastore + "/paths/" + u.Path
		if u.Folder && u.Path != "" {
			text += "/"
		}
		return text
	case File:
		text := (&url.URL{Scheme: File, Path: u.Path}).String()
		if u.Folder && u.Path != "/" {
			text += "/"
		}
		return text
	}
	shown := url.URL{Scheme: u.URL.Scheme, Host: u.URL.Host, Path: u.URL.Path, RawPath: u.URL.RawPath}
	if u.URL.RawQuery != "" {
		return shown.String() + "?..."
	}
	return shown.String()
}
