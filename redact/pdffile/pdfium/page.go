package pdfium

import (
	"errors"
	"fmt"
	"math"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/enums"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
)

// Page is an open page.
type Page struct {
	lib  pdfium.Pdfium
	doc  references.FPDF_DOCUMENT
	page references.FPDF_PAGE
	ref  requests.Page
}

// Close closes the page.
func (p *Page) Close() (err error) {
	defer caught(&err)
	_, err = p.lib.FPDF_ClosePage(&requests.FPDF_ClosePage{Page: p.page})
	return engineError("close page", err)
}

// Box is a rectangle in user space, the coordinates of the page's content
// (ISO 32000-1:2008, 8.3.2.3), in points of 1/72 inch.
type Box struct{ Left, Bottom, Right, Top float64 }

// Bounds returns what is shown of the page: its crop box within its media box
// (14.11.2).
func (p *Page) Bounds() (b Box, err error) {
	defer caught(&err)
	r, err := p.lib.FPDF_GetPageBoundingBox(&requests.FPDF_GetPageBoundingBox{Page: p.ref})
	if err != nil {
		return b, engineError("page size", err)
	}
	b = Box{float64(r.Rect.Left), float64(r.Rect.Bottom), float64(r.Rect.Right), float64(r.Rect.Top)}
	if !(b.Right > b.Left) || !(b.Top > b.Bottom) {
		return b, fmt.Errorf("%w: page without a size", ErrEngine)
	}
	return b, nil
}

// Turn returns by how many degrees a viewer turns the page clockwise (table 30): 0,
// 90, 180 or 270.
func (p *Page) Turn() (degrees int, err error) {
	defer caught(&err)
	r, err := p.lib.FPDFPage_GetRotation(&requests.FPDFPage_GetRotation{Page: p.ref})
	if err != nil {
		return 0, engineError("page rotation", err)
	}
	return int(r.PageRotation) % 4 * 90, nil
}

// Char is a character of a page's text in the order of reading.
type Char struct {
	Rune rune
	// Unnamed marks one of which the font does not say which it is; Rune is its
	// code in the font then, or 0. Every eighth is asked for, and those around one
	// that is: a call costs as much as reading a letter.
	Unnamed bool
	// Made marks blanks and line ends that pdfium adds where the page has a gap.
	Made bool
}

// Text is the text layer of a page.
type Text struct {
	Chars []Char
	lib   pdfium.Pdfium
	ref   references.FPDF_TEXTPAGE
}

// maxChars bounds the characters of a page; one full of small print has 10,000.
const maxChars = 1_000_000

const sample = 8

// ErrTooMuch means that a page is larger than what is worked on.
var ErrTooMuch = errors.New("page is too large")

// Text reads the text layer: everything that is written as text, also what is
// painted invisibly. It must be closed before the page.
func (p *Page) Text() (t *Text, err error) {
	defer caught(&err)
	opened, err := p.lib.FPDFText_LoadPage(&requests.FPDFText_LoadPage{Page: p.ref})
	if err != nil {
		return nil, engineError("read text", err)
	}
	t = &Text{lib: p.lib, ref: opened.TextPage}
	if err := t.read(); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

func (t *Text) read() error {
	count, err := t.lib.FPDFText_CountChars(&requests.FPDFText_CountChars{TextPage: t.ref})
	if err != nil {
		return engineError("read text", err)
	}
	if count.Count > maxChars {
		return ErrTooMuch
	}
	t.Chars = make([]Char, max(count.Count, 0))
	for i := range t.Chars {
		u, err := t.lib.FPDFText_GetUnicode(&requests.FPDFText_GetUnicode{TextPage: t.ref, Index: i})
		if err != nil {
			return engineError("read text", err)
		}
		t.Chars[i].Rune = rune(u.Unicode)
		switch t.Chars[i].Rune {
		case ' ', '\r', '\n', 0x02:
			made, err := t.lib.FPDFText_IsGenerated(&requests.FPDFText_IsGenerated{TextPage: t.ref, Index: i})
			if err != nil {
				return engineError("read text", err)
			}
			t.Chars[i].Made = made.IsGenerated
		}
	}
	return t.name()
}

// name finds the characters without names.
func (t *Text) name() error {
	for i := 0; i < len(t.Chars); i += sample {
		unnamed, err := t.unnamed(i)
		if err != nil {
			return err
		}
		for j := max(0, i-sample+1); unnamed && j < min(i+sample, len(t.Chars)); j++ {
			if t.Chars[j].Unnamed, err = t.unnamed(j); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *Text) unnamed(i int) (bool, error) {
	r, err := t.lib.FPDFText_HasUnicodeMapError(&requests.FPDFText_HasUnicodeMapError{TextPage: t.ref, Index: i})
	if err != nil {
		return false, engineError("read text", err)
	}
	return r.HasUnicodeMapError, nil
}

// Box returns where character i is: the box around its glyph and the one its
// font gives every glyph, together.
func (t *Text) Box(i int) (b Box, err error) {
	defer caught(&err)
	tight, err := t.lib.FPDFText_GetCharBox(&requests.FPDFText_GetCharBox{TextPage: t.ref, Index: i})
	if err != nil {
		return b, engineError("place text", err)
	}
	b = Box{tight.Left, tight.Bottom, tight.Right, tight.Top}
	loose, err := t.lib.FPDFText_GetLooseCharBox(&requests.FPDFText_GetLooseCharBox{TextPage: t.ref, Index: i})
	if err != nil {
		return b, engineError("place text", err)
	}
	l := Box{float64(loose.Rect.Left), float64(loose.Rect.Bottom), float64(loose.Rect.Right), float64(loose.Rect.Top)}
	b, l = b.upright(), l.upright()
	if l.Right-l.Left > 0 || l.Top-l.Bottom > 0 {
		b = Box{min(b.Left, l.Left), min(b.Bottom, l.Bottom), max(b.Right, l.Right), max(b.Top, l.Top)}
	}
	return b, nil
}

func (b Box) upright() Box {
	return Box{min(b.Left, b.Right), min(b.Bottom, b.Top), max(b.Left, b.Right), max(b.Bottom, b.Top)}
}

// Close frees the text.
func (t *Text) Close() (err error) {
	defer caught(&err)
	_, err = t.lib.FPDFText_ClosePage(&requests.FPDFText_ClosePage{TextPage: t.ref})
	return engineError("close text", err)
}

// Picture is a drawn page: rows from the top, three bytes (red, green, blue)
// for each pixel. It shows user space upright, whatever the page's own rotation
// is.
type Picture struct {
	Width, Height int
	RGB           []byte
}

// View says how a page is drawn.
type View struct {
	DPI         float64 // pixels for 72 points of user space
	Annotations bool    // draws annotations, too
	Black       []Box   // painted over with a margin
	Turned      bool    // as a viewer shows it, with the page's own rotation
}

const (
	// maxPixels bounds a picture. A letter-size page at 200 dpi has 3.7 million.
	maxPixels = 40_000_000
	// margin is what boxes are larger by on each side, in pixels: glyphs may reach
	// out of their boxes.
	margin = 5
)

// Render draws the page on white.
func (p *Page) Render(v View) (pic *Picture, err error) {
	defer caught(&err)
	d, err := p.device(v)
	if err != nil {
		return nil, err
	}
	pic, err = p.draw(d, v.Annotations)
	if err != nil {
		return nil, err
	}
	for _, b := range v.Black {
		if err := p.blacken(pic, d, b); err != nil {
			return nil, err
		}
	}
	return pic, nil
}

func (p *Page) draw(d device, annotations bool) (pic *Picture, err error) {
	made, err := p.lib.FPDFBitmap_Create(&requests.FPDFBitmap_Create{Width: d.width, Height: d.height})
	if err != nil {
		return nil, engineError("draw page", err)
	}
	bitmap := made.Bitmap
	defer func() {
		_, cerr := p.lib.FPDFBitmap_Destroy(&requests.FPDFBitmap_Destroy{Bitmap: bitmap})
		err = errors.Join(err, engineError("draw page", cerr))
	}()
	if _, err := p.lib.FPDFBitmap_FillRect(&requests.FPDFBitmap_FillRect{
		Bitmap: bitmap, Width: d.width, Height: d.height, Color: 0xFFFFFFFF,
	}); err != nil {
		return nil, engineError("draw page", err)
	}
	flags := enums.FPDF_RENDER_FLAG_RENDER_LIMITEDIMAGECACHE | enums.FPDF_RENDER_FLAG_REVERSE_BYTE_ORDER
	if annotations {
		flags |= enums.FPDF_RENDER_FLAG_ANNOT
	}
	if _, err := p.lib.FPDF_RenderPageBitmap(&requests.FPDF_RenderPageBitmap{
		Bitmap: bitmap, Page: p.ref, SizeX: d.width, SizeY: d.height, Rotate: d.turn, Flags: flags,
	}); err != nil {
		return nil, engineError("draw page", err)
	}
	buf, err := p.lib.FPDFBitmap_GetBuffer(&requests.FPDFBitmap_GetBuffer{Bitmap: bitmap})
	if err != nil {
		return nil, engineError("draw page", err)
	}
	return picture(buf.Buffer, d.width, d.height)
}

// blacken paints a box over.
func (p *Page) blacken(pic *Picture, d device, b Box) error {
	x0, y0, x1, y1, err := p.placed(d, b)
	if err != nil {
		return err
	}
	for y := y0; y < y1; y++ {
		clear(pic.RGB[3*(y*pic.Width+x0) : 3*(y*pic.Width+x1)])
	}
	return nil
}

// device is the raster a page is drawn on.
type device struct {
	width, height int
	turn          enums.FPDF_PAGE_ROTATION // added to the page's own
}

func (p *Page) device(v View) (d device, err error) {
	b, err := p.Bounds()
	if err != nil {
		return d, err
	}
	w, h := math.Ceil((b.Right-b.Left)*v.DPI/72), math.Ceil((b.Top-b.Bottom)*v.DPI/72)
	if w*h > maxPixels || w > 30_000 || h > 30_000 {
		return d, ErrTooMuch
	}
	own, err := p.lib.FPDFPage_GetRotation(&requests.FPDFPage_GetRotation{Page: p.ref})
	if err != nil {
		return d, engineError("page rotation", err)
	}
	d = device{width: max(int(w), 1), height: max(int(h), 1), turn: (4 - own.PageRotation%4) % 4}
	if v.Turned {
		d.turn = 0
		if own.PageRotation%2 == 1 {
			d.width, d.height = d.height, d.width
		}
	}
	return d, nil
}

// placed returns the pixels of a box with its margin, within the raster.
func (p *Page) placed(d device, b Box) (x0, y0, x1, y1 int, err error) {
	for i, at := range [2][2]float64{{b.Left, b.Bottom}, {b.Right, b.Top}} {
		c, err := p.lib.FPDF_PageToDevice(&requests.FPDF_PageToDevice{
			Page: p.ref, SizeX: d.width, SizeY: d.height, Rotate: d.turn, PageX: at[0], PageY: at[1],
		})
		if err != nil {
			return 0, 0, 0, 0, engineError("place text", err)
		}
		if i == 0 {
			x0, y0, x1, y1 = c.DeviceX, c.DeviceY, c.DeviceX, c.DeviceY
		}
		x0, x1 = min(x0, c.DeviceX), max(x1, c.DeviceX)
		y0, y1 = min(y0, c.DeviceY), max(y1, c.DeviceY)
	}
	m := max(margin, min(x1-x0, y1-y0)/5) // recognised text lies only about where it is seen
	x0, y0 = min(max(x0-m, 0), d.width), min(max(y0-m, 0), d.height)
	x1, y1 = min(x1+m+1, d.width), min(y1+m+1, d.height)
	return x0, y0, max(x1, x0), max(y1, y0), nil
}

// picture takes the unused byte out of each pixel.
func picture(rgbx []byte, width, height int) (*Picture, error) {
	stride := len(rgbx) / height
	if stride < 4*width {
		return nil, fmt.Errorf("%w: short bitmap", ErrEngine)
	}
	out := make([]byte, 0, 3*width*height)
	for y := range height {
		row := rgbx[y*stride : y*stride+4*width]
		for x := 0; x < len(row); x += 4 {
			out = append(out, row[x], row[x+1], row[x+2])
		}
	}
	return &Picture{width, height, out}, nil
}

// Annotated reports whether the page has annotations that are more than links:
// something that a picture of the page would lose.
func (p *Page) Annotated() (is bool, err error) {
	defer caught(&err)
	count, err := p.lib.FPDFPage_GetAnnotCount(&requests.FPDFPage_GetAnnotCount{Page: p.ref})
	if err != nil {
		return false, engineError("count annotations", err)
	}
	for i := range count.Count {
		a, err := p.lib.FPDFPage_GetAnnot(&requests.FPDFPage_GetAnnot{Page: p.ref, Index: i})
		if err != nil {
			return false, engineError("look at annotations", err)
		}
		kind, err := p.lib.FPDFAnnot_GetSubtype(&requests.FPDFAnnot_GetSubtype{Annotation: a.Annotation})
		_, cerr := p.lib.FPDFPage_CloseAnnot(&requests.FPDFPage_CloseAnnot{Annotation: a.Annotation})
		if err = errors.Join(err, cerr); err != nil {
			return false, engineError("look at annotations", err)
		}
		if kind.Subtype != enums.FPDF_ANNOT_SUBTYPE_LINK {
			return true, nil
		}
	}
	return false, nil
}

// Blank reports whether a picture is white all over.
func (p *Picture) Blank() bool {
	for _, v := range p.RGB {
		if v != 0xff {
			return false
		}
	}
	return true
}
