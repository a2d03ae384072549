package packager

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"chartseal/order"
	"chartseal/redact"
	"chartseal/testdata/practice"
)

// TestChartsSayWhoseTheyAre reads the charts of the synthetic practice, whose
// headings nobody made for this test: each is its patient's and nobody else's.
func TestChartsSayWhoseTheyAre(t *testing.T) {
	dir := t.TempDir()
	made, err := practice.Make(t.Context(), dir, practice.Options{Small: true})
	if err != nil {
		t.Fatal(err)
	}
	nobody := func(string) (bool, bool) { return false, true }
	for i, owner := range made.Patients[:5] {
		j := slices.IndexFunc(owner.Files, func(f practice.File) bool { return strings.HasSuffix(f.Path, ".pdf") })
		if j < 0 {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(dir, "records", filepath.FromSlash(owner.Files[j].Path)))
		if err != nil {
			t.Fatal(err)
		}
		out := cleanedChart(t, raw)
		for k, p := range made.Patients {
			m, said := textMatch(patientOf(t, p), out.Claims, nil, nobody)
			if want := map[bool]order.Match{true: order.Matching, false: order.Mismatch}[i == k]; !said || m != want {
				t.Errorf("chart of %d, patient %d: %s, said %v: %s", i, k, m, said, told(out.Claims))
			}
		}
	}
}

func cleanedChart(t *testing.T, raw []byte) *redact.Output {
	t.Helper()
	for _, f := range Formats(worker, nil) {
		if f.Name == formatPDF {
			out, err := f.Clean(t.Context(), bytes.NewReader(raw), redact.Treatment, Asked{})
			if err != nil {
				t.Fatal(err)
			}
			if err := out.Body.Close(); err != nil {
				t.Fatal(err)
			}
			return out
		}
	}
	t.Fatal("no such format")
	return nil
}

func patientOf(t *testing.T, p practice.Patient) order.Patient {
	t.Helper()
	born, err := order.ParseDate(p.BirthDate)
	if err != nil {
		t.Fatal(err)
	}
	return order.Patient{ID: p.ID, Name: p.Name, BirthDate: born}
}
