package pdffile

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"chartseal/redact"
)

// numbered is a PDF of n pages; each says its number and has a note of its own.
func numbered(n int) []byte {
	f := newFile()
	kids := ""
	for i := range n {
		kids += fmt.Sprintf("%d 0 R ", 10+3*i)
		f.obj(10+3*i, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents %d 0 R/Resources 3 0 R/Annots[%d 0 R]>>", 11+3*i, 12+3*i)
		f.stream(11+3*i, "", fmt.Sprintf("BT /F1 9 Tf (this is page %d.) Tj ET", i+1))
		f.obj(12+3*i, "<</Type/Annot/Subtype/Text/Rect[5 5 25 25]/Contents(note %d.)>>", i+1)
	}
	f.obj(1, "<</Type/Catalog/Pages 2 0 R>>")
	f.obj(2, "<</Type/Pages/Count %d/Kids[%s]>>", n, kids)
	f.obj(3, "<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>")
	f.finish("")
	return f.Bytes()
}

func TestPages(t *testing.T) {
	in := numbered(5)
	for name, tt := range map[string]struct {
		pages []Range
		want  []int
	}{
		"all":          {nil, []int{1, 2, 3, 4, 5}},
		"one":          {[]Range{{2, 2}}, []int{2}},
		"to the end":   {[]Range{{4, 0}}, []int{4, 5}},
		"two runs":     {[]Range{{4, 5}, {1, 1}}, []int{1, 4, 5}},
		"runs overlap": {[]Range{{1, 3}, {2, 4}}, []int{1, 2, 3, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			c := Cleaner{Worker: worker("work"), Pages: tt.pages}
			out, err := c.Clean(t.Context(), bytes.NewReader(in), redact.PatientAccess)
			if err != nil {
				t.Fatal(err)
			}
			defer out.Body.Close()
			got, err := io.ReadAll(out.Body)
			if err != nil {
				t.Fatal(err)
			}
			for n := 1; n <= 5; n++ {
				text, note := fmt.Sprintf("this is page %d.", n), fmt.Sprintf("<%x>", fmt.Sprintf("note %d.", n))
				for _, s := range []string{text, note} {
					if has := strings.Contains(string(got)+readable(t, got), s); has != slices.Contains(tt.want, n) {
						t.Errorf("page %d: %q is there: %v", n, s, has)
					}
				}
			}
			gone := 0
			for _, r := range out.Report.Removed {
				if r.Item == pagesRemoved.Item {
					gone = r.Count
				}
			}
			if gone != 5-len(tt.want) {
				t.Errorf("the report tells of %d pages", gone)
			}
		})
	}
}

func TestPagesThatAreNotThere(t *testing.T) {
	for _, tt := range []struct {
		of    int
		pages Range
		want  string
	}{
		{5, Range{6, 0}, "page 6 is asked for, but the PDF has 5 pages"},
		{5, Range{4, 6}, "pages 4 to 6 are asked for, but the PDF has 5 pages"},
		{1, Range{2, 2}, "page 2 is asked for, but the PDF has only one page"},
	} {
		_, _, err := clean(numbered(tt.of), []Range{{1, 1}, tt.pages})
		wantRefusal(t, err, redact.Absent)
		if !strings.HasSuffix(err.Error(), tt.want) {
			t.Errorf("got %v", err)
		}
	}
}

func TestBrokenRanges(t *testing.T) {
	many := make([]Range, maxRanges+1)
	for i := range many {
		many[i].From = 1
	}
	for _, pages := range [][]Range{{{0, 1}}, {{-1, 0}}, {{3, 2}}, {{1, -1}}, many} {
		c := Cleaner{Worker: worker("work"), Pages: pages}
		if _, err := c.Clean(t.Context(), bytes.NewReader(numbered(5)), redact.Treatment); err == nil || strings.HasPrefix(err.Error(), "refused") {
			t.Errorf("%.40v: %v", pages, err)
		}
		head, err := encodeFrame(request{Size: 5, Pages: pages})
		if err != nil {
			t.Fatal(err)
		}
		if err := Work(t.Context(), bytes.NewReader(head), io.Discard, ""); err == nil {
			t.Errorf("%.40v: the worker takes them", pages)
		}
	}
}
