// Package accounting makes the accounting of disclosures that a patient may ask for (45
// CFR 164.528) out of the ledger: which releases it lists, which it leaves out and why,
// by when it must be given and whether it is free.
//
// It knows what the ledger knows: disclosures that the practice made in another way, such
// as a report to a health department on paper, have to be added by hand.
package accounting

import (
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"chartseal/ledger"
)

// Times of 45 CFR 164.528.
const (
	Years      = 6  // before the request, (a)(1)
	Days       = 60 // to act, (c)(1)
	MoreDays   = 30 // of the one extension, (c)(1)(ii)
	OralDays   = 30 // that a suspension on an oral statement lasts at most, (a)(2)(ii)(C)
	FreeMonths = 12 // in which the first accounting is free, (c)(2)
)

// Request asks for an accounting. Days are counted in the time zone of On.
type Request struct {
	Match     func(patient string) bool // of the practice's id of the patient
	On        time.Time                 // the day it was asked for
	Given     time.Time                 // the day it is given: what is suspended on that day is left out
	From, To  time.Time                 // days; zero: the whole six years before On
	All       bool                      // tell of what is excluded as well
	Suspended []Suspension
}

// Suspension is a statement of a health oversight agency or a law enforcement official
// that an accounting of disclosures to them would impede them (45 CFR 164.528(a)(2)).
type Suspension struct {
	For         string // whom it names, as the practice wrote it
	Names       func(recipient ledger.Party) bool
	From, Until time.Time // days, both included; Until may be zero on an oral statement
	Oral        bool
}

// Ends is the last day of a suspension.
func (s Suspension) Ends() time.Time {
	last := s.From.AddDate(0, 0, OralDays)
	if s.Oral && (s.Until.IsZero() || s.Until.After(last)) {
		return last
	}
	return s.Until
}

func (s Suspension) holds(on time.Time) bool { return !on.Before(s.From) && !on.After(s.Ends()) }

// Line is one disclosure with the four items of 45 CFR 164.528(b)(2), or several to one
// recipient that differ in nothing but their day, (b)(3).
type Line struct {
	First       time.Time    `json:"first"`
	Last        time.Time    `json:"last"`
	Count       int          `json:"count"`
	Recipient   ledger.Party `json:"recipient"`
	Information string       `json:"information"`
	Purpose     string       `json:"purpose"`
	Basis       string       `json:"basis"`
	Why         string       `json:"why"`      // it is listed, or excluded
	Releases    []string     `json:"releases"` // their references
	Delivery    string       `json:"delivery,omitempty"`
}

// Report is an accounting.
type Report struct {
	On       time.Time `json:"requested_on"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Due      time.Time `json:"due"`          // (c)(1)(i)
	DueLate  time.Time `json:"due_extended"` // with an extension told in writing, (c)(1)(ii)
	Free     bool      `json:"free"`         // (c)(2)
	Earlier  time.Time `json:"earlier"`      // the day of the one in the last twelve months; zero: none
	Recorded bool      `json:"recorded"`     // the ledger has this very request already
	Lines    []Line    `json:"disclosures"`  // the accounting
	Exempt   []Line    `json:"exempt"`       // with All: what the law does not ask to list
	Known    bool      `json:"known_number"` // the ledger has an entry about this patient, whatever became of it
	Withheld int       `json:"withheld"`     // disclosures under a suspension; staff alone may know of them
	// WithheldUntil is the last day of the suspension that lasts longest, of those.
	WithheldUntil time.Time `json:"withheld_until,omitzero"`
	// Unmatched are the suspensions of today that name nobody who got this patient's records,
	// as the practice wrote them: a misspelt one keeps nothing back.
	Unmatched []string  `json:"unmatched_suspensions,omitempty"`
	Lost      int       `json:"lost_segments"` // places where the ledger lacks entries, which a person accepted
	Begins    time.Time `json:"ledger_begins"`
}

// ErrNoTime says that the days asked for leave nothing of the six years.
var ErrNoTime = errors.New("the first day asked for is after the last one, or no day lies in the six years before the request: look at the days")

// Make goes through the ledger.
func Make(entries iter.Seq2[ledger.Entry, error], q Request) (*Report, error) {
	on := day(q.On)
	r := &Report{
		On: on, From: on.AddDate(-Years, 0, 0), To: on, Lines: []Line{}, Exempt: []Line{},
		Due: on.AddDate(0, 0, Days), DueLate: on.AddDate(0, 0, Days+MoreDays), Free: true,
	}
	if q.From.After(r.From) {
		r.From = day(q.From)
	}
	if !q.To.IsZero() && day(q.To).Before(r.To) {
		r.To = day(q.To)
	}
	if r.To.Before(r.From) {
		return nil, ErrNoTime
	}
	held := statementsOf(&q)
	for e, err := range entries {
		if err != nil {
			return nil, err
		}
		r.take(&e, &q, held)
	}
	r.Unmatched = held.unmatched()
	return r, nil
}

// statement is a suspension that holds when the accounting is given.
type statement struct {
	Suspension
	met bool // it names somebody who got the patient's records, at any time
}

type statements []statement

func statementsOf(q *Request) (all statements) {
	for _, s := range q.Suspended {
		if s.holds(day(q.Given)) {
			all = append(all, statement{Suspension: s})
		}
	}
	return all
}

// about finds the last day of those about a recipient; zero if there are none.
func (all statements) about(to *ledger.Party) (ends time.Time) {
	for i := range all {
		if s := &all[i]; to != nil && s.Names(*to) {
			s.met = true
			ends = later(ends, s.Ends())
		}
	}
	return ends
}

func (all statements) unmatched() (names []string) {
	for _, s := range all {
		if !s.met {
			names = append(names, s.For)
		}
	}
	return names
}

// day is the beginning of a day in its own time zone.
func day(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}

func (r *Report) take(e *ledger.Entry, q *Request, held statements) {
	at := e.At.In(q.On.Location())
	if r.Begins.IsZero() {
		r.Begins = at
	}
	if !e.Began.IsZero() { // its first years were purged, which had been kept for longer than an accounting looks back
		r.Begins = e.Began.In(q.On.Location())
	}
	if e.Event == ledger.Restored && e.Lost != nil {
		r.Lost++
	}
	if e.Patient == "" || !q.Match(e.Patient) {
		return
	}
	r.Known = r.Known || e.Event != ledger.Accounted // which may have been given under a mistyped number
	switch e.Event {                                 //nolint:exhaustive // the others disclose nothing
	case ledger.Sent, ledger.Delivered, ledger.Relinked:
		r.disclosed(e, at, q, held)
	case ledger.Accounted:
		r.accounted(e)
	}
}

func (r *Report) disclosed(e *ledger.Entry, at time.Time, q *Request, held statements) {
	ends := held.about(e.Recipient)
	if on := day(at); on.Before(r.From) || on.After(r.To) {
		return
	}
	switch {
	case !ends.IsZero():
		r.Withheld++
		r.WithheldUntil = later(r.WithheldUntil, ends)
	case e.Accountable:
		r.Lines = add(r.Lines, e, at)
	case q.All:
		r.Exempt = add(r.Exempt, e, at)
	}
}

// accounted takes an earlier accounting into account: the first in twelve months is free.
func (r *Report) accounted(e *ledger.Entry) {
	asked, err := time.ParseInLocation(time.DateOnly, e.Received, r.On.Location())
	switch {
	case err != nil:
	case asked.Equal(r.On):
		r.Recorded = true
	case asked.Before(r.On) && asked.After(r.On.AddDate(0, -FreeMonths, 0)):
		r.Free = false
		if asked.After(r.Earlier) {
			r.Earlier = asked
		}
	}
}

// add puts a disclosure in, with others that it differs from in its day alone.
func add(lines []Line, e *ledger.Entry, at time.Time) []Line {
	n := Line{
		First: at, Last: at, Count: 1, Information: e.Information, Purpose: e.Purpose, Basis: e.Basis,
		Why: e.AccountableWhy, Delivery: e.Delivery, Releases: []string{e.Reference},
	}
	if e.Recipient != nil {
		n.Recipient = *e.Recipient
	}
	if e.Event == ledger.Relinked && n.Information == "" { // the same records once more
		for _, l := range lines {
			if slices.Contains(l.Releases, e.Reference) {
				n.Information = l.Information
			}
		}
	}
	i := slices.IndexFunc(lines, func(l Line) bool { return l.like(&n) })
	if i < 0 {
		return append(lines, n)
	}
	l := &lines[i]
	l.First, l.Last, l.Count = earlier(l.First, at), later(l.Last, at), l.Count+1
	if !slices.Contains(l.Releases, e.Reference) {
		l.Releases = append(l.Releases, e.Reference)
	}
	return lines
}

func (l *Line) like(n *Line) bool {
	return l.Recipient == n.Recipient && l.Information == n.Information && l.Purpose == n.Purpose && l.Basis == n.Basis
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Address is where a recipient is, as far as it is known: (b)(2)(ii).
func Address(p ledger.Party) string {
	return strings.Join(slices.DeleteFunc([]string{strings.Join(strings.Fields(strings.ReplaceAll(p.Address, "\n", ", ")), " "), p.Email}, func(s string) bool { return s == "" }), ", ")
}
