package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The oldest segments may be purged when their time is over. What remains of one is in the
// entry that says so: its last entry's number and hash, from which the chain goes on. That
// entry is covered by the signed head as any other, and is written before anything is
// removed; then the oldest goes first. So at every instant the ledger begins at its first
// entry, or at one that an entry of its own names.

// KeepYears is how long documentation is kept at least, in years: 45 CFR
// 164.316(b)(2)(i), 164.530(j)(2).
const KeepYears = 6

// Segment is a segment that was purged.
type Segment struct {
	File string `json:"file"` // 2026.jsonl
	From uint64 `json:"from"` // its first entry
	To   uint64 `json:"to"`   // its last entry
	Hash string `json:"hash"` // of that one
}

// Errors of a purge.
var (
	// ErrTooEarly: six years after the segment's own year are not over.
	ErrTooEarly = errors.New("segment of the ledger must still be kept")
	// ErrNoSegment: the ledger has no such segment.
	ErrNoSegment = errors.New("ledger has no such segment")
)

// mayGo says that six years after a segment's own year were over at a time; whoever has the
// key and wants to hide a later year must lie about the time of an entry.
func mayGo(file string, at time.Time) bool {
	year, err := strconv.Atoi(file[:min(4, len(file))])
	return err == nil && at.UTC().Year() > year+KeepYears
}

// purgedSegment is a segment and when an entry named it as purged.
type purgedSegment struct {
	Segment

	at time.Time
}

// Beginning is where a ledger begins whose first segments were purged.
type Beginning struct {
	Head // the last entry that was purged; zero if none was

	Purged time.Time // when an entry said so, for the first time
}

// hasty says that a head was signed so late that its entry could not be purged yet. Its
// segment is named by who writes the entry, and may be called after any year: what the store
// has kept under lock says when it was. (A crash can have a head signed anew later; a purge
// waits for ninety days more than six years.)
func (b Beginning) hasty(h SignedHead) bool {
	return h.Seq <= b.Seq && h.proven && h.At.AddDate(KeepYears, 0, 0).After(b.Purged)
}

// Ahead is a [*BrokenError] if the entry that says what was purged is of a time that has not
// come yet, for then nothing says how old that was.
func (b Beginning) Ahead(now time.Time) error {
	if b.Purged.After(now.AddDate(0, 0, 1)) {
		return &BrokenError{Seq: b.Seq, Fault: Ahead}
	}
	return nil
}

// beginning is where a chain begins that was vouched for.
func (c *chain) beginning() Beginning {
	b := Beginning{Head: c.begins}
	for _, s := range c.purged {
		if s.ends(c.begins) && (b.Purged.IsZero() || s.at.Before(b.Purged)) {
			b.Purged = s.at
		}
	}
	return b
}

// ends says that a segment's last entry is this one.
func (s Segment) ends(h Head) bool { return s.To == h.Seq && s.Hash == h.Hash }

// purgedMark is in no line but those of [Purged]: quotes inside texts are escaped.
var purgedMark = []byte(`,"event":"` + string(Purged) + `",`)

// purgedTo is the last of the entries that an entry names as purged, in its time; 0 if none.
func (e *Entry) purgedTo() (to uint64) {
	for _, s := range e.Segments {
		if mayGo(s.File, e.At) {
			to = max(to, s.To)
		}
	}
	return to
}

// excuse notes what an entry names as purged, where the beginning is missing.
func (c *chain) excuse(line []byte) error {
	if c.begins.Seq == 0 || !bytes.Contains(line, purgedMark) {
		return nil
	}
	e, err := decode(line)
	if err != nil {
		return err
	}
	for _, s := range e.Segments {
		if mayGo(s.File, e.At) {
			c.purged = append(c.purged, purgedSegment{s, e.At})
		}
	}
	return nil
}

// vouched makes sure that a chain without its beginning has an entry that names the purged
// one before it.
func (c *chain) vouched(segments []string) error {
	if c.begins.Seq == 0 || slices.ContainsFunc(c.purged, func(s purgedSegment) bool { return s.ends(c.begins) }) {
		return nil
	}
	return &BrokenError{segments[0], 1, c.begins.Seq + 1, Missing}
}

// Purge removes the segments up to one, by its file name, after an entry that says so;
// whoever calls has made sure that nothing in them is needed. What they say of entries that
// were lost is said anew first, as far as signed heads of those may still be met. It can be
// repeated after a crash. The errors are ErrNoSegment and ErrTooEarly.
func (l *Ledger) Purge(ctx context.Context, last string, e Entry) (Receipt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := slices.Index(l.segments, last) + 1
	switch {
	case l.stopped != nil:
		return Receipt{}, l.stopped
	case n == 0:
		return Receipt{}, ErrNoSegment
	case !mayGo(last, l.now()):
		return Receipt{}, ErrTooEarly
	}
	e.Key, e.Event = "purged/ledger/"+last, Purged
	if e.Order == "" {
		e.Order = "(ledger)"
	}
	r, err := l.announce(ctx, e, l.segments[:n])
	if err != nil {
		return r, err
	}
	return r, l.removeOldest(n)
}

// announce writes what must be in the ledger before segments go, unless it is there.
func (l *Ledger) announce(ctx context.Context, e Entry, going []string) (Receipt, error) {
	old, err := l.under(e.Key)
	if err != nil {
		return Receipt{}, err
	}
	names := func(file string) bool {
		return slices.ContainsFunc(old.Segments, func(s Segment) bool { return s.File == file })
	}
	if old != nil && !slices.ContainsFunc(going, func(file string) bool { return !names(file) }) { // begun before a crash
		return Receipt{old.Seq, old.Hash}, l.cover()
	}
	if old != nil { // an older segment was put back
		e.Key = fmt.Sprintf("%s/%d", e.Key, l.chain.head.Seq)
	}
	var losses []Entry
	if e.Segments, e.Began, losses, err = l.outgoing(ctx, going); err != nil {
		return Receipt{}, err
	}
	for _, again := range losses {
		if _, err := l.append(ctx, again); err != nil {
			return Receipt{}, err
		}
	}
	return l.append(ctx, e)
}

// outgoing reads what the entry says of segments that go, when the ledger began, and which
// lost entries must be said anew.
func (l *Ledger) outgoing(ctx context.Context, going []string) (out []Segment, began time.Time, losses []Entry, err error) {
	var fault error
	_, _, err = walk(ctx, l.dir, l.chain.head.Seq, func(file string, _ int, h header, text []byte) bool {
		goes := slices.Contains(going, file)
		if goes {
			out = endIn(out, file, h)
		}
		if says := bytes.Contains(text, purgedMark) || goes && bytes.Contains(text, restoredMark); h.seq > 1 && !says {
			return true
		}
		var old *Entry
		if old, fault = decode(text); fault != nil {
			return false
		}
		switch {
		case h.seq == 1:
			began = old.At
		case !old.Began.IsZero():
			began = old.Began
		}
		if goes && old.Lost != nil {
			losses = append(losses, old.again())
		}
		return true
	}, new([]string))
	if err = errors.Join(fault, err); err != nil {
		return nil, began, nil, err
	}
	gone := Beginning{Head{Seq: out[len(out)-1].To}, l.now()}
	return out, began, slices.DeleteFunc(losses, func(e Entry) bool { // nothing compares such heads any more
		return e.Lost.Key == "" && e.Lost.To < gone.Seq && !gone.hasty(SignedHead{Head: Head{Seq: e.Lost.To}, At: e.Lost.Until, proven: true})
	}), nil
}

// endIn makes an entry the last of its segment.
func endIn(all []Segment, file string, h header) []Segment {
	if n := len(all); n == 0 || all[n-1].File != file {
		all = append(all, Segment{File: file, From: h.seq})
	}
	s := &all[len(all)-1]
	s.To, s.Hash = h.seq, string(h.hash)
	return all
}

// again is an entry that says of lost entries what this one said.
func (e *Entry) again() Entry {
	out := *e
	out.Lost = e.LostUntil()
	if e.Lost.Until.IsZero() { // said for the first time
		out.Notices = append(slices.Clone(e.Notices), fmt.Sprintf("said anew when entry %d was purged", e.Seq))
	}
	out.Key = fmt.Sprintf("restored/again/%d", e.Seq)
	return out
}

// removeOldest removes the oldest segments, and what crashes left of lines of theirs.
func (l *Ledger) removeOldest(n int) error {
	for ; n > 0; n-- {
		name := l.segments[0]
		if err := l.removeSegment(name); err != nil {
			return err
		}
		l.segments = l.segments[1:]
		l.keys.dropSegment()
	}
	return nil
}

func (l *Ledger) removeSegment(name string) error {
	files, err := os.ReadDir(l.dir)
	if err != nil {
		return bare(err)
	}
	for _, f := range slices.Backward(files) { // the segment itself comes last
		if torn := strings.HasPrefix(f.Name(), name+".") && strings.HasSuffix(f.Name(), ".torn"); f.Name() != name && !torn {
			continue
		}
		if err := os.Remove(filepath.Join(l.dir, f.Name())); err != nil {
			return bare(err)
		}
	}
	return syncFolder(l.dir)
}
