package config

import (
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"chartseal/config/strict"
)

// Status is where the daemon shows how it is: the board for staff, /metrics and
// /healthz for monitors.
type Status struct {
	Listen string `yaml:"listen"` // address and port, such as 127.0.0.1:7421; port 0 is any; "": not at all
	// Exposed allows an address that other computers reach. They get /metrics and
	// /healthz, which name no patient; the board stays with this computer.
	Exposed bool `yaml:"exposed"`
}

// Alerts is who is told of trouble, and when.
type Alerts struct {
	After   strict.Duration `yaml:"after"` // how long trouble that may pass is waited for; default 15m
	Disk    int             `yaml:"disk"`  // GiB: with less room for the state folder IT is told; default 2
	Mail    Mail            `yaml:"mail"`
	Webhook Webhook         `yaml:"webhook"`
}

// Mail is how alerts go by e-mail. The password is in a file or in the environment
// (CHARTSEAL_MAIL_PASSWORD), never here.
type Mail struct {
	Server       string   `yaml:"server"` // "": no e-mail
	Port         int      `yaml:"port"`   // default 587, with tls: implicit 465
	TLS          MailTLS  `yaml:"tls"`    // default starttls, which is demanded
	User         string   `yaml:"user"`   // "": the server asks for none
	PasswordFile string   `yaml:"password_file"`
	From         string   `yaml:"from"`
	To           []string `yaml:"to"`
}

// MailTLS is how the connection to the mail server is protected.
type MailTLS string

// The ways to protect it.
const (
	MailStartTLS MailTLS = "starttls" // RFC 3207; a server without it is not used
	MailImplicit MailTLS = "implicit" // RFC 8314
	MailPlain    MailTLS = "none"     // a server on this computer only
)

// Choices lists the ways to protect the connection to the mail server.
func (MailTLS) Choices() []string { return []string{"starttls", "implicit", "none"} }

// Webhook is how alerts go to another program. The secret that signs them is in a file or
// in the environment (CHARTSEAL_WEBHOOK_SECRET), never here.
type Webhook struct {
	URL        Secret `yaml:"url"` // often a secret itself; "": none
	SecretFile string `yaml:"secret_file"`
}

// Log is the daemon's log file.
type Log struct {
	File string `yaml:"file"` // "": none but that of --log
	Size int    `yaml:"size"` // MiB; a larger one is put aside; default 10
	Days int    `yaml:"days"` // and one that is older; default 30
	Keep int    `yaml:"keep"` // how many are kept beside the one in use; default 12
}

const (
	defaultAfter = 15 * time.Minute
	maxAfter     = 7 * 24 * time.Hour

	maxReceivers = 20
	maxLogSize   = 1024      // MiB
	maxLogDays   = 366       // of one file
	maxLogKeep   = 1000      // files
	maxDisk      = 64 * 1024 // GiB
)

func (v *validator) lookout(c *Config) {
	v.status(c.Status)
	v.alerts(c.Alerts)
	if c.Log.File == "" {
		return
	}
	v.within("log.size", c.Log.Size, 1, maxLogSize)
	v.within("log.days", c.Log.Days, 1, maxLogDays)
	v.within("log.keep", c.Log.Keep, 0, maxLogKeep)
}

func (v *validator) within(field string, n, low, high int) {
	if n < low || n > high {
		v.report(field, "is %d; it must be between %d and %d", n, low, high)
	}
}

// status keeps the listener to this computer: it knows order ids.
func (v *validator) status(s Status) {
	if s.Listen == "" {
		return
	}
	host, port, err := net.SplitHostPort(s.Listen)
	n, bad := strconv.ParseUint(port, 10, 16)
	ip, odd := netip.ParseAddr(host)
	switch {
	case err != nil || bad != nil || odd != nil:
		v.report("status.listen", "must be an address with a port, like 127.0.0.1:7421")
	case !ip.IsLoopback() && !s.Exposed:
		v.report("status.listen", "can be reached from other computers; write 127.0.0.1:%d, or add exposed: true to let them see /metrics and /healthz", n)
	}
}

func (v *validator) alerts(a Alerts) {
	if d := a.After.Duration(); d < 0 || d > maxAfter {
		v.report("alerts.after", "is %s; it must be between 0s and %s", a.After, strict.Duration(maxAfter))
	}
	v.within("alerts.disk", a.Disk, 0, maxDisk)
	v.mail(a.Mail)
	if s := a.Webhook.URL.Reveal(); s != "" { // an error's text would show it
		u, err := url.Parse(s)
		switch {
		case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
			v.report("alerts.webhook.url", "must be an address like https://monitor.example.com/chartseal")
		case u.User != nil:
			v.report("alerts.webhook.url", "must not hold a user or password")
		case u.Scheme == "http" && !isLoopback(u.Hostname()):
			v.report("alerts.webhook.url", "must begin with https://; plain http is allowed only on this computer (127.0.0.1)")
		}
	} else if a.Webhook.SecretFile != "" {
		v.report("alerts.webhook.secret_file", "is used only with alerts.webhook.url")
	}
}

func (v *validator) mail(m Mail) {
	if m.Server == "" {
		if m.User != "" || m.PasswordFile != "" || m.From != "" || len(m.To) > 0 {
			v.report("alerts.mail.server", "is missing; write the mail server's name, like smtp.example.com")
		}
		return
	}
	v.within("alerts.mail.port", m.Port, 0, 65535)
	if m.TLS == MailPlain && !isLoopback(m.Server) {
		v.report("alerts.mail.tls", "can be none only for a server on this computer (127.0.0.1)")
	}
	if m.TLS == MailPlain && m.User != "" {
		v.report("alerts.mail.user", "needs a protected connection; with tls: none no password is sent")
	}
	v.mailbox("alerts.mail.from", m.From)
	if len(m.To) == 0 || len(m.To) > maxReceivers {
		v.report("alerts.mail.to", "must list 1 to %d addresses", maxReceivers)
	}
	for i, to := range m.To {
		v.mailbox(fmt.Sprintf("alerts.mail.to[%d]", i), to)
	}
}

func (v *validator) mailbox(field, address string) {
	if a, err := mail.ParseAddress(address); err != nil || a.Address != address {
		v.report(field, "is %q; write an e-mail address like it@example.com", address)
	}
}
