package seal

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"filippo.io/age"
)

// Errors of opening. Their texts are fit for the person who opens a bundle.
var (
	// ErrWrongPassphrase: the bundle opens with a passphrase, but not this one.
	ErrWrongPassphrase = errors.New("the passphrase is not the right one for this bundle")
	// ErrWrongKey matches every *[WrongKeyError].
	ErrWrongKey = errors.New("the key does not open this bundle")
	// ErrDamaged: the sealed file is not an age file, is cut short or was
	// changed. Nothing that was read from it may be used.
	ErrDamaged = errors.New("the bundle is damaged or was changed on its way")
	// ErrCut: the end of the sealed file is missing, or only the end was changed. It
	// is ErrDamaged, too.
	ErrCut error = damage("the bundle is not complete: its end is missing or was changed. Download or copy it again; if that does not help, ask the practice for a new link")
)

// damage says how a bundle is damaged.
type damage string

func (d damage) Error() string { return string(d) }

// Is reports that every damage is [ErrDamaged].
func (d damage) Is(target error) bool { return target == ErrDamaged }

// WrongKeyError says what would open the bundle instead.
type WrongKeyError struct {
	Need string // "a passphrase", "a key" or "another key"
	For  string // what it is sealed for: "2 age keys (age1…)"; empty with a passphrase
}

func (e *WrongKeyError) Error() string {
	text := "this does not open the bundle: " + e.Need + " is needed"
	if e.For != "" {
		text += "; it is sealed for " + e.For
	}
	return text
}

// Is reports that every WrongKeyError is [ErrWrongKey].
func (e *WrongKeyError) Is(target error) bool { return target == ErrWrongKey }

// Open gives random access to the content of the sealed file in src, size
// bytes long, and returns the content's length in bytes. The errors are
// [ErrWrongPassphrase], *[WrongKeyError], [ErrDamaged], [ErrCut] or one of src. A change
// in the middle shows as ErrDamaged when that part is read.
func Open(src io.ReaderAt, size int64, ids Identities) (io.ReaderAt, int64, error) {
	if len(ids.list) == 0 {
		return nil, 0, errors.New("open sealed file: no key and no passphrase given")
	}
	return open(src, size, ids.list, &ids)
}

func open(src io.ReaderAt, size int64, list []age.Identity, ids *Identities) (io.ReaderAt, int64, error) {
	in := &watched{r: src}
	r, n, err := age.DecryptReaderAt(in, size, list...)
	if err == nil {
		return &opened{r: r, src: in}, n, nil
	}
	if srcErr := in.failed(); srcErr != nil {
		return nil, 0, fmt.Errorf("read sealed file: %w", srcErr)
	}
	var noMatch *age.NoIdentityMatchError
	if ids != nil && errors.As(err, &noMatch) {
		return nil, 0, ids.mismatch(noMatch.StanzaTypes)
	}
	if unlock, ok := errors.AsType[*unlockError](err); ok {
		return nil, 0, unlock
	}
	return nil, 0, damaged(src, size, list)
}

// damaged tells a file whose end is missing from one that was changed elsewhere. Age
// authenticates the end when it opens a file, and the rest when it is read.
func damaged(src io.ReaderAt, size int64, list []age.Identity) error {
	in := &ended{r: io.NewSectionReader(src, 0, size)}
	header, err := age.ExtractHeader(in)
	switch {
	case err != nil && in.cut():
		return ErrCut
	case err != nil:
		return ErrDamaged
	}
	if _, err := age.DecryptHeader(header, list...); err != nil {
		return ErrDamaged
	}
	return ErrCut
}

// mismatch words age's "no identity matched".
func (ids *Identities) mismatch(stanzas []string) error {
	locked := slices.Contains(stanzas, "scrypt")
	switch {
	case locked && ids.passphrase:
		return ErrWrongPassphrase
	case locked:
		return &WrongKeyError{Need: "a passphrase"}
	case ids.keys:
		return &WrongKeyError{Need: "another key", For: sealedFor(stanzas)}
	}
	return &WrongKeyError{Need: "a key", For: sealedFor(stanzas)}
}

// opened turns age's errors into ErrDamaged and leaves those of the source.
type opened struct {
	r   io.ReaderAt
	src *watched
}

// ReadAt reads content.
func (o *opened) ReadAt(p []byte, off int64) (int, error) {
	n, err := o.r.ReadAt(p, off)
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	if srcErr := o.src.failed(); srcErr != nil {
		return n, fmt.Errorf("read sealed file: %w", srcErr)
	}
	return n, ErrDamaged
}

// watched remembers the first error of the source that is not an end of file,
// so that a failing disk or network is not called tampering.
type watched struct {
	r   io.ReaderAt
	mu  sync.Mutex
	err error
}

// ReadAt reads the source.
func (w *watched) ReadAt(p []byte, off int64) (int, error) {
	n, err := w.r.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		w.mu.Lock()
		if w.err == nil {
			w.err = err
		}
		w.mu.Unlock()
	}
	return n, err
}

func (w *watched) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}
