package pdffile

import (
	"bytes"
	"errors"
	"regexp"
	"slices"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"chartseal/redact"
	"chartseal/redact/pdffile/pdfium"
)

// A file that cannot be cleaned part by part may still be drawn as a viewer
// shows it: one with layers, and one that is too broken for pdfcpu and not for
// pdfium. Its pages become pictures. That loses text and detail, so it is done
// only where nothing else is at stake: no form, no remarks, no page that is
// missing or comes out empty. In doubt the first refusal stands.

// maxDrawnSize bounds a file that the engine holds as a whole, in bytes: it takes
// about ten times that.
const maxDrawnSize = 32 << 20

const (
	drawnNotice = "A PDF could not be cleaned part by part, so its pages were redrawn as pictures of 200 dots per inch: they look as a viewer shows them, " +
		"but their text cannot be searched or copied. The practice keeps the original."
	layersNotice = "What layers of a PDF that are switched off hold is not in it."
)

// drawable is a refusal of a file that may be drawn instead.
type drawable struct{ error }

func (d drawable) Unwrap() error { return d.error }

var errNotWhole = errors.New("the file cannot be drawn whole")

// redrawn returns a PDF of pictures of the pages.
func (t *trimmer) redrawn(in []byte, pages []Range) (out []byte, report redact.Report, err error) {
	defer func() {
		if p := recover(); p != nil || errors.Is(err, errNotWhole) || errors.Is(err, pdfium.ErrEngine) || errors.Is(err, pdfium.ErrTooMuch) {
			err = redact.Refuse(redact.Unfit, "the PDF cannot be redrawn whole")
		}
	}()
	count, layers, err := countedPages(in)
	if err != nil {
		return nil, report, err
	}
	t.tally = newTally()
	d := &album{trimmer: t, out: &document{version: "1.7"}, only: &copier{only: pages}, aside: len(t.rules) > 0 && writesAside(in)}
	if err := d.all(in, count); err != nil {
		return nil, report, err
	}
	t.tally.add(drawnRemoved, len(d.kids))
	t.tally.notice(drawnNotice)
	if layers {
		t.tally.notice(layersNotice)
	}
	doc := d.finish()
	var b bytes.Buffer
	if _, err := doc.writeTo(&b); err != nil {
		return nil, report, err
	}
	again, err := verify(b.Bytes(), len(d.kids))
	if err == nil {
		err = t.check(again)
	}
	return b.Bytes(), t.tally.report(), err
}

// pageObject finds the pages of a file that are not packed.
var pageObject = regexp.MustCompile(`/Type\s*/Page\b`)

// countedPages counts the pages without the engine: by the list of pages, or,
// where that cannot be read, by the objects that say they are one.
func countedPages(in []byte) (count int, layers bool, err error) {
	for _, s := range []string{"/XFA", "/Encrypt", "/Collection", "/RichMedia", "/NeedAppearances"} {
		if bytes.Contains(in, []byte(s)) {
			return 0, false, errNotWhole
		}
	}
	src, err := read(in)
	if err != nil {
		if _, ok := errors.AsType[drawable](err); !ok {
			return 0, false, err
		}
		return len(pageObject.FindAllIndex(in, -1)), bytes.Contains(in, []byte("/OCProperties")), nil
	}
	c := newCopier(src)
	root, err := c.root()
	if err != nil {
		return 0, false, err
	}
	w := &pageWalk{copier: c, counting: true, active: map[int]bool{}}
	if err := w.node(root["Pages"], types.Dict{}, 0); err != nil {
		return 0, false, err
	}
	_, layers = root.Find("OCProperties")
	return w.met, layers, nil
}

// album is a document of pictures as it grows.
type album struct {
	*trimmer
	out    *document
	only   *copier // knows which pages are wanted
	tree   types.IndirectRef
	kids   types.Array
	unread []int
	aside  bool // there may be text beside the text layer
}

func (d *album) all(in []byte, count int) (err error) {
	doc, err := d.engine.Open(in)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, doc.Close()) }()
	form, err := doc.Form()
	if err != nil {
		return err
	}
	n, err := doc.Pages()
	if err != nil {
		return err
	}
	if n != count || n == 0 || n > maxPages || form {
		return errNotWhole
	}
	if i := slices.IndexFunc(d.only.only, func(r Range) bool { return max(r.From, r.To) > n }); i >= 0 {
		return errNotWhole // the first refusal, or the order, says so
	}
	d.tree = d.out.add(nil)
	for i := range n {
		if !d.only.wanted(i + 1) {
			continue
		}
		if err := d.page(doc, i); err != nil {
			return err
		}
	}
	if len(d.unread) > 0 && !d.reviewed {
		return redact.Refuse(redact.Undecided, "%s", notSearched(d.unread))
	}
	if len(d.unread) > 0 {
		d.tally.notice(unreadNotice)
	}
	return nil
}

func (d *album) page(doc *pdfium.Document, i int) (err error) {
	page, err := doc.Page(i)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, page.Close()) }()
	if more, err := page.Annotated(); err != nil || more {
		return errors.Join(err, errNotWhole)
	}
	s, err := d.searched(page, i+1)
	if err != nil {
		return err
	}
	pic, err := page.Render(pdfium.View{DPI: d.dpi, Turned: true, Black: s.boxes})
	if err != nil {
		return err
	}
	if pic.Blank() {
		return errNotWhole
	}
	b, err := page.Bounds()
	if err != nil {
		return err
	}
	return d.add(pic, b.Right-b.Left, b.Top-b.Bottom)
}

// searched looks for identifiers where the profile has rules for them.
func (d *album) searched(page *pdfium.Page, number int) (s sight, err error) {
	if len(d.rules) == 0 {
		return s, nil
	}
	s, err = see(page, d.rules)
	if err != nil {
		return s, err
	}
	for j, h := range s.hits {
		d.count(h.Rule, 1)
		d.found[s.found[j]] = h.Rule
	}
	covered, err := covered(page)
	if err != nil {
		return s, err
	}
	if s.body < scanLetters || !s.readable() || d.aside || covered {
		d.unread = append(d.unread, number)
	}
	return s, nil
}

// covered reports whether pictures cover a page so far that its text may be what a
// program recognised in them: handwriting is not in it.
func covered(page *pdfium.Page) (bool, error) {
	area, err := page.Pictures()
	if err != nil {
		return false, err
	}
	b, err := page.Bounds()
	return area >= scanPart*(b.Right-b.Left)*(b.Top-b.Bottom), err
}

// add puts a page with nothing but the picture into the document; w and h are the
// sides of its source, in points.
func (d *album) add(pic *pdfium.Picture, w, h float64) error {
	im, err := imageOf(pic)
	if err != nil {
		return err
	}
	if (pic.Width > pic.Height) != (w > h) {
		w, h = h, w // turned
	}
	d.kids = append(d.kids, d.out.add(types.Dict{
		"Type": types.Name("Page"), "Parent": d.tree,
		"MediaBox":  types.Array{types.Integer(0), types.Integer(0), types.Float(w), types.Float(h)},
		"Resources": types.Dict{"XObject": types.Dict{"Page": d.out.add(im)}},
		"Contents":  d.out.add(types.StreamDict{Dict: types.Dict{}, Raw: placing(pdfium.Box{Right: w, Top: h})}),
	}))
	return nil
}

func (d *album) finish() *document {
	d.out.objects[d.tree.ObjectNumber-1] = types.Dict{"Type": types.Name("Pages"), "Count": types.Integer(len(d.kids)), "Kids": d.kids}
	d.out.root = d.out.add(types.Dict{"Type": types.Name("Catalog"), "Pages": d.tree})
	d.out.pages = len(d.kids)
	return d.out.renumbered()
}
