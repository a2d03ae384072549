package pdffile

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"chartseal/redact"
)

// layered has a layer that is shown and one that is not.
func layered(more string, words string) []byte {
	return written("BT /F1 12 Tf 50 300 Td ("+words+") Tj ET /OC /On BDC 0 0 1 rg 50 50 100 100 re f EMC /OC /Off BDC 1 0 0 rg 200 50 100 100 re f EMC",
		more, "/Properties<</On 8 0 R/Off 9 0 R>>", func(f *file) {
			f.obj(1, "<</Type/Catalog/Pages 2 0 R/OCProperties<</OCGs[8 0 R 9 0 R]/D<</ON[8 0 R]/OFF[9 0 R]>>>>>>")
			f.obj(8, "<</Type/OCG/Name(seen)>>")
			f.obj(9, "<</Type/OCG/Name(%s)>>", secret)
		})
}

var manyWords = strings.Repeat("The tooth is well. ", 5)

func TestLayersAreDrawn(t *testing.T) {
	for _, p := range []redact.Profile{redact.Treatment, redact.Payment} {
		got, report, err := run(layered("", manyWords), p)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(report.Notices, drawnNotice) || !slices.Contains(report.Notices, layersNotice) || countOf(report, drawnRemoved.Item) != 1 {
			t.Errorf("%s: the report does not tell: %+v", p, report)
		}
		if l := leaks(t, got); l != nil {
			t.Errorf("%s: the secret is still in: %v", p, l)
		}
		before, after := drawnPages(t, layered("", manyWords)), drawnPages(t, got)
		if n := differs(before[0], after[0], 100); n > 40 {
			t.Errorf("%s: %d pixels are different", p, n)
		}
		blue, red := 0, 0
		for i := 0; i < len(after[0].RGB); i += 3 {
			switch px := after[0].RGB[i : i+3]; {
			case px[2] > 200 && px[0] < 50:
				blue++
			case px[0] > 200 && px[2] < 50:
				red++
			}
		}
		if blue < 9000 || red > 0 {
			t.Errorf("%s: %d pixels of the layer that is on, %d of the one that is off", p, blue, red)
		}
	}
}

func TestDrawnIsTrimmed(t *testing.T) {
	got, report, err := run(layered("", manyWords+" SSN "+ssn), redact.Payment)
	if err != nil {
		t.Fatal(err)
	}
	if countOf(report, "social security numbers") != 1 || strings.Contains(string(got)+readable(t, got), ssn) {
		t.Errorf("the number stayed: %+v", report)
	}
	_, _, err = run(layered("", "short"), redact.Payment)
	wantRefusal(t, err, redact.Undecided)
	tiled := written("BT /F1 12 Tf 50 300 Td ("+manyWords+") Tj ET /Pattern cs /P scn 0 0 400 200 re f", "", "/Pattern<</P 7 0 R>>", func(f *file) {
		f.obj(1, "<</Type/Catalog/Pages 2 0 R/OCProperties<</OCGs[8 0 R]/D<</ON[8 0 R]>>>>>>")
		f.stream(7, "/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 400 200]/XStep 400/YStep 200/Resources<</Font<</F1 5 0 R>>>>", "BT /F1 9 Tf 9 9 Td ("+ssn+") Tj ET")
		f.obj(8, "<</Type/OCG/Name(seen)>>")
	})
	_, _, err = run(tiled, redact.Payment)
	wantRefusal(t, err, redact.Undecided)
	if _, _, err = run(tiled, redact.Treatment); err != nil {
		t.Error(err)
	}
}

// TestNotDrawn: what a picture would lose keeps the file where it is.
func TestNotDrawn(t *testing.T) {
	note := "/Annots[<</Type/Annot/Subtype/Text/Contents(note)/Rect[0 0 9 9]>>]"
	twoPages := bytes.Replace(layered("", "x"), []byte("/Count 1"), []byte("/Count 2"), 1)
	blank := written("/OC /Off BDC 0 0 9 9 re f EMC", "", "/Properties<</Off 9 0 R>>", func(f *file) {
		f.obj(1, "<</Type/Catalog/Pages 2 0 R/OCProperties<</OCGs[9 0 R]/D<</OFF[9 0 R]>>>>>>")
		f.obj(9, "<</Type/OCG/Name(x)>>")
	})
	for name, in := range map[string][]byte{
		"with a note":  layered(note, "x"),
		"with a form":  bytes.Replace(layered("", "x"), []byte("/OCProperties"), []byte("/AcroForm<</Fields[<</FT/Tx/T(a)>>]>>/OCProperties"), 1),
		"page missing": twoPages,
		"blank":        blank,
	} {
		_, _, err := run(in, redact.Treatment)
		wantRefusal(t, err, redact.Unfit)
		if err != nil && !strings.Contains(err.Error(), "layers") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBrokenIsDrawn: a file that pdfcpu cannot read and pdfium can.
func TestBrokenIsDrawn(t *testing.T) {
	in := bytes.Replace(written("BT /F1 12 Tf 50 300 Td ("+manyWords+") Tj ET", "", "", nil), []byte("/Size 200"), []byte("/Size (a)"), 1)
	if _, err := read(in); err == nil {
		t.Fatal("pdfcpu can read it")
	}
	got, report, err := run(in, redact.Treatment)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(report.Notices, drawnNotice) {
		t.Errorf("notices: %q", report.Notices)
	}
	if pics := drawnPages(t, got); len(pics) != 1 || pics[0].Blank() {
		t.Error("the page is empty")
	}
}

// TestDrawnScanIsNotSearched: what a program recognised in a scan is not all that
// stands on it, in a file that is drawn as well.
func TestDrawnScanIsNotSearched(t *testing.T) {
	const scan, words = "q 612 0 0 792 0 0 cm /Im Do Q", " BT 3 Tr /F1 9 Tf 9 200 Td (the tooth is well and so is the patient, and so on and on and on until enough is said) Tj ET"
	for name, in := range map[string]struct {
		content, objects string
		held             bool
	}{
		"on the page":     {scan + words, "/Im 6 0 R", true},
		"in a form":       {"/X Do" + words, "/X 7 0 R", true},
		"a small picture": {"q 100 0 0 100 9 9 cm /Im Do Q" + words, "/Im 6 0 R", false},
	} {
		pdf := written(in.content, "", "/XObject<<"+in.objects+">>", func(f *file) {
			f.obj(1, "<</Type/Catalog/Pages 2 0 R/OCProperties<</OCGs[8 0 R]/D<</ON[8 0 R]>>>>>>")
			f.stream(6, "/Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8", "x")
			f.stream(7, "/Subtype/Form/BBox[0 0 612 792]/Resources<</XObject<</Im 6 0 R>>>>", scan)
			f.obj(8, "<</Type/OCG/Name(seen)>>")
		})
		_, _, err := run(pdf, redact.Payment)
		if !in.held {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		wantRefusal(t, err, redact.Undecided)
		if _, _, err := run(pdf, redact.Treatment); err != nil {
			t.Errorf("%s, for treatment: %v", name, err)
		}
	}
}
