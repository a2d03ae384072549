package dicomfile

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// trace is a running digest of what a profile lets stay, in order, with the
// place in the source that its bytes come from. It is made twice, from the
// source by the rules alone, and from the output: a plan that loses, moves or
// swaps something gives another one.
type trace struct {
	h   hash.Hash
	buf []byte
}

func newTrace() trace { return trace{h: sha256.New(), buf: make([]byte, 0, 4096)} }

func (t *trace) note(tag Tag, kind byte, depth int, src, n int64) {
	if len(t.buf)+24 > cap(t.buf) {
		t.h.Write(t.buf)
		t.buf = t.buf[:0]
	}
	t.buf = binary.BigEndian.AppendUint32(t.buf, uint32(tag))
	t.buf = append(t.buf, kind, byte(depth))
	t.buf = binary.BigEndian.AppendUint64(t.buf, uint64(src))
	t.buf = binary.BigEndian.AppendUint64(t.buf, uint64(n))
}

func (t *trace) sum() [sha256.Size]byte {
	t.h.Write(t.buf)
	t.buf = t.buf[:0]
	return [sha256.Size]byte(t.h.Sum(nil))
}

// Kinds of trace notes.
const (
	traceLeaf, traceChanged, traceEnter, traceItem, traceItemEnd, traceLeave = 'v', 'c', 's', 'i', 'j', 'e'

	noSource = -1 // place of an empty value
)

// leaf notes an element by what the profile does to it. Of a value that is
// replaced only the place counts, and nothing of the few elements whose fate
// depends on their value or on the kind of image (see plan.special): they may
// be there or not.
func (t *trace) leaf(e *element, d decision, src int64) {
	switch {
	case d.class.name == "device-serial", d.class.name == "id-issuer":
	case d.action.stays():
		if e.end == e.val {
			src = noSource
		}
		t.note(e.tag, traceLeaf, e.depth, src, e.end-e.val)
	case d.action != remove:
		t.note(e.tag, traceChanged, e.depth, 0, 0)
	}
}

// hollow notes a sequence that stays without items.
func (t *trace) hollow(e *element) { t.note(e.tag, traceChanged, e.depth, 0, 0) }

// pixelRange is the value of the pixel element (or of a document) in the source.
type pixelRange struct{ off, end int64 }

// witness walks the source and notes what has to be in the output. It shares
// the rules with the plan, and nothing else.
type witness struct {
	w      *walker
	rules  *rules
	added  []insertion
	blocks *blocks
	trace  trace
	pixels pixelRange
	moved  moved // the dates that are to be moved

	doc      *document  // nil: the file holds none
	document pixelRange // the file's own
}

// witnessOf walks the source of a plan.
func witnessOf(ctx context.Context, p *plan) (*witness, error) {
	w := newWalker(ctx, p.file.src)
	defer w.close()
	s := &witness{w: w, rules: p.rules, added: p.added, blocks: blocksOf(p.rules), trace: newTrace(), doc: p.doc}
	_, err := w.root(s, p.file.start, p.file.syn)
	return s, err
}

func (s *witness) leaf(e *element) error {
	d := s.rules.decide(e.tag, e.depth)
	if err := s.blocks.decide(s.w, e, &d); err != nil {
		return err
	}
	if e.depth == 0 && adds(s.added, e.tag) {
		return nil
	}
	if err := s.rules.settle(s.w, e, &d); err != nil {
		return err
	}
	if d.action == shift {
		if err := s.moved.note(s.w, e, 0); err != nil {
			return err
		}
	}
	if e.depth == 0 && isPixels(e.tag) && d.action.stays() {
		s.pixels = pixelRange{e.val, e.end}
	}
	if s.doc != nil && e.depth == 0 && e.tag == tagDocument && d.action.stays() {
		s.document = pixelRange{e.val, e.end}
		s.trace.note(e.tag, traceLeaf, e.depth, documentAt, s.doc.padded())
		return nil
	}
	s.trace.leaf(e, s.doc.changes(e, d), e.val)
	return nil
}

func (s *witness) enter(e *element) (bool, error) {
	d := s.rules.decide(e.tag, e.depth)
	err := s.blocks.decide(s.w, e, &d)
	if err == nil && d.action == empty && d.seq {
		s.trace.hollow(e)
	}
	if err != nil || !d.action.stays() {
		return false, err
	}
	s.trace.note(e.tag, traceEnter, e.depth, 0, 0)
	return true, nil
}

func (s *witness) item(e *element) error {
	s.blocks.item(e.depth)
	s.trace.note(e.tag, traceItem, e.depth, 0, 0)
	return nil
}

func (s *witness) itemEnd(e *element) error {
	s.trace.note(e.tag, traceItemEnd, e.depth, 0, 0)
	return nil
}

func (s *witness) leave(e *element) error {
	s.trace.note(e.tag, traceLeave, e.depth, 0, 0)
	return nil
}
