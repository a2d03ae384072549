package alert

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/textproto"

	"github.com/wneessen/go-mail"
)

// Protection is how the connection to a mail server is protected.
type Protection string

// The ways.
const (
	StartTLS Protection = "starttls" // RFC 3207, demanded
	Implicit Protection = "implicit" // RFC 8314
	Plain    Protection = "none"     // for a server on this computer
)

// Mail sends notices by e-mail.
type Mail struct {
	Server   string
	Port     int // 0: the usual one
	Protect  Protection
	User     string // "": the server asks for none
	Password string
	From     string
	To       []string
	Roots    *x509.CertPool // nil: the system's
}

// Name is "mail".
func (*Mail) Name() string { return "mail" }

// The ports of mail submission (RFC 8314, RFC 6409).
const (
	portImplicit = 465
	portSubmit   = 587
)

func (m *Mail) options() []mail.Option {
	port := m.Port
	if port == 0 {
		port = portSubmit
		if m.Protect == Implicit {
			port = portImplicit
		}
	}
	opts := []mail.Option{
		mail.WithPort(port), mail.WithTimeout(sendFor), mail.WithoutNoop(),
		mail.WithTLSConfig(&tls.Config{ServerName: m.Server, RootCAs: m.Roots, MinVersion: tls.VersionTLS12}),
	}
	switch m.Protect {
	case Implicit:
		opts = append(opts, mail.WithSSL())
	case Plain:
		opts = append(opts, mail.WithTLSPolicy(mail.NoTLS))
	default:
		opts = append(opts, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if m.User != "" {
		opts = append(opts, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(m.User), mail.WithPassword(m.Password))
	}
	return opts
}

// Send hands the notice to the mail server.
func (m *Mail) Send(ctx context.Context, n Notice) error {
	msg := mail.NewMsg()
	err := errors.Join(msg.From(m.From), msg.To(m.To...))
	if err != nil {
		return errors.New("an e-mail address cannot be used")
	}
	msg.Subject(n.Subject())
	msg.SetDateWithValue(n.At)
	msg.SetMessageID()
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no answers from holidays
	msg.SetBodyString(mail.TypeTextPlain, n.Text)
	c, err := mail.NewClient(m.Server, m.options()...)
	if err != nil {
		return errors.New("the mail server's settings cannot be used")
	}
	return mailError(ctx, c.DialAndSendWithContext(ctx, msg))
}

// Codes of a login that failed (RFC 4954, section 6).
const (
	badCredentials = 535
	tooWeak        = 534
)

// mailError says what kind of failure it was: the texts of servers show addresses.
func mailError(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if no, ok := errors.AsType[*mail.SendError](err); ok && no.ErrorCode() != 0 {
		return fmt.Errorf("%w: SMTP code %d", errStatus, no.ErrorCode())
	}
	if no, ok := errors.AsType[*textproto.Error](err); ok {
		if no.Code == badCredentials || no.Code == tooWeak {
			return errors.New("the mail server refused user or password")
		}
		return fmt.Errorf("%w: SMTP code %d", errStatus, no.Code)
	}
	if errors.Is(err, mail.ErrNoSupportedAuthDiscovered) {
		return errors.New("the mail server offers no way to log in")
	}
	return plain(ctx, err)
}
