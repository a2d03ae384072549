package seal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
	"golang.org/x/crypto/ssh"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// maxKeyFile bounds a file of private keys in bytes.
const maxKeyFile = 1 << 20

// Identities is what a recipient holds to open bundles: private keys or a
// passphrase.
type Identities struct {
	list       []age.Identity
	keys       bool
	passphrase bool
}

// String keeps keys out of logs.
func (ids Identities) String() string { return "seal.Identities(withheld)" }

// GoString keeps keys out of logs.
func (ids Identities) GoString() string { return ids.String() }

// Prompt asks a person for the passphrase of a protected key file.
type Prompt func() ([]byte, error)

// ErrKeyPassphrase is returned when a key file is protected and its passphrase
// is missing or wrong.
var ErrKeyPassphrase = errors.New("the key file is protected by a passphrase, and it was not given or is not the right one")

// unlockError marks a failure to unlock a protected ssh key, which happens
// only while a bundle is opened.
type unlockError struct{ err error }

func (e *unlockError) Error() string { return ErrKeyPassphrase.Error() }
func (e *unlockError) Unwrap() error { return e.err }

// Is reports that every unlockError is [ErrKeyPassphrase].
func (e *unlockError) Is(t error) bool { return t == ErrKeyPassphrase }

// FromPassphrase opens with a passphrase, typed freely (see
// [NormalizePassphrase]); it is tried as typed, too.
func FromPassphrase(p string) (Identities, error) {
	ids := Identities{passphrase: true}
	tries := []string{NormalizePassphrase(p)}
	if p != tries[0] {
		tries = append(tries, p)
	}
	for _, try := range tries {
		if try == "" {
			continue
		}
		id, err := age.NewScryptIdentity(try)
		if err != nil {
			return Identities{}, fmt.Errorf("take passphrase: %w", err)
		}
		id.SetMaxWorkFactor(maxWorkFactor)
		ids.list = append(ids.list, id)
	}
	if len(ids.list) == 0 {
		return Identities{}, errors.New("the passphrase is empty")
	}
	return ids, nil
}

// ParseIdentities reads a file of private keys: age key files (X25519 and
// hybrid post-quantum), such a file encrypted with a passphrase, or one ssh
// private key. prompt may be nil when no passphrase can be asked for. Errors
// never repeat the file's content.
func ParseIdentities(r io.Reader, prompt Prompt) (Identities, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxKeyFile+1))
	if err != nil {
		return Identities{}, fmt.Errorf("read key file: %w", err)
	}
	if len(data) > maxKeyFile {
		return Identities{}, errors.New("read key file: the file is too large for a key file")
	}
	// The > of Windows PowerShell writes UTF-16, and Notepad may put a mark at the beginning.
	if plain, _, err := transform.Bytes(unicode.BOMOverride(transform.Nop), data); err == nil {
		data = plain
	}
	if data, err = decryptKeyFile(data, prompt); err != nil {
		return Identities{}, err
	}
	if bytes.Contains(data, []byte("-----BEGIN")) {
		return parseSSHIdentity(data, prompt)
	}
	list, err := age.ParseIdentities(bytes.NewReader(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))))
	if err != nil {
		return Identities{}, errors.New("read key file: the file holds no private key that can be read")
	}
	return Identities{list: list, keys: true}, nil
}

// decryptKeyFile opens a key file made by `age-keygen | age -p`, armored or
// not; any other file passes through.
func decryptKeyFile(data []byte, prompt Prompt) ([]byte, error) {
	var in io.Reader
	switch {
	case bytes.HasPrefix(data, []byte("age-encryption.org/")):
		in = bytes.NewReader(data)
	case strings.HasPrefix(strings.TrimSpace(string(data)), armor.Header):
		in = armor.NewReader(bufio.NewReader(bytes.NewReader(data)))
	default:
		return data, nil
	}
	if prompt == nil {
		return nil, ErrKeyPassphrase
	}
	pass, err := prompt()
	if err != nil {
		return nil, &unlockError{err}
	}
	id, err := age.NewScryptIdentity(string(pass))
	if err != nil {
		return nil, &unlockError{err}
	}
	id.SetMaxWorkFactor(maxWorkFactor)
	out, err := age.Decrypt(in, id)
	if err != nil {
		return nil, &unlockError{err}
	}
	plain, err := io.ReadAll(io.LimitReader(out, maxKeyFile))
	if err != nil {
		return nil, errors.New("read key file: the file is damaged")
	}
	return plain, nil
}

func parseSSHIdentity(pem []byte, prompt Prompt) (Identities, error) {
	id, err := agessh.ParseIdentity(pem)
	if missing, ok := errors.AsType[*ssh.PassphraseMissingError](err); ok {
		if prompt == nil || missing.PublicKey == nil {
			return Identities{}, ErrKeyPassphrase
		}
		id, err = protectedSSH(missing.PublicKey, pem, prompt)
	}
	if err != nil {
		return Identities{}, errors.New("read key file: the ssh key cannot be used; ed25519 and rsa keys can")
	}
	return Identities{list: []age.Identity{id}, keys: true}, nil
}

func protectedSSH(pub ssh.PublicKey, pem []byte, prompt Prompt) (age.Identity, error) {
	id, err := agessh.NewEncryptedSSHIdentity(pub, pem, prompt)
	if err != nil {
		return nil, err
	}
	return marked{id}, nil
}

// marked tells a failure to unlock a protected key from a damaged bundle.
type marked struct{ id age.Identity }

func (m marked) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	key, err := m.id.Unwrap(stanzas)
	if err != nil && !errors.Is(err, age.ErrIncorrectIdentity) {
		return nil, &unlockError{err}
	}
	return key, err
}
