package notify

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net/textproto"
	"strconv"
	"strings"

	"github.com/wneessen/go-mail"

	"github.com/millrace-ml/millrace/internal/secret"
)

func (c *Channel) mail(ctx context.Context, m Message) error {
	letter, err := c.letter(m)
	if err != nil {
		return final{err}
	}
	client, err := c.mailer()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, emailTimeout)
	defer cancel()
	if err := client.DialAndSendWithContext(ctx, letter); err != nil {
		return refusedMail(err)
	}
	return nil
}

func (c *Channel) letter(m Message) (*mail.Msg, error) {
	letter := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := letter.From(c.From); err != nil {
		return nil, errors.New("from is no address")
	}
	if err := letter.To(c.To...); err != nil {
		return nil, errors.New("to holds what is no address")
	}
	letter.Subject("[millrace] " + line(m.Subject()))
	letter.SetDateWithValue(m.Time)
	// The same message sent twice is one to whoever sorts mail.
	sum := sha256.Sum256([]byte(m.ID))
	_, domain, _ := strings.Cut(strings.Trim(c.From, "<> "), "@")
	letter.SetMessageIDWithValue(hex.EncodeToString(sum[:16]) + "@" + strings.TrimRight(domain, "> "))
	letter.SetGenHeader(headerDelivery, m.ID)
	letter.SetBodyString(mail.TypeTextPlain, m.Text())
	return letter, nil
}

func (c *Channel) mailer() (*mail.Client, error) {
	host, port, err := c.server()
	if err != nil {
		return nil, final{err}
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, final{fmt.Errorf("server: %q is not the number of a port", port)}
	}
	options := []mail.Option{
		mail.WithPort(number), mail.WithTimeout(emailTimeout),
		mail.WithTLSConfig(&tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, RootCAs: c.roots}),
	}
	switch c.TLS {
	case DirectTLS:
		options = append(options, mail.WithSSL())
	case WithoutTLS:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if c.Password != "" {
		password, err := secret.Resolve(c.Password)
		if err != nil {
			return nil, err
		}
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(c.Username), mail.WithPassword(password))
	}
	client, err := mail.NewClient(host, options...)
	if err != nil {
		return nil, final{err}
	}
	return client, nil
}

// refusedMail says why a mail server did not take a letter, in its numbers: its
// words may repeat what was sent.
func refusedMail(err error) error {
	code := 0
	if refused, ok := errors.AsType[*mail.SendError](err); ok && refused.ErrorCode() != 0 {
		code = refused.ErrorCode()
	} else if answer, ok := errors.AsType[*textproto.Error](err); ok {
		code = answer.Code
	}
	switch {
	case code >= 500:
		return final{fmt.Errorf("the mail server refused it with code %d", code)}
	case code > 0:
		return fmt.Errorf("the mail server put it off with code %d", code)
	}
	return err
}
