package gather

import (
	"slices"
	"testing"

	"chartseal/order"
)

// folderOfMaria has charts, radiographs and a photo.
func folderOfMaria(t *testing.T) (practice, Request) {
	p := newPractice(t)
	for _, f := range []string{"charts/2024-01-01.pdf", "charts/old/2024-01-01.pdf", "charts/letter 2025-06-01.pdf"} {
		p.pdf("records/10432/" + f)
	}
	p.put("records/10432/radiographs/bw", maria.bytes())
	p.put("records/10432/radiographs/pan", maria.bytes())
	p.put("records/10432/photos/face 2025-01-01.jpg", []byte{0xff, 0xd8, 0xff, 0xe0})
	req := p.request(p.source("chart", "records/{patient.id}/charts/**"), p.source("radiograph", "records/{patient.id}/radiographs/**"),
		p.source("photo", "records/{patient.id}/photos/**"))
	return p, req
}

func pages(t *testing.T, s string) order.Pages {
	t.Helper()
	p, err := order.ParsePages(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestOnlyTheFilesThatAreNamed(t *testing.T) {
	rest := []string{"10432/radiographs/bw", "10432/radiographs/pan", "10432/photos/face 2025-01-01.jpg"}
	for name, tc := range map[string]struct {
		items  []order.Item
		want   []string
		notice string
	}{
		"by path":                {[]order.Item{{File: "charts/old/2024-01-01.pdf"}}, append([]string{"10432/charts/old/2024-01-01.pdf"}, rest...), "Of the charts only those that the order names go; 2 others were left out."},
		"by name":                {[]order.Item{{File: "Letter 2025-06-01.PDF"}}, append([]string{"10432/charts/letter 2025-06-01.pdf"}, rest...), "Of the charts only those that the order names go; 2 others were left out."},
		"as a note shows it":     {[]order.Item{{File: "10432/charts/2024-01-01.pdf"}, {File: `charts\old\2024-01-01.pdf`}}, append([]string{"10432/charts/2024-01-01.pdf", "10432/charts/old/2024-01-01.pdf"}, rest...), "Of the charts only those that the order names go; 1 other was left out."},
		"DICOM":                  {[]order.Item{{File: "pan"}}, []string{"10432/charts/2024-01-01.pdf", "10432/charts/letter 2025-06-01.pdf", "10432/charts/old/2024-01-01.pdf", "10432/radiographs/pan", "10432/photos/face 2025-01-01.jpg"}, "Of the radiographs only those that the order names go; 1 other was left out."},
		"the only one of a kind": {[]order.Item{{File: "photos/face 2025-01-01.jpg"}}, append([]string{"10432/charts/2024-01-01.pdf", "10432/charts/letter 2025-06-01.pdf", "10432/charts/old/2024-01-01.pdf"}, rest...), ""},
	} {
		t.Run(name, func(t *testing.T) {
			p, req := folderOfMaria(t)
			req.Scope.Items = tc.items
			c := p.collect(req)
			wantNoProblems(t, c)
			wantPaths(t, c, tc.want...)
			if tc.notice != "" && !slices.Contains(c.Notices, tc.notice) {
				t.Errorf("notices %q, want %q", c.Notices, tc.notice)
			}
		})
	}
}

func TestPagesGoWithTheirFile(t *testing.T) {
	p, req := folderOfMaria(t)
	req.Scope.Kinds = []string{"chart"}
	req.Scope.Items = []order.Item{{File: "letter 2025-06-01.pdf", Pages: pages(t, "1-3, 7")}, {File: "charts/2024-01-01.pdf"}}
	c := p.collect(req)
	wantNoProblems(t, c)
	wantPaths(t, c, "10432/charts/2024-01-01.pdf", "10432/charts/letter 2025-06-01.pdf")
	if c.Items[0].Pages != nil || c.Items[1].Pages.String() != "1-3, 7" {
		t.Errorf("pages %v, %v", c.Items[0].Pages, c.Items[1].Pages)
	}
}

func TestItemsThatHold(t *testing.T) {
	for name, tc := range map[string]struct {
		items   []order.Item
		message string
		want    []string
	}{
		"not there":        {[]order.Item{{File: "charts/2023-01-01.pdf"}, {File: "charts/2024-01-01.pdf"}}, "1 file that the order names was not found.", []string{"charts/2023-01-01.pdf"}},
		"outside":          {[]order.Item{{File: "20871/charts/2024-01-01.pdf"}}, "1 file that the order names was not found.", []string{"20871/charts/2024-01-01.pdf"}},
		"no pattern":       {[]order.Item{{File: "charts/*.pdf"}}, "1 file that the order names was not found.", []string{"charts/*.pdf"}},
		"two of a name":    {[]order.Item{{File: "2024-01-01.pdf"}}, "2 files fit a name on the order that is not clear", []string{"10432/charts/2024-01-01.pdf", "10432/charts/old/2024-01-01.pdf"}},
		"twice":            {[]order.Item{{File: "bw"}, {File: "radiographs/bw"}}, "1 file fits a name on the order that is not clear", []string{"10432/radiographs/bw"}},
		"pages of DICOM":   {[]order.Item{{File: "bw", Pages: pages(t, "1")}}, "The order asks for pages of 1 file that has none.", []string{"10432/radiographs/bw"}},
		"pages of a photo": {[]order.Item{{File: "face 2025-01-01.jpg", Pages: pages(t, "1")}}, "The order asks for pages of 1 file that has none.", []string{"10432/photos/face 2025-01-01.jpg"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, req := folderOfMaria(t)
			req.Scope.Items = tc.items
			c := p.collect(req)
			wantProblem(t, c, "S1", tc.message, tc.want...)
			if c.Problems[0].Outcome != order.Refuse || len(c.Problems[0].May) > 0 {
				t.Errorf("a person cannot decide about it: %+v", c.Problems[0])
			}
		})
	}
	t.Run("of another day", func(t *testing.T) {
		p, req := folderOfMaria(t)
		req.Scope.Items, req.Scope.From = []order.Item{{File: "charts/2024-01-01.pdf"}}, day(t, "2025-01-01")
		wantProblem(t, p.collect(req), "S1", "1 file that the order names is not from the days it asks for.", "10432/charts/2024-01-01.pdf")
	})
	t.Run("of a kind that is not asked for", func(t *testing.T) {
		p, req := folderOfMaria(t)
		req.Scope.Kinds, req.Scope.Items = []string{"chart"}, []order.Item{{File: "radiographs/bw"}}
		wantProblem(t, p.collect(req), "S1", "1 file that the order names was not found.", "radiographs/bw")
	})
	t.Run("of no patient", func(t *testing.T) {
		p, req := folderOfMaria(t)
		req.Patient.ID, req.Scope.Kinds, req.Scope.Items = "999", []string{"chart"}, []order.Item{{File: "a.pdf"}}
		wantProblem(t, p.collect(req), "R35", "There is no folder for this patient.")
	})
}

// TestWhatIsNotNamedHoldsNothing: what the order does not ask for may be broken,
// but another patient's file in the folder holds all the same.
func TestWhatIsNotNamedHoldsNothing(t *testing.T) {
	p, req := folderOfMaria(t)
	p.put("records/10432/charts/notes.docx", []byte("PK\x03\x04"))
	p.put("records/10432/radiographs/cut", maria.bytes()[:200])
	unclear := maria
	unclear.id = ""
	unclear.birth = ""
	p.put("records/10432/radiographs/unclear", unclear.bytes())
	req.Scope.Kinds = []string{"chart", "radiograph"}
	req.Scope.Items = []order.Item{{File: "charts/2024-01-01.pdf"}, {File: "bw"}}
	c := p.collect(req)
	wantNoProblems(t, c)
	wantPaths(t, c, "10432/charts/2024-01-01.pdf", "10432/radiographs/bw")

	other := maria
	other.id, other.name = "20871", "Brown^Robert"
	p.put("records/10432/radiographs/other", other.bytes())
	wantProblem(t, p.collect(req), "R35", "1 file says another patient's name.", "10432/radiographs/other")

	req.Scope.Items = []order.Item{{File: "notes.docx"}, {File: "bw"}}
	c = p.collect(req)
	if len(c.Problems) != 2 || c.Problems[0].Rule != "R35" || c.Problems[1].Rule != "R11" {
		t.Errorf("a file that is named and cannot be cleaned: %+v", c.Problems)
	}
	req.Scope.Items = []order.Item{{File: "2024-01-01.pdf"}, {File: "bw"}}
	req.Decisions = []order.Ruling{{Rule: "R35", Item: "10432/radiographs/other", Decision: order.LeaveOut}, {Rule: "R11", Item: "10432/charts/old/2024-01-01.pdf", Decision: order.LeaveOut}}
	wantProblem(t, p.collect(req), "S1", "2 files fit a name", "10432/charts/2024-01-01.pdf", "10432/charts/old/2024-01-01.pdf")
}
