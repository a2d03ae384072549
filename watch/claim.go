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

	box *Outbox
}

// notesDir holds what the release must remember until it is answered. It is
// inside the outbox because it may hold patient data.
const notesDir = ".notes"

// claim renames the file into a folder of its own. It returns nil when another
// daemon was faster. A file still open for writing on Windows cannot be
// renamed: the error is retried by the next scan.
func (o *Outbox) claim(name string) (*Claim, error) {
	c := o.newClaim(name)
	if err := o.root().MkdirAll(c.path(notesDir), 0o770); err != nil {
		return nil, fmt.Errorf("make claim folder: %w", Scrub(err))
	}
	err := o.root().Rename(name, c.path(name))
	if err != nil {
		c.discard()
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil //nolint:nilnil // lost the race: nothing to do
		}
		return nil, fmt.Errorf("claim order: %w", Scrub(err))
	}
	delete(o.seen, name)
	// The signature follows; without it the approval rule answers.
	if err := o.root().Rename(name+SignatureSuffix, c.path(name+SignatureSuffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("claim signature: %w", Scrub(err))
	}
	return c, nil
}

// Accept claims an order that was never dropped: the file stays where its owner
// keeps it and a copy is claimed.
func (o *Outbox) Accept(name string, order, signature []byte) (*Claim, error) {
	c := o.newClaim(name)
	if err := o.root().MkdirAll(c.path(notesDir), 0o770); err != nil {
		return nil, fmt.Errorf("make claim folder: %w", Scrub(err))
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
			(&Claim{ID: e.Name(), box: o}).discard()
			continue
		}
		if err != nil {
			return nil, err
		}
		claims = append(claims, c)
	}
	return claims, nil
}

// Working counts the claims that are not answered; it may run beside Run.
func (o *Outbox) Working() (int, error) {
	entries, err := fs.ReadDir(o.root().FS(), workingDir)
	if err != nil {
		return 0, fmt.Errorf("read claims: %w", Scrub(err))
	}
	return len(entries), nil
}

// Claim opens a claim by its ID; the error wraps fs.ErrNotExist when it holds
// no order (any more).
func (o *Outbox) Claim(id string) (*Claim, error) {
	entries, err := fs.ReadDir(o.root().FS(), path.Join(workingDir, id))
	if err != nil {
		return nil, fmt.Errorf("open claim: %w", Scrub(err))
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		// A signature alone is a claim too: one that arrived without its order.
		if name, signed := strings.CutSuffix(e.Name(), SignatureSuffix); signed && contains(entries, name) {
			continue
		}
		return &Claim{ID: id, File: e.Name(), box: o}, nil
	}
	return nil, fmt.Errorf("open claim: %w", fs.ErrNotExist)
}

func contains(entries []fs.DirEntry, name string) bool {
	for _, e := range entries {
		if e.Name() == name {
			return true
		}
	}
	return false
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
