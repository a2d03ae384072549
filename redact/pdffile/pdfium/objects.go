package pdfium

import (
	"github.com/klippa-app/go-pdfium/enums"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
)

const (
	maxObjects   = 100_000 // of a page that are looked at
	maxFormDepth = 12
)

// Pictures is the area of the pictures on the page in square points: what overlaps is
// counted twice, and a form with a picture in it (ISO 32000-1, 8.10) as a whole. A page
// of more objects, or deeper ones, than are looked at counts as covered.
func (p *Page) Pictures() (area float64, err error) {
	defer caught(&err)
	count, err := p.lib.FPDFPage_CountObjects(&requests.FPDFPage_CountObjects{Page: p.ref})
	if err != nil {
		return 0, engineError("count objects", err)
	}
	left := maxObjects
	for i := range count.Count {
		o, err := p.lib.FPDFPage_GetObject(&requests.FPDFPage_GetObject{Page: p.ref, Index: i})
		if err != nil {
			return 0, engineError("look at objects", err)
		}
		is, err := p.pictured(o.PageObject, 0, &left)
		if err != nil {
			return 0, engineError("look at objects", err)
		}
		if !is {
			continue
		}
		b, err := p.lib.FPDFPageObj_GetBounds(&requests.FPDFPageObj_GetBounds{PageObject: o.PageObject})
		if err != nil {
			return 0, engineError("measure objects", err)
		}
		area += float64(b.Right-b.Left) * float64(b.Top-b.Bottom)
	}
	return area, nil
}

// pictured reports whether an object is a picture, or a form with one.
func (p *Page) pictured(o references.FPDF_PAGEOBJECT, depth int, left *int) (bool, error) {
	*left--
	if *left < 0 || depth > maxFormDepth {
		return true, nil
	}
	kind, err := p.lib.FPDFPageObj_GetType(&requests.FPDFPageObj_GetType{PageObject: o})
	if err != nil || kind.Type == enums.FPDF_PAGEOBJ_IMAGE {
		return err == nil, err
	}
	if kind.Type != enums.FPDF_PAGEOBJ_FORM {
		return false, nil
	}
	count, err := p.lib.FPDFFormObj_CountObjects(&requests.FPDFFormObj_CountObjects{PageObject: o})
	if err != nil {
		return false, err
	}
	for i := range count.Count {
		in, err := p.lib.FPDFFormObj_GetObject(&requests.FPDFFormObj_GetObject{PageObject: o, Index: uint64(i)})
		if err != nil {
			return false, err
		}
		if is, err := p.pictured(in.PageObject, depth+1, left); is || err != nil {
			return is, err
		}
	}
	return false, nil
}
