package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"aead.dev/minisign"
)

// The signed head is a text of five lines and, after it, the four lines of its
// minisign signature (jedisct1.github.io/minisign, "Signature format"):
//
//	chartseal ledger head v1
//	site: front-desk
//	seq: 123
//	hash: HASH of the entry
//	at: RFC 3339 time of signing, in UTC
//	untrusted comment: …
//
// One file, so that a crash cannot part the two.
const (
	headName  = "head"
	headNew   = "head.new" // of the entry that is being written
	headLines = 5
	fileLines = headLines + 4
	maxHead   = 4 << 10 // bytes
)

var headForm = regexp.MustCompile(`^chartseal ledger head v1\nsite: ([A-Za-z0-9-]{1,64})\nseq: ([1-9][0-9]{0,18})\nhash: ([0-9a-f]{64})\nat: ([0-9TZ:.-]{20,24})\n$`)

// SignedHead is a head as the practice signed it. It holds no patient data.
type SignedHead struct {
	Head
	Site   string    `json:"site"`
	At     time.Time `json:"at"`               // of signing
	Lost   *Loss     `json:"lost,omitempty"`   // what a [Restored] entry names, where its head says so
	Purged uint64    `json:"purged,omitempty"` // what a [Purged] entry names: the last of the entries that went

	proven bool // [ParseHead] read it: At is the time of signing
}

// ErrHead says that a signed head cannot be read, or is not signed by the practice.
var ErrHead = errors.New("signed head is not valid")

// Signer signs heads with the practice's key.
type Signer struct {
	Site string
	Key  minisign.PrivateKey
}

// Sign signs the head of one entry; lost is what the entry names as lost, else nil.
func (s *Signer) Sign(h Head, lost *Loss, at time.Time) []byte {
	return s.SignMark(Mark{Head: h, Lost: lost}, at)
}

// SignMark signs the head of one entry. What the entry says of others, that they are lost or
// were purged, the trusted comment says, too, which the signature covers as well: who has the
// heads alone learns it.
func (s *Signer) SignMark(h Mark, at time.Time) []byte {
	text := fmt.Appendf(nil, "chartseal ledger head v1\nsite: %s\nseq: %d\nhash: %s\nat: %s\n",
		s.Site, h.Seq, h.Hash, at.UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano))
	r := minisign.NewReader(bytes.NewReader(text))
	if _, err := r.Read(make([]byte, len(text))); err != nil {
		return nil // a reader of bytes in memory does not fail
	}
	comment := fmt.Sprintf("chartseal ledger head of site %s, entry %d", s.Site, h.Seq)
	if h.Purged > 0 {
		comment += fmt.Sprintf("; the entries up to %d were purged", h.Purged)
	}
	if lost := h.Lost; lost != nil && lost.Key == "" {
		comment += fmt.Sprintf("; without the former entries %d to %d of before %s", lost.From, lost.To, lost.Until.UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano))
	}
	sig := r.SignWithComments(s.Key, comment, "signed head of a chartseal ledger")
	return append(append(text, bytes.TrimRight(sig, "\n")...), '\n')
}

// ParseHead reads a signed head and checks its signature. The error is ErrHead.
func ParseHead(data []byte, by minisign.PublicKey) (SignedHead, error) {
	text, sig := cutHead(data)
	h, ok := Unproven(data)
	if !ok || !plain(data) || !minisign.Verify(by, text, sig) {
		return SignedHead{}, ErrHead
	}
	var s minisign.Signature
	if s.UnmarshalText(sig) == nil {
		h.Lost, h.Purged = lossIn(s.TrustedComment), purgedIn(s.TrustedComment)
	}
	h.proven = true
	return h, nil
}

// plain says that a head is written as it must be: nine lines, each ended by a line feed.
func plain(data []byte) bool {
	return bytes.Count(data, []byte("\n")) == fileLines && bytes.HasSuffix(data, []byte("\n")) && !bytes.Contains(data, []byte("\r"))
}

// cutHead takes a head and its signature apart.
func cutHead(data []byte) (text, sig []byte) {
	if at := bytes.Index(data, []byte("untrusted comment: ")); at >= 0 && len(data) <= maxHead {
		return data[:at], data[at:]
	}
	return data, nil
}

// Unproven reads a signed head whose key is not known: it may say anything.
func Unproven(data []byte) (h SignedHead, ok bool) {
	text, _ := cutHead(data)
	m := headForm.FindSubmatch(text)
	if m == nil {
		return h, false
	}
	seq, err1 := strconv.ParseUint(string(m[2]), 10, 64)
	at, err2 := time.Parse(time.RFC3339Nano, string(m[4]))
	return SignedHead{Head: Head{seq, string(m[3])}, Site: string(m[1]), At: at}, errors.Join(err1, err2) == nil
}

var lossForm = regexp.MustCompile(`; without the former entries ([0-9]{1,19}) to ([0-9]{1,19}) of before ([0-9TZ:.-]{20,24})$`)

var purgedForm = regexp.MustCompile(`; the entries up to ([0-9]{1,19}) were purged$`)

// purgedIn reads up to which entry the trusted comment of a good signature says that they
// were purged; 0 if it says nothing of it.
func purgedIn(comment string) uint64 {
	m := purgedForm.FindStringSubmatch(comment)
	if m == nil {
		return 0
	}
	to, err := strconv.ParseUint(m[1], 10, 64)
	if err != nil {
		return 0
	}
	return to
}

// lossIn reads what the trusted comment of a good signature says is lost; nil if nothing.
func lossIn(comment string) *Loss {
	m := lossForm.FindStringSubmatch(comment)
	if m == nil {
		return nil
	}
	from, err1 := strconv.ParseUint(m[1], 10, 64)
	to, err2 := strconv.ParseUint(m[2], 10, 64)
	until, err3 := time.Parse(time.RFC3339Nano, m[3])
	if errors.Join(err1, err2, err3) != nil {
		return nil
	}
	return &Loss{From: from, To: to, Until: until}
}

// HeadFile reads the signed head in a ledger's folder, as it is on the disk;
// fs.ErrNotExist if there is none.
func HeadFile(dir string) ([]byte, error) { return headFile(dir, headName) }

func headFile(dir, name string) ([]byte, error) {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return nil, bare(err)
	}
	defer func() { _ = f.Close() }() // only read
	var b [maxHead + 1]byte
	n, err := readUpTo(f, b[:])
	return b[:n], bare(err)
}

// readHead is the signed head of a folder, nil if there is none; a [*BrokenError]
// if it is not what the practice signed.
func readHead(dir string, by minisign.PublicKey) (*SignedHead, error) {
	data, err := HeadFile(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // none yet
	}
	if err != nil {
		return nil, err
	}
	h, err := ParseHead(data, by)
	if err != nil {
		return nil, &BrokenError{Fault: Unsealed}
	}
	return &h, nil
}

// promised is the head that was signed before its entry was written; nil if there is none
// that the practice signed.
func promised(dir string, by minisign.PublicKey) *SignedHead {
	data, err := headFile(dir, headNew)
	if err != nil {
		return nil
	}
	h, err := ParseHead(data, by)
	if err != nil {
		return nil // a crash left a part of it
	}
	return &h
}

// Option changes how Open opens a ledger.
type Option func(*Ledger)

// Signed keeps a signed head beside the ledger: Open checks the ledger against it,
// and no entry is acknowledged before the head covers it.
func Signed(by Signer) Option { return func(l *Ledger) { l.signer = &by } }

// DespiteHead opens a ledger whose chain holds although its signed head does not
// fit, for a person who decided to go on; see [Ledger.HeadFault]
// and [Lacks].
func DespiteHead() Option { return func(l *Ledger) { l.lenient = true } }

// HeadFault is how the signed head did not fit a ledger that was opened despite it.
func (l *Ledger) HeadFault() *BrokenError { return l.headFault }

// openHead reads the signed head before the entries are.
func (l *Ledger) openHead() error {
	if l.signer == nil {
		return nil
	}
	h, err := readHead(l.dir, l.signer.Key.Public().(minisign.PublicKey))
	if broken, ok := errors.AsType[*BrokenError](err); ok {
		return l.doubt(broken)
	}
	if h != nil {
		l.signed, l.kept = h.Head, h
	}
	l.next = promised(l.dir, l.signer.Key.Public().(minisign.PublicKey))
	return err
}

// doubt refuses a ledger whose head does not fit, unless asked not to.
func (l *Ledger) doubt(broken *BrokenError) error {
	if !l.lenient {
		return broken
	}
	if l.headFault == nil {
		l.headFault = broken
	}
	return nil
}

// checkHead compares the whole chain with the signed head. A crash can come between
// an entry and its head, so one entry more is as it should be, if its head was promised.
func (l *Ledger) checkHead() error {
	if l.signer == nil || l.headFault != nil {
		return nil
	}
	if broken := unfit(l.kept, l.chain.head, l.met, l.next); broken != nil {
		return l.doubt(broken)
	}
	return l.cover()
}

// unfit compares a chain with its signed head; met is the hash that the chain has
// at the head's entry, and next the head that was signed before its entry was written.
func unfit(own *SignedHead, chain Head, met string, next *SignedHead) *BrokenError {
	var signed Head
	if own != nil {
		signed = own.Head
	}
	switch {
	case signed.Seq > chain.Seq:
		return &BrokenError{Seq: chain.Seq + 1, Fault: Cut}
	case signed.Seq > 0 && met != signed.Hash:
		return &BrokenError{Seq: signed.Seq, Fault: Replaced}
	case chain.Seq == signed.Seq, chain.Seq == signed.Seq+1 && next != nil && next.Head == chain:
		return nil
	case own == nil:
		return &BrokenError{Fault: Beheaded}
	}
	return &BrokenError{Seq: signed.Seq + 1, Fault: Unsigned}
}

// promise signs the head of an entry that is about to be written, so that no entry is
// there that the practice has not signed.
func (l *Ledger) promise(h Head) error {
	if l.signer == nil {
		return nil
	}
	text := l.signer.Sign(h, nil, l.now())
	err := change(filepath.Join(l.dir, headNew), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, func(f *os.File) error {
		_, err := f.Write(text)
		return err
	})
	if err == nil {
		err = syncFolder(l.dir)
	}
	if err != nil {
		return fmt.Errorf("sign ledger head: %w", err)
	}
	l.promised = h
	return nil
}

// cover makes the promised head the signed one, or signs it anew if there are entries that
// it does not cover.
func (l *Ledger) cover() error {
	if l.signer == nil || l.signed == l.chain.head {
		return nil
	}
	if l.promised != l.chain.head {
		if err := l.promise(l.chain.head); err != nil {
			return err
		}
	}
	err := replace(filepath.Join(l.dir, headNew), filepath.Join(l.dir, headName))
	l.promised = Head{}
	if err == nil {
		err = syncFolder(l.dir)
	}
	if err != nil {
		return fmt.Errorf("sign ledger head: %w", err)
	}
	l.signed = l.chain.head
	return nil
}

// KeyName is how a public key is called in the names of heads: its number in
// hexadecimal.
func KeyName(by minisign.PublicKey) string {
	return strings.ToLower(fmt.Sprintf("%016x", by.ID()))
}
