package alert

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// The headers of a signed webhook: the time in seconds since 1970, and "sha256=" with the
// HMAC-SHA256 of the time, a dot and the body in hexadecimal. A receiver that also looks
// at the time takes no old message twice.
const (
	TimeHeader      = "X-Chartseal-Timestamp"
	SignatureHeader = "X-Chartseal-Signature"
)

// Webhook posts notices as JSON. Redirects are not followed, for the body would go where
// nobody has agreed to.
type Webhook struct {
	URL    string
	Secret []byte         // signs; empty: not signed
	Roots  *x509.CertPool // nil: the system's
	Now    func() time.Time
}

// Name is "webhook".
func (*Webhook) Name() string { return "webhook" }

// Send posts the notice.
func (h *Webhook) Send(ctx context.Context, n Notice) error {
	body, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("encode alert: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return errors.New("the webhook's address cannot be used") // the error shows it
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "chartseal/"+n.Version)
	if len(h.Secret) > 0 {
		at := strconv.FormatInt(h.Now().Unix(), 10)
		req.Header.Set(TimeHeader, at)
		req.Header.Set(SignatureHeader, "sha256="+Signature(h.Secret, at, body))
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: h.Roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: 10 * time.Second, DisableKeepAlives: true,
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return plain(ctx, err)
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // nothing in it is needed
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return fmt.Errorf("%w: status %d", errStatus, res.StatusCode)
	}
	return nil
}

// Signature is the HMAC of a webhook, in hexadecimal.
func Signature(secret []byte, at string, body []byte) string {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(at + "."))
	m.Write(body)
	return hex.EncodeToString(m.Sum(nil))
}

// plain says what kind of failure it was: the texts of these errors show addresses,
// which may be secrets.
func plain(ctx context.Context, err error) error {
	var unknown *tls.CertificateVerificationError
	var dns *net.DNSError
	var op *net.OpError
	var u *url.Error
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case errors.As(err, &unknown):
		return errors.New("the server's certificate is not trusted by this computer, or is for another name")
	case errors.As(err, &dns):
		return errors.New("the server's name is not known")
	case ctx.Err() != nil, errors.As(err, &u) && u.Timeout():
		return errors.New("the server did not answer in time")
	case errors.As(err, &op) && op.Op == "dial":
		return errors.New("the server cannot be reached")
	case errors.As(err, &op):
		return errors.New("the connection to the server broke")
	}
	return errors.New("the server's answer was not understood, or it does not offer a protected connection")
}
