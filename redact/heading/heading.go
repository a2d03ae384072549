// Package heading reads from the text of a chart's pages whose they say they are:
// the name, birth date and number that stand beside the patient's labels, in the
// heading of a page or wherever a line says "Patient: …". Names of other people,
// guarantors, subscribers and clinicians, are told apart by their own labels.
//
// It knows no patient: it says what is written, and its caller compares. What it
// cannot tell it leaves out, so nothing found is no sign that a page is anybody's.
package heading

import (
	"regexp"
	"slices"
	"strings"

	"chartseal/redact"
)

// Zones of a page, as parts of its height.
const (
	topZone   = 0.35 // where a heading stands
	upperZone = 0.2  // where a number without a label counts
)

// Read returns what a page says, in the order of its lines.
func Read(p Page) []redact.Claim {
	r := &reader{page: p, lines: layOut(p), taken: map[cell]bool{}, known: map[cell][]part{}}
	for i, row := range r.lines.cells {
		r.marks = append(r.marks, nil)
		for j, c := range row {
			for _, pt := range r.parts(c) {
				if pt.found {
					r.marks[i] = append(r.marks[i], mark{part: pt, cell: c, at: j})
				}
			}
		}
	}
	for i := range r.marks {
		for j := range r.marks[i] {
			r.read(i, j)
		}
	}
	r.loose()
	return r.claims
}

// mark is a label where it stands.
type mark struct {
	part
	cell cell
	at   int // of its cell on the line
}

type reader struct {
	page   Page
	lines  lines
	marks  [][]mark // by line
	taken  map[cell]bool
	known  map[cell][]part
	claims []redact.Claim
}

func (r *reader) parts(c cell) []part {
	ps, ok := r.known[c]
	if !ok {
		ps = parts(c.text)
		r.known[c] = ps
	}
	return ps
}

// in reports whether a line lies in the upper part of the page.
func (r *reader) in(line int, zone float64) bool {
	return r.page.Height > 0 && r.lines.top[line] < zone*r.page.Height
}

// read takes the value of one label.
func (r *reader) read(line, j int) {
	m := r.marks[line][j]
	switch m.kind {
	case patient:
		r.names(m, line, j)
	case plainName:
		if r.in(line, topZone) || r.owned(line, j) == patient {
			if owner := r.owned(line, j); owner != person && owner != business {
				r.names(m, line, j)
			}
		}
	case family:
		r.familyName(m, line, j)
	case birth:
		if owner := r.owned(line, j); owner != person {
			r.value(m, line, j, redact.ClaimBirth, dateIn)
		}
	case number:
		r.value(m, line, j, redact.ClaimID, idIn)
	case given, person, business, other, kinds: // read with others, or not at all
	}
}

func (r *reader) claim(what redact.ClaimKind, value string) {
	if value = clipped(strings.TrimSpace(value)); value != "" && len(r.claims) < redact.MaxClaims {
		r.claims = append(r.claims, redact.Claim{Page: r.page.Number, What: what, Value: value})
	}
}

// owned is of whom a label speaks that does not say so: the person named last on
// its line, or by the nearest line above in its column.
func (r *reader) owned(line, j int) kind {
	for k := j - 1; k >= 0; k-- {
		switch m := r.marks[line][k]; m.kind {
		case patient, person:
			return m.kind
		case business:
			if r.marks[line][j].kind == plainName && k == j-1 {
				return business
			}
		case plainName, family, given, birth, number, other, kinds:
		}
	}
	here := r.marks[line][j].cell
	apart := false // a gap lies between: only a heading reaches over it
	for up := line - 1; up >= 0 && up >= line-maxAbove; up-- {
		apart = apart || r.lines.top[up+1]-r.lines.top[up] > 2.6*max(r.lines.height[up], r.lines.height[up+1])
		best := kind(-1)
		left := -1.0
		for _, m := range r.marks[up] {
			if m.kind != patient && m.kind != person && m.kind != business || m.cell.left > here.left+2*r.lines.height[line] {
				continue
			}
			if apart && !m.whole || m.kind == business && (!m.whole || r.marks[line][j].kind != plainName) { // its name stands beside it
				continue
			}
			if m.cell.left >= left {
				best, left = m.kind, m.cell.left
			}
		}
		if best >= 0 {
			return best
		}
	}
	return other
}

// maxAbove is how many lines a heading such as "Responsible party" reaches down.
const maxAbove = 8

// names takes the name, or the column of names, of a label.
func (r *reader) names(m mark, line, j int) {
	how := strict
	if r.in(line, topZone) {
		how = usual
	}
	if !m.whole {
		value := r.joined(m, line, j)
		if n := nameIn(value, r.single(how)); n != "" {
			r.claim(redact.ClaimName, n)
			return
		}
		if m.value != "" {
			return
		}
	}
	if c, ok := r.beside(line, m.at); ok {
		if n := nameIn(c.text, r.single(how)); n != "" {
			r.taken[c] = true
			r.claim(redact.ClaimName, n)
			return
		}
	}
	if m.whole || m.value == "" {
		word := func(s string) string { return nameIn(s, single) }
		if !r.column(m, line, word, redact.ClaimName) {
			r.over(m, line, word, redact.ClaimName)
		}
	}
}

// single lets one word be a name where a heading stands.
func (r *reader) single(how style) style {
	if how == usual {
		return single
	}
	return how
}

// joined is a value with the line below, if a hyphen says that it goes on there.
func (r *reader) joined(m mark, line, j int) string {
	last := j == len(r.marks[line])-1 || r.marks[line][j+1].at != m.at
	if !strings.HasSuffix(m.value, "-") || !last || line+1 >= len(r.lines.cells) {
		return m.value
	}
	for _, c := range r.lines.cells[line+1] {
		if ps := r.parts(c); c.overlaps(m.cell) && len(ps) > 0 && !ps[0].found {
			return m.value + c.text
		}
	}
	return m.value
}

// beside is the cell to the right, unless it has a label of its own.
func (r *reader) beside(line, at int) (cell, bool) {
	row := r.lines.cells[line]
	if at+1 >= len(row) || r.taken[row[at+1]] {
		return cell{}, false
	}
	if ps := r.parts(row[at+1]); len(ps) == 0 || ps[0].found {
		return cell{}, false
	}
	return row[at+1], true
}

// value takes a birth date or a number.
func (r *reader) value(m mark, line, _ int, what redact.ClaimKind, read func(string) string) {
	if v := read(m.value); v != "" {
		r.claim(what, v)
		return
	}
	if m.value != "" {
		return
	}
	if c, ok := r.beside(line, m.at); ok {
		if v := read(c.text); v != "" {
			r.taken[c] = true
			r.claim(what, v)
			return
		}
	}
	if !r.column(m, line, read, what) {
		r.over(m, line, read, what)
	}
}

// over takes the value above a label, as on forms with the label below the line.
func (r *reader) over(m mark, line int, read func(string) string, what redact.ClaimKind) {
	if !m.whole || line == 0 || r.lines.top[line]-r.lines.top[line-1] > 2.2*r.lines.height[line] {
		return
	}
	c, ok := r.under(m.cell, line-1)
	if ps := r.parts(c); !ok || r.taken[c] || len(ps) != 1 || ps[0].found {
		return
	}
	if v := read(c.text); v != "" {
		r.taken[c] = true
		r.claim(what, v)
	}
}

// maxRows bounds a column of a table.
const maxRows = 60

// column takes the values below a label: one in a form, several in a table, where
// other labels stand beside it and the rows follow one another closely. It reports
// whether there was any.
func (r *reader) column(m mark, line int, read func(string) string, what redact.ClaimKind) (found bool) {
	table := len(r.marks[line]) >= 3 && m.whole
	misses := 0
	for down, rows := line+1, 0; down < len(r.lines.cells) && rows < maxRows; down++ {
		gap := r.lines.top[down] - r.lines.top[down-1]
		if gap > 3.2*max(r.lines.height[line], r.lines.height[down]) {
			return found
		}
		c, ok := r.under(m.cell, down)
		if !ok {
			if misses++; misses > 2 {
				return found
			}
			continue
		}
		if ps := r.parts(c); len(ps) > 0 && ps[0].found {
			return found
		}
		if r.taken[c] {
			return found
		}
		v := read(c.text)
		if v == "" {
			return found
		}
		r.taken[c] = true
		r.claim(what, v)
		found = true
		rows++
		if !table {
			return found
		}
	}
	return found
}

// under is the cell of a line that stands below another.
func (r *reader) under(m cell, line int) (cell, bool) {
	for _, c := range r.lines.cells[line] {
		if c.overlaps(m) {
			return c, true
		}
	}
	return cell{}, false
}

// familyName takes a last name with the first name that stands near it.
func (r *reader) familyName(m mark, line, j int) {
	if owner := r.owned(line, j); owner == person || owner == business {
		return
	}
	last := r.word(m, line)
	if last == "" {
		return
	}
	for i := max(0, line-1); i <= min(line+2, len(r.marks)-1); i++ {
		for _, g := range r.marks[i] {
			if g.kind == given {
				if first := r.word(g, i); first != "" {
					r.claim(redact.ClaimName, last+", "+first)
					return
				}
			}
		}
	}
}

// word is the value of a label for a part of a name.
func (r *reader) word(m mark, line int) string {
	read := func(s string) string { return nameIn(s, single) }
	if v := read(m.value); v != "" || m.value != "" {
		return v
	}
	if c, ok := r.beside(line, m.at); ok {
		if v := read(c.text); v != "" {
			return v
		}
	}
	if line+1 < len(r.lines.cells) {
		if c, ok := r.under(m.cell, line+1); ok {
			if ps := r.parts(c); len(ps) > 0 && !ps[0].found {
				return read(c.text)
			}
		}
	}
	return ""
}

// loose takes the numbers at the very top that have no label, and the line that
// is a name, a number and a date, which some programs print over every page.
func (r *reader) loose() {
	n := 0
	for i, row := range r.lines.cells {
		if !r.in(i, upperZone) {
			return
		}
		if r.triple(row) {
			continue
		}
		for _, c := range row {
			id := idIn(c.text)
			if len(id) >= 4 && !strings.ContainsAny(id, ". ") && !procedure.MatchString(id) && strings.Trim(c.text, "#() ") == id && !r.taken[c] && n < maxLoose {
				r.claim(redact.ClaimLoose, id)
				n++
			}
		}
	}
}

// procedure is a code of the American Dental Association (CDT).
var procedure = regexp.MustCompile(`^[Dd]\d{4}$`)

// maxLoose bounds the numbers without a label of a page.
const maxLoose = 12

// triple takes a line without labels of three or four cells: last and first name
// with a comma, a number, a date.
func (r *reader) triple(row []cell) bool {
	if len(row) < 3 || len(row) > 4 {
		return false
	}
	var name, date, id string
	for _, c := range row {
		ps := r.parts(c)
		if len(ps) != 1 || ps[0].found || r.taken[c] {
			return false
		}
		switch d := dateIn(c.text); {
		case d != "" && date == "":
			date = d
		case name == "" && strings.Contains(c.text, ",") && nameIn(c.text, usual) != "":
			name = nameIn(c.text, usual)
		case id == "" && idIn(c.text) != "":
			id = idIn(c.text)
		}
	}
	if name == "" || date == "" || id == "" || slices.ContainsFunc(row, func(c cell) bool { return credential.MatchString(c.text) }) {
		return false
	}
	r.claim(redact.ClaimName, name)
	r.claim(redact.ClaimID, id)
	r.claim(redact.ClaimBirth, date)
	return true
}
