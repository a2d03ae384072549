package gather

import (
	"slices"
	"testing"

	"chartseal/order"
)

// A patient's folder that still has an earlier name, or whose number is on the order by
// mistake, is not passed over in silence: not where the number leads to other records,
// nor beside a folder of the right name.
func TestFoldersOfAnotherName(t *testing.T) {
	for name, c := range map[string]struct {
		folders []string
		held    []string
	}{
		"an earlier name":          {[]string{"G/GomezMaria10432"}, []string{"G/GomezMaria10432"}},
		"beside the new one":       {[]string{"A/AlvarezMaria10432", "G/GomezMaria10432"}, []string{"G/GomezMaria10432"}},
		"longer numbers":           {[]string{"A/AlvarezMaria10432", "G/GomezMaria104321", "G/GomezMaria110432"}, nil},
		"a folder of another kind": {[]string{"A/AlvarezMaria10432", "10432/x"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPractice(t)
			p.pdf("charts/10432/2025-01-01.pdf")
			for _, f := range c.folders {
				p.pdf("records/" + f + "/2025-01-02.pdf")
			}
			req := p.request(p.source("chart", "charts/{patient.id}/**"), p.source("radiograph", "records/{patient.initial}/{patient.last}{patient.first}{patient.id}/**"))
			got := p.collect(req)
			if c.held == nil {
				wantNoProblems(t, got)
				return
			}
			wantProblem(t, got, "R35", "1 folder has this patient's number in another name.", c.held...)
			if !slices.Equal(got.Strangers, c.held) {
				t.Errorf("strangers %q", got.Strangers)
			}
			req.Decisions = []order.Ruling{{Rule: "R35", Item: c.held[0], Decision: order.LeaveOut}}
			got = p.collect(req)
			wantNoProblems(t, got)
			if !slices.Contains(got.Notices, "1 record was left out by a person's decision.") {
				t.Errorf("notices %q", got.Notices)
			}
		})
	}
}

// What comes into the patient's folder while the records are read is not passed over.
func TestArrivals(t *testing.T) {
	p := newPractice(t)
	p.pdf("records/10432/charts/2025-01-01.pdf")
	p.pdf("records/10432/photos/2025-01-01.pdf")
	charts, photos := p.source("chart", "records/{patient.id}/charts/**"), p.source("photo", "records/{patient.id}/photos/**")
	req := p.request(charts, photos)
	req.Scope.Kinds = []string{"chart"}
	c := p.collect(req)
	again := func() []order.Reason {
		t.Helper()
		late, err := c.Arrivals(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return late
	}
	p.pdf("records/10432/photos/2025-01-02.pdf")
	p.put("records/10432/charts/Thumbs.db", []byte("x"))
	if late := again(); len(late) > 0 {
		t.Errorf("of no kind that goes: %+v", late)
	}
	p.pdf("records/10432/charts/2025/2025-01-02.pdf")
	late := again()
	if len(late) != 1 || late[0].Rule != "R11" || late[0].Outcome != order.Refuse || !slices.Equal(late[0].Items, []string{"10432/charts/2025/2025-01-02.pdf"}) {
		t.Errorf("%+v", late)
	}
	req.Decisions = []order.Ruling{{Rule: "R11", Decision: order.LeaveOut}}
	c = p.collect(req)
	p.pdf("records/10432/charts/2025/2025-01-03.pdf")
	if late = again(); len(late) != 1 || !slices.Equal(late[0].Items, []string{"10432/charts/2025/2025-01-03.pdf"}) {
		t.Errorf("a decision about what nobody had seen: %+v", late)
	}
}

// Of a kind of which the order names files nothing else is asked for.
func TestArrivalsBesideNamedFiles(t *testing.T) {
	p := newPractice(t)
	p.pdf("records/10432/charts/2025-01-01.pdf")
	req := p.request(p.source("chart", "records/{patient.id}/charts/**"))
	req.Scope = order.Records{Kinds: []string{"chart"}, Items: []order.Item{{File: "2025-01-01.pdf"}}}
	c := p.collect(req)
	wantNoProblems(t, c)
	p.pdf("records/10432/charts/2025-01-02.pdf")
	if late, err := c.Arrivals(t.Context()); err != nil || len(late) > 0 {
		t.Errorf("%+v, %v", late, err)
	}
}

// Two files that the hold shows by one name are not decided on at once: who decides has
// looked at one of them.
func TestDecisionsOnTwoFilesOfOneName(t *testing.T) {
	for _, choice := range []order.RulingChoice{order.LeaveOut, order.ReleaseItem} {
		p := newPractice(t)
		p.put("dexis/10432/1.dcm", image{id: "10432", study: "20250503"}.bytes())
		p.put("vatech/10432/1.dcm", image{id: "10432", study: "20250504"}.bytes())
		p.pdf("dexis/10432/2025-01-01.pdf")
		req := p.request(p.source("radiograph", "dexis/{patient.id}/**"), p.source("cbct", "vatech/{patient.id}/**"))
		req.Decisions = []order.Ruling{{Rule: "R35", Item: "10432/1.dcm", Decision: choice}}
		c := p.collect(req)
		if len(c.Problems) == 0 || !c.Problems[0].Stops() || !slices.Equal(c.Problems[0].Items, []string{"10432/1.dcm"}) {
			t.Errorf("%s: %+v, items %q", choice, c.Problems, paths(c))
		}
		req.Decisions = []order.Ruling{{Rule: "R35", Item: "10432/2025-01-01.pdf", Decision: choice}}
		if c = p.collect(req); slices.ContainsFunc(c.Problems, func(r order.Reason) bool { return r.Rule == "R11" && r.Outcome == order.Refuse }) {
			t.Errorf("%s of another file: %+v", choice, c.Problems)
		}
	}
}
