// Package seal encrypts a bundle with age (age-encryption.org/v1) and opens it
// again. It is the only package that knows age: others see [Recipients],
// [Identities] and plain readers and writers.
//
// A bundle is sealed either to the recipient's public keys or to a generated
// passphrase, never to both: age refuses to mix a passphrase with anything,
// and post-quantum keys with classic ones.
package seal

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"golang.org/x/crypto/ssh"
)

// Unlock values: what a recipient needs to open a bundle.
const (
	UnlockKey        = "key"
	UnlockPassphrase = "passphrase"
)

// maxKeys bounds the public keys of one recipient. A person has a few devices;
// a longer list is a mistake in the recipient book.
const maxKeys = 32

// maxKeyLength bounds one public key in bytes. The longest kind, a hybrid
// post-quantum key, has 1,959 characters; an RSA key of 16,384 bits 2,752.
const maxKeyLength = 4096

// ErrMixedKeys is returned by [ParseRecipients] for keys that age will not
// combine in one file ("can't mix post-quantum and classic recipients", age
// v1.3.2). Its text is fit for staff.
var ErrMixedKeys = errors.New("a post-quantum key (age1pq…) cannot be combined with other kinds of keys in one bundle: " +
	"give the recipient keys of one kind only")

// ErrNoKeys is returned by [ParseRecipients] for an empty list.
var ErrNoKeys = errors.New("there is no key to seal the bundle for")

// KeyError says what is wrong with one public key. Its text is fit for staff
// and never repeats the key: it may be a private one, pasted by mistake.
type KeyError struct {
	N      int    // position in the list, from 1
	Reason string // a clause: "is not complete or was mistyped"
}

func (e *KeyError) Error() string { return fmt.Sprintf("key %d %s", e.N, e.Reason) }

// Recipients is who can open one bundle: public keys of one class, or one
// passphrase. The zero value seals for nobody and is refused by [NewWriter].
type Recipients struct {
	list       []age.Recipient
	unlock     string
	prints     []string
	passphrase string // for InChild
}

// Unlock is "key" or "passphrase".
func (r Recipients) Unlock() string { return r.unlock }

// Fingerprints names the public keys for the manifest and the ledger: the
// first 8 bytes of the SHA-256 of each public key string, in hexadecimal.
// A passphrase has none.
func (r Recipients) Fingerprints() []string { return append([]string(nil), r.prints...) }

// Fingerprint is the short name of one of the keys, however it was written; "" of
// another.
func (r Recipients) Fingerprint(key string) string {
	_, canonical, err := parseKey(strings.TrimSpace(key))
	if print := Fingerprint(canonical); err == nil && slices.Contains(r.prints, print) {
		return print
	}
	return ""
}

// String keeps a passphrase out of logs.
func (r Recipients) String() string { return "seal.Recipients(" + r.unlock + ")" }

// GoString keeps a passphrase out of logs.
func (r Recipients) GoString() string { return r.String() }

// ParseRecipients reads public keys: age X25519 (age1…), age hybrid
// post-quantum (age1pq1…), ssh-ed25519 and ssh-rsa of at least 2048 bits.
// It returns [ErrNoKeys], [ErrMixedKeys] or a *[KeyError]. Keys given twice
// count once.
func ParseRecipients(keys []string) (Recipients, error) {
	if len(keys) == 0 {
		return Recipients{}, ErrNoKeys
	}
	if len(keys) > maxKeys {
		return Recipients{}, &KeyError{N: maxKeys + 1, Reason: fmt.Sprintf("is one too many: at most %d are allowed", maxKeys)}
	}
	out := Recipients{unlock: UnlockKey}
	seen := map[string]bool{}
	hybrid := 0
	for i, key := range keys {
		rec, canonical, err := parseKey(strings.TrimSpace(key))
		if err != nil {
			return Recipients{}, &KeyError{N: i + 1, Reason: err.Error()}
		}
		if seen[canonical] {
			continue
		}
		seen[canonical] = true
		if isHybrid(rec) {
			hybrid++
		}
		out.list = append(out.list, rec)
		out.prints = append(out.prints, Fingerprint(canonical))
	}
	if hybrid != 0 && hybrid != len(out.list) {
		return Recipients{}, ErrMixedKeys
	}
	return out, nil
}

// ErrPassphraseAlone is returned by [Recipients.With] for a bundle that opens with a
// passphrase, which age does not combine with anything.
var ErrPassphraseAlone = errors.New("a passphrase cannot be combined with a key in one bundle")

// With adds a public key, such as the practice's escrow key. The errors are
// [ErrPassphraseAlone], [ErrMixedKeys] or a *[KeyError]; a key that is there already
// counts once.
func (r Recipients) With(key string) (Recipients, error) {
	if r.passphrase != "" {
		return r, ErrPassphraseAlone
	}
	rec, canonical, err := parseKey(strings.TrimSpace(key))
	if err != nil {
		return r, &KeyError{N: len(r.list) + 1, Reason: err.Error()}
	}
	print := Fingerprint(canonical)
	if slices.Contains(r.prints, print) {
		return r, nil
	}
	if isHybrid(rec) != isHybrid(r.list[0]) {
		return r, ErrMixedKeys
	}
	r.list = append(slices.Clone(r.list), rec)
	r.prints = append(slices.Clone(r.prints), print)
	return r, nil
}

func isHybrid(r age.Recipient) bool {
	_, ok := r.(*age.HybridRecipient)
	return ok
}

// CheckKey says what is wrong with a public key, in words that follow its name: "is not
// complete or was mistyped".
func CheckKey(key string) error {
	_, _, err := parseKey(strings.TrimSpace(key))
	return err
}

// Fingerprint is the short name of a public key string, see
// [Recipients.Fingerprints].
func Fingerprint(publicKey string) string {
	sum := sha256.Sum256([]byte(publicKey))
	return hex.EncodeToString(sum[:8])
}

// parseKey returns the recipient and the key's canonical string, without the
// comment an ssh key may carry.
func parseKey(key string) (age.Recipient, string, error) {
	switch {
	case key == "":
		return nil, "", errors.New("is empty")
	case len(key) > maxKeyLength || strings.ContainsAny(key, "\r\n"):
		return nil, "", errors.New("is too long for one public key")
	case strings.Contains(strings.ToUpper(key), "SECRET-KEY") || strings.Contains(key, "PRIVATE KEY"):
		return nil, "", errors.New("is a private key: use the public key (age1…), and have its owner make a new pair, as this one is no longer secret")
	case strings.HasPrefix(strings.ToLower(key), "age1pq1"):
		rec, err := age.ParseHybridRecipient(key)
		return rec, strings.ToLower(key), plainKeyError(err)
	case strings.HasPrefix(strings.ToLower(key), "age1"):
		rec, err := age.ParseX25519Recipient(key)
		return rec, strings.ToLower(key), plainKeyError(err)
	case strings.HasPrefix(key, "ssh-"), strings.HasPrefix(key, "ecdsa-"), strings.HasPrefix(key, "sk-"):
		return parseSSHKey(key)
	}
	return nil, "", errors.New("is of a kind that is not known: it should begin with age1, ssh-ed25519 or ssh-rsa")
}

// plainKeyError replaces age's error, which repeats the key.
func plainKeyError(err error) error {
	if err == nil {
		return nil
	}
	return errors.New("is not complete or was mistyped")
}

func parseSSHKey(key string) (age.Recipient, string, error) {
	pub, _, _, _, err := ssh.ParseAuthorizedKey([]byte(key))
	if err != nil {
		return nil, "", plainKeyError(err)
	}
	canonical := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(pub)))
	switch pub.Type() {
	case ssh.KeyAlgoED25519:
		rec, err := agessh.NewEd25519Recipient(pub)
		return rec, canonical, plainKeyError(err)
	case ssh.KeyAlgoRSA:
		rec, err := agessh.NewRSARecipient(pub)
		if err != nil {
			return nil, "", errors.New("is an RSA key that is too weak: at least 2048 bits are needed")
		}
		return rec, canonical, nil
	case ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256:
		return nil, "", errors.New("is an ssh key that lives on a security token, which can sign but not decrypt: ask for an ssh-ed25519 key without a token, or an age key (age1…)")
	case ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521:
		return nil, "", errors.New("is an ecdsa key, which bundles cannot be sealed for: ask for an ssh-ed25519 or ssh-rsa key, or an age key (age1…)")
	}
	return nil, "", errors.New("is an ssh key of a kind that cannot be used: only ssh-ed25519 and ssh-rsa can")
}
