package gather

import (
	"os"
	"slices"
	"strings"
	"testing"

	"chartseal/order"
)

// TestWaysToMark: a folder, a pattern of names and a side file each hold a record.
func TestWaysToMark(t *testing.T) {
	p := newPractice(t)
	p.pdf("records/10432/HIV/2025-01-01.pdf")
	p.pdf("records/10432/2025-01-02 Genetic report.pdf")
	p.pdf("records/10432/2025-01-03.pdf")
	p.put("records/10432/2025-01-03.pdf.meta.yaml", []byte("sensitive: [gender_care]\n"))
	p.pdf("records/10432/2025-01-04.pdf")
	req := p.request(p.source("chart", "records/{patient.id}/**"))
	req.Sensitive = []Sensitive{{"hiv_sti", "hiv"}, {"genetic", "*genetic*"}}
	c := p.collect(req)
	var got []string
	for _, r := range c.Problems {
		got = append(got, r.Rule+" "+strings.Join(r.Items, ","))
	}
	want := []string{"R20 10432/2025-01-03.pdf", "R20 10432/2025-01-02 Genetic report.pdf", "R20 10432/HIV/2025-01-01.pdf"}
	if !slices.Equal(got, want) {
		t.Errorf("problems %q, want %q", got, want)
	}
	req.Permits = func(category string) bool { return category != "genetic" }
	wantProblem(t, p.collect(req), "R20", "marked genetic", "10432/2025-01-02 Genetic report.pdf")

	p.put("records/10432/2025-01-04.pdf.meta.yaml", []byte("sensitve: [sud]\n"))
	req.Permits = func(string) bool { return true }
	wantProblem(t, p.collect(req), "R11", "side file", "10432/2025-01-04.pdf")
}

// TestASideFileInCapitalsIsNotOverlooked: where the file system takes it for another
// name it holds, elsewhere it is read.
func TestASideFileInCapitalsIsNotOverlooked(t *testing.T) {
	p := newPractice(t)
	p.pdf("records/10432/2025-01-05.pdf")
	p.put("records/10432/2025-01-05.pdf.META.YAML", []byte("sensitive: [gender_care]\n"))
	c := p.collect(p.request(p.source("chart", "records/{patient.id}/**")))
	if len(c.Problems) != 1 || !strings.HasPrefix(c.Problems[0].Items[0], "10432/2025-01-05.pdf") {
		t.Errorf("problems %+v", c.Problems)
	}
}

// TestASideFileIsReadWhileItIsReplaced: or its record waits; what it says never goes unnoticed.
func TestASideFileIsReadWhileItIsReplaced(t *testing.T) {
	p := newPractice(t)
	text := []byte("sensitive: [sud]\n")
	p.put("records/a.pdf.meta.yaml", text)
	root, err := os.OpenRoot(p.path("records"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		var err error
		for err == nil {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			if err = root.WriteFile("new", text, 0o600); err == nil {
				err = root.Rename("new", "a.pdf.meta.yaml")
			}
		}
		stopped <- err
	}()
	for n := range 5_000 {
		s, err := readSideFile(t.Context(), root, "a.pdf.meta.yaml")
		if err == nil && !slices.Equal(s.sensitive, []string{"sud"}) {
			t.Errorf("after %d: %+v", n, s)
			break
		}
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
}

// TestSensitiveOnAServer: a pattern that begins with a server's name means the files there.
func TestSensitiveOnAServer(t *testing.T) {
	for name, pattern := range map[string]string{
		"//server/records": "//server/records/*/hiv/**", "//server/share/": "//Server/share/**/a.pdf", "C:/records": "c:/records/**", "/": "/10432/hiv/*",
	} {
		c := &collector{req: Request{Sensitive: []Sensitive{{"hiv_sti", pattern}}}}
		it := &Item{Path: "10432/hiv/a.pdf", Name: "a.pdf", place: &place{name: name}}
		if got := c.categories(it); !slices.Equal(got, []string{"hiv_sti"}) {
			t.Errorf("%s does not mean a file in %s: %q", pattern, name, got)
		}
	}
}

// TestSensitiveDecisions: a person releases a record of a category only where no
// federal law asks for a form.
func TestSensitiveDecisions(t *testing.T) {
	p := newPractice(t)
	p.pdf("records/10432/2025-01-01 x.pdf")
	p.pdf("records/10432/2025-01-02 y.pdf")
	for _, tc := range []struct {
		category string
		decision order.RulingChoice
		item     string
		problems int
		items    int
	}{
		{"hiv_sti", order.ReleaseItem, "10432/2025-01-01 x.pdf", 0, 2},
		{"hiv_sti", order.LeaveOut, "10432/2025-01-01 x.pdf", 0, 1},
		{"hiv_sti", order.LeaveOut, "", 0, 1},
		{"sud", order.ReleaseItem, "10432/2025-01-01 x.pdf", 1, 2},
		{"sud", order.LeaveOut, "10432/2025-01-01 x.pdf", 0, 1},
		{"psychotherapy_notes", order.ReleaseItem, "", 1, 2},
		{"psychotherapy_notes", order.LeaveOut, "", 0, 1},
	} {
		req := p.request(p.source("chart", "records/{patient.id}/**"))
		req.Sensitive = []Sensitive{{tc.category, "*x.pdf"}}
		req.Decisions = []order.Ruling{{Rule: order.RuleOf(tc.category), Item: tc.item, Decision: tc.decision, By: "dr-lee", Reason: "seen"}}
		c := p.collect(req)
		if len(c.Problems) != tc.problems || len(c.Items) != tc.items {
			t.Errorf("%s %s %q: %d items, problems %+v", tc.category, tc.decision, tc.item, len(c.Items), c.Problems)
		}
	}
}
