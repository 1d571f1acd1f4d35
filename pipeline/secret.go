package pipeline

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

var (
	// address is what looks like a URL in any text, up to where the text around
	// it goes on.
	address = regexp.MustCompile("[a-zA-Z][a-zA-Z0-9+.-]+://[^\\s\"'`<>]+")
	// secretWords are in the names of parameters whose values are secret.
	secretWords = []string{"signature", "token", "secret", "passw", "credential", "apikey", "api_key", "api-key", "accesskey"}
	// secretNames are such names that mean something else as parts of words.
	secretNames = []string{"sig", "key", "sas", "auth", "pwd"}
)

// hidden stands for what is not shown.
const hidden = "..."

// WithoutSecrets hides passwords, signatures and tokens in the addresses in a
// text: what is printed is soon in a log. Other parameters stay.
func WithoutSecrets(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	return address.ReplaceAllStringFunc(text, withoutSecrets)
}

func withoutSecrets(uri string) string {
	rest, fragment, hasFragment := strings.Cut(uri, "#")
	rest, query, hasQuery := strings.Cut(rest, "?")
	scheme, rest, _ := strings.Cut(rest, "://")
	host, path, hasPath := strings.Cut(rest, "/")
	// What stands before the @ of wasbs://CONTAINER@ACCOUNT is no secret.
	if at := strings.LastIndexByte(host, '@'); at >= 0 && !isContainer(strings.ToLower(scheme), host[:at]) {
		host = hidden + host[at:]
	}
	var b strings.Builder
	b.WriteString(scheme + "://" + host)
	if hasPath {
		b.WriteString("/" + path)
	}
	if hasQuery {
		b.WriteString("?" + withoutSecretParameters(query))
	}
	if hasFragment {
		b.WriteString("#" + withoutSecretParameters(fragment))
	}
	return b.String()
}

func isContainer(scheme, user string) bool {
	return slices.Contains([]string{"wasb", "wasbs", "abfs", "abfss"}, scheme) && !strings.Contains(user, ":")
}

func withoutSecretParameters(query string) string {
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		if value != "" && isSecret(name) {
			pairs[i] = name + "=" + hidden
		}
	}
	return strings.Join(pairs, "&")
}

func isSecret(parameter string) bool {
	if plain, err := url.QueryUnescape(parameter); err == nil {
		parameter = plain
	}
	parameter = strings.ToLower(parameter)
	return slices.Contains(secretNames, parameter) ||
		slices.ContainsFunc(secretWords, func(word string) bool { return strings.Contains(parameter, word) })
}
