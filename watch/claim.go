package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"path"
	"strconv"
	"strings"
	"time"
)

// Claim is one order taken out of the outbox into a folder of its own under
// working/. The folder's name is random and says nothing about the order.
type Claim struct {
	ID   string // name of the claim's folder: the only part fit for logs
	File string // the order's name as dropped; private

	// Placed is where Answer put the answer, below the outbox; private.
	Placed string

	box *Outbox
}

// notesDir holds what the release must remember until it is answered. It is
// inside the outbox because it may hold patient data.
const notesDir = ".notes"

// claim renames the file into a folder of its own. It returns nil when another
// daemon was faster. A file still open for writing on Windows cannot be
// renamed: the error is retried by the next scan.
func (o *Outbox) claim(ctx context.Context, name string) (*Claim, error) {
	c := o.newClaim(fit(name))
	if err := c.begin(); err != nil {
		return nil, err
	}
	err := o.root().Rename(name, c.path(c.File))
	if err != nil {
		c.discard()
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil //nolint:nilnil // lost the race: nothing to do
		}
		return nil, fmt.Errorf("claim order: %w", Scrub(err))
	}
	delete(o.seen, name)
	if err := c.claimSignature(ctx, name); err != nil {
		// Put the order back: without its signature it would be held for nothing.
		return nil, errors.Join(err, Scrub(o.root().Rename(c.path(c.File), name)))
	}
	return c, nil
}

// claimSignature takes the signature along; there may be none.
func (c *Claim) claimSignature(ctx context.Context, name string) error {
	from := name + SignatureSuffix
	if _, err := c.box.root().Lstat(from); err != nil {
		return nil //nolint:nilerr // no such file, or a name too long to have one
	}
	err := retry(ctx, func() error { return c.box.root().Rename(from, c.path(c.File+SignatureSuffix)) })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("claim signature: %w", Scrub(err))
	}
	return nil
}

// begin makes the claim's folder, which remembers the order's name: systems
// leave files of their own in every folder.
func (c *Claim) begin() error {
	if err := c.box.root().MkdirAll(c.path(notesDir), 0o770); err != nil {
		return fmt.Errorf("make claim folder: %w", Scrub(err))
	}
	return c.Note(claimNote, c.File)
}

// claimNote keeps the name of the claimed order.
const claimNote = "claim.json"

// maxName leaves room for what is appended to an order's name, in bytes.
const maxName = 180

// fit shortens a name that is too long, keeping its ending.
func fit(name string) string {
	if len(name) <= maxName {
		return name
	}
	ext := path.Ext(name)
	if len(ext) > 16 {
		ext = ""
	}
	return strings.ToValidUTF8(name[:maxName-len(ext)], "") + ext
}

// Accept claims an order that was never dropped: the file stays where its owner
// keeps it and a copy is claimed.
func (o *Outbox) Accept(name string, order, signature []byte) (*Claim, error) {
	name = fit(name)
	c := o.newClaim(name)
	if err := c.begin(); err != nil {
		return nil, err
	}
	if signature != nil {
		if err := o.writeFile(c.path(name+SignatureSuffix), signature); err != nil {
			return nil, fmt.Errorf("copy signature: %w", err)
		}
	}
	if err := o.writeFile(c.path(name), order); err != nil {
		return nil, fmt.Errorf("copy order: %w", err)
	}
	return c, nil
}

func (o *Outbox) newClaim(name string) *Claim {
	return &Claim{ID: strconv.FormatUint(rand.Uint64(), 36), File: name, box: o} //nolint:gosec // uniqueness, not secrecy
}

func (c *Claim) path(elem ...string) string {
	return path.Join(append([]string{workingDir, c.ID}, elem...)...)
}

// discard removes the claim's folder; a failure leaves an empty folder that
// the next start removes.
func (c *Claim) discard() { _ = c.box.root().RemoveAll(c.path()) }

// Claims returns what an earlier run of the daemon had claimed and not
// answered, and removes empty claims. It must not run beside Run.
func (o *Outbox) Claims() ([]*Claim, error) {
	entries, err := fs.ReadDir(o.root().FS(), workingDir)
	if err != nil {
		return nil, fmt.Errorf("read claims: %w", Scrub(err))
	}
	var claims []*Claim
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		c, err := o.Claim(e.Name())
		if errors.Is(err, fs.ErrNotExist) {
			o.discardEmpty(e.Name())
			continue
		}
		if err != nil {
			return nil, err
		}
		claims = append(claims, c)
	}
	return claims, nil
}

// discardEmpty removes a claim's folder in which no file is left but notes.
func (o *Outbox) discardEmpty(id string) {
	entries, err := fs.ReadDir(o.root().FS(), path.Join(workingDir, id))
	if err != nil {
		return
	}
	for _, e := range entries {
		if !e.IsDir() && !ignored(e.Name()) {
			return
		}
	}
	(&Claim{ID: id, box: o}).discard()
}

// Working counts the claims that are not answered; it may run beside Run.
func (o *Outbox) Working() (int, error) {
	entries, err := fs.ReadDir(o.root().FS(), workingDir)
	if err != nil {
		return 0, fmt.Errorf("read claims: %w", Scrub(err))
	}
	n := 0
	for _, e := range entries {
		if e.IsDir() {
			n++
		}
	}
	return n, nil
}

// ErrNoClaim says that a claim's folder, or the order in it, is gone. It is an
// fs.ErrNotExist.
var ErrNoClaim = fmt.Errorf("the claim is gone: %w", fs.ErrNotExist)

// Claim opens a claim by its ID; ErrNoClaim when it holds no order (any more).
func (o *Outbox) Claim(id string) (*Claim, error) {
	c := &Claim{ID: id, box: o}
	err := c.Recall(claimNote, &c.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoClaim
	}
	if err != nil {
		return nil, err
	}
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

// Order reads the order as dropped: at most MaxOrderBytes and one more, so
// that the parser can say that it is too large.
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
	b, err := io.ReadAll(io.LimitReader(f, MaxOrderBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read claim: %w", Scrub(err))
	}
	return b, nil
}

// Note keeps v as JSON with the claim until the order is answered. The write
// is atomic and durable.
func (c *Claim) Note(name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode note: %w", err)
	}
	file := c.path(notesDir, name)
	if err := c.box.writeFile(file+".tmp", b); err != nil {
		return fmt.Errorf("write note: %w", err)
	}
	if err := c.box.root().Rename(file+".tmp", file); err != nil {
		return fmt.Errorf("write note: %w", Scrub(err))
	}
	return c.box.syncDir(c.path(notesDir))
}

// Recall reads a note; the error wraps fs.ErrNotExist when there is none.
func (c *Claim) Recall(name string, v any) error {
	b, err := c.box.root().ReadFile(c.path(notesDir, name))
	if err != nil {
		return fmt.Errorf("read note: %w", Scrub(err))
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("decode note: %w", err)
	}
	return nil
}

// Forget drops a note.
func (c *Claim) Forget(name string) error {
	if err := c.box.root().Remove(c.path(notesDir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("drop note: %w", Scrub(err))
	}
	return nil
}

// retry repeats a rename or a removal that an antivirus program or an open
// Explorer window blocks for a moment.
func retry(ctx context.Context, op func() error) error {
	wait := 20 * time.Millisecond
	for {
		err := op()
		if err == nil || !errors.Is(err, fs.ErrPermission) || wait > time.Second {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
			wait *= 2
		}
	}
}
