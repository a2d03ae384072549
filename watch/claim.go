package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"regexp"
	"strconv"
	"time"
)

// Claim is one order taken out of the outbox into a folder of its own under
// working/. The folder's name is random and says nothing about the order.
type Claim struct {
	ID   string // name of the claim's folder: the only part fit for logs
	File string // the order's name as dropped; private

	// Placed is where Answer put the answer, below the outbox; private.
	Placed string

	refused time.Time // since when nobody could take it over

	box *Outbox
}

// record is the note that makes a folder a claim. It remembers the names,
// because systems leave files of their own in every folder.
type record struct {
	ID        string `json:"id"`
	File      string `json:"file"`
	Signature string `json:"signature,omitempty"` // its name in the outbox, if it had one
	Owner     string `json:"owner,omitempty"`
}

// claimNote keeps it.
const claimNote = "claim.json"

// boxError concerns every order, not just one.
type boxError struct{ error }

func (t boxError) Unwrap() error { return t.error }

// claim renames the file into a folder of its own. It returns nil when another
// daemon was faster, and when the order is claimed but not whole yet: then a
// later scan offers it. A file still open for writing on Windows cannot be
// renamed: the error is retried.
func (o *Outbox) claim(ctx context.Context, name string) (*Claim, error) {
	c := o.newClaim(fit(name))
	note := record{ID: c.ID, File: c.File, Signature: o.signatureOf(name), Owner: o.opts.Owner}
	if err := c.begin(note); err != nil {
		o.forget(c.ID)
		return nil, boxError{errors.Join(err, c.discard())}
	}
	err := o.root().Rename(name, c.path(c.File))
	if err != nil {
		_ = c.discard() // an empty folder, removed later
		o.forget(c.ID)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil //nolint:nilnil // lost the race: nothing to do
		}
		return nil, fmt.Errorf("claim order: %w", Scrub(err))
	}
	was, known := o.seen[name]
	delete(o.seen, name)
	u := &unripe{claim: c, signature: note.Signature, since: o.opts.Now()}
	if known {
		u.size, u.mtime = was.size, was.mtime
	}
	if !u.whole(ctx, known) {
		o.unripe = append(o.unripe, u)
		return nil, nil //nolint:nilnil // offered by a later scan
	}
	return c, nil
}

// unripe is an order that is claimed but not whole: its writer went on writing
// into it, or its signature is locked by another program.
type unripe struct {
	claim     *Claim
	signature string
	size      int64
	mtime     time.Time
	since     time.Time
}

// whole takes the signature along and compares the file with what it was.
func (u *unripe) whole(ctx context.Context, compare bool) bool {
	if u.signature != "" && u.claim.claimSignature(ctx, u.signature) != nil {
		return false
	}
	if !compare {
		return true
	}
	info, err := u.claim.box.root().Lstat(u.claim.path(u.claim.File))
	if err != nil {
		return errors.Is(err, fs.ErrNotExist) // whoever takes it over finds out
	}
	same := info.Size() == u.size && info.ModTime().Equal(u.mtime)
	u.size, u.mtime = info.Size(), info.ModTime()
	return same
}

// ripen returns the claims that have become whole. A signature that stays
// locked is not waited for without end.
func (o *Outbox) ripen(ctx context.Context) (ready []*Claim) {
	var rest []*unripe
	for _, u := range o.unripe {
		quiet := o.opts.Now().Sub(u.since)
		if quiet >= 0 && quiet < o.opts.Settle || !u.whole(ctx, true) && quiet < lockedPatience {
			rest = append(rest, u)
			continue
		}
		ready = append(ready, u.claim)
	}
	o.unripe = rest
	return ready
}

// claimSignature takes the signature along; it may be gone.
func (c *Claim) claimSignature(ctx context.Context, from string) error {
	if _, err := c.box.root().Lstat(from); err != nil {
		return nil //nolint:nilerr // no such file, or a name too long to have one
	}
	if _, err := c.box.root().Lstat(c.path(c.File + SignatureSuffix)); err == nil {
		return nil // this one came later: it is not replaced
	}
	err := retry(ctx, func() error { return c.box.root().Rename(from, c.path(c.File+SignatureSuffix)) })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("claim signature: %w", Scrub(err))
	}
	return nil
}

// signatureOf names the signature beside an order; "" without one.
func (o *Outbox) signatureOf(name string) string {
	if sig := o.pairs[name]; sig != "" {
		return sig
	}
	if info, err := o.root().Lstat(name + SignatureSuffix); err == nil && info.Mode().IsRegular() {
		return name + SignatureSuffix
	}
	return ""
}

// begin makes the claim's folder.
func (c *Claim) begin(note record) error {
	if err := c.box.root().MkdirAll(c.path(notesDir), 0o770); err != nil {
		return fmt.Errorf("make claim folder: %w", Scrub(err))
	}
	return c.Note(claimNote, note)
}

// Accept claims an order that was never dropped: the file stays where its owner
// keeps it and a copy is claimed.
func (o *Outbox) Accept(name string, order, signature []byte) (*Claim, error) {
	name = fit(name)
	c := o.newClaim(name)
	if err := c.begin(record{ID: c.ID, File: name, Owner: o.opts.Owner}); err != nil {
		return nil, err
	}
	if signature != nil {
		if err := writeFile(o.root(), c.path(name+SignatureSuffix), signature); err != nil {
			return nil, fmt.Errorf("copy signature: %w", err)
		}
	}
	// Written aside first: half an order is no claim.
	if err := writeFile(o.root(), c.path(notesDir, acceptedNote), order); err != nil {
		return nil, fmt.Errorf("copy order: %w", err)
	}
	if err := replaceIn(o.root(), c.path(notesDir, acceptedNote), c.path(name)); err != nil {
		return nil, fmt.Errorf("copy order: %w", Scrub(err))
	}
	return c, o.syncDir(c.path())
}

const acceptedNote = "order.tmp"

func (o *Outbox) newClaim(name string) *Claim {
	c := &Claim{ID: newID(), File: name, box: o}
	o.know(c.ID)
	return c
}

// newID names a claim: 64 random bits, of the form of idForm.
func newID() string {
	return fmt.Sprintf("%013s", strconv.FormatUint(rand.Uint64(), 36)) //nolint:gosec // uniqueness, not secrecy
}

// idForm tells our names from those staff give a folder, which may name a patient.
var idForm = regexp.MustCompile(`^[0-3][0-9a-z]{12}$`)

// know remembers that this process works on a claim.
func (o *Outbox) know(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known == nil {
		o.known = map[string]bool{}
	}
	o.known[id] = true
}

func (o *Outbox) knows(id string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.known[id]
}

func (o *Outbox) forget(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.known, id)
}

func (c *Claim) path(elem ...string) string {
	return path.Join(append([]string{workingDir, c.ID}, elem...)...)
}

// ErrNoClaim says that a claim's folder, or the order in it, is gone. It is an
// fs.ErrNotExist.
var ErrNoClaim = fmt.Errorf("the claim is gone: %w", fs.ErrNotExist)

// Claim opens a claim by its ID. ErrNoClaim means that it holds no order (any
// more): it was answered, or a person took it away. While the whole outbox is
// away the error is ErrAway. A folder that was only renamed gets its name back.
func (o *Outbox) Claim(id string) (*Claim, error) {
	c, err := o.openClaim(id)
	if !errors.Is(err, ErrNoClaim) {
		return c, err
	}
	if _, err := o.follow(); err != nil {
		return nil, err
	}
	if o.restore(id) {
		return o.openClaim(id)
	}
	c, err = o.openClaim(id) // the outbox may have come back just now
	if errors.Is(err, ErrNoClaim) {
		o.Renounce(id)
	}
	return c, err
}

// Renounce says that the release of a claim has ended without an answer: what is
// still there becomes a new claim with the next scan.
func (o *Outbox) Renounce(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.known, id)
	o.lost[id] = true
}

func (o *Outbox) openClaim(id string) (*Claim, error) {
	c := &Claim{ID: id, box: o}
	note, err := c.note()
	if err != nil {
		return nil, err
	}
	c.File = note.File
	info, err := o.root().Lstat(c.path(c.File))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoClaim
	}
	if err != nil {
		return nil, fmt.Errorf("open claim: %w", Scrub(err))
	}
	if !info.Mode().IsRegular() {
		return nil, ErrNoClaim
	}
	return c, nil
}

// Order reads the order as dropped; see [ReadBounded].
func (c *Claim) Order() ([]byte, error) { return c.read(c.File) }

// Signature reads the signature dropped beside the order; nil without one.
func (c *Claim) Signature() ([]byte, error) {
	b, err := c.read(c.File + SignatureSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

func (c *Claim) read(name string) ([]byte, error) {
	f, err := c.box.root().Open(c.path(name))
	if err != nil {
		return nil, fmt.Errorf("read claim: %w", Scrub(err))
	}
	defer func() { _ = f.Close() }()
	b, err := ReadBounded(f)
	if err != nil {
		return nil, fmt.Errorf("read claim: %w", Scrub(err))
	}
	return b, nil
}
