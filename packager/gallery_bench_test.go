package packager

import (
	"io"
	"path/filepath"
	"testing"

	"chartseal/order"
	"chartseal/packager/bundle"
	"chartseal/packager/gather"
	"chartseal/testdata/practice"
)

// BenchmarkPictures packs the pictures of the demonstration's patient, 11
// radiographs and a volume of 120 slices, and draws their thumbnails. It reports
// the part of the drawing.
func BenchmarkPictures(b *testing.B) {
	home := b.TempDir()
	made, err := practice.Make(b.Context(), home, practice.Options{})
	if err != nil {
		b.Fatal(err)
	}
	patient, _ := made.Patient("10432")
	born, err := order.ParseDate(patient.BirthDate)
	if err != nil {
		b.Fatal(err)
	}
	p := planFor(b, order.Treatment, []string{"radiograph", "cbct"}, DICOMRules{})
	p.Order.Patient = order.Patient{ID: patient.ID, Name: patient.Name, BirthDate: born}
	for kind, folder := range map[string]string{"radiograph": "radiographs", "cbct": "cbct"} {
		p.Sources = append(p.Sources, gather.Source{Kind: kind, Path: filepath.Join(home, "records", "{patient.id}", folder, "**")})
	}
	c, err := collect(b.Context(), &p)
	if err != nil || len(c.Problems) > 0 {
		b.Fatalf("%v, %v", err, c.Problems)
	}
	defer func() { _ = c.Close() }()
	var packing, drawing int64
	for b.Loop() {
		begin := b.Elapsed()
		g := &gallery{}
		w := bundle.NewWriter(io.Discard, p.Header, bundle.Options{Identify: g.identify})
		for i := range c.Items {
			g.packing(i, &c.Items[i])
			if err := p.add(b.Context(), c, w, &c.Items[i], prepared{}); err != nil {
				b.Fatal(err)
			}
		}
		added := b.Elapsed()
		if err := p.show(b.Context(), c, w, g); err != nil {
			b.Fatal(err)
		}
		packing, drawing = packing+int64(added-begin), drawing+int64(b.Elapsed()-added)
		if _, err := w.Finish(b.Context(), p.Sign); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(packing)/float64(b.N)/1e6, "packing-ms")
	b.ReportMetric(float64(drawing)/float64(b.N)/1e6, "drawing-ms")
}
