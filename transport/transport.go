// Package transport holds what every part of the way to the recipient speaks
// of: objects, links, tickets of unfinished uploads, findings and the classes
// of error. It sees object keys and ciphertext, never an order or a patient.
//
// The store itself is package s3; localstore runs an S3 server on loopback for
// practices without a bucket; storetest is the conformance suite of stores.
package transport

import (
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
)

// Object is what a store holds under one key.
type Object struct {
	Key       string `json:"key"`
	Bytes     int64  `json:"bytes"`
	SHA256    string `json:"sha256,omitempty"`     // lower-case hex, from the object's metadata; empty if the object carries none
	CRC64NVME string `json:"crc64nvme,omitempty"`  // base64 of the big-endian sum of the full object; empty if the store keeps none
	ETag      string `json:"etag,omitempty"`       // without quotes
	VersionID string `json:"version_id,omitempty"` // empty where the bucket is not versioned
}

// Link is an expiring address of one object. Whoever holds the URL holds the
// object, so it prints as "withheld" everywhere but through Reveal.
type Link struct {
	URL     Secret
	Expires time.Time // the effective expiry, which may be earlier than asked for
	Limit   Limit     // what made it so
}

// Limit is why a link ends earlier than asked.
type Limit string

// The limits of a link's life.
const (
	NoLimit            Limit = ""            // it lives as long as asked
	LimitedBySignature Limit = "signature"   // seven days are the most
	LimitedByKeys      Limit = "credentials" // the credentials that signed it end with it
)

// Secret is a string that does not show itself in logs, errors, formatted
// output, JSON or YAML.
type Secret string

const withheld = "withheld"

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String returns "withheld".
func (s Secret) String() string { return withheld }

// GoString returns "withheld".
func (s Secret) GoString() string { return withheld }

// Format prints "withheld" for every verb; without it %x would show the bytes.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, withheld) }

// LogValue returns "withheld".
func (s Secret) LogValue() slog.Value { return slog.StringValue(withheld) }

// MarshalText returns "withheld".
func (s Secret) MarshalText() ([]byte, error) { return []byte(withheld), nil }

// Ends of the keys of what is stored: a bundle is a ZIP sealed with age, and
// beside it lies the recipient page.
const (
	KeySuffix  = ".zip.age"
	PageSuffix = ".html"
)

const (
	keyBits  = 128
	keyChars = (keyBits + 4) / 5 // base32 carries five bits a character
)

var keyAlphabet = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewKey makes the key of a new bundle: prefix, 128 random bits in lower-case
// base32, KeySuffix. The key says nothing about what it names and cannot be
// guessed. A nil source means crypto/rand.
func NewKey(random io.Reader, prefix string) (string, error) {
	if random == nil {
		random = rand.Reader
	}
	var b [keyBits / 8]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("read random bits: %w", err)
	}
	return prefix + keyAlphabet.EncodeToString(b[:]) + KeySuffix, nil
}

// IsKey reports whether key has the form NewKey gives with that prefix. Only
// such keys, and those of pages, are ever cleaned up unasked: a bucket may be
// shared.
func IsKey(key, prefix string) bool { return isRandom(key, prefix, KeySuffix) }

// IsPageKey reports whether key is that of a recipient page: one that NewKey
// gives, with PageSuffix in place of KeySuffix.
func IsPageKey(key, prefix string) bool { return isRandom(key, prefix, PageSuffix) }

func isRandom(key, prefix, suffix string) bool {
	name, ok := strings.CutPrefix(key, prefix)
	if !ok {
		return false
	}
	name, ok = strings.CutSuffix(name, suffix)
	if !ok || len(name) != keyChars {
		return false
	}
	_, err := keyAlphabet.DecodeString(name)
	return err == nil
}
