package dicomfile

import (
	"bytes"
	"context"
	"sync"

	"chartseal/redact"
)

// Bounds of the walk. They are far above what scanners write and far below
// what hurts.
const (
	maxDepth     = 64
	maxElements  = 2_000_000
	maxFragments = 4_000_000 // of compressed images; a whole slide has a fragment for each tile
	pollEvery    = 4096      // elements between two looks at the context
)

// visitor is told about every element in file order. Elements are valid during
// the call only.
type visitor interface {
	// leaf is an element with a value.
	leaf(e *element) error
	// enter is a sequence; false skips its content.
	enter(e *element) (bool, error)
	item(e *element) error    // header of an item
	itemEnd(e *element) error // e.end is set
	leave(e *element) error   // e.end is set
}

// nothing is the visitor of content that is skipped: structure is checked all
// the same.
type nothing struct{}

func (nothing) leaf(*element) error          { return nil }
func (nothing) enter(*element) (bool, error) { return true, nil }
func (nothing) item(*element) error          { return nil }
func (nothing) itemEnd(*element) error       { return nil }
func (nothing) leave(*element) error         { return nil }

// walker walks the structure of a data set (PS3.5 section 7) over a bounded
// window. Every length must fit its parent and the file.
type walker struct {
	win       window
	ctx       context.Context //nolint:containedctx // one walk, one context
	elements  int
	fragments int
	cur       element
	seqs      [maxDepth + 1]element
	items     [maxDepth + 1]element
}

var walkers = sync.Pool{New: func() any { return new(walker) }}

func newWalker(ctx context.Context, src redact.Source) *walker {
	w := walkers.Get().(*walker)
	w.win.open(src, src.Size())
	w.ctx, w.elements, w.fragments = ctx, 0, 0
	return w
}

func (w *walker) close() {
	w.win.close()
	w.win, w.ctx = window{}, nil
	walkers.Put(w)
}

// root walks the main data set from off to the end of the source and returns
// where it ended; only zeros may follow the last element.
func (w *walker) root(v visitor, off int64, syn syntax) (int64, error) {
	for off < w.win.size {
		if pad, err := w.zeros(off); err != nil || pad {
			return off, err
		}
		if err := w.header(off, w.win.size, syn, 0); err != nil {
			return off, err
		}
		if w.cur.tag.group() == delimiterGroup {
			return off, malformed("a delimiter stands where an element should be")
		}
		var err error
		if off, err = w.element(v, w.win.size); err != nil {
			return off, err
		}
	}
	return off, nil
}

// zeros reports that nothing but zeros is left: padding to a block size, which
// some archives add. Eight zeros are no element either: in implicit little
// endian they would be an empty (0000,0000), and a file full of them would be
// looked at again for each.
func (w *walker) zeros(off int64) (bool, error) {
	n := int(min(w.win.size-off, shortHeaderLength))
	for start, polls := off, 0; off < w.win.size; polls++ {
		if polls%pollEvery == pollEvery-1 {
			if err := w.ctx.Err(); err != nil {
				return false, err
			}
		}
		b, err := w.win.bytes(off, n)
		if err != nil {
			return false, err
		}
		switch {
		case len(bytes.TrimLeft(b, "\x00")) == 0:
		case off == start:
			return false, nil
		default:
			return false, malformed("something follows the zeros at the end of the file")
		}
		off += int64(n)
		n = int(min(w.win.size-off, probeSize))
	}
	return true, nil
}

// header reads the element header at off into w.cur.
func (w *walker) header(off, limit int64, syn syntax, depth int) error {
	if w.elements++; w.elements > maxElements {
		return redact.Refuse(redact.TooLarge, "the file has more than %d elements", maxElements)
	}
	if w.elements%pollEvery == 0 {
		if err := w.ctx.Err(); err != nil {
			return err
		}
	}
	if off+shortHeaderLength > limit {
		return w.past(limit)
	}
	b, err := w.win.bytes(off, int(min(longHeaderLength, limit-off)))
	if err != nil {
		return err
	}
	e := &w.cur
	*e = element{tag: syn.tag(b), off: off, depth: depth, syn: syn, fragments: -1}
	return w.lengths(e, b, limit)
}

// lengths reads VR and length (PS3.5 section 7.1).
func (w *walker) lengths(e *element, b []byte, limit int64) error {
	if !e.syn.explicit || e.tag.group() == delimiterGroup {
		e.val, e.length = e.off+shortHeaderLength, e.syn.u32(b[4:])
		if e.tag.group() != delimiterGroup {
			e.vr = dictionaryVR(e.tag)
		}
		return nil
	}
	e.vr = mkVR(b[4], b[5])
	long, ok := knownVRs[e.vr]
	switch {
	case !ok:
		return malformed("an element is of a type that does not exist")
	case !long:
		e.val, e.length = e.off+shortHeaderLength, uint32(e.syn.u16(b[6:]))
	case len(b) < longHeaderLength:
		return w.past(limit)
	default:
		e.val, e.length = e.off+longHeaderLength, e.syn.u32(b[8:])
	}
	return nil
}

// past tells a cut file from a length that lies.
func (w *walker) past(limit int64) error {
	if limit >= w.win.size {
		return errTruncated()
	}
	return malformed("an element is longer than the sequence that holds it")
}

func malformed(why string) error { return redact.Refuse(redact.Malformed, "%s", why) }

// element handles w.cur and returns where the next element starts.
func (w *walker) element(v visitor, limit int64) (int64, error) {
	e := &w.cur
	switch {
	case e.undefined() && e.tag == tagPixelData, e.undefined() && (e.vr == vrOB || e.vr == vrOW):
		if err := w.encapsulated(e, limit); err != nil {
			return 0, err
		}
	case e.vr == vrSQ, e.undefined() && (e.vr == vrUN || !e.syn.explicit):
		return w.sequence(v, limit)
	case e.undefined():
		return 0, errNoLength
	case e.vr == vrUN && e.syn.explicit && dictionaryVR(e.tag) == vrSQ:
		return w.sequence(v, limit)
	default:
		if e.end = e.val + int64(e.length); e.end > limit {
			return 0, w.past(limit)
		}
	}
	end := e.end
	return end, v.leaf(e)
}

// sequence walks the sequence in w.cur (PS3.5 section 7.5).
func (w *walker) sequence(v visitor, limit int64) (int64, error) {
	depth := w.cur.depth + 1
	if depth > maxDepth {
		return 0, redact.Refuse(redact.TooLarge, "sequences are nested more than %d deep", maxDepth)
	}
	e := &w.seqs[depth]
	*e = w.cur
	if !e.undefined() {
		if e.end = e.val + int64(e.length); e.end > limit {
			return 0, w.past(limit)
		}
		limit = e.end
	}
	descend, err := v.enter(e)
	if err != nil {
		return 0, err
	}
	if !descend {
		if !e.undefined() {
			return e.end, nil
		}
		v = nothing{}
	}
	if e.inner() != e.syn && e.syn.big {
		return 0, malformed("a sequence of unknown type inside a big-endian file cannot be read")
	}
	if e.end, err = w.itemsOf(v, e, limit); err != nil {
		return 0, err
	}
	end := e.end
	return end, v.leave(e)
}

// itemsOf walks the items of e and returns the offset after its last byte.
func (w *walker) itemsOf(v visitor, e *element, limit int64) (int64, error) {
	off, depth, syn := e.val, e.depth+1, e.inner()
	for {
		if !e.undefined() && off == limit {
			return off, nil
		}
		if err := w.header(off, limit, syn, depth); err != nil {
			return 0, err
		}
		switch {
		case w.cur.tag == tagSeqDelim && e.undefined():
			if w.cur.length != 0 {
				return 0, malformed("the end of a sequence has a length")
			}
			return w.cur.val, nil
		case w.cur.tag != tagItem:
			return 0, malformed("a sequence holds something that is not an item")
		}
		var err error
		if off, err = w.itemAt(v, limit, depth); err != nil {
			return 0, err
		}
	}
}

// itemAt walks the item whose header is in w.cur.
func (w *walker) itemAt(v visitor, limit int64, depth int) (int64, error) {
	it := &w.items[depth]
	*it = w.cur
	if !it.undefined() {
		if it.end = it.val + int64(it.length); it.end > limit {
			return 0, w.past(limit)
		}
		limit = it.end
	}
	if err := v.item(it); err != nil {
		return 0, err
	}
	end, err := w.content(v, it, limit, depth)
	if err != nil {
		return 0, err
	}
	it.end = end
	return end, v.itemEnd(it)
}

// content walks the elements of an item.
func (w *walker) content(v visitor, it *element, limit int64, depth int) (int64, error) {
	off := it.val
	for off < limit || it.undefined() {
		if err := w.header(off, limit, it.syn, depth); err != nil {
			return 0, err
		}
		if w.cur.tag == tagItemDelim && it.undefined() {
			if w.cur.length != 0 {
				return 0, malformed("the end of an item has a length")
			}
			return w.cur.val, nil
		}
		if w.cur.tag.group() == delimiterGroup {
			return 0, malformed("a delimiter stands where an element should be")
		}
		var err error
		if off, err = w.element(v, limit); err != nil {
			return 0, err
		}
	}
	return off, nil
}
