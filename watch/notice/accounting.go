package notice

import (
	"fmt"
	"strings"
	"time"
)

// Accounting is what the letter says to a patient who asked to whom records went (45 CFR
// 164.528).
type Accounting struct {
	To        Recipient
	Reference string
	At        time.Time // of the letter, in the practice's time zone
	Requested time.Time
	From, Day time.Time // the time the accounting is of, both days included
	Begins    time.Time // of the practice's ledger; zero: it is empty
	Listed    []Disclosure
	Exempt    []Disclosure // shown apart, if ShowExempt
	Earlier   time.Time    // of an accounting in the last twelve months; zero: this one is free
	Gaps      bool         // the ledger is known to lack entries

	ShowExempt bool
}

// Disclosure is one, or several that differ in their day alone.
type Disclosure struct {
	First, Last   time.Time
	Count         int
	Name, Address string
	Information   string
	Purpose       string
	Basis         string
}

// Widths of the four columns, in millimetres.
var accountingColumns = []column{{"Date", 34}, {"Who received it", 45}, {"What it was", 48}, {"Why", 44.9}}

// AccountingLetter returns the accounting as a letter to the patient. In place of a text
// whose letters the font lacks there is a line to write on, and the letter says so: a
// name that cannot be printed is no reason to keep an accounting back. The error is a
// *LetterError.
func AccountingLetter(p Practice, a Accounting) ([]byte, error) {
	l := newLetter(LetterData{Practice: p, Recipient: a.To, Reference: a.Reference, Sent: a.At}, "Accounting of disclosures", "Who received your health information")
	l.section(section{"", "On " + date(a.Requested) + " you asked us to whom we disclosed health information about you. This letter tells you, for the time from " +
		date(a.From) + " to " + date(a.Day) + ": on which day, to whom, what it was, and why."}, false)
	if len(a.Listed) == 0 {
		l.section(section{"What we disclosed", "In this time we made no disclosure that the law asks us to list."}, false)
	} else {
		l.heading("What we disclosed")
		l.table(accountingColumns, disclosureRows(a.Listed))
	}
	l.section(section{"What is not in this list", "The law does not ask us to list what we gave to you yourself, what was needed for your treatment, for payment or for running this practice, " +
		"what you authorized in writing, what we shared without your name under an agreement for research, public health or health care operations, and what no longer shows whose it is."}, false)
	if a.ShowExempt {
		l.exempt(a.Exempt)
	}
	l.sections(a.end(p, l.byHand))
	return l.bytes()
}

// exempt shows what need not be listed, apart from what must be.
func (l *letter) exempt(all []Disclosure) {
	if len(all) == 0 {
		l.section(section{"", "In this time there was nothing of that kind in our record either."}, false)
		return
	}
	l.heading("Other releases, which we tell you all the same")
	l.table(accountingColumns, disclosureRows(all))
}

// end is the rest of the letter.
func (a Accounting) end(p Practice, byHand bool) []section {
	record := "This list is made from our electronic record of releases"
	if !a.Begins.IsZero() {
		record += ", which begins on " + date(a.Begins)
	}
	record += ". What we disclosed in another way, such as a report that the law requires, is added on a separate sheet if there was any."
	if a.Gaps {
		record += " A part of the electronic record was lost: what we know of that time is on the separate sheet, too."
	}
	if byHand {
		record += " Where a line is left empty we write in by hand what our printer cannot set."
	}
	cost := "Nothing. The first list that you ask for within twelve months is free."
	if !a.Earlier.IsZero() {
		cost = "You asked for such a list on " + date(a.Earlier) + ", less than twelve months before. For a further one we may charge a reasonable fee that covers our cost. " +
			"We tell you of it beforehand, so that you can withdraw or change your request to avoid the fee or make it smaller."
	}
	return []section{
		{"About our record", record},
		{"What it costs", cost},
		{"Questions", "Please " + LetterData{Practice: p}.callUs() + "."},
	}
}

func date(t time.Time) string { return t.Format("January\u00A02, 2006") }

func disclosureRows(all []Disclosure) [][]string {
	rows := make([][]string, len(all))
	for i, d := range all {
		when := date(d.First)
		if d.Count > 1 {
			when = fmt.Sprintf("%d times: first on %s, last on %s", d.Count, date(d.First), date(d.Last))
		}
		rows[i] = []string{
			when,
			strings.Join(filled(d.Name, strings.ReplaceAll(d.Address, "\n", ", ")), "\n"),
			d.Information,
			strings.Join(filled(capital(sentence(d.Purpose)), basisWords[d.Basis]), "\n"),
		}
	}
	return rows
}

// basisWords say, in plain language, on what ground a disclosure was made (45 CFR
// 164.528(b)(2)(iv): "reasonably informs the individual of the basis").
var basisWords = map[string]string{
	"treatment":      "For your treatment.",
	"payment":        "To be paid for your care.",
	"operations":     "To run this practice.",
	"patient_access": "You asked for your own records.",
	"directive":      "You asked us in writing to send it there.",
	"authorization":  "You authorized it in writing.",
	"legal_process":  "A court order, a subpoena or another legal process asked for it.",
	"limited_set":    "For research, public health or health care operations, without your name.",
	"deidentified":   "It does not show whose it is.",
}
