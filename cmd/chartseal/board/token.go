package board

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"chartseal/config/access"
)

const (
	keyFile  = "board.key" // under state/keys
	keyBytes = 32

	// ticketLife is how long an address of the board can be opened, once.
	ticketLife = 10 * time.Minute
	maxTickets = 16

	// sessionLife is how long a browser may look after it came in or was seen last.
	sessionLife = 90 * 24 * time.Hour
	renewAfter  = 24 * time.Hour
)

// door lets browsers in: with a ticket once, or with the pass of a shortcut, and from then
// on with a cookie that the daemon signs. Nothing is kept of browsers; who makes the key
// anew turns all out.
type door struct {
	file string
	now  func() time.Time

	mu      sync.Mutex // guards the rest
	key     []byte
	tickets []ticket
}

type ticket struct {
	text string
	ends time.Time
}

// openDoor reads the key under a state folder, or makes it.
func openDoor(state string, now func() time.Time) (*door, error) {
	file := filepath.Join(state, "keys", keyFile)
	key, err := os.ReadFile(file)
	d := &door{file: file, now: now, key: key}
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(key) != keyBytes {
		return d, d.renew()
	}
	return d, keyError(err)
}

// keyError names no path.
func keyError(err error) error {
	if err == nil {
		return nil
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	return fmt.Errorf("key of the board: %w", err)
}

// renew makes the key anew.
func (d *door) renew() error {
	key := make([]byte, keyBytes)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	d.mu.Lock()
	defer d.mu.Unlock()
	err := os.WriteFile(d.file, key, 0o600)
	if err == nil {
		err = access.CloseFile(d.file)
	}
	if err == nil {
		d.key, d.tickets = key, nil
	}
	return keyError(err)
}

// pass is what a shortcut lets in with: it stays good as long as the key.
func (d *door) pass() string {
	return base64.RawURLEncoding.EncodeToString(d.mac("pass", nil))
}

// ticket makes an address's secret part. The oldest gives way when too many are out.
func (d *door) ticket() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := ticket{rand.Text(), d.now().Add(ticketLife)}
	d.tickets = append(d.tickets, t)
	d.tickets = d.tickets[max(len(d.tickets)-maxTickets, 0):]
	return t.text
}

// redeem uses a ticket up, or knows the pass.
func (d *door) redeem(text string) bool {
	if subtle.ConstantTimeCompare([]byte(d.pass()), []byte(text)) == 1 {
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, t := range d.tickets {
		if subtle.ConstantTimeCompare([]byte(t.text), []byte(text)) == 1 {
			d.tickets = append(d.tickets[:i:i], d.tickets[i+1:]...)
			return d.now().Before(t.ends)
		}
	}
	return false
}

// session is the value of a cookie: when it ends, and a signature.
func (d *door) session() string {
	b := binary.BigEndian.AppendUint64(nil, uint64(d.now().Add(sessionLife).Unix()))
	return base64.RawURLEncoding.EncodeToString(append(b, d.sign(b)...))
}

func (d *door) sign(b []byte) []byte { return d.mac("session", b) }

// mac signs something for a purpose.
func (d *door) mac(purpose string, b []byte) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := hmac.New(sha256.New, d.key)
	m.Write([]byte("chartseal board " + purpose + "\n"))
	m.Write(b)
	return m.Sum(nil)
}

// admits tells whether a cookie is good, and whether it is time for a new one.
func (d *door) admits(cookie string) (ok, renew bool) {
	b, err := base64.RawURLEncoding.DecodeString(cookie)
	if err != nil || len(b) != 8+sha256.Size || !hmac.Equal(b[8:], d.sign(b[:8])) {
		return false, false
	}
	left := time.Unix(int64(binary.BigEndian.Uint64(b)), 0).Sub(d.now())
	return left > 0 && left <= sessionLife, left < sessionLife-renewAfter
}
