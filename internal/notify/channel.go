// Package notify tells people of jobs: by a webhook, by e-mail or by a command of
// their own. It sends one message to one receiver, once; to try again is the
// caller's affair.
package notify

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/internal/secret"
	"github.com/millrace-ml/millrace/pipeline"
)

// Kind is a way to tell somebody.
type Kind string

// The kinds of channels.
const (
	Webhook Kind = "webhook"
	Email   Kind = "email"
	Command Kind = "command"
)

// TLS is how a connection to a mail server is encrypted.
type TLS string

// The ways to encrypt a connection: begun in the clear and then encrypted, which
// the server must offer; encrypted from the start; or not at all.
const (
	StartTLS   TLS = "starttls"
	DirectTLS  TLS = "tls"
	WithoutTLS TLS = "none"
)

// Channel is one receiver, and what it wants to be told of. Secrets are given by
// reference, as [secret.Resolve] reads them.
type Channel struct {
	Name string
	Kind Kind
	// Events are those it wants to know; none means all.
	Events []pipeline.Event
	// Experiments are patterns of experiment names, as [path.Match] has them;
	// none means all.
	Experiments []string

	// URL is that of a webhook, or a reference to it; Secret signs what is sent
	// there.
	URL, Secret string

	// To and From are addresses of e-mail, Server is the host that takes it, with
	// or without a port.
	To                 []string
	From, Server       string
	Username, Password string
	TLS                TLS

	// Command is a program with its arguments, or one line for the shell.
	Command []string
	Shell   bool

	// roots are those that a mail server is trusted by; nil for the usual ones.
	roots *x509.CertPool
}

var nameForm = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_-]{0,63}$`)

// wants reports whether the channel is for an event of a job of an experiment; ""
// stands for one that is not known.
func (c *Channel) wants(event pipeline.Event, experiment string) bool {
	if len(c.Events) > 0 && !slices.Contains(c.Events, event) {
		return false
	}
	return experiment == "" || len(c.Experiments) == 0 || slices.ContainsFunc(c.Experiments, func(pattern string) bool {
		match, _ := path.Match(pattern, experiment)
		return match
	})
}

// Check says what is wrong with a channel, without looking up its secrets.
func (c *Channel) Check() error {
	if !nameForm.MatchString(c.Name) {
		return fmt.Errorf("%q cannot name a notification: use letters, digits, - and _", c.Name)
	}
	for _, event := range c.Events {
		if !slices.Contains(pipeline.Events(), event) {
			return fmt.Errorf("%q is not an event; the events are %s", event, joined(pipeline.Events()))
		}
	}
	for _, pattern := range c.Experiments {
		if _, err := path.Match(pattern, ""); err != nil {
			return fmt.Errorf("%q is not a pattern of names", pattern)
		}
	}
	switch c.Kind {
	case Webhook:
		return c.checkWebhook()
	case Email:
		return c.checkEmail()
	case Command:
		if len(c.Command) == 0 || strings.TrimSpace(c.Command[0]) == "" {
			return errors.New("a command needs command: a line for the shell, or a list of a program and its arguments")
		}
		return nil
	case "":
		return fmt.Errorf("kind is missing; it is one of %s", joined([]Kind{Webhook, Email, Command}))
	}
	return fmt.Errorf("%q is not a kind of notification; it is one of %s", c.Kind, joined([]Kind{Webhook, Email, Command}))
}

func (c *Channel) checkWebhook() error {
	if c.URL == "" {
		return errors.New("a webhook needs url: an address, env:NAME or file:/path")
	}
	if c.Secret != "" {
		if err := secret.Check(c.Secret); err != nil {
			return fmt.Errorf("secret: %w", err)
		}
	}
	if isReference(c.URL) {
		return secret.Check(c.URL)
	}
	_, err := webAddress(c.URL)
	return err
}

// isReference tells a reference to an address from an address: no webhook is at
// env: or file:.
func isReference(text string) bool { return secret.IsReference(text) }

// webAddress reads the address of a webhook. What is wrong is said without it:
// whoever has the address can send there.
func webAddress(text string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, errors.New("url is no address that begins with https:// or http://")
	}
	return u, nil
}

func (c *Channel) checkEmail() error {
	switch {
	case len(c.To) == 0:
		return errors.New("e-mail needs to: one or more addresses")
	case c.From == "":
		return errors.New("e-mail needs from: the address that it comes from")
	case c.Server == "":
		return errors.New("e-mail needs server: the host that takes it, such as smtp.example.org:587")
	}
	for _, address := range append([]string{c.From}, c.To...) {
		if _, err := mail.ParseAddress(address); err != nil {
			return fmt.Errorf("%q is not an address of e-mail", address)
		}
	}
	if _, _, err := c.server(); err != nil {
		return err
	}
	switch c.TLS {
	case "", StartTLS, DirectTLS:
	case WithoutTLS:
		if c.Password != "" {
			return errors.New("a password is not sent without encryption: use tls: starttls, or tls: tls")
		}
	default:
		return fmt.Errorf("tls cannot be %q; it is one of %s", c.TLS, joined([]TLS{StartTLS, DirectTLS, WithoutTLS}))
	}
	if (c.Username == "") != (c.Password == "") {
		return errors.New("username and password belong together")
	}
	if c.Password != "" {
		if err := secret.Check(c.Password); err != nil {
			return fmt.Errorf("password: %w", err)
		}
	}
	return nil
}

// ports are the usual ones of mail servers.
var ports = map[TLS]string{"": "587", StartTLS: "587", DirectTLS: "465", WithoutTLS: "25"}

// server takes the mail server apart.
func (c *Channel) server() (host, port string, err error) {
	host, port, err = net.SplitHostPort(c.Server)
	if err != nil {
		host, port = strings.Trim(c.Server, "[]"), ports[c.TLS]
	}
	if host == "" || strings.ContainsAny(host, "/ @") {
		return "", "", fmt.Errorf("server: %q is not a host with a port", c.Server)
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return "", "", fmt.Errorf("server: %q is not a port", port)
	}
	return host, port, nil
}

func joined[T ~string](words []T) string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = string(w)
	}
	return strings.Join(texts, ", ")
}
