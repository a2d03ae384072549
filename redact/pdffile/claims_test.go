package pdffile

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"chartseal/redact"
	"chartseal/redact/pdffile/pdfium"
)

// headed is a PDF whose pages have these attributes and show these lines of text,
// set by the matrices.
type headed struct{ attrs, content string }

func pagesOf(catalog string, pages ...headed) []byte {
	f := newFile()
	kids := ""
	for i, p := range pages {
		kids += fmt.Sprintf("%d 0 R ", 10+2*i)
		f.obj(10+2*i, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents %d 0 R/Resources 3 0 R%s>>", 11+2*i, p.attrs)
		f.stream(11+2*i, "", p.content)
	}
	f.obj(1, "<</Type/Catalog/Pages 2 0 R%s>>", catalog)
	f.obj(2, "<</Type/Pages/Count %d/Kids[%s]>>", len(pages), kids)
	f.obj(3, "<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>")
	f.finish("")
	return f.Bytes()
}

func at(matrix, text string) string {
	return fmt.Sprintf("BT /F1 10 Tf %s Tm (%s) Tj ET\n", matrix, text)
}

func claimsOf(t *testing.T, pdf []byte, pages ...Range) string {
	t.Helper()
	e, err := engine()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	claims, whole := claimsIn(e, pdf, pages)
	if !whole {
		t.Error("not all of it could be read")
	}
	for _, c := range claims {
		all = append(all, fmt.Sprintf("%d %s %s", c.Page, c.What, c.Value))
	}
	return strings.Join(all, "; ")
}

// TestClaims sets the same heading on pages that viewers turn.
func TestClaims(t *testing.T) {
	const name, birth = "Patient: Maria Alvarez", "DOB: 03/09/1984"
	const want = "1 name Maria Alvarez; 1 birth 03/09/1984"
	for what, p := range map[string]headed{
		"upright":     {"", at("1 0 0 1 36 740", name) + at("1 0 0 1 300 740", birth)},
		"turned":      {"/Rotate 90", at("0 1 -1 0 60 36", name) + at("0 1 -1 0 60 400", birth)},
		"on its head": {"/Rotate 180", at("-1 0 0 -1 560 60", name) + at("-1 0 0 -1 280 60", birth)},
		"turned back": {"/Rotate 270", at("0 -1 1 0 540 740", name) + at("0 -1 1 0 540 400", birth)},
		"backwards":   {"/Rotate -90", at("0 -1 1 0 540 740", name) + at("0 -1 1 0 540 400", birth)},
		"cropped":     {"/CropBox[20 20 600 780]", at("1 0 0 1 36 740", name) + at("1 0 0 1 36 727", birth)},
		"by letters":  {"", "BT /F1 10 Tf 1 0 0 1 36 740 Tm [(P)-5(at)5(ie)(nt: M)10(ari)-3(a A)(lva)8(rez)] TJ ET " + at("1 0 0 1 300 740", birth)},
		"unseen":      {"", "BT 3 Tr /F1 10 Tf 1 0 0 1 36 740 Tm (Patient: Maria Alvarez   DOB: 03/09/1984) Tj ET"},
	} {
		if got := claimsOf(t, pagesOf("", p)); got != want {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
}

func TestClaimsOfPages(t *testing.T) {
	maria, robert, none := headed{"", at("1 0 0 1 36 740", "Patient: Maria Alvarez")}, headed{"", at("1 0 0 1 36 740", "Patient: Robert Brown")}, headed{"", "0 0 99 99 re f"}
	pdf := pagesOf("", maria, maria, none, robert, maria)
	const want = "1 name Maria Alvarez; 4 name Robert Brown; 5 name Maria Alvarez"
	if got := claimsOf(t, pdf); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := claimsOf(t, pdf, Range{From: 2, To: 2}); got != want {
		t.Errorf("of a file of which one page goes: got %q, want %q", got, want)
	}
	if got := claimsOf(t, pagesOf("", none)); got != "" {
		t.Errorf("got %q of a page without text", got)
	}
}

// TestClaimsOfLayers: a file that must be drawn says whose it is, too.
func TestClaimsOfLayers(t *testing.T) {
	layers := "/OCProperties<</OCGs[<</Type/OCG/Name(x)>>]/D<<>>>>"
	if got, want := claimsOf(t, pagesOf(layers, headed{"", at("1 0 0 1 36 740", "Patient: Robert Brown")})), "1 name Robert Brown"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, broken := range []string{"", "%PDF-1.7", "%PDF-1.7\nnonsense\nstartxref\n0\n%%EOF\n"} {
		e, err := engine()
		if err != nil {
			t.Fatal(err)
		}
		if got, whole := claimsIn(e, []byte(broken), nil); len(got) > 0 || whole {
			t.Errorf("got %v of a broken file", got)
		}
	}
}

// TestClaimsFromAChild: a child may not flood its parent.
func TestClaimsFromAChild(t *testing.T) {
	many := slices.Repeat([]redact.Claim{{Page: 1, What: redact.ClaimName, Value: "x"}}, redact.MaxClaims+5)
	many[3].Value = strings.Repeat("x", redact.MaxClaim+1)
	if n := len(bounded(many)); n != redact.MaxClaims-1 {
		t.Errorf("%d claims are taken", n)
	}
	if s := fmt.Sprintf("%v %+v %#v %s", many[0], many[0], many[0], many[0]); strings.Contains(s, "x") {
		t.Errorf("a claim prints its value: %s", s)
	}
}

// TestManyPages: numbers at the top that change from page to page do not crowd out
// what the last page says.
func TestManyPages(t *testing.T) {
	var pages []headed
	for i := range 40 {
		var numbers string
		for j := range 10 {
			numbers += at(fmt.Sprintf("1 0 0 1 %d 760", 36+55*j), fmt.Sprintf("%d", 100000+100*i+j))
		}
		pages = append(pages, headed{"", numbers + at("1 0 0 1 36 720", "Patient: Maria Alvarez")})
	}
	pages = append(pages, headed{"", at("1 0 0 1 36 740", "Patient: Robert Brown")})
	const want = "1 name Maria Alvarez; 41 name Robert Brown"
	if got := claimsOf(t, pagesOf("", pages...)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestClaimsCut: pages say more than is taken, or the engine is gone. What cannot
// be compared with the order does not go unseen.
func TestClaimsCut(t *testing.T) {
	var c claimant
	c.all = slices.Repeat([]redact.Claim{{Page: 1, What: redact.ClaimName, Value: "x"}}, redact.MaxClaims)
	e, err := engine()
	if err != nil {
		t.Fatal(err)
	}
	pdf := written(at("1 0 0 1 36 740", "Patient: Maria Alvarez"), "", "", nil)
	if err := onPage(e, pdf, func(p *pdfium.Page) error { return c.page(p, 2) }); err != nil || !c.cut {
		t.Errorf("cut: %v, %v", c.cut, err)
	}
	if _, whole := claimsIn(nil, pdf, nil); whole {
		t.Error("read without an engine")
	}
}
