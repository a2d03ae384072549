package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// GiveBack puts the orders that a daemon had claimed, and will not answer any
// more, back into the outbox, where they are claimed anew; keep names the claims
// that stay. It is for an owner that is dead. Cut short, it may be repeated.
func (o *Outbox) GiveBack(ctx context.Context, owner string, keep func(claim string) bool) (n int, err error) {
	ids, _, err := o.folders()
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		c := &Claim{ID: id, box: o}
		note, err := c.note()
		if err == nil && (note.Owner != owner || keep(id)) {
			continue
		}
		if err == nil {
			c, err = o.openClaim(id)
		}
		if errors.Is(err, ErrNoClaim) {
			continue // empty: removed in time by whoever works here
		}
		if err != nil {
			return n, err
		}
		if err := c.giveBack(ctx); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// giveBack undoes the claim: the signature first, so that no order lies in the
// outbox without it.
func (c *Claim) giveBack(ctx context.Context) error {
	root := c.box.root()
	name, err := c.freeName()
	if err != nil {
		return err
	}
	for _, suffix := range []string{SignatureSuffix, ""} {
		err := retry(ctx, func() error { return root.Rename(c.path(c.File+suffix), name+suffix) })
		if err != nil && (suffix == "" || !errors.Is(err, fs.ErrNotExist)) {
			return fmt.Errorf("give claim back: %w", Scrub(err))
		}
	}
	if err := c.box.syncDir("."); err != nil {
		return err
	}
	return c.discard()
}

// freeName is the order's own name, or one like it: another file may have been
// dropped under it since. A signature that an earlier try gave back is its own.
func (c *Claim) freeName() (string, error) {
	root := c.box.root()
	ext := path.Ext(c.File)
	for i := 1; ; i++ {
		name := c.File
		if i > 1 {
			name = strings.TrimSuffix(c.File, ext) + " (" + strconv.Itoa(i) + ")" + ext
		}
		if _, err := root.Lstat(name); errors.Is(err, fs.ErrNotExist) {
			return name, nil
		} else if err != nil {
			return "", fmt.Errorf("give claim back: %w", Scrub(err))
		}
	}
}
