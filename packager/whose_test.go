package packager

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"chartseal/order"
	"chartseal/redact"
	"chartseal/redact/heading"
	"chartseal/testdata/racing"
)

// rates counts verdicts by what they were about.
type rates struct {
	pages, wrong map[string]int
	examples     map[string][]string
}

func newRates() *rates { return &rates{map[string]int{}, map[string]int{}, map[string][]string{}} }

func (r *rates) add(what string, wrong bool, example string) {
	r.pages[what]++
	if wrong {
		r.wrong[what]++
		r.examples[what] = append(r.examples[what], example)
	}
}

func (r *rates) total() (pages, wrong int) {
	for _, n := range r.pages {
		pages += n
	}
	for _, n := range r.wrong {
		wrong += n
	}
	return pages, wrong
}

func (r *rates) log(t *testing.T, title string) {
	t.Helper()
	pages, wrong := r.total()
	t.Logf("%s: %d of %d pages (%.2f %%)", title, wrong, pages, 100*float64(wrong)/float64(max(pages, 1)))
	for _, what := range slices.Sorted(maps.Keys(r.pages)) {
		if r.wrong[what] > 0 {
			t.Logf("  %-40s %3d of %4d, such as %s", what, r.wrong[what], r.pages[what], r.examples[what][0])
		}
	}
}

// practiceOf knows the numbers of some people and, if told, surely of all.
func practiceOf(all ...someone) whose {
	return func(id string) (bool, bool) {
		return slices.ContainsFunc(all, func(p someone) bool { return p.id == id }), true
	}
}

func stopped(p someone, page heading.Page, other whose) (held bool, m order.Match, claims []redact.Claim) {
	claims = heading.Read(page)
	m, said := textMatch(p.patient(), claims, nil, other)
	return said && m != order.Matching, m, claims
}

// evalSeed is that of the figures in the documentation.
const evalSeed = 20261118

// TestWhoseTextRates cleans no page: it reads headings of synthetic pages in every
// layout, of the right patient and of others, and counts false alarms and misses.
// With -v it reads four times as many, and prints both rates and where they come
// from.
func TestWhoseTextRates(t *testing.T) {
	alarms, misses := newRates(), newRates()
	r := rand.New(rand.NewPCG(evalSeed, 1))
	each := 10
	switch {
	case racing.Enabled: // which shows no race here: nothing is shared
		each = 2
	case testing.Verbose():
		each = 40
	}
	for _, layout := range slices.Sorted(maps.Keys(headings)) {
		for range each {
			p, other := anyone(r), anyone(r)
			for other.id == p.id || other.first == p.first || other.last == p.last {
				other = anyone(r)
			}
			known := practiceOf(p, other)
			page, _ := chartPage(r, layout, p, other)
			held, m, claims := stopped(p, page, known)
			alarms.add(layout, held, fmt.Sprintf("%v for %+v: %s", m, p.patient(), told(claims)))
			nick, page := called(r, layout, p, other)
			held, m, claims = stopped(p, page, known)
			alarms.add(layout+", "+nick, held, fmt.Sprintf("%v for %+v: %s", m, p.patient(), told(claims)))

			page, _ = chartPage(r, layout, other, p)
			held, m, claims = stopped(p, page, known)
			misses.add(layout, !held, fmt.Sprintf("%v of %q for %+v: %s", m, other.patient().Name, p.patient(), told(claims)))
			kin, page := relative(r, layout, p)
			held, m, claims = stopped(p, page, known)
			misses.add(layout+", "+kin, !held, fmt.Sprintf("%v for %+v: %s", m, p.patient(), told(claims)))
		}
	}
	alarms.log(t, "false alarms")
	misses.log(t, "misses")
	if pages, wrong := alarms.total(); wrong*100 > pages {
		t.Errorf("more than 1 %% of the right patient's pages are held: %d of %d", wrong, pages)
	}
	if pages, wrong := misses.total(); wrong*50 > pages {
		t.Errorf("more than 2 %% of the others' pages pass: %d of %d", wrong, pages)
	}
}

// told shows claims with their values, of people who do not exist.
func told(claims []redact.Claim) (s string) {
	for _, c := range claims {
		s += fmt.Sprintf("[%s %s]", c.What, c.Value)
	}
	return s
}

// called is a page of the patient under a nickname, or a name before marriage with
// the birth date beside it.
func called(r *rand.Rand, layout string, p, other someone) (string, heading.Page) {
	q := p
	what := "nickname"
	if q.first = nicks[p.first]; q.first == "" {
		q.first = p.first
		what = "no middle name"
		q.middle = ""
	}
	page, sh := chartPage(r, layout, q, other)
	if sh.birth && r.IntN(2) == 0 {
		q = p
		q.last, what = "Blackwell", "maiden name"
		page, _ = chartPage(r, layout, q, other)
	}
	return what, page
}

// relative is a page of somebody much like the patient: of the same family, of the
// same name and another birth date, or of both on one page.
func relative(r *rand.Rand, layout string, p someone) (string, heading.Page) {
	q := anyone(r)
	switch r.IntN(3) {
	case 0:
		for q.last = p.last; order.SameName(q.patient().Name, p.patient().Name) || nicks[q.first] != "" || q.first == p.first || len(p.middle) > 0 && q.first[:1] == p.middle; {
			q.first = firstNames[r.IntN(len(firstNames))]
		}
		page, _ := chartPage(r, layout, q, p)
		return "same family", page
	case 1:
		q.last, q.first, q.middle = p.last, p.first, p.middle
		page, sh := chartPage(r, layout, q, anyone(r))
		if sh.birth {
			return "same name", page
		}
	}
	for q.first == p.first || q.first[:1] == p.middle {
		q = anyone(r)
	}
	s := newSheet(r)
	headings[layout](s, p)
	s.gap()
	s.line("Date", "Patient", "Description", "Amount")
	for i := range 4 {
		who := p.first
		if i == 2 {
			who = q.first
		}
		s.line("03/04/2025", who, "D1110 Prophylaxis", "95.00")
	}
	return "family account", heading.Page{Number: 1, Height: sheetHeight, Texts: s.texts}
}
