package gather

import (
	"slices"
	"testing"

	"chartseal/order"
)

func denying(t *testing.T) (practice, []Source) {
	p := newPractice(t)
	for _, rel := range []string{"charts/2025-01-01 note.pdf", "charts/2025-01-02 Letter [1].pdf", "charts/old/2019-03-01.pdf", "billing/2025-01-01.pdf", "billing/2025-01-01 note.pdf"} {
		p.pdf("records/10432/" + rel)
	}
	p.put("records/10432/charts/2025-01-01 note.pdf.meta.yaml", []byte("date: 2025-01-01\n"))
	return p, []Source{p.source("billing", "records/{patient.id}/billing/**"), p.source("chart", "records/{patient.id}/**/*.pdf")}
}

// What the order denies is not gathered, by whatever source it would be found.
func TestWhatIsDeniedIsKeptBack(t *testing.T) {
	const note, letter, old, bill, billNote = "10432/charts/2025-01-01 note.pdf", "10432/charts/2025-01-02 Letter [1].pdf", "10432/charts/old/2019-03-01.pdf", "10432/billing/2025-01-01.pdf", "10432/billing/2025-01-01 note.pdf"
	for name, c := range map[string]struct {
		denied Withheld
		left   []string
	}{
		"a kind, which another source would find": {Withheld{Kinds: []string{"billing"}}, []string{note, letter, old}},
		"a kind that is not asked for":            {Withheld{Kinds: []string{"billing"}}, []string{note, letter, old}},
		"a file":                                  {Withheld{Files: []string{"charts/2025-01-01 NOTE.pdf"}}, []string{billNote, bill, letter, old}},
		"a file as holds name it":                 {Withheld{Files: []string{note}}, []string{billNote, bill, letter, old}},
		"with backslashes":                        {Withheld{Files: []string{`charts\old\2019-03-01.pdf`}}, []string{billNote, bill, note, letter}},
		"a folder":                                {Withheld{Files: []string{"charts/old/"}}, []string{billNote, bill, note, letter}},
		"a wildcard":                              {Withheld{Files: []string{"charts/**/*note*"}}, []string{billNote, bill, letter, old}},
		"a name with brackets":                    {Withheld{Files: []string{"2025-01-02 letter [1].pdf"}}, []string{billNote, bill, note, old}},
		"several":                                 {Withheld{Kinds: []string{"billing"}, Files: []string{"charts/old", letter}}, []string{note}},
		"nothing":                                 {Withheld{}, []string{billNote, bill, note, letter, old}},
		"a kind that nobody knows":                {Withheld{Kinds: []string{"cbct"}}, []string{billNote, bill, note, letter, old}},
	} {
		t.Run(name, func(t *testing.T) {
			p, sources := denying(t)
			req := p.request(sources...)
			req.Withheld = c.denied
			if name == "a kind that is not asked for" {
				req.Scope.Kinds = []string{"chart"}
			}
			got := p.collect(req)
			wantNoProblems(t, got)
			wantPaths(t, got, c.left...)
			if n := 5 - len(c.left); n > 1 && !slices.Contains(got.Notices, map[int]string{2: "2 records were kept back: the order denies them.", 4: "4 records were kept back: the order denies them."}[n]) {
				t.Errorf("notices %q", got.Notices)
			}
		})
	}
}

// A name that means nothing, or several files, holds: the denied part might go.
func TestADeniedFileMustBeFound(t *testing.T) {
	p, sources := denying(t)
	req := p.request(sources...)
	req.Withheld.Files = []string{"charts/2025-01-01 notes.pdf"}
	wantProblem(t, p.collect(req), "R17", "The order denies a file that is not among the records it asks for, so that the denied part might go under another name. Nothing was sent. "+
		"Correct the name under denial.files: it begins below the patient's folder. Or let an approver who made sure that the part does not go decide (a decision on R17).", "charts/2025-01-01 notes.pdf")
	req.Decisions = []order.Ruling{{Rule: "R17", Item: "charts/2025-01-01 notes.pdf", Decision: order.ReleaseItem}}
	wantNoProblems(t, p.collect(req))
	req.Withheld.Files, req.Decisions = []string{"2025-01-01 note.pdf"}, nil
	wantProblem(t, p.collect(req), "R17", "2 files are called 2025-01-01 note.pdf, which the order denies (denial.files). Nothing was sent. Write the folder before the name, as it is listed here.",
		"10432/billing/2025-01-01 note.pdf", "10432/charts/2025-01-01 note.pdf")
}
