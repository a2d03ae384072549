package pdffile

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"chartseal/redact"
)

// chart is one page with the given annotations and entries of the catalog.
// Object 20 is an appearance that says "seen", 21 one that says nothing.
func chart(annots, catalog string) []byte {
	f := newFile()
	f.obj(1, "<</Type/Catalog/Pages 2 0 R %s>>", catalog)
	f.obj(2, "<</Type/Pages/Count 1/Kids[3 0 R]>>")
	f.obj(3, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Contents 4 0 R/Resources 5 0 R/Annots[%s]>>", annots)
	f.stream(4, "", "q 2 0 0 2 0 0 cm BT /F1 9 Tf (page) Tj ET Q /Annotation0 Do")
	f.obj(5, "<</Font<</F1 6 0 R>>/XObject<</Annotation0 7 0 R>>>>")
	f.obj(6, "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
	f.stream(7, "/Type/XObject/Subtype/Form/BBox[0 0 1 1]", "")
	f.stream(20, "/Type/XObject/Subtype/Form/BBox[0 0 10 20]/Matrix[0 1 -1 0 0 0]", "BT /F1 9 Tf (seen) Tj ET")
	f.stream(21, "/Type/XObject/Subtype/Form/BBox[0 0 10 20]", "/Tx BMC EMC")
	f.obj(22, "<</FT/Tx/T(name)/V(%s)/Kids[]>>", secret)
	f.finish("")
	return f.Bytes()
}

func annot(subtype, more string) string {
	return fmt.Sprintf("<</Type/Annot/Subtype/%s/Rect[100 100 140 120]%s>>", subtype, more)
}

func TestAnnotations(t *testing.T) {
	const (
		painted = " cm /Annotation1 Do"
		comment = "/Contents <7361796b6f6f>" // saykoo
	)
	for name, c := range map[string]struct {
		annot, catalog string
		class          redact.Class // refused
		want, not      string       // in the output
	}{
		"stamp":                 {annot("Stamp", "/AP<</N 20 0 R>>"), "", "", painted, "/Annots"},
		"highlight":             {annot("Highlight", "/AP<</N 20 0 R>>/Contents()"), "", "", painted, "/Annots"},
		"ink without look":      {annot("Ink", "/InkList[[1 2 3 4]]"), "", redact.Unfit, "", ""},
		"highlight says":        {annot("Highlight", "/AP<</N 20 0 R>>/QuadPoints[1 2 3 4 5 6 7 8]/Contents(saykoo)/T("+secret+")"), "", "", comment, painted},
		"ink says, no look":     {annot("Ink", "/InkList[[1 2 3 4]]/Contents(saykoo)"), "", "", comment, painted},
		"note":                  {annot("Text", "/Contents<feff007300610079>/Popup<</T("+secret+")>>"), "", "", "/Contents <feff007300610079>", "Popup"},
		"empty note":            {annot("Text", "/Contents<feff>"), "", "", "(page)", "/Annots"},
		"free text":             {annot("FreeText", "/Contents("+secret+")/AP<</N 20 0 R>>"), "", "", painted, "/Annots"},
		"free text, no look":    {annot("FreeText", "/Contents("+secret+")"), "", redact.Unfit, "", ""},
		"hidden":                {annot("Stamp", "/F 2/AP<</N 20 0 R>>"), "", "", "(page)", "seen"},
		"no view":               {annot("Text", "/F 32/Contents("+secret+")"), "", "", "(page)", "/Annots"},
		"link":                  {annot("Link", "/A<</S/URI/URI(http://"+secret+")>>"), "", "", "(page)", "/Annots"},
		"attachment":            {annot("FileAttachment", "/FS<</F("+secret+")>>/AP<</N 20 0 R>>"), "", "", "(page)", "seen"},
		"to be blacked out":     {annot("Redact", ""), "", redact.Unfit, "", ""},
		"video":                 {annot("RichMedia", "/AP<</N 20 0 R>>"), "", redact.Unfit, "", ""},
		"broken":                {"<</Subtype/Stamp/AP<</N 20 0 R>>>>", "", redact.Malformed, "", ""},
		"states":                {annot("Stamp", "/AS/On/AP<</N<</On 20 0 R/Off 21 0 R>>>>"), "", "", "(seen)", "/Tx"},
		"field":                 {annot("Widget", "/FT/Tx/V(x)/AP<</N 20 0 R>>"), "/AcroForm<</Fields[]>>", "", "(seen)", "/Widget"},
		"field of a parent":     {annot("Widget", "/Parent 22 0 R/AP<</N 20 0 R>>"), "", "", "(seen)", "name"},
		"field, no look":        {annot("Widget", "/Parent 22 0 R"), "", redact.Unfit, "", ""},
		"field, empty look":     {annot("Widget", "/FT/Tx/V(x)/AP<</N 21 0 R>>"), "", redact.Unfit, "", ""},
		"field drawn anew":      {annot("Widget", "/FT/Tx/V(x)/AP<</N 20 0 R>>"), "/AcroForm<</NeedAppearances true>>", redact.Unfit, "", ""},
		"empty field":           {annot("Widget", "/FT/Tx/V()"), "/AcroForm<</NeedAppearances true>>", "", "(page)", "/Annots"},
		"box ticked":            {annot("Widget", "/FT/Btn/V/On/AS/On/AP<</N<</On 20 0 R>>>>"), "", "", "(seen)", "/Annots"},
		"box not ticked":        {annot("Widget", "/FT/Btn/V/Off/AS/Off/AP<</N<</On 20 0 R>>>>"), "", "", "(page)", "seen"},
		"box ticked, no look":   {annot("Widget", "/FT/Btn/V/On"), "", redact.Unfit, "", ""},
		"signature":             {annot("Widget", "/FT/Sig/V<</Name("+secret+")/Contents<00>>>/AP<</N 20 0 R>>"), "", "", "(seen)", "Sig"},
		"dynamic form":          {"", "/AcroForm<</XFA[(a) 20 0 R]>>", redact.Unfit, "", ""},
		"portfolio":             {"", "/Collection<<>>", redact.Unfit, "", ""},
		"layers":                {"", "/OCProperties<</OCGs[<</Type/OCG/Name(" + secret + ")>>]/D<<>>>>", redact.Unfit, "", ""},
		"layers, but none":      {"", "/OCProperties<</OCGs[]>>", "", "(page)", "OCGs"},
		"language":              {"", "/Lang(de-AT)", "", "/Lang <64652d4154>", ""},
		"language that is none": {"", "/Lang(" + secret + ")", "", "(page)", "Lang"},
	} {
		t.Run(name, func(t *testing.T) {
			got, report, err := clean(chart(c.annot, c.catalog), nil)
			if c.class != "" {
				wantRefusal(t, err, c.class)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if l := leaks(t, got); l != nil {
				t.Errorf("the secret is still in: %v", l)
			}
			if !bytes.Contains(got, []byte(c.want)) {
				t.Errorf("%q is lost", c.want)
			}
			if c.not != "" && bytes.Contains(got, []byte(c.not)) {
				t.Errorf("%q is still there", c.not)
			}
			if name == "signature" || name == "attachment" || name == "hidden" || name == "highlight says" {
				if len(report.Notices) != 1 {
					t.Errorf("notices: %q", report.Notices)
				}
			}
		})
	}
}

// TestPlacement checks algorithm 8.1: a form of 10 by 20 points, turned by 90
// degrees, fills a rectangle of 40 by 20.
func TestPlacement(t *testing.T) {
	got, _, err := clean(chart(annot("Stamp", "/AP<</N 20 0 R>>"), ""), nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := "q 2 0 0 2 140 100 cm /Annotation1 Do Q"; !bytes.Contains(got, []byte(want)) {
		t.Errorf("%q is not in the output:\n%s", want, got)
	}
}

// TestFormResources: an appearance without fonts of its own uses those of the
// interactive form.
func TestFormResources(t *testing.T) {
	got, _, err := clean(chart(annot("Widget", "/FT/Tx/V(x)/AP<</N 20 0 R>>"), "/AcroForm<</DR<</Font<</F1 6 0 R>>>>>>"), nil)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(got, []byte("(seen)"))
	if at < 0 || !strings.Contains(string(got[max(0, at-250):at]), "/Resources <</Font <</F1") {
		t.Errorf("the fonts of the field are lost:\n%s", got)
	}
}
