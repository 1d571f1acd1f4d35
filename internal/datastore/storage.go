package datastore

import (
	"net"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

// The addresses of storage elsewhere: Azure's, and those of buckets.

var (
	hostForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?$`)
	// containerForm is what Azure, Amazon and Google call containers and
	// buckets, together; a bit more than each of them.
	containerForm = regexp.MustCompile(`^[A-Za-z0-9$_][A-Za-z0-9$_.-]{0,221}$`)
	// azureHost is a server of Azure storage, in any of its clouds. Nobody else
	// can have a server of that name, which matters to credentials.
	azureHost = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*\.(blob|dfs)\.core\.(windows\.net|chinacloudapi\.cn|usgovcloudapi\.net|cloudapi\.de)$`)
)

// parseStorage reads wasbs://CONTAINER@HOST/PATH and, as Azure's own examples
// have it, wasbs://HOST/CONTAINER/PATH.
func parseStorage(scheme, text, rest string) (URI, error) {
	kind := "blob"
	if strings.HasPrefix(scheme, ABFS) {
		kind = "dfs"
	}
	hint := "write " + scheme + "://CONTAINER@ACCOUNT." + kind + ".core.windows.net/PATH"
	rest, _, _ = strings.Cut(rest, "?")
	server, rest, _ := strings.Cut(rest, "/")
	container, host, ok := strings.Cut(server, "@")
	if !ok {
		host = server
		container, rest, _ = strings.Cut(rest, "/")
	}
	if !hostForm.MatchString(host) || container != "" && !containerForm.MatchString(container) ||
		container == "" && (ok || strings.Trim(rest, "/") != "") {
		return URI{}, invalid(hint, "%s does not name a container of an account", withoutSecrets(text))
	}
	u := URI{Scheme: scheme, Host: strings.ToLower(host), Container: container}
	var err error
	u.Path, u.Folder, err = cleanPath(text, rest)
	return u, err
}

func parseLake(text, rest string) (URI, error) {
	rest, _, _ = strings.Cut(rest, "?")
	host, rest, _ := strings.Cut(rest, "/")
	if !hostForm.MatchString(host) {
		return URI{}, invalid("write adl://ACCOUNT.azuredatalakestore.net/PATH", "%s does not name an account", withoutSecrets(text))
	}
	u := URI{Scheme: ADL, Host: strings.ToLower(host)}
	var err error
	u.Path, u.Folder, err = cleanPath(text, rest)
	return u, err
}

func parseBucket(scheme, text, rest string) (URI, error) {
	hint := "write " + scheme + "://BUCKET/PATH"
	rest, query, _ := strings.Cut(rest, "?")
	bucket, rest, _ := strings.Cut(rest, "/")
	if !containerForm.MatchString(bucket) {
		return URI{}, invalid(hint, "%s does not name a bucket", withoutSecrets(text))
	}
	u := URI{Scheme: scheme, Container: bucket}
	var err error
	if u.Parameters, err = parseParameters(scheme, query); err != nil {
		return URI{}, err
	}
	u.Path, u.Folder, err = cleanPath(text, rest)
	return u, err
}

// parameters are those that the drivers of gocloud.dev take. None of them is a
// secret: those are given by reference.
var parameters = map[string][]string{
	S3: {"region", "endpoint", "profile", "anonymous", "role", "dualstack", "fips", "hostname_immutable", "use_path_style",
		"s3ForcePathStyle", "disable_https", "accelerate", "ssetype", "kmskeyid", "rate_limiter_capacity",
		"request_checksum_calculation", "response_checksum_validation"},
	GS:     {"anonymous"},
	AzBlob: {"storage_account", "domain", "protocol", "cdn", "localemu"},
}

// parseParameters reads what follows the question mark in the URL of a bucket.
// It repeats no value: somebody may have put a key there.
func parseParameters(scheme, query string) (url.Values, error) {
	if query == "" {
		return nil, nil
	}
	legal := parameters[scheme]
	hint := "the parameters of " + scheme + ":// are " + strings.Join(legal, ", ") + "; keys belong under credentials, by reference"
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, invalid(hint, "what follows the question mark is not a list of parameters")
	}
	for name, value := range values {
		if !slices.Contains(legal, name) || len(value) != 1 {
			return nil, invalid(hint, "addresses that begin with %s:// cannot have all the parameters that this one has", scheme)
		}
		if u, err := url.Parse(value[0]); name == "endpoint" && (err != nil || u.User != nil || u.RawQuery != "") {
			return nil, invalid("write endpoint=https://HOST", "the endpoint is not the address of a server")
		}
	}
	return values, nil
}

// storage is a place in Azure's blob storage, whichever of its addresses was
// used. The account that an ABFS address names has a server for blobs, too.
type storage struct {
	host, container, path string
}

// storage takes the address of a place in Azure's blob storage apart. Ok is
// false for any other address.
func (u URI) storage() (s storage, ok bool) {
	switch u.Scheme {
	case WASB, WASBS, ABFS, ABFSS:
		s = storage{blobHost(u.Host), u.Container, u.Path}
	case HTTP, HTTPS:
		host := strings.ToLower(u.URL.Host)
		if !azureHost.MatchString(host) || u.climbs() {
			return storage{}, false
		}
		container, rest, _ := strings.Cut(strings.TrimPrefix(path.Clean("/"+u.Path), "/"), "/")
		s = storage{blobHost(host), container, rest}
	default:
		return storage{}, false
	}
	return s, true
}

// climbs reports whether the path of an address on the web goes up somewhere:
// what it means is the server's affair.
func (u URI) climbs() bool { return slices.Contains(strings.Split(u.Path, "/"), "..") }

// blobHost is the server for blobs of an account's server.
func blobHost(host string) string { return strings.Replace(host, ".dfs.", ".blob.", 1) }

// address is the one spelling of the place that a URI means, for comparing. It
// is "" where nothing can stand for the place: in datastores and files, which
// are not elsewhere, and where only the server knows which data is meant.
func (u URI) address() string {
	if s, ok := u.storage(); ok {
		return trimmed("azure://"+s.host, s.container, s.path)
	}
	switch u.Scheme {
	case HTTP, HTTPS:
		if u.URL.RawQuery != "" || u.climbs() || strings.Contains(strings.ToLower(u.URL.RawPath), "%2f") {
			return ""
		}
		host := strings.ToLower(u.URL.Host)
		if name, port, err := net.SplitHostPort(host); err == nil && port == map[string]string{HTTP: "80", HTTPS: "443"}[u.Scheme] {
			host = name
		}
		return trimmed("web://"+host, path.Clean("/"+u.Path))
	case ADL:
		return trimmed("adl://"+u.Host, u.Path)
	case S3, GS, AzBlob:
		return trimmed(u.Scheme+"://"+u.Container, u.Path)
	}
	return ""
}

// trimmed joins parts with one slash between them and none at the end.
func trimmed(root string, parts ...string) string {
	names := []string{root}
	for _, part := range parts {
		if part = strings.Trim(part, "/"); part != "" {
			names = append(names, part)
		}
	}
	return strings.Join(names, "/")
}

// below returns the path of an address under another one, and whether it is
// there.
func below(address, root string) (rest string, ok bool) {
	if address == root {
		return "", root != ""
	}
	rest, ok = strings.CutPrefix(address, root+"/")
	return rest, ok && root != ""
}
