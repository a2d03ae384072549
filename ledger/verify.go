package ledger

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io/fs"
	"iter"
	"slices"

	"aead.dev/minisign"
)

// Report is what Verify saw.
type Report struct {
	Head     Head     // the last entry that holds
	Segments []string // file names, oldest first
	// Begins is the entry before the first that is there, of which the segment was purged
	// when its time was over; zero if that is the ledger's first.
	Begins Beginning
	Purged int // known heads of entries that were purged: nothing compares them any more
	Known  int // known heads that were found in the chain
	// Torn is the length in bytes of an incomplete last line: a crash in the
	// middle of a write, or an entry that is being written now.
	Torn int64
	// Signed is the signed head beside the ledger, nil if there is none.
	Signed *SignedHead
	// Restored are the entries with which persons went on with a ledger that was
	// brought back from a backup.
	Restored []Entry
}

// Verify checks every entry of the ledger in a folder, without locking it. It
// returns a [*BrokenError] for the first entry that does not hold. Heads that
// are known from elsewhere (a signed head, a receipt) must be in the chain: only
// they show that lines were cut off at the end, or the ledger written anew. A folder that
// does not exist is an empty ledger.
func Verify(ctx context.Context, dir string, known ...Head) (Report, error) {
	heads := make([]SignedHead, len(known))
	for i, h := range known {
		heads[i].Head = h
	}
	c, err := compare(ctx, dir, heads)
	if err == nil {
		err = c.misfit()
	}
	return c.report, err
}

// VerifySigned is Verify against the signed head beside the ledger, and against
// signed heads that were kept elsewhere. Of those it forgives what a [Restored]
// entry names as lost.
func VerifySigned(ctx context.Context, dir string, by minisign.PublicKey, elsewhere ...SignedHead) (Report, error) {
	own, err := readHead(dir, by)
	if err != nil {
		return Report{}, err
	}
	heads := slices.Clone(elsewhere)
	if own != nil {
		heads = append(heads, *own)
	}
	c, err := compare(ctx, dir, heads)
	if err == nil {
		err = c.misfit()
	}
	c.report.Signed = own
	if err != nil {
		return c.report, err
	}
	return c.report, covered(dir, by, c.report.Head)
}

// covered makes sure that the last entry that was read was signed. The daemon may have gone
// on meanwhile: it promises a head before it writes the entry and renames it after, so who
// looks for the promise first misses neither.
func covered(dir string, by minisign.PublicKey, last Head) error {
	next := promised(dir, by)
	own, err := readHead(dir, by)
	if err != nil {
		return err
	}
	var signed uint64
	if own != nil {
		signed = own.Seq
	}
	switch {
	case last.Seq <= signed, last.Seq == signed+1 && next != nil && next.Head == last:
		return nil
	case own == nil:
		return &BrokenError{Fault: Beheaded}
	}
	return &BrokenError{Seq: signed + 1, Fault: Unsigned}
}

// Lacks compares the ledger in a folder, whose chain must hold, with signed heads
// and tells what it lacks: nil if they are all in it, or forgiven.
func Lacks(ctx context.Context, dir string, heads ...SignedHead) (*Loss, error) {
	c, err := compare(ctx, dir, heads)
	if err != nil || len(c.odd) == 0 {
		return nil, err
	}
	last := c.odd[len(c.odd)-1]
	lost := &Loss{From: min(c.report.Head.Seq+1, c.odd[0].Seq), To: last.Seq, Hash: last.Hash, At: last.At}
	for _, o := range c.odd { // a clock may have been set back
		if o.At.After(lost.At) {
			lost.At = o.At
		}
	}
	for e, err := range Entries(ctx, dir) {
		if err != nil {
			return nil, err
		}
		if e.At.After(lost.At) { // written after the copy was restored, in place of one that is lost
			lost.From = min(lost.From, e.Seq)
			break
		}
	}
	return lost, nil
}

// comparison is a chain beside heads that are known otherwise.
type comparison struct {
	report Report
	heads  []SignedHead
	odd    []oddity // heads that the chain does not have
}

type oddity struct {
	SignedHead
	segment string
	line    int // 0: past the end
	fault   Fault
}

func compare(ctx context.Context, dir string, heads []SignedHead) (c comparison, err error) {
	c.heads = heads
	at := map[uint64][]int{}
	for i, h := range heads {
		at[h.Seq] = append(at[h.Seq], i)
	}
	var stop error
	found, torn, err := walk(ctx, dir, 0, func(segment string, line int, h header, text []byte) bool {
		for _, i := range at[h.seq] {
			c.meet(heads[i], h, segment, line)
		}
		if bytes.Contains(text, restoredMark) {
			var e *Entry
			if e, stop = decode(text); stop != nil {
				return false
			}
			c.report.Restored = append(c.report.Restored, *e)
		}
		return true
	}, &c.report.Segments)
	c.report.Head, c.report.Begins, c.report.Torn = found.head, found.beginning(), torn
	if err = errors.Join(stop, err); err != nil {
		return c, err
	}
	c.outside()
	c.odd = slices.DeleteFunc(c.odd, func(o oddity) bool { return c.forgiven(o.SignedHead) })
	slices.SortStableFunc(c.odd, func(a, b oddity) int { return cmp.Compare(a.Seq, b.Seq) })
	return c, nil
}

// restoredMark is in no line but those of [Restored]: quotes inside texts are escaped.
var restoredMark = []byte(`,"event":"` + string(Restored) + `",`)

func (c *comparison) meet(known SignedHead, h header, segment string, line int) {
	if known.Hash != string(h.hash) {
		c.odd = append(c.odd, oddity{known, segment, line, Replaced})
		return
	}
	c.report.Known++
}

// forgiven says that a person went on although the entries of this head are lost. A
// head that was signed later is not among them.
func (c *comparison) forgiven(h SignedHead) bool {
	return slices.ContainsFunc(c.report.Restored, func(e Entry) bool {
		return e.Lost != nil && e.Lost.Key == "" && e.LostUntil().Covers(h)
	})
}

// Covers is whether a head is of the entries that were lost until Until.
func (l *Loss) Covers(h SignedHead) bool {
	return !h.At.IsZero() && !h.At.After(l.Until) && l.From <= h.Seq && h.Seq <= l.To
}

// outside compares the heads of entries that are not there: those past the end, and those
// that were purged, of which the chain knows the last one's hash alone.
func (c *comparison) outside() {
	begins := c.report.Begins
	for _, h := range c.heads {
		switch {
		case h.Seq > c.report.Head.Seq:
			c.odd = append(c.odd, oddity{SignedHead: h, fault: Cut})
		case begins.hasty(h):
			c.odd = append(c.odd, oddity{SignedHead: h, fault: Hasty})
		case h.Seq < begins.Seq:
			c.report.Purged++
		case h.Seq == begins.Seq && h.Hash == begins.Hash:
			c.report.Known++
		case h.Seq == begins.Seq && h.Seq > 0:
			c.odd = append(c.odd, oddity{h, c.report.Segments[0], 1, Replaced})
		}
	}
}

// misfit is the first head that the chain does not have.
func (c *comparison) misfit() error {
	if len(c.odd) == 0 {
		return nil
	}
	o := c.odd[0]
	if o.fault == Cut {
		o.Seq = c.report.Head.Seq + 1
	}
	return &BrokenError{o.segment, o.line, o.Seq, o.fault}
}

// walk checks a ledger up to an entry, or to its end if last is 0.
func walk(ctx context.Context, dir string, last uint64, each func(segment string, line int, h header, text []byte) bool, names *[]string) (c chain, torn int64, err error) {
	files, err := openSegments(dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // it was not begun, or is gone: the heads know
	}
	if err != nil {
		return c, 0, err
	}
	defer func() { closeAll(files) }()
	*names = namesOf(files)
	var rest remainder
	for i, f := range files {
		if rest.torn() {
			return c, 0, &BrokenError{(*names)[i-1], c.line + 1, c.head.Seq + 1, Malformed}
		}
		name, more := (*names)[i], true
		rest, err = c.segment(ctx, name, f, func(h header, text []byte, _ int64) bool {
			more = each(name, c.line, h, text) && (last == 0 || h.seq < last)
			return more
		})
		if err != nil || !more {
			return c, 0, err
		}
	}
	return c, int64(len(rest.bytes)), c.vouched(*names)
}

// Entries goes through the ledger from the first entry to the one that is the
// last now, checking each. It ends with an error where the chain does not hold.
func (l *Ledger) Entries(ctx context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if head := l.Head(); head.Seq > 0 {
			entries(ctx, l.dir, head.Seq, yield)
		}
	}
}

// Entries goes through the ledger in a folder without opening it for writing,
// checking each entry. A folder that does not exist has none.
func Entries(ctx context.Context, dir string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) { entries(ctx, dir, 0, yield) }
}

func entries(ctx context.Context, dir string, last uint64, yield func(Entry, error) bool) {
	var stop error
	var segments []string
	ended := false
	_, _, err := walk(ctx, dir, last, func(_ string, _ int, _ header, text []byte) bool {
		e, err := decode(text)
		if err != nil {
			stop = err
			return false
		}
		ended = !yield(*e, nil)
		return !ended
	}, &segments)
	if err = errors.Join(stop, err); err != nil && !ended && !errors.Is(err, fs.ErrNotExist) {
		yield(Entry{}, err)
	}
}

// Mark is an entry without what it says.
type Mark struct {
	Head
	Prev   string // the hash of the entry before
	Lost   *Loss  // of a [Restored] entry, with Until
	Purged uint64 // of a [Purged] entry: the last of the entries that went
}

// Marks goes through the ledger in a folder, checking each entry, without reading what it
// says. A folder that does not exist has none.
func Marks(ctx context.Context, dir string) iter.Seq2[Mark, error] {
	return func(yield func(Mark, error) bool) {
		var stop error
		var segments []string
		ended := false
		_, _, err := walk(ctx, dir, 0, func(_ string, _ int, h header, text []byte) bool {
			m := Mark{Head: Head{h.seq, string(h.hash)}, Prev: string(h.prev)}
			if bytes.Contains(text, restoredMark) || bytes.Contains(text, purgedMark) {
				var e *Entry
				if e, stop = decode(text); stop != nil {
					return false
				}
				m.Lost, m.Purged = e.LostUntil(), e.purgedTo()
			}
			ended = !yield(m, nil)
			return !ended
		}, &segments)
		if err = errors.Join(stop, err); err != nil && !ended && !errors.Is(err, fs.ErrNotExist) {
			yield(Mark{}, err)
		}
	}
}

// LostUntil is what an entry names as lost, with the time until which heads of it were
// signed: that of the entry, or of the head it names, which a clock that was ahead signed.
// nil if it names nothing.
func (e *Entry) LostUntil() *Loss {
	if e.Lost == nil {
		return nil
	}
	lost := *e.Lost
	if !lost.Until.IsZero() {
		return &lost
	}
	if lost.Until = e.At; lost.At.After(e.At) {
		lost.Until = lost.At
	}
	return &lost
}

// Has tells which of some heads are in the ledger of a folder, as far as its chain
// holds; a folder that does not exist has none. Those of entries that were purged before
// the last purged one count as there: nothing compares them any more but the time of their
// signing with that of the purge, for which it tells where the ledger begins.
func Has(ctx context.Context, dir string, heads []Head) (found []Head, begins Beginning, err error) {
	if len(heads) == 0 {
		return nil, begins, nil
	}
	asked := map[uint64][]Head{}
	for _, h := range heads {
		asked[h.Seq] = append(asked[h.Seq], h)
	}
	var names []string
	c, _, err := walk(ctx, dir, 0, func(_ string, _ int, h header, _ []byte) bool {
		for _, known := range asked[h.seq] {
			if known.Hash == string(h.hash) {
				found = append(found, known)
			}
		}
		return true
	}, &names)
	if err == nil {
		begins = c.beginning()
		for _, h := range heads {
			if h.Seq < begins.Seq || h == begins.Head && h.Seq > 0 {
				found = append(found, h)
			}
		}
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrBroken) {
		err = nil
	}
	return found, begins, err
}

// Segments tells what the segments of a ledger's folder hold, oldest first, checking each
// entry; each is handed every entry with its place in what is told in the end.
func Segments(ctx context.Context, dir string, each func(segment int, e *Entry)) (all []Segment, err error) {
	var stop error
	_, _, err = walk(ctx, dir, 0, func(file string, _ int, h header, text []byte) bool {
		all = endIn(all, file, h)
		var e *Entry
		if e, stop = decode(text); stop != nil {
			return false
		}
		each(len(all)-1, e)
		return true
	}, new([]string))
	return all, errors.Join(stop, err)
}
