package azureml

import (
	"regexp"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
)

var (
	// secretWords are in keys under which people write secrets, also by mistake,
	// and in addresses that have a password or a signature.
	secretWords = regexp.MustCompile(`(?i)credential|_key\b|key_id|secret|token|password|certificate|sas\b|://\S*\?|://[^/\s]*:[^/\s]*@`)
	// topKey begins the value of another key.
	topKey = regexp.MustCompile(`^["']?[$A-Za-z_][$A-Za-z0-9_-]*["']?\s*:`)
)

// withoutSecrets takes the lines that may hold a credential out of problems:
// what is printed is soon in a log.
func withoutSecrets(list Problems, doc *yaml.Document) Problems {
	for i := range list {
		if list[i].mayShow(doc) {
			continue
		}
		list[i].Source = ""
	}
	return list
}

// mayShow reports whether the line of a problem in a document, or in a --set,
// holds no credential.
func (p Problem) mayShow(doc *yaml.Document) bool {
	if p.File == doc.Name {
		return !inSecrets(doc, p.Line)
	}
	return !secretWords.MatchString(p.Source)
}

// hide rewords the problems from the given one on that may quote a credential:
// where text could not be read, nobody knows what it is.
func (r *report) hide(doc *yaml.Document, from int) {
	for i := from; i < len(r.list); i++ {
		if p := &r.list[i]; !p.mayShow(doc) {
			p.Message, p.Hint = "this cannot be read", "put values in quotes; what stands here is not shown, because it may be a credential"
			p.Source = ""
		}
	}
}

// inSecrets reports whether a line may hold a credential: it has a word that
// tells, or the key to whose value it belongs has.
func inSecrets(doc *yaml.Document, line int) bool {
	for ; line > 0; line-- {
		text := doc.Line(line)
		if secretWords.MatchString(text) {
			return true
		}
		if topKey.MatchString(text) {
			return false
		}
	}
	return false
}
