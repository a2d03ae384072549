package dicomfile

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"chartseal/redact"
)

// The elements of an encapsulated document (PS3.3 section C.24.2).
const (
	tagDocument       = 0x00420011
	tagDocumentType   = 0x00420012
	tagDocumentLength = 0x00420015 // without the padding
)

// documentAt is where a cleaned document begins among the offsets of a plan's
// source. No file reaches that far, so an offset tells where its byte is from.
const documentAt = 1 << 60

// document is the cleaned version of the document a file holds. Its bytes come
// from the cleaner as a stream: reading on is cheap, and so is reading the
// first bytes again, which finding the elements around it takes. Reading back
// otherwise cleans once more. Memory does not grow with the document.
type document struct {
	clean func() (*redact.Output, error)
	size  int64
	head  []byte
	said  []redact.Claim // what its text says about whose it is

	mu  sync.Mutex
	out io.ReadCloser // nil when closed, or after an error
	pos int64         // of out
}

var errDocument = errors.New("clean document in a record: cleaning it again gave something else")

// newDocument cleans the document at [val,end) of src.
func newDocument(ctx context.Context, c redact.Cleaner, src redact.Source, e *element, p redact.Profile) (*document, *redact.Report, error) {
	part := sizedSource{io.NewSectionReader(src, e.val, e.end-e.val), e.end - e.val}
	d := &document{clean: func() (*redact.Output, error) { return c(ctx, part, p) }}
	out, err := d.clean()
	if err != nil {
		return nil, nil, err
	}
	d.out, d.size, d.said = out.Body, out.Size, out.Claims
	if d.size <= 0 || d.size > undefinedLength-2 {
		return nil, nil, also(errUnverified, d.Close())
	}
	d.head = make([]byte, min(d.size, windowSize))
	if err := d.advance(d.head); err != nil {
		return nil, nil, also(err, d.Close())
	}
	return d, &out.Report, nil
}

// advance fills p from where the stream is.
func (d *document) advance(p []byte) error {
	n, err := io.ReadFull(d.out, p)
	if d.pos += int64(n); err == nil {
		return nil
	}
	err = errors.Join(err, d.out.Close())
	d.out = nil
	return fmt.Errorf("read cleaned document: %w", err)
}

// readAt fills p, which lies within the document.
func (d *document) readAt(p []byte, off int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if off < int64(len(d.head)) {
		n := copy(p, d.head[off:])
		p, off = p[n:], off+int64(n)
	}
	if len(p) == 0 {
		return nil
	}
	if d.out == nil || off < d.pos {
		if err := d.restart(); err != nil {
			return err
		}
	}
	if n := off - d.pos; n > 0 {
		skipped, err := io.CopyN(io.Discard, d.out, n)
		if d.pos += skipped; err != nil {
			return fmt.Errorf("read cleaned document: %w", err)
		}
	}
	return d.advance(p)
}

// restart cleans once more.
func (d *document) restart() error {
	if err := d.shut(); err != nil {
		return err
	}
	out, err := d.clean()
	if err != nil {
		return err
	}
	d.out, d.pos = out.Body, 0
	head := make([]byte, len(d.head))
	if err := d.advance(head); err != nil {
		return err
	}
	if out.Size != d.size || !bytes.Equal(head, d.head) {
		return errors.Join(errDocument, d.shut())
	}
	return nil
}

func (d *document) shut() error {
	if d.out == nil {
		return nil
	}
	err := d.out.Close()
	d.out = nil
	return err
}

// Close ends the cleaner. A nil document has nothing to close.
func (d *document) Close() error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.shut()
}

// joint is a source with a cleaned document behind it, at documentAt.
type joint struct {
	redact.Source
	doc *document
}

// ReadAt reads the source, or the document.
func (j joint) ReadAt(p []byte, off int64) (int, error) {
	if off < documentAt {
		return j.Source.ReadAt(p, off)
	}
	if off-documentAt+int64(len(p)) > j.doc.size {
		return 0, io.ErrUnexpectedEOF
	}
	if err := j.doc.readAt(p, off-documentAt); err != nil {
		return 0, err
	}
	return len(p), nil
}

// enclosed handles the elements of a document; taken says that the plan has
// written the element.
func (p *plan) enclosed(e *element, d decision) (taken bool, err error) {
	switch e.tag {
	case tagDocument:
		return p.enclose(e, d)
	case tagDocumentLength:
		if e.depth > 0 || !d.action.stays() {
			return false, nil
		}
		if p.doc == nil {
			p.lengthFirst = true
			return false, nil
		}
		p.header(e, 4)
		p.layout.literal(e.syn.appendU32(nil, uint32(p.doc.size)))
		p.tally.stay(e.tag, d.keyword)
		p.changed()
		return true, nil
	}
	return false, nil
}

// enclose puts the cleaned document in the place of the file's own. What cannot
// be cleaned is left to the verdict, which holds the file.
func (p *plan) enclose(e *element, d decision) (taken bool, err error) {
	if e.end == e.val {
		return false, nil
	}
	if e.depth > 0 {
		p.facts.documentHidden = true
		return false, nil
	}
	if p.facts.documents++; p.facts.documents > 1 || p.lengthFirst {
		return false, malformed("the file holds two documents where one belongs")
	}
	fit := e.fragments < 0 && (e.vr == vrOB || e.vr == vrUN) && d.action.stays()
	if p.documents == nil || p.rules.deidentifies() || !fit || !p.holdsPDF(e) {
		return false, nil
	}
	doc, report, err := newDocument(p.w.ctx, p.documents, p.file.src, e, p.rules.profile)
	if refusal, ok := err.(*redact.Refusal); ok { //nolint:errorlint // refusals are never wrapped here
		return false, redact.Refuse(refusal.Class, "of the document inside it: %s", refusal.Reason)
	}
	if err != nil {
		return false, err
	}
	p.doc, p.docReport = doc, report
	e.vr = vrOB
	p.header(e, uint32(doc.padded()))
	p.layout.source(documentAt, documentAt+doc.size)
	if doc.size%2 == 1 {
		p.layout.literal([]byte{0})
	}
	p.tally.stay(e.tag, d.keyword)
	p.changed()
	return true, p.layout.fits()
}

// holdsPDF looks for the header of a PDF within the first 1024 bytes (ISO
// 32000-1:2008 annex H, implementation note 13).
func (p *plan) holdsPDF(e *element) bool {
	head, err := p.w.win.bytes(e.val, int(min(e.end-e.val, 1024)))
	return err == nil && bytes.Contains(head, []byte("%PDF-"))
}

// withDocument adds what the document's cleaner reports.
func (p *plan) withDocument(r *redact.Report) {
	if p.docReport == nil {
		return
	}
	for _, x := range p.docReport.Removed {
		x.Item = "document: " + x.Item
		r.Removed = append(r.Removed, x)
	}
	slices.SortFunc(r.Removed, func(a, b redact.Removal) int {
		return cmp.Or(cmp.Compare(a.Item, b.Item), cmp.Compare(a.Rule, b.Rule))
	})
	for _, n := range p.docReport.Notices {
		r.Notices = append(r.Notices, "Of the document inside it: "+n)
	}
}

// checkDocument holds the document of the output to be what its cleaner made,
// whole and in one piece, and nothing of the file's own.
func (c *checker) checkDocument(e *element) (int64, error) {
	if c.doc == nil {
		if e.end == e.val {
			return noSource, nil
		}
		return 0, errUnverified
	}
	l := c.l
	i := l.find(e.val)
	s := l.segs[i]
	whole := s.src == documentAt && s.out == e.val && l.end(i)-e.val == c.doc.size
	if !whole || e.end-e.val != c.doc.padded() {
		return 0, errUnverified
	}
	if pad := e.val + c.doc.size; pad < e.end {
		at := l.segs[i+1]
		if at.src >= 0 || l.lits[^at.src] != 0 {
			return 0, errUnverified
		}
	}
	for k, x := range l.segs {
		if n := l.end(k) - x.out; x.src >= 0 && x.src < c.docFrom.end && x.src+n > c.docFrom.off {
			return 0, errUnverified
		}
	}
	return documentAt, nil
}

// changes gives the decision over an element as it counts in a trace: the
// length of a cleaned document is not the source's.
func (d *document) changes(e *element, by decision) decision {
	if d != nil && e.depth == 0 && e.tag == tagDocumentLength && by.action.stays() {
		by.action = dummy
	}
	return by
}

// claims are what the document's text says about whose it is.
func (d *document) claims() []redact.Claim {
	if d == nil {
		return nil
	}
	return d.said
}

// padded is the length of the document's value, which is even.
func (d *document) padded() int64 { return d.size + d.size%2 }

// lengthHolds reports whether a value from src is the length of the document.
func (c *checker) lengthHolds(e *element, src int64) (bool, error) {
	if src != written || e.end-e.val != 4 {
		return false, nil
	}
	b, err := c.w.win.bytes(e.val, 4)
	return err == nil && int64(e.syn.u32(b)) == c.doc.size, err
}
