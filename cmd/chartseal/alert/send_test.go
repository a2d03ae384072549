package alert

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// post is a mail server: it takes mail from those who log in.
type post struct {
	mu     sync.Mutex
	users  map[string]string // nil: anybody
	mails  []letter
	refuse *smtp.SMTPError // what RCPT is answered
}

type letter struct {
	from string
	to   []string
	data string
}

func (p *post) NewSession(c *smtp.Conn) (smtp.Session, error) { return &visit{p: p, conn: c}, nil }

type visit struct {
	p    *post
	conn *smtp.Conn
	in   bool
	l    letter
}

func (v *visit) AuthMechanisms() []string { return []string{sasl.Plain} }

func (v *visit) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if _, ok := v.conn.TLSConnectionState(); !ok || v.p.users[user] == "" || v.p.users[user] != password {
			return smtp.ErrAuthFailed
		}
		v.in = true
		return nil
	}), nil
}

func (v *visit) Mail(from string, _ *smtp.MailOptions) error {
	if v.p.users != nil && !v.in {
		return smtp.ErrAuthRequired
	}
	v.l = letter{from: from}
	return nil
}

func (v *visit) Rcpt(to string, _ *smtp.RcptOptions) error {
	if v.p.refuse != nil {
		return v.p.refuse
	}
	v.l.to = append(v.l.to, to)
	return nil
}

func (v *visit) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	v.l.data = string(b)
	v.p.mu.Lock()
	defer v.p.mu.Unlock()
	v.p.mails = append(v.p.mails, v.l)
	return err
}
func (v *visit) Reset()        {}
func (v *visit) Logout() error { return nil }

// certificate is one for 127.0.0.1, and who trusts it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return s.TLS.Certificates[0], pool
}

// listen starts a mail server and returns a channel that goes to it.
func (p *post) listen(t *testing.T, protect Protection) *Mail {
	t.Helper()
	cert, roots := certificate(t)
	s := smtp.NewServer(p)
	s.Domain, s.AllowInsecureAuth = "mail.example", true
	s.ReadTimeout, s.WriteTimeout = 10*time.Second, 10*time.Second
	own := &tls.Config{Certificates: []tls.Certificate{cert}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	switch protect {
	case StartTLS:
		s.TLSConfig = own
	case Implicit:
		l = tls.NewListener(l, own)
	default:
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() { _, _ = s.Close(), l.Close(); <-done }) // the server knows its listener only once it serves
	return &Mail{
		Server: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, Protect: protect, User: "chartseal", Password: "geheim",
		From: "chartseal@lakeside.example", To: []string{"it@lakeside.example", "boss@lakeside.example"}, Roots: roots,
	}
}

func TestAlertsGoByMail(t *testing.T) {
	n := Notice{
		Sender: Sender{"Zahnärzte am See", "main", "1.2.3"}, At: time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC),
		Items: []Item{{Condition{Class: Failing, Detail: "store unavailable", Count: 2, Release: "k3jf7"}, Begins, ""}},
	}.inWords(time.UTC)
	for _, protect := range []Protection{StartTLS, Implicit} {
		p := &post{users: map[string]string{"chartseal": "geheim"}}
		m := p.listen(t, protect)
		if err := m.Send(t.Context(), n); err != nil {
			t.Fatalf("%s: %v", protect, err)
		}
		if len(p.mails) != 1 || p.mails[0].from != m.From || strings.Join(p.mails[0].to, " ") != strings.Join(m.To, " ") {
			t.Fatalf("%s: %+v", protect, p.mails)
		}
		msg, err := netmail.ReadMessage(strings.NewReader(p.mails[0].data))
		if err != nil {
			t.Fatal(err)
		}
		subject, err := new(mimeWords).DecodeHeader(msg.Header.Get("Subject"))
		if err != nil || subject != "[chartseal] Zahnärzte am See: 2 orders wait: store unavailable" || msg.Header.Get("Auto-Submitted") == "" {
			t.Errorf("%q, %v", subject, err)
		}
		body := decoded(t, msg)
		for _, want := range []string{"2 orders wait: store unavailable; release k3jf7.", "check the internet connection", "names no patient"} {
			if !strings.Contains(body, want) {
				t.Errorf("no %q in\n%s", want, body)
			}
		}
	}
}

// What goes wrong is said in words of ours: servers quote addresses.
func TestAMailThatCannotBeSentSaysWhy(t *testing.T) {
	users := map[string]string{"chartseal": "geheim"}
	test := TestNotice(Sender{}, time.Now())
	for _, c := range []struct {
		name   string
		p      *post
		as     Protection
		change func(*Mail)
		says   string
	}{
		{"wrong password", &post{users: users}, StartTLS, func(m *Mail) { m.Password = "falsch" }, "refused user or password"},
		{"no protection offered", &post{users: users}, Plain, func(m *Mail) { m.Protect = StartTLS }, "protected connection"},
		{"certificate of a stranger", &post{users: users}, StartTLS, func(m *Mail) { m.Roots = x509.NewCertPool() }, "certificate is not trusted"},
		{"implicit TLS, stranger", &post{users: users}, Implicit, func(m *Mail) { m.Roots = x509.NewCertPool() }, "certificate is not trusted"},
		{"receiver unknown", &post{users: users, refuse: &smtp.SMTPError{Code: 550, Message: "no it@lakeside.example here"}}, StartTLS, func(*Mail) {}, "SMTP code 550"},
		{"nobody there", &post{users: users}, StartTLS, func(m *Mail) { m.Port = 1 }, "cannot be reached"},
	} {
		m := c.p.listen(t, c.as)
		c.change(m)
		err := m.Send(t.Context(), test)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for _, secret := range []string{"geheim", "falsch", "lakeside.example", "127.0.0.1"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error shows %q: %v", c.name, secret, err)
			}
		}
		if len(c.p.mails) > 0 {
			t.Errorf("%s: a mail arrived", c.name)
		}
	}
}

func TestWebhooksAreSigned(t *testing.T) {
	type call struct {
		header http.Header
		body   []byte
	}
	var got []call
	answers := []int{http.StatusInternalServerError, http.StatusOK}
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got = append(got, call{r.Header, b})
		w.WriteHeader(answers[len(got)-1])
	}))
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	at := time.Unix(1_795_000_000, 0)
	h := &Webhook{URL: s.URL + "/hook/geheim", Secret: []byte("key"), Roots: roots, Now: func() time.Time { return at }}
	n := TestNotice(Sender{"Lakeside Dental", "main", "1.2.3"}, at)
	if err := h.Send(t.Context(), n); !errors.Is(err, errStatus) || strings.Contains(err.Error(), "geheim") {
		t.Errorf("a server that fails: %v", err)
	}
	if err := h.Send(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	c := got[1]
	if c.header.Get(TimeHeader) != "1795000000" || c.header.Get(SignatureHeader) != "sha256="+Signature([]byte("key"), "1795000000", c.body) {
		t.Errorf("headers %v", c.header)
	}
	var read Notice
	if err := json.Unmarshal(c.body, &read); err != nil || len(read.Items) != 1 || read.Items[0].Class != Test || read.Practice != "Lakeside Dental" || read.Text == "" {
		t.Errorf("%s, %v", c.body, err)
	}
	h.Roots = nil
	if err := h.Send(t.Context(), n); err == nil || !strings.Contains(err.Error(), "certificate is not trusted") || strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("a stranger: %v", err)
	}
}

func TestAWebhookFollowsNoRedirect(t *testing.T) {
	reached := false
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			reached = true
			return
		}
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	defer s.Close()
	err := (&Webhook{URL: s.URL, Now: time.Now}).Send(t.Context(), TestNotice(Sender{}, time.Now()))
	if !errors.Is(err, errStatus) || reached {
		t.Errorf("%v, reached elsewhere: %v", err, reached)
	}
}
