package seal

import (
	"fmt"
	"strings"
	"time"

	"filippo.io/age"
)

// Key is a new key pair of a recipient.
type Key struct {
	Public  string // age1… (62 characters) or age1pq1… (1,959 characters)
	private string
}

// GenerateKey makes a key pair: X25519, or with pq the hybrid of X25519 and
// ML-KEM-768 that also withstands quantum computers but whose public key does
// not fit on paper.
func GenerateKey(pq bool) (*Key, error) {
	if pq {
		id, err := age.GenerateHybridIdentity()
		if err != nil {
			return nil, fmt.Errorf("generate key: %w", err)
		}
		return &Key{Public: id.Recipient().String(), private: id.String()}, nil
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("generate key: %w", err)
	}
	return &Key{Public: id.Recipient().String(), private: id.String()}, nil
}

// File is the key file, as age-keygen writes it; stock age reads it. It is a
// secret.
func (k *Key) File(created time.Time) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# created: %s\n", created.Format(time.RFC3339))
	fmt.Fprintf(&b, "# public key: %s\n", k.Public)
	fmt.Fprintf(&b, "%s\n", k.private)
	return []byte(b.String())
}

// String keeps the private half out of logs.
func (k Key) String() string { return k.Public }

// GoString keeps the private half out of logs.
func (k Key) GoString() string { return k.Public }
