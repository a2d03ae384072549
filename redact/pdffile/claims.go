package pdffile

import (
	"errors"
	"slices"
	"unicode"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"chartseal/redact"
	"chartseal/redact/heading"
	"chartseal/redact/pdffile/pdfium"
)

// bounded is what the parent takes from a child that may be lying.
func bounded(claims []redact.Claim) []redact.Claim {
	claims = claims[:min(len(claims), redact.MaxClaims)]
	return slices.DeleteFunc(claims, func(c redact.Claim) bool { return len(c.Value) > redact.MaxClaim })
}

// claimsIn reads from the pages of a PDF what they say about whose they are: of all
// pages, also of those that do not go, as one may be the heading of those behind
// it. A page that says the same as the one before it is left out. whole is false
// if not all of it could be read.
func claimsIn(engine *pdfium.Engine, in []byte, pages []Range) (all []redact.Claim, whole bool) {
	defer func() {
		if recover() != nil {
			all, whole = nil, false
		}
	}()
	var c claimant
	doc, numbers := wholeOf(in, pages)
	if doc == nil {
		err := c.drawn(engine, in)
		return c.all, err == nil && !c.cut
	}
	singles := doc.withoutPictures().singles()
	for i := range singles.kids {
		pdf, err := singles.pdf(i, false)
		if err == nil {
			err = onPage(engine, pdf, func(p *pdfium.Page) error { return c.page(p, numbers[i]) })
		}
		if err != nil {
			return c.all, false // the engine must not be used any more
		}
	}
	return c.all, !c.cut
}

// claimant gathers the claims of one file.
type claimant struct {
	all, last []redact.Claim
	cut       bool // there is more than is taken
}

func (c *claimant) page(p *pdfium.Page, number int) error {
	texts, height, err := textsOf(p)
	if err != nil {
		return err
	}
	claims := telling(heading.Read(heading.Page{Number: number, Height: height, Texts: texts}))
	switch {
	case slices.EqualFunc(claims, c.last, func(a, b redact.Claim) bool { return a.What == b.What && a.Value == b.Value }):
	case len(c.all)+len(claims) > redact.MaxClaims:
		c.cut = true
	default:
		c.all, c.last = append(c.all, claims...), claims
	}
	return nil
}

// telling leaves out numbers without a label where something says more: they change
// from page to page, and a long chart would have more of them than are taken.
func telling(claims []redact.Claim) []redact.Claim {
	loose := func(c redact.Claim) bool { return c.What == redact.ClaimLoose }
	if len(claims) == 0 || !slices.ContainsFunc(claims, func(c redact.Claim) bool { return !loose(c) }) {
		return claims
	}
	return slices.DeleteFunc(claims, loose)
}

// drawn reads a file of which pages are drawn because they cannot be cleaned: only
// the engine can open it.
func (c *claimant) drawn(engine *pdfium.Engine, in []byte) (err error) {
	doc, err := engine.Open(in)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, doc.Close()) }()
	n, err := doc.Pages()
	for i := 0; i < n && err == nil; i++ {
		var page *pdfium.Page
		if page, err = doc.Page(i); err == nil {
			err = errors.Join(c.page(page, i+1), page.Close())
		}
	}
	return err
}

// wholeOf is the cleaned document with all its pages or, if one of those that do
// not go cannot be cleaned, without them; and the numbers of its pages.
func wholeOf(in []byte, pages []Range) (*document, []int) {
	for _, only := range [][]Range{nil, pages} {
		src, err := read(in)
		if err != nil {
			return nil, nil
		}
		c := newCopier(src)
		c.only = only
		if doc, err := c.build(); err == nil {
			return doc, c.taken
		}
	}
	return nil, nil
}

// withoutPictures is a document whose pictures are gone: they hold no text, and are
// most of a scan.
func (d *document) withoutPictures() *document {
	out := &document{objects: slices.Clone(d.objects), root: d.root, pages: d.pages, version: d.version}
	for i, o := range out.objects {
		if s, ok := o.(types.StreamDict); ok && s.Dict["Subtype"] == types.Name("Image") {
			out.objects[i] = nil
		}
	}
	return out
}

// textsOf returns the words of a page where a viewer shows them, and its height.
func textsOf(p *pdfium.Page) (texts []heading.Text, height float64, err error) {
	bounds, err := p.Bounds()
	if err != nil {
		return nil, 0, err
	}
	turn, err := p.Turn()
	if err != nil {
		return nil, 0, err
	}
	text, err := p.Text()
	if err != nil {
		return nil, 0, err
	}
	defer func() {
		if cerr := text.Close(); err == nil {
			err = cerr
		}
	}()
	height = bounds.Top - bounds.Bottom
	if turn%180 == 90 {
		height = bounds.Right - bounds.Left
	}
	for from := 0; from < len(text.Chars); {
		to := wordEnd(text.Chars, from)
		if to == from {
			from++
			continue
		}
		t, err := wordAt(text, from, to, bounds, turn)
		if err != nil {
			return nil, 0, err
		}
		texts = append(texts, t)
		from = to
	}
	return texts, height, nil
}

// wordEnd is where the word ends that begins at a character.
func wordEnd(chars []pdfium.Char, at int) int {
	for at < len(chars) && chars[at].Rune != 0 && !unicode.IsSpace(chars[at].Rune) && chars[at].Rune != '\uFFFE' {
		at++
	}
	return at
}

func wordAt(text *pdfium.Text, from, to int, bounds pdfium.Box, turn int) (heading.Text, error) {
	runes := make([]rune, 0, to-from)
	for _, c := range text.Chars[from:to] {
		runes = append(runes, c.Rune)
	}
	first, err := text.Box(from)
	if err != nil {
		return heading.Text{}, err
	}
	last, err := text.Box(to - 1)
	if err != nil {
		return heading.Text{}, err
	}
	b := pdfium.Box{
		Left: min(first.Left, last.Left), Bottom: min(first.Bottom, last.Bottom),
		Right: max(first.Right, last.Right), Top: max(first.Top, last.Top),
	}
	t := heading.Text{Text: string(runes)}
	switch turn { // clockwise, when shown (table 30)
	case 90:
		t.Left, t.Right, t.Top, t.Bottom = b.Bottom-bounds.Bottom, b.Top-bounds.Bottom, b.Left-bounds.Left, b.Right-bounds.Left
	case 180:
		t.Left, t.Right, t.Top, t.Bottom = bounds.Right-b.Right, bounds.Right-b.Left, b.Bottom-bounds.Bottom, b.Top-bounds.Bottom
	case 270:
		t.Left, t.Right, t.Top, t.Bottom = bounds.Top-b.Top, bounds.Top-b.Bottom, bounds.Right-b.Right, bounds.Right-b.Left
	default:
		t.Left, t.Right, t.Top, t.Bottom = b.Left-bounds.Left, b.Right-bounds.Left, bounds.Top-b.Top, bounds.Top-b.Bottom
	}
	return t, nil
}
