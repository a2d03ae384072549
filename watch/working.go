package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"
)

// emptyAge is how long a folder in working/ without an order is left alone:
// another daemon may just be claiming into it.
const emptyAge = 10 * time.Minute

// empty is a folder without an order, by our own clock.
type empty struct{ since time.Time }

// Claims returns what an earlier run of this daemon had claimed and not
// answered, and removes empty claims. It must not run beside Run. The error is ErrAway
// when the folder of claims is not there to be read.
func (o *Outbox) Claims() ([]*Claim, error) {
	ids, _, err := o.folders()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAway, err)
	}
	mine, err := o.mine()
	if err != nil {
		return nil, err
	}
	var claims []*Claim
	for _, id := range ids {
		c := &Claim{ID: id, box: o}
		note, err := c.note()
		if errors.Is(err, ErrNoClaim) {
			if !o.opts.Shared {
				_ = c.discard() // not while another daemon may be claiming
			}
			continue
		}
		if err != nil {
			continue // one locked folder must not keep the others waiting: the scans see to it
		}
		if !mine(note.Owner) || note.ID != id && note.ID != "" {
			continue // another daemon's; renamed: the first scan sees to it
		}
		c, err = o.openClaim(id)
		if errors.Is(err, ErrNoClaim) {
			_ = (&Claim{ID: id, box: o}).discard()
			continue
		}
		if err != nil {
			continue
		}
		if note.Signature != "" { // a crash may have come between the two
			if c.claimSignature(context.Background(), note.Signature) != nil {
				o.know(id)
				o.unripe = append(o.unripe, &unripe{claim: c, signature: note.Signature, since: o.opts.Now()})
				continue
			}
		}
		claims = append(claims, c)
	}
	return claims, nil
}

// mine tells whose claims are ours: our own, and those of an owner that is
// not recorded any more.
func (o *Outbox) mine() (func(owner string) bool, error) {
	all, err := owners(o.root(), o.opts.Owner)
	if err != nil {
		return nil, err
	}
	others := map[string]bool{}
	for _, w := range all {
		others[w.Owner] = w.Owner != o.opts.Owner
	}
	return func(owner string) bool { return !others[owner] }, nil
}

// inherit gives the claims of another owner to us.
func (o *Outbox) inherit(from string) error {
	ids, _, err := o.folders()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, id := range ids {
		c := &Claim{ID: id, box: o}
		var note record
		if c.Recall(claimNote, &note) != nil || note.Owner != from {
			continue
		}
		note.Owner = o.opts.Owner
		if err := c.Note(claimNote, note); err != nil {
			return err
		}
	}
	return nil
}

// folders lists working/: folders that may be claims, and what else lies there.
func (o *Outbox) folders() (ids, others []string, err error) {
	entries, err := fs.ReadDir(o.root().FS(), workingDir)
	if err != nil {
		return nil, nil, fmt.Errorf("read claims: %w", Scrub(err))
	}
	for _, e := range entries {
		switch {
		case strings.HasPrefix(e.Name(), ".") || !e.IsDir() && ignored(e.Name()):
		case e.IsDir():
			ids = append(ids, e.Name())
		default:
			others = append(others, e.Name())
		}
	}
	return ids, others, nil
}

// Working counts the claims that are not answered; it may run beside Run.
func (o *Outbox) Working() (int, error) {
	ids, _, err := o.folders()
	if err != nil {
		return 0, err
	}
	n := 0
	for _, id := range ids {
		if (&Claim{ID: id, box: o}).waits() {
			n++
		}
	}
	return n, nil
}

// waits reports whether an order lies in the claim, or may do so.
func (c *Claim) waits() bool {
	var note record
	err := c.Recall(claimNote, &note)
	switch {
	case err == nil && note.File != "":
		_, err = c.box.root().Lstat(c.path(note.File))
	case err == nil, errors.Is(err, fs.ErrNotExist), errors.Is(err, ErrDamaged): // the next scan makes it a claim again
		_, err = c.onlyOrder()
		return !errors.Is(err, ErrNoClaim)
	default:
		return true // cannot be read for now
	}
	return err == nil
}

// tend looks after working/: it finds claims nobody works on, gives renamed
// folders their names back and removes empty ones after a while.
func (o *Outbox) tend(s *Survey) (found []*Claim, err error) {
	if o.opts.Owner == "" {
		return nil, nil // whose the claims are cannot be told
	}
	ids, others, err := o.folders()
	if err != nil {
		return nil, err
	}
	for _, name := range others {
		s.Left = append(s.Left, Left{path.Join(workingDir, name), "dropped where chartseal works; drop it into the outbox itself"})
	}
	mine, err := o.mine()
	if err != nil {
		return nil, err
	}
	vacant := map[string]empty{}
	for _, id := range ids {
		if o.knows(id) {
			continue
		}
		if c := o.tendOne(id, mine, vacant, s); c != nil {
			found = append(found, c)
		}
	}
	o.empty = vacant
	return found, nil
}

// unreadable is said of a claim that nobody can work on for now.
const unreadable = "an order that was picked up and cannot be read at the moment"

// tendOne returns the claim when somebody must work on it.
func (o *Outbox) tendOne(id string, mine func(string) bool, vacant map[string]empty, s *Survey) *Claim {
	c := &Claim{ID: id, box: o}
	note, err := c.note()
	switch {
	case errors.Is(err, ErrNoClaim):
		o.tidy(c, vacant, s)
		return nil
	case err != nil:
		s.Left = append(s.Left, Left{path.Join(workingDir, id), unreadable})
		return nil // looked at again with the next scan
	case !mine(note.Owner):
		return nil
	}
	switch c, err = o.openClaim(id); {
	case errors.Is(err, ErrNoClaim):
		o.tidy(&Claim{ID: id, box: o}, vacant, s)
		return nil
	case err != nil:
		s.Left = append(s.Left, Left{path.Join(workingDir, id), unreadable})
		return nil
	}
	if note.ID != id && note.ID != "" {
		if _, err := o.root().Lstat(path.Join(workingDir, note.ID)); err == nil {
			s.Left = append(s.Left, Left{path.Join(workingDir, id), "a copy of a folder chartseal works in"})
			return nil
		}
		if o.root().Rename(c.path(), path.Join(workingDir, note.ID)) != nil {
			return nil
		}
		c.ID = note.ID
		if o.knows(c.ID) {
			return nil // whoever works on it goes on
		}
	}
	if o.wasLost(c.ID) && c.renew() != nil {
		return nil
	}
	o.know(c.ID)
	return c
}

func (o *Outbox) wasLost(id string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lost[id]
}

// renew makes a claim that was reported gone a new one: its release has ended.
func (c *Claim) renew() error {
	root, was := c.box.root(), c.path()
	if err := root.RemoveAll(c.path(notesDir)); err != nil {
		return Scrub(err)
	}
	c.ID = c.box.newClaim(c.File).ID
	if err := root.Rename(was, c.path()); err != nil {
		c.box.forget(c.ID)
		return Scrub(err)
	}
	return c.begin(record{ID: c.ID, File: c.File, Owner: c.box.opts.Owner})
}

// tidy removes a folder without an order once it is old enough. What holds
// anything that is not ours stays and is named.
func (o *Outbox) tidy(c *Claim, vacant map[string]empty, s *Survey) {
	was, ok := o.empty[c.ID]
	now := o.opts.Now()
	if !ok || now.Before(was.since) {
		was = empty{now}
	}
	vacant[c.ID] = was
	if now.Sub(was.since) < emptyAge {
		return
	}
	if err := c.discard(); err == nil {
		if _, err := o.root().Lstat(c.path()); errors.Is(err, fs.ErrNotExist) {
			delete(vacant, c.ID)
			return
		}
	}
	s.Left = append(s.Left, Left{c.path(), "holds files that are not chartseal's"})
}

// restore gives a claim's folder its name back when it was only renamed.
func (o *Outbox) restore(id string) bool {
	ids, _, err := o.folders()
	if err != nil {
		return false
	}
	for _, name := range ids {
		var note record
		c := &Claim{ID: name, box: o}
		if name == id || c.Recall(claimNote, &note) != nil || note.ID != id {
			continue
		}
		if _, err := o.root().Lstat(c.path(note.File)); err != nil {
			continue
		}
		return o.root().Rename(c.path(), path.Join(workingDir, id)) == nil
	}
	return false
}

// discard removes the claim's folder and what chartseal and systems put there,
// never anything else: a folder that is not empty then stays, and an order in
// it becomes a claim of its own. An earlier hold is not ours to remove.
func (c *Claim) discard() error {
	root := c.box.root()
	entries, err := fs.ReadDir(root.FS(), c.path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return Scrub(err)
	}
	var errs []error
	others := false
	for _, e := range entries {
		name := c.path(e.Name())
		switch {
		case e.Name() == notesDir: // last
		case e.Name() == oldDir:
			others = root.Remove(name) != nil || others
		case e.IsDir() && e.Name() == outDir, e.Type().IsRegular() && ignored(e.Name()):
			errs = append(errs, root.RemoveAll(name))
		default:
			others = true
		}
	}
	errs = append(errs, root.RemoveAll(c.path(notesDir)))
	if !others {
		errs = append(errs, root.Remove(c.path()))
	}
	return Scrub(errors.Join(errs...))
}
