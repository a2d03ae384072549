package packager

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"codeberg.org/go-pdf/fpdf"

	"chartseal/order"
	"chartseal/packager/gather"
)

// planOf is a plan for records in a folder of their own; names are paths below
// the patient's folder.
func planOf(t *testing.T, basis order.Basis, files map[string][]byte, items ...order.Item) *Plan {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		file := filepath.Join(dir, "10432", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	today := order.Date{Year: 2026, Month: 11, Day: 18}
	return &Plan{
		Facts: order.Facts{Today: today, Approvers: []string{"dr-lee"}},
		Order: &order.Order{
			Basis: basis, Records: order.Records{Kinds: order.Kinds{"chart"}, Items: items},
			Patient: order.Patient{ID: "10432", Name: "Alvarez, Maria", BirthDate: order.Date{Year: 1984, Month: 3, Day: 9}},
		},
		Sources: []gather.Source{{Kind: "chart", Path: filepath.ToSlash(dir) + "/{patient.id}/**"}},
		Formats: Formats(worker, []byte("0123456789abcdef")),
	}
}

// printed is a PDF with these lines on its pages.
func printed(t *testing.T, pages ...[]string) []byte {
	t.Helper()
	f := fpdf.New("P", "mm", "Letter", "")
	for _, lines := range pages {
		f.AddPage()
		f.SetFont("Helvetica", "", 11)
		for _, l := range lines {
			f.CellFormat(0, 7, l, "", 1, "L", false, 0, "")
		}
	}
	var b bytes.Buffer
	if err := f.Output(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPagesOfAChart(t *testing.T) {
	raw := printed(t, []string{"first"}, []string{"second"}, []string{"third"})
	p := planOf(t, order.Treatment, map[string][]byte{"charts/a.pdf": raw}, order.Item{File: "a.pdf", Pages: order.Pages{{First: 1, Last: 1}}})
	seen, err := Preview(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if len(seen.Held) > 0 || len(seen.Records) != 1 {
		t.Fatalf("held %+v, records %+v", seen.Held, seen.Records)
	}
	notices := strings.Join(seen.Records[0].Report.Notices, " ")
	if !strings.Contains(notices, "Of a PDF only page 1 of 3 goes, as the order asks.") {
		t.Errorf("the manifest does not tell of the pages: %q", notices)
	}
	p.Order.Records.Items[0].Pages = order.Pages{{First: 1, Last: 1}, {First: 90, Last: 99}}
	if seen, err = Preview(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if len(seen.Held) != 1 || seen.Held[0].Rule != "S1" || len(seen.Held[0].May) > 0 || !strings.Contains(seen.Held[0].Message, "pages 90 to 99 are asked for, but the PDF has 3 pages") {
		t.Errorf("held %+v", seen.Held)
	}
}

// TestTwoFormats: a picture with a PDF inside is neither.
func TestTwoFormats(t *testing.T) {
	both := append([]byte("\xff\xd8\xff\xfe\x00\x10%PDF-1.7 "), charts(t)[0].raw...)
	seen, err := Preview(t.Context(), planOf(t, order.Treatment, map[string][]byte{"a.pdf": both}))
	if err != nil {
		t.Fatal(err)
	}
	if len(seen.Held) != 1 || !strings.Contains(seen.Held[0].Message, "the file is a picture and a PDF in one") {
		t.Errorf("held %+v", seen.Held)
	}
}
