package pdffile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"chartseal/redact"
	"chartseal/redact/identifier"
	"chartseal/redact/pdffile/pdfium"
)

// engine is one for all tests that work in this process.
var engine = sync.OnceValues(func() (*pdfium.Engine, error) { return pdfium.Start(context.Background(), engineCache) })

func trimmerFor(t testing.TB, reviewed bool) *trimmer {
	t.Helper()
	e, err := engine()
	if err != nil {
		t.Fatal(err)
	}
	trim := newTrimmer(e, identifier.For(redact.Payment), reviewed)
	trim.dpi = 72 // draws faster
	return trim
}

// ssn is what must not be left of it.
const ssn = "123-45-6789"

// written is a page with the given content, entries and resources beside a
// Helvetica called F1.
func written(content, entries, resources string, more func(*file)) []byte {
	f := newFile()
	f.obj(1, "<</Type/Catalog/Pages 2 0 R>>")
	f.obj(2, "<</Type/Pages/Count 1/Kids[3 0 R]>>")
	f.obj(3, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 420 420]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>%s>>%s>>", resources, entries)
	f.stream(4, "", content)
	f.obj(5, "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>")
	if more != nil {
		more(f)
	}
	f.finish("")
	return f.Bytes()
}

// letterByLetter shows each letter on its own, step points apart.
func letterByLetter(s string, step int) string {
	var b strings.Builder
	for i, r := range s {
		fmt.Fprintf(&b, "1 0 0 1 %d 300 Tm (%c) Tj ", 72+i*step, r)
	}
	return b.String()
}

// numbersOnPages are the ways in which a page can show a number.
var numbersOnPages = map[string][]byte{
	"one string":       written("BT /F1 12 Tf 72 300 Td (SSN: 123-45-6789 of the patient) Tj ET", "", "", nil),
	"split":            written("BT /F1 12 Tf 72 300 Td (SSN: 123-4) Tj (5-67) Tj (89 ok) Tj ET", "", "", nil),
	"split, kerned":    written("BT /F1 12 Tf 72 300 Td [(SSN: 12) -80 (3-4) 50 (5-67) -90 (89)] TJ ET", "", "", nil),
	"letter by letter": written("BT /F1 12 Tf "+letterByLetter(ssn, 7)+" ET", "", "", nil),
	"spaced out":       written("BT /F1 12 Tf "+letterByLetter(ssn, 20)+" ET", "", "", nil),
	"character space":  written("BT /F1 12 Tf 8 Tc 72 300 Td (123-45-6789) Tj ET", "", "", nil),
	"across lines":     written("BT /F1 12 Tf 250 300 Td (the number 123-45-) Tj -178 -14 Td (6789 is known) Tj ET", "", "", nil),
	"across lines 2":   written("BT /F1 12 Tf 250 300 Td (the number 123-4) Tj -178 -14 Td (5-6789 is known) Tj ET", "", "", nil),
	"turned text":      written("BT /F1 12 Tf .7 .7 -.7 .7 150 200 Tm (SSN 123-45-6789) Tj ET", "", "", nil),
	"turned page":      written("BT /F1 12 Tf 0 1 -1 0 250 150 Tm (SSN 123-45-6789) Tj ET", "/Rotate 90", "", nil),
	"cut page":         written("BT /F1 12 Tf 150 300 Td (SSN 123-45-6789) Tj ET", "/CropBox[100 100 400 400]", "", nil),
	"beside the page":  written("BT /F1 12 Tf 150 300 Td (hello) Tj 300 0 Td (123-45-6789) Tj ET", "/CropBox[100 100 400 400]", "", nil),
	"invisible":        written("BT 3 Tr /F1 12 Tf 72 300 Td (SSN 123-45-6789) Tj ET", "", "", nil),
	"white":            written("1 g BT /F1 12 Tf 72 300 Td (SSN 123-45-6789) Tj ET", "", "", nil),
	"after the clip":   written("0 0 1 1 re W n BT /F1 12 Tf 72 300 Td (SSN 123-45-6789) Tj ET", "", "", nil),
	"under a box":      written("BT /F1 12 Tf 72 300 Td (SSN 123-45-6789) Tj ET 0 g 60 290 300 30 re f", "", "", nil),
	"other words said": written("BT /F1 12 Tf 72 300 Td /Span<</ActualText(nothing)>>BDC (SSN 123-45-6789) Tj EMC ET", "", "", nil),
	"form": written("q 1 0 0 1 50 200 cm /X Do Q", "", "/XObject<</X 6 0 R>>", func(f *file) {
		f.stream(6, "/Type/XObject/Subtype/Form/BBox[0 0 300 50]/Resources<</Font<</F1 5 0 R>>>>", "BT /F1 12 Tf 9 9 Td (SSN 123-45-6789) Tj ET")
	}),
	"field": written("BT /F1 12 Tf 72 300 Td (a form) Tj ET", "/Annots[6 0 R]", "", func(f *file) {
		f.obj(6, "<</Type/Annot/Subtype/Widget/FT/Tx/T(ssn)/V(123-45-6789)/TU(123-45-6789)/DV(123-45-6789)/MK<</CA(123-45-6789)>>/Rect[100 100 300 120]/AP<</N 7 0 R>>>>")
		f.stream(7, "/Type/XObject/Subtype/Form/BBox[0 0 200 20]/Resources<</Font<</F1 5 0 R>>>>", "/Tx BMC BT /F1 12 Tf 2 5 Td (123-45-6789) Tj ET EMC")
	}),
	"free text": written("BT /F1 12 Tf 72 300 Td (a note) Tj ET", "/Annots[6 0 R]", "", func(f *file) {
		f.obj(6, "<</Type/Annot/Subtype/FreeText/Contents(123-45-6789)/Rect[100 100 300 120]/AP<</N 7 0 R>>>>")
		f.stream(7, "/Type/XObject/Subtype/Form/BBox[0 0 200 20]/Resources<</Font<</F1 5 0 R>>>>", "BT /F1 12 Tf 2 5 Td (123-45-6789) Tj ET")
	}),
	"remark, seen": written("BT /F1 12 Tf 72 300 Td (a stamp) Tj ET", "/Annots[6 0 R]", "", func(f *file) {
		f.obj(6, "<</Type/Annot/Subtype/Stamp/Contents(see SSN 123-45-6789.)/Rect[100 100 300 120]/AP<</N 7 0 R>>>>")
		f.stream(7, "/Type/XObject/Subtype/Form/BBox[0 0 200 20]/Resources<</Font<</F1 5 0 R>>>>", "BT /F1 12 Tf 2 5 Td (123-45-6789) Tj ET")
	}),
	"lying font": written("BT /F1 12 Tf 72 300 Td (SSN 123-45-6789) Tj ET", "", "", func(f *file) {
		f.obj(5, "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding/ToUnicode 7 0 R>>")
		f.stream(7, "", "/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <00> <ff> endcodespacerange 1 beginbfrange <20> <7e> <0041> endbfrange endcmap end")
	}),
}

func TestTrim(t *testing.T) {
	for name, in := range numbersOnPages {
		t.Run(name, func(t *testing.T) {
			trim := trimmerFor(t, false)
			got, report, err := cleaned(in, nil, trim)
			if err != nil {
				t.Fatal(err)
			}
			if count := countOf(report, "social security numbers"); count < 1 || count > 2 {
				t.Errorf("the report counts %d", count)
			}
			if !slices.Contains(report.Notices, trimNotice) {
				t.Errorf("notices: %q", report.Notices)
			}
			all := string(got) + readable(t, got)
			for _, s := range []string{ssn, "123456789", utf16s(ssn, true), fmt.Sprintf("%x", ssn)} {
				if strings.Contains(all, s) {
					t.Errorf("%q is left", s)
				}
			}
			if !bytes.Contains(got, []byte("/Subtype /Image")) {
				t.Error("the page is no picture")
			}
		})
	}
}

// FuzzTrim: whatever the file, what comes out has no number that the rules find,
// and the engine survives or says so.
func FuzzTrim(f *testing.F) {
	for _, name := range []string{"one string", "form", "field", "lying font", "turned page"} {
		f.Add(numbersOnPages[name])
	}
	f.Add(poisoned(f))
	e, err := pdfium.Start(f.Context(), engineCache)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		trim := newTrimmer(e, identifier.For(redact.Operations), true)
		trim.dpi = 20
		got, _, err := cleaned(b, nil, trim)
		if r, ok := errors.AsType[*redact.Refusal](err); err != nil && !ok {
			t.Fatalf("no verdict: %v", err)
		} else if ok && r.Class == redact.Unverified { // in its own process the engine ends with the file
			_ = e.Close()
			if e, err = pdfium.Start(t.Context(), engineCache); err != nil {
				t.Fatal(err)
			}
		}
		if err == nil && bytes.Contains(got, []byte(ssn)) {
			t.Error("the number is left")
		}
	})
}

func countOf(r redact.Report, item string) (n int) {
	for _, x := range r.Removed {
		if x.Item == item {
			n += x.Count
		}
	}
	return n
}

// TestTextWithoutAFont: nobody sees it, and everybody can take it out.
func TestTextWithoutAFont(t *testing.T) {
	for name, in := range map[string][]byte{
		"no such font":  bytes.Replace(numbersOnPages["one string"], []byte("/Font<<"), []byte("/Tnof<<"), 1),
		"cut off":       bytes.Replace(numbersOnPages["one string"], []byte("of the patient) Tj ET"), []byte("of the patient  Tj ET"), 1),
		"broken choice": bytes.Replace(numbersOnPages["one string"], []byte("/F1 12 Tf"), []byte("/F1!12 Tf"), 1),
	} {
		got, _, err := cleaned(in, nil, trimmerFor(t, true))
		var r *redact.Refusal
		switch {
		case err == nil:
			if strings.Contains(readable(t, got), ssn) {
				t.Errorf("%s: the number is left", name)
			}
		case !errors.As(err, &r) || r.Class != redact.Unverified:
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSameNumberElsewhere: a number that is told once goes wherever it stands.
func TestSameNumberElsewhere(t *testing.T) {
	in := numbered(3)
	in = bytes.Replace(in, []byte("this is page 1."), []byte("SSN: 219099999."), 1)
	in = bytes.Replace(in, []byte("this is page 3."), []byte("219 09 9999 yes"), 1)
	got, report, err := cleaned(in, nil, trimmerFor(t, false))
	if err != nil {
		t.Fatal(err)
	}
	if n := countOf(report, "social security numbers"); n != 2 {
		t.Errorf("the report counts %d", n)
	}
	if bytes.Count(got, []byte("/Subtype /Image")) != 2 || !strings.Contains(readable(t, got), "this is page 2.") {
		t.Error("the pages are not those that show it")
	}
}

// TestNothingToTrim: a page without a hit stays as it is, whatever the profile.
func TestNothingToTrim(t *testing.T) {
	in := written("BT /F1 12 Tf 72 600 Td (Teeth 12, 13-14 and 15. D0120. Call 518-555-0100, NPI 1234567893.) Tj ET", "/Annots[6 0 R]", "", func(f *file) {
		f.obj(6, "<</Type/Annot/Subtype/Text/Contents(on 2026-11-18)/Rect[100 100 120 120]>>")
	})
	got, report, err := cleaned(in, nil, trimmerFor(t, false))
	if err != nil {
		t.Fatal(err)
	}
	want, _, err := clean(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) || len(report.Notices) > 0 {
		t.Errorf("the page was changed: %q", report.Notices)
	}
}

// TestUntrimmedProfiles: the patient's own record and one for treatment stay
// whole; the others go through the child process.
func TestUntrimmedProfiles(t *testing.T) {
	for _, p := range redact.Profiles() {
		got, report, err := run(numbersOnPages["one string"], p)
		switch p {
		case redact.Treatment, redact.PatientAccess:
			if err != nil || !strings.Contains(readable(t, got), ssn) {
				t.Errorf("%s: %v", p, err)
			}
		case redact.Authorization, redact.Payment, redact.Operations:
			if err != nil || strings.Contains(readable(t, got), ssn) || countOf(report, "social security numbers") != 1 {
				t.Errorf("%s: %v %v", p, err, report.Removed)
			}
		default:
			wantRefusal(t, err, redact.Unfit)
		}
	}
}

// TestNotSearched: pages that cannot be searched go only when somebody has looked
// at them.
func TestNotSearched(t *testing.T) {
	picture := func(f *file) {
		f.stream(6, "/Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8", "x")
	}
	const scan = "q 612 0 0 792 0 0 cm /Im Do Q "
	long := strings.Repeat("the tooth is well and so is the patient ", 3)
	for name, tt := range map[string]struct {
		in   []byte
		held bool
	}{
		"scan": {written(scan, "", "/XObject<</Im 6 0 R>>", picture), true},
		"scan in a form": {written("/X Do", "", "/XObject<</X 7 0 R>>", func(f *file) {
			picture(f)
			f.stream(7, "/Subtype/Form/BBox[0 0 612 792]/Resources<</XObject<</Im 6 0 R>>>>", scan)
		}), true},
		"stamped scan":       {written(scan+"BT /F1 9 Tf 9 9 Td (page 7 of 9) Tj ET", "", "/XObject<</Im 6 0 R>>", picture), true},
		"recognised scan":    {written(scan+"BT 3 Tr /F1 9 Tf 9 200 Td ("+long+") Tj ET", "", "/XObject<</Im 6 0 R>>", picture), true},
		"scan over its text": {written("BT /F1 9 Tf 9 200 Td ("+long+") Tj ET "+scan, "", "/XObject<</Im 6 0 R>>", picture), true},
		"recognised, in a form": {written(scan+"q 3 Tr /X Do Q BT /F1 9 Tf 9 9 Td (page 7 of 9) Tj ET", "", "/XObject<</Im 6 0 R/X 7 0 R>>", func(f *file) {
			picture(f)
			f.stream(7, "/Subtype/Form/BBox[0 0 612 792]/Resources<</Font<</F1 5 0 R>>>>", "BT /F1 9 Tf 9 200 Td ("+long+") Tj ET")
		}), true},
		"text on a background":   {written(scan+"BT 0 Tr /F1 9 Tf 9 200 Td ("+long+") Tj ET", "", "/XObject<</Im 6 0 R>>", picture), false},
		"faxed scan":             {written(scan+"BT /F1 9 Tf 9 400 Td ("+long+") Tj ET", "", "/XObject<</Im 6 0 R>>", picture), true},
		"faxed scan, turned":     {written(scan+"BT /F1 9 Tf 0 1 -1 0 20 9 Tm ("+long+") Tj ET", "/Rotate 90", "/XObject<</Im 6 0 R>>", picture), true},
		"stamped scan, huge box": {written(scan+"BT /F1 9 Tf 9 9 Td (page 7 of 9) Tj ET", "/CropBox[0 0 9000 9000]", "/XObject<</Im 6 0 R>>", picture), true},
		"letters as curves":      {written(strings.Repeat("9 9 m 1 2 3 4 5 6 c f ", 500)+"BT /F1 9 Tf 9 9 Td (page 7 of 9) Tj ET", "", "", nil), true},
		"a logo":                 {written(strings.Repeat("9 9 m 1 2 3 4 5 6 c f ", 50)+"BT /F1 9 Tf 9 9 Td (page 7 of 9) Tj ET", "", "", nil), false},
		"text in a pattern": {written("/Pattern cs /P scn 0 0 400 400 re f BT /F1 9 Tf 9 200 Td ("+long+") Tj ET", "", "/Pattern<</P 7 0 R>>", func(f *file) {
			f.stream(7, "/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 400 400]/XStep 400/YStep 400/Resources<</Font<</F1 5 0 R>>>>", "BT /F1 9 Tf 9 9 Td (123-45-6789) Tj ET")
		}), true},
		"scan in a pattern": {written("/Pattern cs /P scn 0 0 400 400 re f BT /F1 9 Tf 9 9 Td (page 7 of 9) Tj ET", "", "/Pattern<</P 7 0 R>>", func(f *file) {
			picture(f)
			f.stream(7, "/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 400 400]/XStep 400/YStep 400/Resources<</XObject<</Im 6 0 R>>>>", scan)
		}), true},
		"text in a soft mask": {written("/G gs 0 0 400 400 re f BT /F1 9 Tf 9 200 Td ("+long+") Tj ET", "", "/ExtGState<</G<</SMask<</S/Luminosity/G 7 0 R>>>>>>", func(f *file) {
			f.stream(7, "/Subtype/Form/BBox[0 0 400 400]/Group<</S/Transparency/CS/DeviceGray>>/Resources<</Font<</F1 5 0 R>>>>", "1 g BT /F1 9 Tf 9 9 Td (123-45-6789) Tj ET")
		}), true},
		"text in a glyph": {written("BT /F1 9 Tf 9 200 Td ("+long+") Tj /T 9 Tf (A) Tj ET", "", "/Font<</F1 5 0 R/T 7 0 R>>", func(f *file) {
			f.obj(7, "<</Type/Font/Subtype/Type3/FontBBox[0 0 9000 1000]/FontMatrix[.001 0 0 .001 0 0]/FirstChar 65/LastChar 65/Widths[600]/Encoding<</Differences[65/A]>>/CharProcs<</A 8 0 R>>/Resources<</Font<</F1 5 0 R>>>>>>")
			f.stream(8, "", "600 0 d0 BT /F1 1000 Tf (123-45-6789) Tj ET")
		}), true},
		"picture of a card":      {written("q 260 0 0 160 9 9 cm /Im Do Q BT /F1 9 Tf 9 200 Td ("+long+") Tj ET", "", "/XObject<</Im 6 0 R>>", picture), false},
		"small picture":          {written("q 100 0 0 100 9 9 cm /Im Do Q BT /F1 9 Tf 9 9 Td (tooth 14) Tj ET", "", "/XObject<</Im 6 0 R>>", picture), false},
		"small picture, no word": {written("q 100 0 0 100 9 9 cm /Im Do Q", "", "/XObject<</Im 6 0 R>>", picture), true},
		"inline picture":         {written("q 612 0 0 792 0 0 cm BI /W 1/H 1/BPC 8/CS/G ID x EI Q", "", "", nil), true},
		"letters as lines":       {written("0 0 m 100 100 l S", "", "", nil), true},
		"empty page":             {written("", "", "", nil), false},
		"glyphs without names": {written("BT /F1 9 Tf 9 9 Td ("+long+") Tj ET", "", "", func(f *file) {
			f.obj(5, "<</Type/Font/Subtype/Type3/FontBBox[0 0 1 1]/FontMatrix[1 0 0 1 0 0]/FirstChar 32/LastChar 126/Widths[%s]/Encoding<</Differences[32%s]>>/CharProcs<</g 7 0 R>>/Resources<<>>>>",
				strings.Repeat("1 ", 95), strings.Repeat("/g", 95))
			f.stream(7, "", "1 0 0 0 1 1 d1 0 0 1 1 re f")
		}), true},
	} {
		pictured := []string{"picture of a card", "small picture", "text on a background"}
		t.Run(name, func(t *testing.T) {
			_, report, err := cleaned(tt.in, nil, trimmerFor(t, false))
			if !tt.held {
				if told := slices.Contains(report.Notices, picturesNotice); err != nil || told != slices.Contains(pictured, name) {
					t.Errorf("%v, %q", err, report.Notices)
				}
				return
			}
			wantRefusal(t, err, redact.Undecided)
			_, report, err = cleaned(tt.in, nil, trimmerFor(t, true))
			if err != nil || !slices.Contains(report.Notices, unreadNotice) {
				t.Errorf("looked at by a person: %v, %q", err, report.Notices)
			}
		})
	}
}

func TestNotSearchedSays(t *testing.T) {
	for want, pages := range map[string][]int{
		"page 3 is a scan": {3}, "pages 3 and 5 are": {3, 5}, "pages 3, 5 and 9 are": {3, 5, 9},
		"pages 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 2 more are": {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14},
	} {
		if got := notSearched(pages); !strings.HasPrefix(got, want) {
			t.Errorf("%v: %q", pages, got)
		}
	}
}
