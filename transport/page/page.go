// Package page makes the recipient page: one self-contained HTML file that is
// uploaded beside each bundle. In the recipient's browser it fetches the
// bundle, decrypts it, verifies the practice's signature and every digest, and
// only then lists, shows and saves the records.
//
// The page itself (page.html) is built from web/ by web/build.mjs and
// committed; [Render] fills in what differs between releases. It carries the
// practice's own particulars and the bundle's presigned URL, but nothing about
// the patient, and no key. Whoever holds the page's link still needs the
// passphrase or the private key.
package page

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"
)

//go:embed page.html
var template string

// The two ways a bundle opens, as in receipt.json.
const (
	UnlockKey        = "key"
	UnlockPassphrase = "passphrase"
)

// ContentType is what the store must serve the page as.
const ContentType = "text/html; charset=utf-8"

// ErrInvalid is returned by [Render] for data that would make a page that
// cannot work. Its text names the field, never the value.
var ErrInvalid = errors.New("invalid page data")

// Contact is whom a recipient calls.
type Contact struct {
	Name  string `json:"name"`
	Phone string `json:"phone"`
	Email string `json:"email"`
}

// Practice is who sends the records.
type Practice struct {
	Name    string
	Address string
	Contact Contact
}

// Data is what one release's page says.
type Data struct {
	Practice  Practice
	Reference string    // the release reference; the signed manifest must carry the same
	Bytes     int64     // size of the sealed bundle
	Expires   time.Time // end of the link's effective life; zero if it has none
	Unlock    string    // [UnlockKey] or [UnlockPassphrase]
	SignerKey string    // the practice's minisign public key, one line of base64
	BundleURL string    // presigned, a secret; empty for a page that travels beside the bundle on a drive
	FileName  string    // the sealed file's name, as it is saved
	Head      Head      // how the sealed file begins; zero if that is not known
}

// Head is how a sealed file begins, down to the end of age's header: what is wrong there
// cannot be told from a wrong key or passphrase otherwise, before all of it is here.
type Head struct {
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"` // hexadecimal
}

// MaxHead is how much of a sealed file a page compares, in bytes: it keeps so much anyway.
const MaxHead = 16 << 10

// HeadOf is the head of a sealed file that begins with these bytes, at most [MaxHead].
func HeadOf(header []byte) Head {
	header = header[:min(len(header), MaxHead)]
	return Head{len(header), fmt.Sprintf("%x", sha256.Sum256(header))}
}

// Differs reports that a file begins otherwise. What is too short to tell, and a head that is
// not known, differs from nothing.
func (h Head) Differs(begins []byte) bool {
	return h.Bytes > 0 && len(begins) >= h.Bytes && HeadOf(begins[:h.Bytes]).SHA256 != h.SHA256
}

// Render fills the page. The result is a secret when BundleURL is set.
func Render(d Data) ([]byte, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	connect, err := connectSource(d.BundleURL)
	if err != nil {
		return nil, err
	}
	data, err := d.json()
	if err != nil {
		return nil, err
	}
	fill := strings.NewReplacer(
		"{{practice}}", html.EscapeString(d.Practice.Name),
		"{{phone}}", html.EscapeString(d.Practice.Contact.Phone),
		"{{connect}}", html.EscapeString(connect),
		"{{data}}", string(data),
	)
	return []byte(fill.Replace(template)), nil
}

func (d Data) check() error {
	switch {
	case strings.TrimSpace(d.Practice.Name) == "":
		return fmt.Errorf("%w: practice name is missing", ErrInvalid)
	case d.Reference == "":
		return fmt.Errorf("%w: reference is missing", ErrInvalid)
	case d.Bytes < 0:
		return fmt.Errorf("%w: size is negative", ErrInvalid)
	case d.Unlock != UnlockKey && d.Unlock != UnlockPassphrase:
		return fmt.Errorf("%w: unknown way to unlock", ErrInvalid)
	case !validKey(d.SignerKey):
		return fmt.Errorf("%w: signer key is not a minisign public key", ErrInvalid)
	}
	return nil
}

// validKey reports whether s is a minisign public key: "Ed", eight bytes of
// key id and an Ed25519 point (jedisct1.github.io/minisign, "Public key
// format").
func validKey(s string) bool {
	raw, err := base64.StdEncoding.DecodeString(s)
	return err == nil && len(raw) == 42 && string(raw[:2]) == "Ed"
}

// json is the content of the page's data element. encoding/json writes <, >
// and & as escapes, so that no value can end the element.
func (d Data) json() ([]byte, error) {
	expires := ""
	if !d.Expires.IsZero() {
		expires = d.Expires.UTC().Format(time.RFC3339)
	}
	var head *Head
	if d.Head.Bytes > 0 {
		head = &d.Head
	}
	data, err := json.Marshal(struct {
		Practice  string  `json:"practice"`
		Address   string  `json:"address"`
		Contact   Contact `json:"contact"`
		Reference string  `json:"reference"`
		Bytes     int64   `json:"bytes"`
		Expires   string  `json:"expires"`
		Unlock    string  `json:"unlock"`
		Signer    string  `json:"signer"`
		URL       string  `json:"url"`
		File      string  `json:"file"`
		Head      *Head   `json:"head,omitempty"`
	}{
		d.Practice.Name, d.Practice.Address, d.Practice.Contact, d.Reference, d.Bytes, expires,
		d.Unlock, d.SignerKey, d.BundleURL, d.FileName, head,
	})
	if err != nil {
		return nil, fmt.Errorf("encode page data: %w", err)
	}
	return data, nil
}

// hostName is what Content Security Policy Level 3 (W3C), section 2.3.1, lets a
// host-source be made of.
var hostName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]+)?$`)

// connectSource is the one place the page may connect to: exactly the bundle's
// object where the policy can name it, else the page's own origin (section
// 6.7.2.8 matches no IP address but 127.0.0.1).
func connectSource(bundleURL string) (string, error) {
	if bundleURL == "" {
		return "'none'", nil
	}
	u, err := url.Parse(bundleURL)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil {
		return "", fmt.Errorf("%w: bundle URL is not an absolute http or https URL", ErrInvalid)
	}
	addr, err := netip.ParseAddr(u.Hostname())
	literal := err == nil && addr.String() != "127.0.0.1"
	if literal || !hostName.MatchString(u.Host) {
		return "'self'", nil
	}
	path := strings.NewReplacer(";", "%3B", ",", "%2C", "'", "%27", " ", "%20").Replace(u.EscapedPath())
	return u.Scheme + "://" + u.Host + path, nil
}
