package packager

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"time"
	"unicode/utf8"

	"chartseal/order"
	"chartseal/redact/heading"
)

// someone is a person on a synthetic page.
type someone struct {
	last, first, middle string
	born                order.Date
	id                  string
}

var (
	lastNames = strings.Fields(`Alvarez Brown Chen Davis Evans Foster Garcia Hughes Ibrahim Jackson Kim Lopez Martinez Nguyen O'Brien Patel Quinn Rodriguez Smith
		Thompson Underwood Vasquez Washington Young Zimmerman Page Müller Łukasz Kowalski McDonald Alvarez-Gomez St.Claire`)
	firstNames = strings.Fields(`Maria Robert Wei Linda Carlos Anna James Fatima Denise Kevin Soo-Jin Luis Elena Thanh Sean Priya Megan Rosa John Patricia
		Gerald Carmen George Olivia Hans William Elizabeth Katherine Michael Joseph`)
	nicks = map[string]string{
		"Robert": "Bob", "William": "Bill", "Elizabeth": "Liz", "Katherine": "Kate", "Michael": "Mike", "Joseph": "Joe", "James": "Jim", "Patricia": "Pat",
	}
	doctors = strings.Fields(`Lee Ortiz Hartmann Cho Delgado`)
)

func anyone(r *rand.Rand) someone {
	p := someone{
		last: lastNames[r.IntN(len(lastNames))], first: firstNames[r.IntN(len(firstNames))],
		born: order.DateOf(time.Date(1930, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, r.IntN(33000))),
		id:   fmt.Sprint(10000 + r.IntN(89999)),
	}
	if r.IntN(3) == 0 {
		p.middle = string(rune('A' + r.IntN(26)))
	}
	return p
}

func (p someone) patient() order.Patient {
	return order.Patient{ID: p.id, Name: strings.TrimSpace(p.last + ", " + p.first + " " + p.middle), BirthDate: p.born}
}

func (p someone) name(r *rand.Rand) string {
	first := p.first
	switch r.IntN(6) {
	case 0:
		return p.last + ", " + first
	case 1:
		return strings.TrimSpace(p.last + ", " + first + " " + p.middle)
	case 2:
		if p.middle != "" {
			return first + " " + p.middle + ". " + p.last
		}
	case 3:
		return strings.ToUpper(first + " " + p.last)
	case 4:
		return strings.ToUpper(p.last + ", " + first)
	}
	return first + " " + p.last
}

func (p someone) birth(r *rand.Rand) string {
	t := time.Date(p.born.Year, p.born.Month, p.born.Day, 0, 0, 0, 0, time.UTC)
	forms := []string{"01/02/2006", "1/2/2006", "01-02-2006", "2006-01-02", "January 2, 2006", "Jan 2, 2006", "02-Jan-2006", "1/2/06", "01.02.2006"}
	return t.Format(forms[r.IntN(len(forms))])
}

// sheet is a page being set, with a size of letters of ten points.
type sheet struct {
	r     *rand.Rand
	texts []heading.Text
	y     float64
}

const (
	sheetHeight = 792.0
	letter      = 5.0 // points each, about Helvetica at ten
)

func newSheet(r *rand.Rand) *sheet { return &sheet{r: r, y: 40} }

// put sets a text at x: as a whole, by words, or letter by letter, as programs do.
func (s *sheet) put(x float64, text string) float64 {
	switch mode := s.r.IntN(5); mode {
	case 0, 1: // by words
		at := x
		for word := range strings.SplitSeq(text, " ") {
			w := letter * float64(utf8.RuneCountInString(word))
			if word != "" {
				s.texts = append(s.texts, heading.Text{Text: word, Left: at, Top: s.y, Right: at + w, Bottom: s.y + 9})
			}
			at += w + 2.8
		}
		return at
	case 2: // letter by letter
		at := x
		for _, c := range text {
			if c != ' ' {
				s.texts = append(s.texts, heading.Text{Text: string(c), Left: at, Top: s.y + 0.3*s.r.Float64(), Right: at + letter - 0.2, Bottom: s.y + 9})
			}
			at += letter
		}
		return at
	default:
		w := letter * float64(utf8.RuneCountInString(text))
		s.texts = append(s.texts, heading.Text{Text: text, Left: x, Top: s.y, Right: x + w, Bottom: s.y + 9})
		return x + w
	}
}

// line sets columns of text on one line.
func (s *sheet) line(columns ...string) {
	x := 36.0
	width := 540 / float64(max(1, len(columns)))
	for _, c := range columns {
		if c != "" {
			s.put(x, c)
		}
		x += width
	}
	s.y += 13
}

func (s *sheet) gap() { s.y += 22 }

func (s *sheet) pick(words ...string) string { return words[s.r.IntN(len(words))] }

// shown is what a page says of the patient.
type shown struct{ name, birth, id bool }

// headings are ways in which programs print whose a page is. Each says what it
// showed.
var headings = map[string]func(s *sheet, p someone) shown{
	"beside, one line": func(s *sheet, p someone) shown {
		s.line(s.pick("Patient: ", "Patient Name: ", "PATIENT: ", "Pt: ", "Name: ", "Patient's Name: ") + p.name(s.r) + "   " + s.pick("DOB: ", "D.O.B.: ", "Birth Date: ", "DOB ") + p.birth(s.r) + "   " + s.pick("Chart #: ", "Chart# ", "Patient ID: ", "MRN: ", "Pt ID: ") + p.id)
		return shown{true, true, true}
	},
	"beside, columns": func(s *sheet, p someone) shown {
		s.line(s.pick("Patient: ", "Patient Name: ", "Name: ")+p.name(s.r), s.pick("DOB: ", "Date of Birth: ", "Birthdate: ", "BIRTH DATE: ")+p.birth(s.r), s.pick("Chart #: ", "Chart No: ", "Patient #: ")+p.id)
		return shown{true, true, true}
	},
	"label, then value": func(s *sheet, p someone) shown {
		s.line(s.pick("Patient:", "Patient Name:", "Patient", "Patient Name"), p.name(s.r), s.pick("DOB:", "Date of Birth", "Birth Date:"), p.birth(s.r))
		return shown{true, true, false}
	},
	"above": func(s *sheet, p someone) shown {
		s.line(s.pick("Patient Name", "Patient", "PATIENT NAME", "Name of Patient"), s.pick("Date of Birth", "DOB", "Birth Date"), s.pick("Chart #", "Patient ID", "Chart Number"))
		s.line(p.name(s.r), p.birth(s.r), p.id)
		return shown{true, true, true}
	},
	"down the page": func(s *sheet, p someone) shown {
		s.line(s.pick("Patient: ", "Patient Name: ", "PATIENT NAME: ") + p.name(s.r))
		s.line(s.pick("Date of Birth: ", "DOB: ", "Birthday: ") + p.birth(s.r))
		s.line(s.pick("Chart #: ", "Medical Record No: ", "Patient No. ") + p.id)
		return shown{true, true, true}
	},
	"name alone": func(s *sheet, p someone) shown {
		s.line(s.pick("Patient: ", "Patient Name: ", "Pt. Name: ") + p.name(s.r))
		return shown{name: true}
	},
	"last and first": func(s *sheet, p someone) shown {
		s.line("Last Name: "+p.last, "First Name: "+p.first, s.pick("DOB: ", "Birth Date: ")+p.birth(s.r))
		return shown{true, true, false}
	},
	"letter": func(s *sheet, p someone) shown {
		s.line("March 3, 2025")
		s.gap()
		s.line("To: Dr. " + s.pick(doctors...) + ", Endodontics")
		s.line(s.pick("RE: ", "Re: ", "Regarding: ") + p.name(s.r) + s.pick(", DOB ", ", DOB: ", " (DOB ") + p.birth(s.r) + s.pick("", ")"))
		return shown{true, true, false}
	},
	"printed over every page": func(s *sheet, p someone) shown {
		s.line(p.last+", "+p.first, p.id, p.birth(s.r))
		return shown{true, true, true}
	},
	"name and number": func(s *sheet, p someone) shown {
		s.line("Patient: "+p.name(s.r)+" (#"+p.id+")", "Printed: 03/04/2025")
		return shown{name: true}
	},
	"spaced letters": func(s *sheet, p someone) shown {
		s.line(spaced("Patient:") + "  " + spaced(p.first) + "  " + spaced(p.last))
		s.line("DOB: " + p.birth(s.r))
		return shown{true, true, false}
	},
	"boxed form": func(s *sheet, p someone) shown {
		s.line("PATIENT INFORMATION")
		s.line("Name: "+p.name(s.r), "Sex: F", "Age: 41")
		s.line("Birth Date: "+p.birth(s.r), "SSN: ***-**-1234", "Phone: (518) 555-0100")
		return shown{true, true, false}
	},
}

func init() {
	maps.Copy(headings, hardHeadings)
}

// hardHeadings are ways that are hard to read: by hand, by old programs, by
// programs that recognise letters in scans.
var hardHeadings = map[string]func(s *sheet, p someone) shown{
	"two columns": func(s *sheet, p someone) shown {
		s.line("Patient: "+p.name(s.r), "Provider: Anna "+s.pick(doctors...)+", DDS")
		s.line("DOB: "+p.birth(s.r), "License: NY 55123")
		s.line("Chart #: "+p.id, "Phone: 518-555-0100")
		return shown{true, true, true}
	},
	"broken by a hyphen": func(s *sheet, p someone) shown {
		cut := len(p.last) / 2
		for !utf8.RuneStart(p.last[cut]) {
			cut--
		}
		s.line("Patient: " + p.first + " " + p.last + "-")
		s.put(80, p.last[:cut]+"ez")
		s.y += 13
		s.line("DOB: " + p.birth(s.r))
		return shown{true, true, false}
	},
	"dots": func(s *sheet, p someone) shown {
		s.line("Patient Name ....... : " + p.name(s.r))
		s.line("Date of Birth ...... : " + p.birth(s.r))
		return shown{true, true, false}
	},
	"on a line to fill in": func(s *sheet, p someone) shown {
		s.line("Patient Name: ___"+p.name(s.r)+"___", "DOB: __"+p.birth(s.r)+"__")
		return shown{true, true, false}
	},
	"at the foot": func(s *sheet, p someone) shown {
		y := s.y
		s.y = 750
		s.line("Patient: "+p.last+", "+p.first, "Chart #: "+p.id, "Page 2 of 3")
		s.y = y
		return shown{true, false, true}
	},
	"recognised badly": func(s *sheet, p someone) shown {
		s.line("Patient; "+p.first+" "+p.last, "D0B: "+p.birth(s.r), "Chart # "+p.id)
		return shown{false, false, true}
	},
	"label below": func(s *sheet, p someone) shown {
		s.line(p.name(s.r), p.birth(s.r))
		s.line("Patient Name", "Date of Birth")
		return shown{true, true, false}
	},
	"in a table with bars": func(s *sheet, p someone) shown {
		s.line("| Patient |", "| "+p.name(s.r)+" |", "| DOB |", "| "+p.birth(s.r)+" |")
		return shown{true, true, false}
	},
	"run together": func(s *sheet, p someone) shown {
		s.line("PATIENT:" + strings.ToUpper(p.last) + "," + strings.ToUpper(p.first) + " DOB:" + p.birth(s.r) + " CHART:" + p.id)
		return shown{true, true, false}
	},
}

func spaced(s string) string { return strings.Join(strings.Split(s, ""), " ") }

// company is what else stands on pages: other people, and text that looks like a
// heading and is none.
var company = []func(s *sheet, other someone){
	func(s *sheet, o someone) {
		s.line("Guarantor: "+o.name(s.r), "DOB: "+o.birth(s.r))
	},
	func(s *sheet, o someone) {
		s.line("Responsible Party: "+o.name(s.r), "Relationship: Spouse")
		s.line("DOB: "+o.birth(s.r), "Phone: 518-555-0111")
	},
	func(s *sheet, o someone) {
		s.line("INSURANCE INFORMATION")
		s.line("Subscriber Name: "+o.name(s.r), "Subscriber ID: "+o.id, "Group #: 4711")
		s.line("Date of Birth: "+o.birth(s.r), "Carrier: Delta Dental")
	},
	func(s *sheet, o someone) {
		s.line("Emergency Contact: "+o.name(s.r), "Relation: Mother", "Phone: 518-555-0199")
	},
	func(s *sheet, o someone) {
		s.line("Provider: Dr. "+o.first+" "+s.pick(doctors...), "Hygienist: "+o.name(s.r)+", RDH")
	},
	func(s *sheet, o someone) {
		s.line("Referred by: "+o.name(s.r), "Primary Dentist: "+o.first+" "+s.pick(doctors...)+" DDS")
	},
	func(s *sheet, o someone) {
		s.line("RESPONSIBLE PARTY")
		s.line("Name: "+o.name(s.r), "Birth Date: "+o.birth(s.r))
	},
	func(s *sheet, o someone) {
		s.line("Spouse: " + o.name(s.r) + "   DOB: " + o.birth(s.r))
	},
	func(s *sheet, _ someone) {
		s.line(s.pick("Patient: Reports pain on chewing, upper left", "PATIENT: TOLERATED THE PROCEDURE WELL", "Patient: cooperative", "Pt: denies any changes in medical history", "Patient: 41 y/o female presents for recall", "Patient is a pleasant adult"))
	},
	func(s *sheet, o someone) {
		s.line("Signature of Patient or Guardian: ______________", "Date: 03/04/2025")
		s.line("Witness: " + o.name(s.r))
	},
	func(s *sheet, _ someone) {
		s.line("Date", "Tooth", "Procedure", "Provider", "Amount")
		for range 3 {
			s.line("03/04/2025", "#14", "D2740 Crown", s.pick(doctors...), "1,250.00")
		}
	},
	func(s *sheet, _ someone) {
		s.line("Invoice # 20871", "Claim #: 88123", "Account #: 5531", "Date: 03/04/2025")
	},
	func(s *sheet, _ someone) {
		s.line("Patient Portion: 125.00", "Insurance Portion: 375.00", "Patient since: 2009")
	},
	func(s *sheet, o someone) {
		s.line("Employer: "+o.last+" & Sons", "Pharmacy: "+o.last+" Drugs")
	},
	func(s *sheet, o someone) {
		s.line("Bill To: "+o.name(s.r), "cc: Dr. "+o.last)
	},
}

// before is what stands over a heading: the practice's own.
func before(s *sheet) {
	switch s.r.IntN(4) {
	case 0:
		s.line("Lakeside Dental")
		s.line("1 Main Street, Albany NY 12207", "Phone: +1 518 555 0100")
		s.gap()
	case 1:
		s.line("LAKESIDE DENTAL", "Progress Notes", "Page 1 of 3")
	case 2:
		s.line("Clinical Chart", "Printed 03/04/2025 10:15")
	}
}

// chartPage is a page that shows a person in one of the headings, in company.
func chartPage(r *rand.Rand, layout string, p, other someone) (heading.Page, shown) {
	s := newSheet(r)
	before(s)
	above := r.IntN(6) == 0
	if above {
		company[r.IntN(6)](s, other)
		s.gap()
	}
	sh := headings[layout](s, p)
	for range r.IntN(4) {
		s.gap()
		company[r.IntN(len(company))](s, other)
	}
	return heading.Page{Number: 1, Height: sheetHeight, Texts: s.texts}, sh
}
