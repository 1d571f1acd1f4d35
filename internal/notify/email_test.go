package notify

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// postOffice is a mail server as far as these tests need one.
type postOffice struct {
	address string
	// starttls is what it offers to encrypt with; nil offers none.
	starttls *tls.Config
	// refuses is what it answers to a letter; "" takes it.
	refuses string

	mu      sync.Mutex
	letters []string
	said    []string // by clients, in commands
}

func openPostOffice(t *testing.T, p *postOffice, listener net.Listener) *postOffice {
	t.Helper()
	if listener == nil {
		var err error
		if listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { listener.Close() })
	p.address = listener.Addr().String()
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	return p
}

func (p *postOffice) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewScanner(c)
	say := func(line string) { fmt.Fprintf(c, "%s\r\n", line) }
	say("220 post office")
	_, encrypted := c.(*tls.Conn)
	for in.Scan() {
		line := in.Text()
		p.mu.Lock()
		p.said = append(p.said, line)
		p.mu.Unlock()
		switch verb, _, _ := strings.Cut(strings.ToUpper(line), " "); verb {
		case "EHLO":
			say("250-here")
			if p.starttls != nil && !encrypted {
				say("250-STARTTLS")
			}
			if encrypted {
				say("250-AUTH PLAIN")
			}
			say("250 8BITMIME")
		case "STARTTLS":
			say("220 go")
			c = tls.Server(c, p.starttls)
			in, encrypted = bufio.NewScanner(c), true
		case "AUTH":
			say("235 yes")
		case "DATA":
			say("354 go on")
			var letter strings.Builder
			for in.Scan() && in.Text() != "." {
				letter.WriteString(in.Text() + "\n")
			}
			if p.refuses != "" {
				say(p.refuses)
				continue
			}
			p.mu.Lock()
			p.letters = append(p.letters, letter.String())
			p.mu.Unlock()
			say("250 kept")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (p *postOffice) channel(how TLS) Channel {
	return Channel{Name: "team", Kind: Email, To: []string{"Ann <ann@example.org>", "bob@example.org"}, From: "Millrace <mill@example.org>", Server: p.address, TLS: how}
}

// certificate is one that the tests' servers have, and who trusts it.
func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return &tls.Config{Certificates: server.TLS.Certificates}, roots
}

func TestALetterSaysWhatHasHappened(t *testing.T) {
	p := openPostOffice(t, &postOffice{}, nil)
	c := p.channel(WithoutTLS)
	n := New([]Channel{c})
	for range 2 { // the same message, sent again
		if err := n.Send(t.Context(), "team", failed()); err != nil {
			t.Fatal(err)
		}
	}
	if len(p.letters) != 2 {
		t.Fatalf("%d letters arrived", len(p.letters))
	}
	for _, want := range []string{
		"Subject: [millrace] job calm_river failed after 3m0s: step train", "ann@example.org", "bob@example.org", "exit code 3",
		"http://ui/namespaces/default/workflows/calm_river", headerDelivery,
	} {
		if !strings.Contains(strings.ReplaceAll(p.letters[0], "=\n", ""), want) {
			t.Errorf("the letter lacks %q:\n%s", want, p.letters[0])
		}
	}
	if a, b := header(p.letters[0], "Message-ID"), header(p.letters[1], "Message-ID"); a == "" || a != b || !strings.HasSuffix(a, "@example.org>") {
		t.Errorf("the two are called %q and %q", a, b)
	}
}

func header(letter, name string) string {
	for line := range strings.SplitSeq(letter, "\n") {
		if value, ok := strings.CutPrefix(line, name+": "); ok {
			return value
		}
	}
	return ""
}

func TestAPasswordIsSentOverAnEncryptedConnectionOnly(t *testing.T) {
	t.Setenv("MAIL_PASSWORD", "s3cret")
	settings, roots := certificate(t)
	with := func(p *postOffice, how TLS) error {
		c := p.channel(how)
		c.Username, c.Password, c.roots = "mill", "env:MAIL_PASSWORD", roots
		return New([]Channel{c}).Send(t.Context(), "team", failed())
	}
	login := base64.StdEncoding.EncodeToString([]byte("\x00mill\x00s3cret"))

	begun := openPostOffice(t, &postOffice{starttls: settings}, nil)
	if err := with(begun, StartTLS); err != nil || len(begun.letters) != 1 || !strings.Contains(strings.Join(begun.said, "\n"), login) {
		t.Errorf("STARTTLS: %v, %q", err, begun.said)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", settings)
	if err != nil {
		t.Fatal(err)
	}
	direct := openPostOffice(t, &postOffice{}, listener)
	if err := with(direct, DirectTLS); err != nil || len(direct.letters) != 1 {
		t.Errorf("TLS: %v", err)
	}
	bare := openPostOffice(t, &postOffice{}, nil)
	if err := with(bare, StartTLS); err == nil || strings.Contains(strings.Join(bare.said, "\n"), login) {
		t.Errorf("a server without encryption: %v, %q", err, bare.said)
	}
	roots = x509.NewCertPool()
	if err := with(begun, StartTLS); err == nil || len(begun.letters) != 1 {
		t.Errorf("a server that nobody knows: %v", err)
	}
}

func TestALetterThatIsRefusedForGoodIsNotSentAgain(t *testing.T) {
	for answer, final := range map[string]bool{"550 no such s3cret": true, "451 later, s3cret": false} {
		p := openPostOffice(t, &postOffice{refuses: answer}, nil)
		err := New([]Channel{p.channel(WithoutTLS)}).Send(t.Context(), "team", asks())
		if err == nil || Final(err) != final || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v, final %t", answer, err, Final(err))
		}
	}
}
