package packager

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"chartseal/order"
	"chartseal/testdata/practice/dcm"
)

// heldFor previews a plan and returns what holds it under R35.
func heldFor(t *testing.T, p *Plan) []order.Reason {
	t.Helper()
	seen, err := Preview(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range seen.Held {
		if r.Rule != "R35" {
			t.Errorf("held for another reason: %+v", r)
		}
	}
	return seen.Held
}

// TestWrongPatientInText takes real PDFs through the worker: of the patient, of
// somebody else, of both, and of somebody else inside a DICOM file that names the
// patient.
func TestWrongPatientInText(t *testing.T) {
	ours := []string{"Lakeside Dental", "Patient: Maria Alvarez     DOB: 03/09/1984     Chart #: 10432", "Provider: Anna Lee DDS", "Guarantor: Carlos Alvarez     DOB: 1955-01-02"}
	theirs := []string{"Lakeside Dental", "Patient: Robert Brown     DOB: 05/02/1971     Chart #: 20871"}
	maiden := []string{"Patient: Maria Gomez"}
	for name, c := range map[string]struct {
		file   []byte
		stays  bool
		may    []order.RulingChoice
		spoken string
	}{
		"the patient's":     {printed(t, ours, []string{"no heading here"}, ours), true, nil, ""},
		"nobody's":          {printed(t, []string{"Tooth 14: crown"}), true, nil, ""},
		"another's":         {printed(t, theirs), false, []order.RulingChoice{order.LeaveOut}, "1 file says another patient's name."},
		"one page":          {printed(t, ours, []string{"more"}, theirs), false, []order.RulingChoice{order.LeaveOut}, "1 file says another patient's name."},
		"both on one page":  {printed(t, slices.Concat(ours, theirs)), false, []order.RulingChoice{order.LeaveOut}, "1 file says another patient's name."},
		"a parent signs":    {printed(t, slices.Concat(ours[:2], []string{"Relationship to patient: Mother", "Name: Rosa Alvarez"})), false, []order.RulingChoice{order.LeaveOut, order.ReleaseItem}, "1 file does not agree with the order about whose it is."},
		"a former name":     {printed(t, maiden), false, []order.RulingChoice{order.LeaveOut, order.ReleaseItem}, "1 file does not agree with the order about whose it is."},
		"in a DICOM file":   {encapsulated(t, printed(t, theirs), dcm.ExplicitLE), false, []order.RulingChoice{order.LeaveOut}, "1 file says another patient's name."},
		"only pdfium reads": {damaged(printed(t, theirs)), false, []order.RulingChoice{order.LeaveOut}, "1 file says another patient's name."},
		"the patient's too": {encapsulated(t, printed(t, ours), dcm.ExplicitLE), true, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := planOf(t, order.Treatment, map[string][]byte{"a.pdf": c.file})
			held := heldFor(t, p)
			if c.stays {
				if len(held) > 0 {
					t.Errorf("held: %+v", held)
				}
				return
			}
			if len(held) != 1 || !slices.Equal(held[0].Items, []string{"10432/a.pdf"}) || !slices.Equal(held[0].May, c.may) || !strings.Contains(held[0].Message, c.spoken) {
				t.Fatalf("held: %+v", held)
			}
			rule := order.Ruling{Rule: "R35", Item: "10432/a.pdf", Decision: order.ReleaseItem, By: "dr-lee", On: p.Facts.Today, Reason: "looked"}
			p.Order.Decisions = []order.Ruling{rule}
			if held = heldFor(t, p); (len(held) == 0) != slices.Contains(c.may, order.ReleaseItem) {
				t.Errorf("after a decision to release: %+v", held)
			}
		})
	}
}

// damaged has a trailer that pdfcpu cannot read and pdfium can.
func damaged(pdf []byte) []byte {
	return regexp.MustCompile(`/Size \d+`).ReplaceAll(pdf, []byte("/Size (a)"))
}

// TestWrongPatientOnPages: what counts of a chart is what goes, with the heading
// it goes under.
func TestWrongPatientOnPages(t *testing.T) {
	ours, theirs, none := []string{"Patient: Maria Alvarez"}, []string{"Patient: Robert Brown"}, []string{"Tooth 14: crown"}
	file := printed(t, ours, none, theirs, none, ours)
	for pages, held := range map[string]bool{"1-2": false, "2": false, "3": true, "4": true, "5": false, "1, 5": false, "4-5": true} {
		t.Run(pages, func(t *testing.T) {
			t.Parallel()
			run, err := order.ParsePages(pages)
			if err != nil {
				t.Fatal(err)
			}
			p := planOf(t, order.Treatment, map[string][]byte{"a.pdf": file}, order.Item{File: "a.pdf", Pages: run})
			if got := heldFor(t, p); (len(got) > 0) != held {
				t.Errorf("held: %+v", got)
			}
		})
	}
}

// TestNumberOfAnotherPatient: a number that is not the order's is another program's,
// unless the practice has a patient of that number.
func TestNumberOfAnotherPatient(t *testing.T) {
	for number, held := range map[string]bool{"5531": false, "20871": true} {
		t.Run(number, func(t *testing.T) {
			t.Parallel()
			p := planOf(t, order.Treatment, map[string][]byte{"a.pdf": printed(t, []string{"Patient: Maria Alvarez     Chart #: " + number}), "../20871/b.pdf": printed(t, []string{"x"})})
			got := heldFor(t, p)
			if (len(got) > 0) != held {
				t.Errorf("held: %+v", got)
			}
		})
	}
}

// TestClaimsStayInside: what a file says is in no report.
func TestClaimsStayInside(t *testing.T) {
	p := planOf(t, order.Treatment, map[string][]byte{"a.pdf": printed(t, []string{"Patient: Maria Alvarez     DOB: 03/09/1984"})})
	seen, err := Preview(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range seen.Records[0].Report.Removed {
		if strings.Contains(r.Item+r.Rule+r.Reason, "Maria") {
			t.Errorf("the report tells: %+v", r)
		}
	}
	if s := strings.Join(seen.Records[0].Report.Notices, " "); strings.Contains(s, "Maria") || strings.Contains(s, "1984") {
		t.Errorf("the notices tell: %s", s)
	}
}

// TestChartsConfirm: a chart that says the patient's name is a second identifier
// beside the number; one that says nothing, or the number again, is none.
func TestChartsConfirm(t *testing.T) {
	for line, confirms := range map[string]bool{"Patient: Maria Alvarez": true, "DOB: 03/09/1984": true, "Chart #: 10432": false, "Tooth 14": false} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			seen, err := Preview(t.Context(), planOf(t, order.Treatment, map[string][]byte{"a.pdf": printed(t, []string{line})}))
			if err != nil {
				t.Fatal(err)
			}
			if got := !slices.Contains(seen.Notices, unconfirmed); got != confirms {
				t.Errorf("confirmed %v; notices %q", got, seen.Notices)
			}
		})
	}
}
