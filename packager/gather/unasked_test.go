package gather

import (
	"testing"

	"chartseal/order"
)

// A file of two sources is of the first, also where only the second is asked for.
func TestFilesOfAKindThatIsNotAskedFor(t *testing.T) {
	p := newPractice(t)
	for _, f := range []string{"2025-01-01.pdf", "billing/2025-01-02.pdf", "billing/old/2025-01-03.PDF", "letters/2025-01-04.pdf"} {
		p.pdf("records/10432/" + f)
	}
	billing, chart := p.source("billing", "records/{patient.id}/billing/**"), p.source("chart", "records/{patient.id}/**/*.pdf")
	req := p.request(billing, chart)
	req.Scope.Kinds = []string{"chart"}
	c := p.collect(req)
	wantNoProblems(t, c)
	wantPaths(t, c, "10432/2025-01-01.pdf", "10432/letters/2025-01-04.pdf")
	p.pdf("records/10432/billing/2025-01-05.pdf")
	if late, err := c.Arrivals(t.Context()); err != nil || len(late) > 0 {
		t.Errorf("%+v, %v", late, err)
	}
	req.Scope.Items = []order.Item{{File: "billing/2025-01-02.pdf"}}
	wantProblem(t, p.collect(req), "S1", "1 file that the order names was not found.", "billing/2025-01-02.pdf")

	req = p.request(chart, billing) // the charts come first
	req.Scope.Kinds = []string{"chart"}
	if c = p.collect(req); len(c.Items) != 5 {
		t.Errorf("items %q", paths(c))
	}
	req = p.request(billing, chart)
	req.Scope.Kinds = []string{"billing", "chart"}
	if c = p.collect(req); len(c.Items) != 5 {
		t.Errorf("items %q", paths(c))
	}
}

// Where an earlier source finds everything that a later one can find, the later one would have
// nothing to give: what it is asked for goes, and is not missing without a word.
func TestASourceBehindABroaderOne(t *testing.T) {
	for _, broad := range []string{"records/{patient.id}/**", "records/{patient.id}/*/**/*.pdf", "records/{patient.id}/billing/**/*.pdf"} {
		p := newPractice(t)
		p.pdf("records/10432/billing/2025-01-02.pdf")
		p.pdf("records/10432/billing/old/2025-01-03.pdf")
		p.pdf("photos/10432/2025-01-04.pdf")
		req := p.request(p.source("chart", broad), p.source("billing", "records/{patient.id}/billing/**/*.pdf"), p.source("photo", "photos/{patient.id}/**"))
		req.Scope.Kinds = []string{"billing", "photo"}
		if c := p.collect(req); len(c.Items) != 3 {
			t.Errorf("%s: items %q", broad, paths(c))
		}
	}
}
