package seal

import (
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
)

// Writer seals what is written to it. Memory is constant (one chunk of 64 KiB
// and its copy); writes of any size are gathered to age's chunks.
type Writer struct {
	age    io.WriteCloser
	out    *counter
	key    *captured
	closed bool
}

// NewWriter writes the age header for to and returns a Writer whose output
// goes to dst in pieces of 64 KiB. With a passphrase this takes about 0.1 s
// and 32 MiB. The Writer must be closed; dst is not closed.
func NewWriter(dst io.Writer, to Recipients) (*Writer, error) {
	if len(to.list) == 0 {
		return nil, ErrNoKeys
	}
	out := &counter{w: dst}
	key := &captured{}
	list := make([]age.Recipient, len(to.list))
	for i, r := range to.list {
		list[i] = capture{Recipient: r, to: key}
	}
	w, err := age.Encrypt(out, list...)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return &Writer{age: w, out: out, key: key}, nil
}

// Write seals p.
func (w *Writer) Write(p []byte) (int, error) { return w.age.Write(p) }

// Close seals and writes the last chunk. Without it the file cannot be opened.
func (w *Writer) Close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	return w.age.Close()
}

// Size is the number of bytes written to dst so far; after Close the size of
// the sealed file.
func (w *Writer) Size() int64 { return w.out.n }

// Opener opens the file this Writer has sealed, and no other, without any
// private key: for reading the sealed file back before it is sent. It returns
// nil before Close. The key lives in memory only.
func (w *Writer) Opener() *Opener {
	if !w.closed {
		return nil
	}
	return &Opener{key: *w.key}
}

// Opener holds the file key of one sealed file.
type Opener struct{ key captured }

// Open gives random access to the content of the sealed file in src, size
// bytes long, and returns the content's length. What was changed since sealing
// is [ErrDamaged], here or when it is read. Reads should be large: each
// decrypts at least one chunk of 64 KiB.
func (o *Opener) Open(src io.ReaderAt, size int64) (io.ReaderAt, int64, error) {
	if !o.key.set {
		return nil, 0, errors.New("open sealed file: no file key")
	}
	return open(src, size, []age.Identity{age.NewInjectedFileKeyIdentity(o.key.key[:])}, nil)
}

// String keeps the key out of logs.
func (o Opener) String() string { return "seal.Opener(withheld)" }

// GoString keeps the key out of logs.
func (o Opener) GoString() string { return o.String() }

type captured struct {
	key [16]byte // age-encryption.org/v1: a file key is 16 bytes
	set bool
}

// capture passes a recipient through and keeps the file key it is asked to
// wrap, so that no private key is needed to read the file back.
type capture struct {
	age.Recipient
	to *captured
}

var _ age.RecipientWithLabels = capture{}

// WrapWithLabels hands on the labels: they are what stops age from mixing
// kinds of recipients.
func (c capture) WrapWithLabels(fileKey []byte) ([]*age.Stanza, []string, error) {
	if len(fileKey) != len(c.to.key) {
		return nil, nil, errors.New("file key of unexpected length")
	}
	copy(c.to.key[:], fileKey)
	c.to.set = true
	if r, ok := c.Recipient.(age.RecipientWithLabels); ok {
		return r.WrapWithLabels(fileKey)
	}
	stanzas, err := c.Wrap(fileKey)
	return stanzas, nil, err
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
