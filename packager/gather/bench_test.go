package gather

import (
	"fmt"
	"testing"

	"chartseal/order"
	"chartseal/redact/dicomfile"
)

// BenchmarkCollect gathers a series of 500 slices.
func BenchmarkCollect(b *testing.B) {
	p := practice{dir: b.TempDir()}
	for i := range 500 {
		mustPut(b, p, fmt.Sprintf("records/10432/cbct/s1/slice%03d.dcm", i), maria.bytes())
	}
	req := Request{
		Patient:    order.Patient{ID: "10432", Name: "Alvarez, Maria"},
		Scope:      order.Records{Kinds: []string{"cbct"}},
		Sources:    []Source{p.source("cbct", "records/{patient.id}/cbct/**")},
		Identify:   dicomfile.Identify,
		SniffDICOM: dicomfile.Sniff,
	}
	b.ReportAllocs()
	for b.Loop() {
		c, err := Collect(b.Context(), req)
		if err != nil || len(c.Items) != 500 || len(c.Problems) != 0 {
			b.Fatalf("%d items, %v, %v", len(c.Items), c.Problems, err)
		}
		if err := c.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
