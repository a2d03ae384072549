package seal_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"chartseal/packager/seal"
)

// The head of a file says what it is sealed for, and whether a key fits, before the rest
// is there.
func TestTheHeadOfAFileSaysWhatItNeeds(t *testing.T) {
	key, other, words := agePair(t, "", false), agePair(t, "", false), passphrasePair(t)
	sshPub, _ := sshKey(t, ed25519Key(t), "")
	for want, to := range map[string]seal.Recipients{
		"an age key (age1…)":                        key.to,
		"2 age keys (age1…)":                        recipients(t, publicKey(t, false), publicKey(t, false)),
		"a passphrase":                              words.to,
		"an ssh-ed25519 key":                        recipients(t, sshPub),
		"2 post-quantum age keys (age1pq1…)":        recipients(t, publicKey(t, true), publicKey(t, true)),
		"an age key (age1…) and an ssh-ed25519 key": recipients(t, publicKey(t, false), sshPub),
	} {
		file, _ := sealed(t, to, make([]byte, 200_000))
		l, err := seal.ReadLock(bytes.NewReader(file[:8000]))
		if err != nil || l.String() != want || l.Passphrase() != (want == "a passphrase") {
			t.Errorf("%q: %v, %v", want, l, err)
		}
	}
	file, _ := sealed(t, key.to, []byte("content"))
	l, err := seal.ReadLock(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Fits(key.ids); err != nil {
		t.Errorf("the right key: %v", err)
	}
	if err := l.Fits(other.ids); !errors.Is(err, seal.ErrWrongKey) || !strings.Contains(err.Error(), "sealed for an age key") {
		t.Errorf("another key: %v", err)
	}
	if err := l.Fits(words.ids); !errors.Is(err, seal.ErrWrongKey) {
		t.Errorf("a passphrase: %v", err)
	}
	changed := bytes.Clone(file)
	changed[bytes.Index(changed, []byte("--- "))+5] ^= 1
	if l, err := seal.ReadLock(bytes.NewReader(changed)); err == nil && !errors.Is(l.Fits(key.ids), seal.ErrDamaged) {
		t.Error("a changed head fits")
	}
	for n := range bytes.Index(file, []byte("\n--- ")) {
		_, err := seal.ReadLock(bytes.NewReader(file[:n]))
		if n >= len("age-encryption.org/v1\n") && !errors.Is(err, io.ErrUnexpectedEOF) || !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, seal.ErrDamaged) {
			t.Fatalf("%d bytes of it: %v", n, err)
		}
	}
	for _, other := range []string{"", "PK\x03\x04", "%PDF-1.7", "age-encryption.org/v2\n-> X25519 x\n\n---"} {
		if _, err := seal.ReadLock(strings.NewReader(other)); !errors.Is(err, seal.ErrDamaged) {
			t.Errorf("%q: %v", other, err)
		}
	}
}

// An escrow key goes with what age lets it go with, and both keys open the file.
func TestAKeyBesideTheRecipients(t *testing.T) {
	key, escrow, words := agePair(t, "", false), agePair(t, "", false), passphrasePair(t)
	public := publicKey(t, false)
	if _, err := words.to.With(public); !errors.Is(err, seal.ErrPassphraseAlone) {
		t.Errorf("beside a passphrase: %v", err)
	}
	if _, err := key.to.With(publicKey(t, true)); !errors.Is(err, seal.ErrMixedKeys) {
		t.Errorf("a post-quantum key beside another: %v", err)
	}
	if _, err := recipients(t, publicKey(t, true)).With(public); !errors.Is(err, seal.ErrMixedKeys) {
		t.Errorf("a key beside a post-quantum one: %v", err)
	}
	var bad *seal.KeyError
	if _, err := key.to.With("nonsense"); !errors.As(err, &bad) {
		t.Errorf("nonsense: %v", err)
	}
	k, err := seal.GenerateKey(false)
	if err != nil {
		t.Fatal(err)
	}
	escrow.ids = identities(t, k.File(time.Unix(0, 0)), nil)
	both, err := key.to.With(" " + k.Public)
	if err != nil || len(both.Fingerprints()) != 2 || both.Fingerprint(k.Public) != seal.Fingerprint(k.Public) || len(key.to.Fingerprints()) != 1 {
		t.Fatalf("%v, %v", both.Fingerprints(), err)
	}
	if again, err := both.With(k.Public); err != nil || len(again.Fingerprints()) != 2 {
		t.Errorf("a second time: %v, %v", again.Fingerprints(), err)
	}
	file, _ := sealed(t, both, []byte("content"))
	for name, ids := range map[string]seal.Identities{"recipient": key.ids, "escrow": escrow.ids} {
		if got, err := read(seal.Open(bytes.NewReader(file), int64(len(file)), ids)); err != nil || string(got) != "content" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// Keys of ssh that can only sign are refused with a sentence.
func TestKeysThatCannotDecrypt(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec, _ := sshKey(t, private, "")
	// RFC 4253, section 6.6, and OpenSSH, PROTOCOL.u2f: name, public key, application.
	token := ssh.Marshal(struct{ Name, Key, App string }{ssh.KeyAlgoSKED25519, strings.Repeat("k", 32), "ssh:"})
	pub, err := ssh.ParsePublicKey(token)
	if err != nil {
		t.Fatal(err)
	}
	for words, key := range map[string]string{
		"is an ecdsa key": ec, "security token": string(ssh.MarshalAuthorizedKey(pub)), "mistyped": "sk-ssh-ed25519@openssh.com AAAA",
	} {
		if err := seal.CheckKey(key); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: %v", words, err)
		}
	}
	if err := seal.CheckKey(publicKey(t, true)); err != nil {
		t.Error(err)
	}
}
