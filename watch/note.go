package watch

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
)

// notesDir holds what the release must remember until it is answered. It is
// inside the outbox because it may hold patient data.
const notesDir = ".notes"

// Note keeps v as JSON with the claim until the order is answered. The write
// is atomic and durable.
func (c *Claim) Note(name string, v any) error {
	_, err := c.NoteSum(name, v)
	return err
}

// NoteSum is Note, and tells the SHA-256 of what was written, in hexadecimal: whoever can
// drop orders can write into notes as well.
func (c *Claim) NoteSum(name string, v any) (sum string, err error) {
	root, file := c.box.root(), c.path(notesDir, name)
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode note: %w", err)
	}
	if err := writeFile(root, file+".tmp", b); err != nil {
		return "", fmt.Errorf("write note: %w", err)
	}
	if err := replaceIn(root, file+".tmp", file); err != nil {
		return "", fmt.Errorf("write note: %w", Scrub(err))
	}
	return sumOf(b), c.box.syncDir(c.path(notesDir))
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// ErrDamaged says that a note is not the JSON that was written.
var ErrDamaged = errors.New("the note is damaged")

// Recall reads a note; the error wraps fs.ErrNotExist when there is none, and
// ErrDamaged when it cannot be understood.
func (c *Claim) Recall(name string, v any) error { return c.RecallSum(name, "", v) }

// RecallSum is Recall of a note as NoteSum wrote it: ErrDamaged if it is another one. Without
// a sum any is taken.
func (c *Claim) RecallSum(name, sum string, v any) error {
	b, err := c.box.root().ReadFile(c.path(notesDir, name))
	if err != nil {
		return fmt.Errorf("read note: %w", Scrub(err))
	}
	if sum != "" && sumOf(b) != sum {
		return fmt.Errorf("read note: %w", ErrDamaged)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("decode note: %w", ErrDamaged) // the cause may quote it
	}
	return nil
}

// RecallOf is Recall for who only looks: it opens no claim and changes nothing.
func (o *Outbox) RecallOf(claim, name string, v any) error {
	return (&Claim{ID: claim, box: o}).Recall(name, v)
}

// Forget drops a note.
func (c *Claim) Forget(name string) error {
	if err := c.box.root().Remove(c.path(notesDir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("drop note: %w", Scrub(err))
	}
	return nil
}

// note reads what makes the folder a claim. Without it the folder is still
// one when exactly one order lies in it: a person may have deleted the notes.
func (c *Claim) note() (record, error) {
	var n record
	err := c.Recall(claimNote, &n)
	if err == nil && n.File != "" {
		return n, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrDamaged) {
		return n, err
	}
	file, err := c.onlyOrder()
	if err != nil {
		return n, err
	}
	n = record{ID: c.ID, File: file, Owner: c.box.opts.Owner}
	if !idForm.MatchString(c.ID) { // a folder of staff's own: the next scan gives it this name
		n.ID = newID()
	}
	if err := c.begin(n); err != nil {
		return n, err
	}
	return n, nil
}

// onlyOrder names the one order in a folder without notes.
func (c *Claim) onlyOrder() (string, error) {
	entries, err := fs.ReadDir(c.box.root().FS(), c.path())
	if errors.Is(err, fs.ErrNotExist) {
		return "", ErrNoClaim
	}
	if err != nil {
		return "", fmt.Errorf("open claim: %w", Scrub(err))
	}
	orders, signatures := []string{}, []string{}
	for _, e := range entries {
		if !e.Type().IsRegular() || ignored(e.Name()) {
			continue
		}
		if _, sig := cutSignature(e.Name()); sig {
			signatures = append(signatures, e.Name())
		} else {
			orders = append(orders, e.Name())
		}
	}
	if len(orders) == 0 {
		orders = signatures
	}
	if len(orders) != 1 {
		return "", ErrNoClaim
	}
	return orders[0], nil
}
