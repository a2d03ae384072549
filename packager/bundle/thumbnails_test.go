package bundle_test

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"strings"
	"testing"

	"chartseal/packager/bundle"
)

// shown packs records and thumbnails and gives the pages.
func shown(t *testing.T, h bundle.Header, list []content, thumbnails map[int]bundle.Thumbnail, s signer) map[string][]byte {
	t.Helper()
	var buf bytes.Buffer
	w := bundle.NewWriter(&buf, h, bundle.Options{})
	closed := 0
	for _, c := range list {
		if err := w.Add(t.Context(), c.rec, output(c.format, bytes.NewReader(c.data), int64(len(c.data)), &closed)); err != nil {
			t.Fatal(err)
		}
	}
	for n := range len(list) + 1 {
		if x, ok := thumbnails[n]; ok {
			w.Show(n, x)
		}
	}
	if _, err := w.Finish(t.Context(), bundle.SignManifest(s.priv, "c")); err != nil {
		t.Fatal(err)
	}
	return contents(t, buf.Bytes(), s.pub)
}

func film(series, n int) content {
	return content{bundle.Record{Kind: "radiograph", Date: "2024-03-03", DICOM: instance("PX", series, n)}, "DICOM", []byte("x")}
}

func TestThumbnailsSayWhatTheyAre(t *testing.T) {
	s := newSigner(t)
	list := []content{film(1, 1), film(2, 1), film(2, 2), film(2, 3), film(4, 1)}
	for i := range list {
		list[i].rec.Notices = []string{fmt.Sprintf("Many share this. (DICOM: Element%d)", i)}
	}
	for i := range 3 {
		slice := instance("CT", 3, i+1)
		slice.SeriesDescription = "Volume 0.7421875 mm"
		list = append(list, content{bundle.Record{
			Kind: "cbct", Date: "2024-03-04", DICOM: slice, Notices: []string{fmt.Sprintf("Notes were kept. (DICOM: Element%d)", i)},
		}, "DICOM", []byte("x")})
	}
	side := instance("IO", 5, 1)
	side.SeriesDescription = "Bitewing right"
	list = append(list, content{bundle.Record{Kind: "radiograph", Date: "2024-03-05", DICOM: side}, "DICOM", []byte("x")})
	one := bundle.Thumbnail{JPEG: []byte("\xFF\xD8 a picture"), Width: 320, Height: 160}
	middle := one
	middle.Slice, middle.Series = true, true
	files := shown(t, header(s), list, map[int]bundle.Thumbnail{0: one, 2: one, 3: one, 6: middle, 8: one, 9: one, -1: one}, s)
	page := html.UnescapeString(string(files["START-HERE.html"]))
	const src = `<img src="data:image/jpeg;base64,/9ggYSBwaWN0dXJl" alt="`
	for _, want := range []string{
		src + `Panoramic X-ray, March 3, 2024" width="320" height="160">`,
		src + `Panoramic X-ray, 2 of 3, March 3, 2024"`, src + `Panoramic X-ray, 3 of 3, March 3, 2024"`,
		src + `Middle slice of 3D scan (CBCT), March 4, 2024"`,
		"<small>2 of 3 are shown below. A DICOM viewer shows all.</small>",
		`<a href="data/DICOM/S0000003/I0000001">Panoramic X-ray</a><small>No preview here: open it with a DICOM viewer, or look on the page it came from.</small>`,
		"img-src 'self' file: data:;",
		`data/DICOM/S0000004/">3D scan (CBCT)</a><small>The imaging program calls it “Volume 0.7421875 mm”.</small><small>3 files in data/DICOM/S0000004/</small><small>Notes were kept.</small></td>`,
		`">Intraoral X-ray: Bitewing right</a>`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("START-HERE.html lacks %s", want)
		}
	}
	if n := strings.Count(page, "Many share this."); n != 1 || !strings.Contains(page, "<li>Many share this.</li>") {
		t.Errorf("what many records share is said %d times", n)
	}
	if n := strings.Count(page, "data:image/jpeg"); n != 5 {
		t.Errorf("%d thumbnails", n)
	}
	if strings.Count(page, "No preview") != 1 || strings.Contains(string(files["data/INDEX.HTM"]), "data:") {
		t.Error("a row says there is no picture of it, or INDEX.HTM may load one")
	}
}

// TestThumbnailsOfASetTellNoDate, and what a file says of itself is text.
func TestThumbnailsOfASetTellNoDate(t *testing.T) {
	s := newSigner(t)
	h := header(s)
	h.Patient, h.Scope, h.Anonymous, h.Undated = nil, nil, true, true
	list := []content{film(1, 1)}
	list[0].rec.DICOM.SeriesDescription = `"><script>alert(1)</script>`
	files := shown(t, h, list, map[int]bundle.Thumbnail{0: {JPEG: []byte("j"), Width: 1, Height: 1}}, s)
	page := string(files["START-HERE.html"])
	if !strings.Contains(page, `alt="Panoramic X-ray: &#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"`) || strings.Contains(page, "<script") {
		t.Error("the description is not text in alt")
	}
	if strings.Contains(page, "2024") {
		t.Error("a date")
	}
}

// maxStartHere is what the documentation promises, in bytes.
const maxStartHere = 2 << 20

// TestStartHereIsBounded: thousands of records with long names and notices, and
// more thumbnails than there is room for.
func TestStartHereIsBounded(t *testing.T) {
	s := newSigner(t)
	h := header(s)
	for i := range 2000 { // and what all records say besides
		h.Notices = append(h.Notices, fmt.Sprintf("Notice %d: %s", i, strings.Repeat("all is well, ", 20)))
	}
	long := strings.Repeat("<ä&", 40)
	var list []content
	thumbnails := map[int]bundle.Thumbnail{}
	for i := range 800 {
		c := content{bundle.Record{Kind: "chart", Name: long, Date: "2024-03-03", Title: long[:64], Notices: []string{"It is " + long}}, "PDF", []byte("x")}
		if i%20 == 0 {
			c = film(i, 1)
			c.rec.Date = "2025-01-01"
			thumbnails[i] = bundle.Thumbnail{JPEG: noise(40<<10, i), Width: 320, Height: 320}
		}
		list = append(list, c)
	}
	files := shown(t, h, list, thumbnails, s)
	page := string(files["START-HERE.html"])
	if len(page) > maxStartHere {
		t.Errorf("%d bytes", len(page))
	}
	if n := strings.Count(page, "data:image/jpeg"); n < 20 || n > 30 {
		t.Errorf("%d thumbnails", n)
	}
	for _, want := range []string{" more are listed in <a href=\"data/INDEX.HTM\">", "1801 more are in manifest.json", "No preview here"} {
		if !strings.Contains(page, want) {
			t.Errorf("START-HERE.html lacks %q", want)
		}
	}
	if n := strings.Count(string(files["data/INDEX.HTM"]), "<tr>"); n != len(list)+1 {
		t.Errorf("INDEX.HTM has %d rows", n)
	}
}

// TestReadmeTellsWhatIsPDI: README.TXT says how many files are encoded as no disc
// of the profile may have them.
func TestReadmeTellsWhatIsPDI(t *testing.T) {
	s := newSigner(t)
	list := []content{film(1, 1), film(2, 1), film(3, 1)}
	for n, want := range []string{
		"follow the IHE Portable Data for Imaging profile; the other folders are not\r\npart of it, and have longer names.\r\n\r\nTHESE",
		"\r\n1 of the DICOM files is encoded as the device wrote it,", "\r\n2 of the DICOM files are encoded as the device wrote them,",
	} {
		if n > 0 {
			list[n].rec.DICOM.TransferSyntax = "1.2.840.10008.1.2.5"
		}
		if readme := string(shown(t, header(s), list, nil, s)["data/README.TXT"]); !strings.Contains(readme, want) {
			t.Errorf("README.TXT lacks %q:\n%s", want, readme)
		}
	}
}

func TestShowingNothing(t *testing.T) {
	w := bundle.NewWriter(io.Discard, header(newSigner(t)), bundle.Options{})
	w.Show(0, bundle.Thumbnail{JPEG: []byte("of no record")})
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}
