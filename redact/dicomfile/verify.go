package dicomfile

import (
	"context"
	"slices"
	"strings"
)

// verify reads the planned output again, from the first byte to the last, as
// if it were any other file, and accepts it only if
//   - its header holds nothing but the rebuilt elements,
//   - every element, at every depth, is one the profile lets through,
//   - every value that stays comes from the same place of the source as when
//     it was planned, in the same order, and nothing else does,
//   - the pixels are one unbroken range of the source, but for regions that are
//     blacked out,
//   - it ends where the walk ends.
func verify(ctx context.Context, p *plan, b *body) error {
	f, err := open(ctx, b)
	if err != nil {
		return err
	}
	if f.syn != p.file.syn || f.ts != p.file.ts || f.inflated || !f.meta.rebuilt() {
		return errUnverified
	}
	if err = zeroPreamble(b); err != nil {
		return err
	}
	w := newWalker(ctx, b)
	defer w.close()
	c := &checker{
		w: w, rules: p.rules, l: &p.layout, trace: newTrace(), added: p.added,
		blocks: blocksOf(p.rules), mask: p.mask, source: p.pixels,
	}
	end, err := w.root(c, f.start, f.syn)
	if err != nil {
		return err
	}
	if end != b.Size() || c.pixels != p.pixels || c.trace.sum() != p.trace.sum() {
		return errUnverified
	}
	return nil
}

// rebuilt reports that the header is the one buildMeta writes.
func (m *metaFacts) rebuilt() bool {
	for _, t := range m.tags {
		if !slices.Contains([]Tag{
			0x00020000, 0x00020001, 0x00020002, 0x00020003, 0x00020010, 0x00020012, 0x00020013,
		}, t) {
			return false
		}
	}
	return slices.Contains(m.tags, 0x00020012)
}

func zeroPreamble(b *body) error {
	var head [preambleLength]byte
	if err := readFull(b, head[:], 0); err != nil {
		return err
	}
	if head != [preambleLength]byte{} {
		return errUnverified
	}
	return nil
}

// checker walks the output.
type checker struct {
	w      *walker
	rules  *rules
	l      *layout
	trace  trace
	pixels pixelRange
	added  []insertion
	blocks *blocks
	mask   *paint     // the picture may differ in its regions, and only there
	source pixelRange // where the plan says the pixels are
	seg    int        // where the walk is in the layout
}

func (c *checker) leaf(e *element) error {
	src, err := c.originOf(e)
	if err != nil {
		return err
	}
	d := c.rules.decide(e.tag, e.depth)
	if err = c.blocks.decide(c.w, e, &d); err != nil {
		return err
	}
	allowed, err := c.allowed(e, d, src)
	if err != nil {
		return err
	}
	if !allowed || d.known && d.seq && d.action != remove {
		return errUnverified
	}
	if e.depth == 0 && isPixels(e.tag) {
		c.pixels = pixelRange{src, src + e.end - e.val}
	}
	c.noteLeaf(e, src)
	return nil
}

// allowed reports whether the profile lets a value from src stand.
func (c *checker) allowed(e *element, d decision, src int64) (bool, error) {
	if src == written && e.depth == 0 && adds(c.added, e.tag) {
		return true, nil
	}
	switch d.action {
	case keep, review:
		return src != written, nil
	case empty:
		return e.val == e.end, nil
	case newUID, dummy:
		return c.replaced(e, d, src)
	case remove:
	}
	return false, nil
}

// replaced: an identifier that the profile replaces must not come from the
// source, but where there was nothing to replace.
func (c *checker) replaced(e *element, d decision, src int64) (bool, error) {
	if src == written || e.val == e.end {
		return true, nil
	}
	if e.end-e.val > windowSize {
		return false, nil
	}
	b, err := c.w.win.bytes(e.val, int(e.end-e.val))
	if err != nil || d.action == dummy {
		return string(b) == dummyText, err
	}
	for uid := range strings.SplitSeq(strings.Trim(string(b), "\x00 "), `\`) {
		if uid = strings.Trim(uid, "\x00 "); uid != "" && !strings.HasPrefix(uid, standardRoot) {
			return false, nil
		}
	}
	return true, nil
}

func (c *checker) noteLeaf(e *element, src int64) {
	if src == written || e.end == e.val {
		src = noSource
	}
	c.trace.note(e.tag, traceLeaf, e.depth, src, e.end-e.val)
}

// written is the origin of a value that the plan wrote itself.
const written = -2

func (c *checker) originOf(e *element) (int64, error) {
	if c.mask != nil && e.depth == 0 && e.tag == tagPixelData {
		return c.source.off, c.mask.check(c.l, e.val, e.end, c.source)
	}
	return c.origin(e.val, e.end)
}

// origin maps a value of the output to the source. A value is one segment's,
// whole.
func (c *checker) origin(val, end int64) (int64, error) {
	if val == end {
		return noSource, nil
	}
	for c.seg < len(c.l.segs) && c.l.end(c.seg) <= val {
		c.seg++
	}
	if c.seg == len(c.l.segs) || c.l.segs[c.seg].out > val || c.l.end(c.seg) < end {
		return 0, errUnverified
	}
	s := c.l.segs[c.seg]
	if s.src < 0 {
		return written, nil
	}
	return s.src + val - s.out, nil
}

func (c *checker) enter(e *element) (bool, error) {
	d := c.rules.decide(e.tag, e.depth)
	if err := c.blocks.decide(c.w, e, &d); err != nil {
		return false, err
	}
	if !d.action.stays() || d.known && !d.seq {
		return false, errUnverified
	}
	c.trace.note(e.tag, traceEnter, e.depth, 0, 0)
	return true, nil
}

func (c *checker) item(e *element) error {
	c.blocks.item(e.depth)
	c.trace.note(e.tag, traceItem, e.depth, 0, 0)
	return nil
}

func (c *checker) itemEnd(e *element) error {
	c.trace.note(e.tag, traceItemEnd, e.depth, 0, 0)
	return nil
}

func (c *checker) leave(e *element) error {
	c.trace.note(e.tag, traceLeave, e.depth, 0, 0)
	return nil
}
