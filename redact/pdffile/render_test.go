package pdffile

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"chartseal/redact/pdffile/pdfium"
	"chartseal/testdata/practice"
)

// drawnPages draws every page of a PDF as a viewer shows it.
func drawnPages(t *testing.T, pdf []byte) (pics []*pdfium.Picture) {
	t.Helper()
	e, err := engine()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := e.Open(pdf)
	if err != nil {
		t.Fatal(err)
	}
	defer doc.Close()
	n, err := doc.Pages()
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		page, err := doc.Page(i)
		if err != nil {
			t.Fatal(err)
		}
		pic, err := page.Render(pdfium.View{DPI: 72, Annotations: true, Turned: true})
		if err != nil {
			t.Fatal(err)
		}
		pics = append(pics, pic)
		if err := page.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return pics
}

// differs counts pixels that differ by more than tolerance.
func differs(a, b *pdfium.Picture, tolerance int) (n int) {
	if a.Width != b.Width || a.Height != b.Height {
		return a.Width * a.Height
	}
	for i := 0; i < len(a.RGB); i += 3 {
		for j := i; j < i+3; j++ {
			if d := int(a.RGB[j]) - int(b.RGB[j]); d > tolerance || -d > tolerance {
				n++
				break
			}
		}
	}
	return n
}

// practiceCharts are the PDFs of the synthetic practice.
func practiceCharts(t *testing.T) map[string][]byte {
	t.Helper()
	all, err := madeCharts()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("the practice has %d charts", len(all))
	}
	some := map[string][]byte{}
	for i, name := range slices.Sorted(maps.Keys(all)) {
		if i%4 == 0 { // they are alike
			some[name] = all[name]
		}
	}
	return some
}

var madeCharts = sync.OnceValues(func() (map[string][]byte, error) {
	dir, err := os.MkdirTemp("", "charts")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	p, err := practice.Make(context.Background(), dir, practice.Options{Small: true})
	if err != nil {
		return nil, err
	}
	all := map[string][]byte{}
	for _, patient := range p.Patients {
		for _, f := range patient.Files {
			if strings.HasSuffix(f.Path, ".pdf") {
				if all[f.Path], err = os.ReadFile(filepath.Join(dir, "records", filepath.FromSlash(f.Path))); err != nil {
					return nil, err
				}
			}
		}
	}
	return all, nil
})

// TestLooksTheSame: a cleaned page is drawn as before, pixel for pixel.
func TestLooksTheSame(t *testing.T) {
	files := practiceCharts(t)
	files["poisoned"], files["earlier version"] = poisoned(t), withEarlierVersion(t)
	for name, in := range numbersOnPages {
		if name != "field" { // pdfium draws fields only with its form module
			files[name] = in
		}
	}
	pages := 0
	for name, in := range files {
		got, _, err := clean(in, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		before, after := drawnPages(t, in), drawnPages(t, got)
		if len(before) != len(after) {
			t.Errorf("%s: %d pages, of %d", name, len(after), len(before))
			continue
		}
		pages += len(after)
		for i := range before {
			if n := differs(before[i], after[i], 0); n > 0 {
				t.Errorf("%s: %d pixels of page %d are different", name, n, i+1)
			}
		}
	}
	t.Logf("%d files, %d pages", len(files), pages)
}

// TestNoFalseAlarms: on the charts of the synthetic practice nothing is blacked
// out and no page is held, and they look the same.
func TestNoFalseAlarms(t *testing.T) {
	for name, in := range practiceCharts(t) {
		got, report, err := cleaned(in, nil, trimmerFor(t, false))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, r := range report.Removed {
			if strings.HasPrefix(r.Rule, "identifier.") {
				t.Errorf("%s: %d %s", name, r.Count, r.Item)
			}
		}
		want, _, err := clean(in, nil)
		if err != nil || string(want) != string(got) {
			t.Errorf("%s was changed: %v", name, err)
		}
	}
}

// TestLooksTheSameButForTheBox: of a trimmed page only the number is different.
func TestLooksTheSameButForTheBox(t *testing.T) {
	for _, name := range []string{"one string", "turned page", "cut page", "form", "free text"} {
		in := numbersOnPages[name]
		got, _, err := cleaned(in, nil, trimmerFor(t, false))
		if err != nil {
			t.Fatal(err)
		}
		before, after := drawnPages(t, in), drawnPages(t, got)
		// 200 dots per inch drawn at 72 soften edges; the box is the rest.
		black := 0
		for i := 0; i < len(after[0].RGB); i += 3 {
			if after[0].RGB[i] < 8 {
				black++
			}
		}
		if n := differs(before[0], after[0], 96); n > 2*black || black < 300 || black > 2500 {
			t.Errorf("%s: %d pixels are different, %d are black", name, n, black)
		}
	}
}
