package watch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"
)

// DueList is the list of open orders that lies in the outbox for staff.
const DueList = "DUE-LIST.html"

// Place is where an order without a final answer lies.
type Place string

// The places.
const (
	InOutbox   Place = "waiting"  // dropped and not claimed yet
	InWork     Place = "working"  // claimed
	OnHold     Place = "held"     // stopped, until it is corrected
	InExtended Place = "extended" // told that it takes longer
)

// Unanswered is an order without a final answer. Its names are patient data.
type Unanswered struct {
	Place Place
	File  string // the order's file, below the outbox; "" if it is gone
	Order string // of a hold or an extension, as its twin names it

	Release string // of a hold or an extension: what the ledger calls it

	Shown string // what staff should look at, below the outbox

	// Fresh says that the file is better left alone: somebody may be writing it, or
	// its bytes are not on this computer.
	Fresh bool
	Size  int64     // of the file
	Since time.Time // its modification time, of a dropped file; of the answer's twin otherwise
}

// Unanswered lists the orders without a final answer, as they lie in the outbox.
// It changes nothing and may run beside Run, also in another process. A hold of
// another file under an order's number is not listed.
func (o *Outbox) Unanswered() ([]Unanswered, error) {
	here, err := o.Look()
	if err != nil {
		return nil, err
	}
	var all []Unanswered
	for _, name := range here.Pending {
		if _, sig := cutSignature(name); !sig {
			all = o.found(all, Unanswered{Place: InOutbox, File: name, Shown: name})
		}
	}
	ids, _, err := o.folders()
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		c := &Claim{ID: id, box: o}
		var note record
		if c.Recall(claimNote, &note) == nil && note.File != "" {
			all = o.found(all, Unanswered{Place: InWork, File: c.path(note.File)})
		}
	}
	for kind, place := range map[Kind]Place{Held: OnHold, Extended: InExtended} {
		if all, err = o.foundIn(all, kind, place); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// found adds an order whose file is there.
func (o *Outbox) found(all []Unanswered, u Unanswered) []Unanswered {
	info, err := o.root().Lstat(u.File)
	if err != nil || !info.Mode().IsRegular() {
		return all
	}
	u.Size, u.Since = info.Size(), info.ModTime()
	u.Fresh = u.Place == InOutbox && (cloudOnly(info) || o.opts.Now().Sub(u.Since) < o.opts.Settle)
	return append(all, u)
}

// foundIn adds the orders of the answers of a kind.
func (o *Outbox) foundIn(all []Unanswered, kind Kind, place Place) ([]Unanswered, error) {
	entries, err := fs.ReadDir(o.root().FS(), string(kind))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list answers: %w", Scrub(err))
	}
	for _, e := range entries {
		dir := path.Join(string(kind), e.Name())
		info, err := o.root().Lstat(path.Join(dir, Twin(kind)))
		if err != nil || !info.Mode().IsRegular() {
			continue // not an answer of ours
		}
		t := o.twinAt(kind, dir)
		if t.Release == "" || strings.Contains(t.Release, Apart) {
			continue
		}
		u := Unanswered{Place: place, Order: t.Order, Release: t.Release, Shown: dir, Since: info.ModTime()}
		for _, name := range []string{"dropped " + t.File, t.File} {
			file := path.Join(dir, path.Base(name))
			if info, err := o.root().Lstat(file); err == nil && info.Mode().IsRegular() {
				u.File, u.Size = file, info.Size()
				break
			}
		}
		all = append(all, u)
	}
	return all, nil
}

// ReadOrder reads the file of an order without an answer, at most MaxOrderBytes
// and one more.
func (o *Outbox) ReadOrder(u Unanswered) ([]byte, error) {
	f, err := o.root().Open(u.File)
	if err != nil {
		return nil, fmt.Errorf("read order: %w", Scrub(err))
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, MaxOrderBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read order: %w", Scrub(err))
	}
	return b, nil
}

// maxTwin bounds the machine-readable file of an answer, in bytes.
const maxTwin = 1 << 20

// ReadTwin reads the machine-readable file of an answer, whose folder is named as
// Unanswered shows it.
func (o *Outbox) ReadTwin(k Kind, folder string) ([]byte, error) {
	f, err := o.root().Open(path.Join(folder, Twin(k)))
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", Scrub(err))
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxTwin))
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", Scrub(err))
	}
	return b, nil
}

// RecallAt reads a note of an order in work; see [Claim.Recall].
func (o *Outbox) RecallAt(u Unanswered, name string, v any) error {
	b, err := o.root().ReadFile(path.Join(path.Dir(u.File), notesDir, name))
	if err != nil {
		return fmt.Errorf("read note: %w", Scrub(err))
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("decode note: %w", ErrDamaged)
	}
	return nil
}

// PutDueList writes the list of open orders; it appears whole. The outbox may be
// away for a moment: then the list is written later.
func (o *Outbox) PutDueList(b []byte) error {
	if _, err := o.follow(); err != nil {
		return err
	}
	root, tmp := o.root(), path.Join(markDir, "due-"+digest(o.opts.Owner)+".tmp")
	if err := root.MkdirAll(markDir, 0o770); err != nil {
		return fmt.Errorf("write due list: %w", Scrub(err))
	}
	if err := writeFile(root, tmp, b); err != nil {
		return fmt.Errorf("write due list: %w", err)
	}
	if err := replaceIn(root, tmp, DueList); err != nil {
		return fmt.Errorf("write due list: %w", Scrub(err))
	}
	return nil
}

// DueListAt is when the list was written last, zero if there is none, and its size: who
// writes at once after has the same time.
func (o *Outbox) DueListAt() (at time.Time, size int64) {
	info, err := o.root().Lstat(DueList)
	if err != nil || !info.Mode().IsRegular() {
		return time.Time{}, 0
	}
	return info.ModTime(), info.Size()
}
