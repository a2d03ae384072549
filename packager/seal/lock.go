package seal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// Lock is what the head of a sealed file tells about who can open it. It names kinds
// of keys, never whose they are: age keeps that to itself.
type Lock struct {
	types  []string // of the recipient stanzas
	header []byte
}

// ReadLock reads the head of an age file. A head that does not fit into what src gives
// is io.ErrUnexpectedEOF; what is no age file is [ErrDamaged].
func ReadLock(src io.Reader) (*Lock, error) {
	in := &ended{r: src}
	header, err := age.ExtractHeader(in)
	if err != nil && in.cut() {
		return nil, io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("%w: it does not begin like a file made with age", ErrDamaged)
	}
	l := &Lock{header: header}
	_, err = age.DecryptHeader(header, nobody{})
	noMatch, ok := errors.AsType[*age.NoIdentityMatchError](err)
	if !ok {
		return nil, ErrDamaged
	}
	l.types = noMatch.StanzaTypes
	return l, nil
}

// Header is the part of the first bytes of a sealed file that says who can open it; all of
// them where it is longer. Nothing authenticates it to who has no key.
func Header(head []byte) []byte {
	l, err := ReadLock(bytes.NewReader(head))
	if err != nil || !bytes.HasPrefix(head, l.header) {
		return head
	}
	return l.header
}

// nobody opens nothing.
type nobody struct{}

// Unwrap never matches.
func (nobody) Unwrap([]*age.Stanza) ([]byte, error) { return nil, age.ErrIncorrectIdentity }

// ended remembers whether its source ended, and how it began.
type ended struct {
	r    io.Reader
	end  bool
	head []byte
}

// Read reads the source.
func (e *ended) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if len(e.head) < len(ageIntro) {
		e.head = append(e.head, p[:min(n, len(ageIntro))]...)
	}
	e.end = e.end || errors.Is(err, io.EOF)
	return n, err
}

// ageIntro begins every age file (age-encryption.org/v1, "Header").
const ageIntro = "age-encryption.org/v1\n"

// IsSealed reports a head that begins as every age file does, however short it is.
func IsSealed(head []byte) bool {
	n := min(len(head), len(ageIntro))
	return n > 0 && string(head[:n]) == ageIntro[:n]
}

// cut reports an age file that ended while its head was read.
func (e *ended) cut() bool { return e.end && IsSealed(e.head) }

// Passphrase reports a file that opens with a passphrase, and so with nothing else.
func (l *Lock) Passphrase() bool { return slices.Contains(l.types, "scrypt") }

// String says what the file is sealed for: "an ssh-ed25519 key", "2 age keys (age1…)".
func (l *Lock) String() string { return sealedFor(l.types) }

// Fits reports whether ids open the file, before the whole of it is at hand. The errors
// are those of [Open].
func (l *Lock) Fits(ids Identities) error {
	_, err := age.DecryptHeader(l.header, ids.list...)
	if noMatch, ok := errors.AsType[*age.NoIdentityMatchError](err); ok {
		return ids.mismatch(noMatch.StanzaTypes)
	}
	if unlock, ok := errors.AsType[*unlockError](err); ok {
		return unlock
	}
	if err != nil {
		return ErrDamaged
	}
	return nil
}

// kinds are the stanza types of age 1.3 and of its plug-ins, as one and as several
// (C2SP, age.md; age-plugin-yubikey).
var kinds = map[string][2]string{
	"scrypt":         {"a passphrase", "passphrases"},
	"X25519":         {"an age key (age1…)", "age keys (age1…)"},
	"mlkem768x25519": {"a post-quantum age key (age1pq1…)", "post-quantum age keys (age1pq1…)"},
	"ssh-ed25519":    {"an ssh-ed25519 key", "ssh-ed25519 keys"},
	"ssh-rsa":        {"an ssh-rsa key", "ssh-rsa keys"},
	"piv-p256":       {"a key on a YubiKey (an age plug-in)", "keys on YubiKeys (an age plug-in)"},
}

// sealedFor words stanza types, each kind once. What age adds as noise is no key.
func sealedFor(types []string) string {
	count := map[string]int{}
	var order []string
	for _, t := range types {
		if strings.HasSuffix(t, "-grease") {
			continue
		}
		if _, known := kinds[t]; !known {
			t = ""
		}
		if count[t] == 0 {
			order = append(order, t)
		}
		count[t]++
	}
	words := make([]string, len(order))
	for i, t := range order {
		k, ok := kinds[t]
		if !ok {
			k = [2]string{"a key of a kind this program does not know", "keys of kinds this program does not know"}
		}
		if words[i] = k[0]; count[t] > 1 {
			words[i] = fmt.Sprintf("%d %s", count[t], k[1])
		}
	}
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// IsArmored reports a file that begins as age's text form does (age -a).
func IsArmored(head []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(head, " \t\r\n"), []byte(armor.Header))
}

// ArmorEnds reports that the last bytes of a file are those of age's text form.
func ArmorEnds(tail []byte) bool {
	return bytes.HasSuffix(bytes.TrimRight(tail, " \t\r\n"), []byte(armor.Footer))
}

// Dearmor reads the text form of an age file. Errors of the form are [ErrDamaged].
func Dearmor(src io.Reader) io.Reader { return dearmored{armor.NewReader(src)} }

type dearmored struct{ r io.Reader }

// Read reads the file itself.
func (d dearmored) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	if bad, ok := errors.AsType[*armor.Error](err); ok && bad != nil {
		err = ErrDamaged
	}
	return n, err
}
