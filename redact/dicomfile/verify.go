package dicomfile

import (
	"context"
	"slices"
	"strings"
)

// verify reads the planned output again, from the first byte to the last, as
// if it were any other file, and beside it the source, and accepts it only if
//   - its header holds nothing but the rebuilt elements,
//   - every element, at every depth, is one the profile lets through,
//   - every value that the profile lets stay is there, from its place in the
//     source and in the source's order, and nothing else comes from there,
//   - every value that was written is one that the profile writes,
//   - the pixels are one unbroken range of the source, but for regions that are
//     blacked out,
//   - a document is the one its cleaner made, and nothing of the file's own is left,
//   - it ends where the walk ends.
//
// What then leaves is compared with the source's pixels once more, see guard.
func verify(ctx context.Context, p *plan, b *body) error {
	f, err := open(ctx, b)
	if err != nil {
		return err
	}
	if f.syn != p.file.syn || f.ts != p.file.ts || f.inflated {
		return errUnverified
	}
	if err = checkHeader(b, f, p.rules); err != nil {
		return err
	}
	source, err := witnessOf(ctx, p)
	if err != nil {
		return err
	}
	w := newWalker(ctx, b)
	defer w.close()
	c := &checker{
		w: w, rules: p.rules, l: &p.layout, trace: newTrace(), added: p.added,
		blocks: blocksOf(p.rules), mask: p.mask, source: source.pixels, ids: p.ids, doc: p.doc, docFrom: source.document,
	}
	end, err := w.root(c, f.start, f.syn)
	if err != nil {
		return err
	}
	whole := end == b.Size() && c.pixels == source.pixels && c.insertions == len(p.added)
	if !whole || c.trace.sum() != source.trace.sum() || c.moved.sum() != source.moved.sum() {
		return errUnverified
	}
	if c.out != (pixelRange{}) {
		b.pixels = &guard{src: p.file.src, out: c.out, at: source.pixels.off, ctx: ctx, mask: p.mask}
	}
	return nil
}

// checkHeader demands a preamble of zeros and a header that names the syntax
// the data set is written in and has the length it says (PS3.10 section 7.1).
func checkHeader(b *body, f *file, r *rules) error {
	var head [preambleLength + 4 + shortHeaderLength + 4]byte
	if err := readFull(b, head[:], 0); err != nil {
		return err
	}
	length := int64(explicitLittle.u32(head[len(head)-4:]))
	instance := f.meta.sopInstance
	own := instance == "" || strings.HasPrefix(instance, standardRoot) || replacedUID(instance) || !r.deidentifies()
	if [preambleLength]byte(head[:]) != [preambleLength]byte{} || !f.meta.rebuilt() ||
		f.meta.ts != f.ts || length != f.start-int64(len(head)) || !own {
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

// checker walks the output.
type checker struct {
	w      *walker
	rules  *rules
	l      *layout
	trace  trace
	pixels pixelRange // by the layout, in the source
	out    pixelRange // in the output
	added  []insertion
	blocks *blocks
	mask   *paint     // the picture may differ in its regions, and only there
	source pixelRange // where the pixels are in the source
	seg    int        // where the walk is in the layout

	insertions int // elements the profile adds that were met

	ids   *pseudonyms
	moved moved // the dates, moved back

	doc     *document  // nil: the file holds none
	docFrom pixelRange // where the source has its own
}

func (c *checker) leaf(e *element) error {
	src, err := c.originOf(e)
	if err != nil {
		return err
	}
	if e.depth == 0 && adds(c.added, e.tag) {
		return c.insertion(e, src)
	}
	d := c.rules.decide(e.tag, e.depth)
	if err = c.blocks.decide(c.w, e, &d); err != nil {
		return err
	}
	if made, err := c.dummyDate(e, d, src); made || err != nil {
		return err
	}
	if err = c.settle(e, &d, src); err != nil {
		return err
	}
	allowed, err := c.allowed(e, d, src)
	if err != nil {
		return err
	}
	if !allowed || d.known && d.seq || e.fragments >= 0 && e.tag != tagPixelData {
		return errUnverified
	}
	if e.depth == 0 && isPixels(e.tag) {
		c.pixels, c.out = pixelRange{src, src + e.end - e.val}, pixelRange{e.val, e.end}
	}
	c.trace.leaf(e, c.doc.changes(e, d), src)
	return nil
}

// insertion checks an element that the profile adds: ours, and no other.
func (c *checker) insertion(e *element, src int64) error {
	v, err := c.value(e)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(c.added, func(in insertion) bool { return in.tag == e.tag })
	if src != written || string(v) != string(c.added[i].bytes(e.syn)) {
		return errUnverified
	}
	c.insertions++
	return nil
}

// value gives a short value.
func (c *checker) value(e *element) ([]byte, error) {
	if e.end-e.val > windowSize {
		return nil, errUnverified
	}
	return c.w.win.bytes(e.val, int(e.end-e.val))
}

// allowed reports whether the profile lets a value from src stand.
func (c *checker) allowed(e *element, d decision, src int64) (bool, error) {
	if c.doc != nil && e.depth == 0 && e.tag == tagDocumentLength && d.action.stays() {
		return c.lengthHolds(e, src)
	}
	switch d.action {
	case keep, review:
		return src != written, nil
	case empty:
		return e.val == e.end, nil
	case newUID, dummy:
		return c.replaced(e, d, src)
	case shift: // see settle
		return src == written, nil
	case remove:
	}
	return false, nil
}

// replaced reports a value that stands for one that had to go, or for none.
// What comes from the source is no replacement, but the standard's own UIDs
// and the made-up text are.
func (c *checker) replaced(e *element, d decision, src int64) (bool, error) {
	b, err := c.value(e)
	if err != nil || len(b) == 0 {
		return err == nil, err
	}
	switch {
	case d.action == newUID:
		for uid := range strings.SplitSeq(strings.TrimRight(string(b), "\x00 "), `\`) {
			uid = strings.Trim(uid, "\x00 ")
			if uid != "" && !strings.HasPrefix(uid, standardRoot) && (src != written || !replacedUID(uid)) {
				return false, nil
			}
		}
		return true, nil
	case d.class.name == "patient-id":
		return src == written && madeUpNumber(b), nil
	}
	return string(b) == dummyText, nil
}

// written is the origin of a value that the plan wrote itself.
const written = -2

func (c *checker) originOf(e *element) (int64, error) {
	if c.mask != nil && e.depth == 0 && e.tag == tagPixelData {
		return c.source.off, c.mask.check(c.l, e.val, e.end, c.source)
	}
	if e.depth == 0 && e.tag == tagDocument {
		return c.checkDocument(e)
	}
	src, err := c.origin(e.val, e.end)
	if src >= documentAt {
		return 0, errUnverified
	}
	return src, err
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
	if e.depth == 0 && adds(c.added, e.tag) && !e.undefined() {
		src, err := c.origin(e.val, e.end)
		return false, also(err, c.insertion(e, src))
	}
	d := c.rules.decide(e.tag, e.depth)
	if err := c.blocks.decide(c.w, e, &d); err != nil {
		return false, err
	}
	if d.action == empty && d.seq && e.length == 0 {
		c.trace.hollow(e)
		return false, nil
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
