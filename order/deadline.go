package order

import (
	"slices"
	"time"

	"chartseal/config/strict"
)

// Deadline is by when a patient's request must be answered.
type Deadline struct {
	Due     Date   // the earlier of the two
	Federal Date   // 45 CFR 164.524(b)(2): 30 days, once up to 30 more
	State   Date   // zero if the state has no shorter time of its own here
	Law     string // the state's rule in words, "" if there is none here
}

// DaysLeft counts the days until the deadline; negative once it has passed.
func (d Deadline) DaysLeft(today Date) int { return today.DaysUntil(d.Due) }

// AccessDays is the federal time and the longest extension of it, in calendar
// days (45 CFR 164.524(b)(2)).
const AccessDays = 30

// Times are what a practice's counsel changed in the table of state times. The
// zero Times is the table as it is.
type Times struct {
	States map[string]StateTime // by two letters; states that the table lacks can be added
	Closed []Date               // no business days, besides the federal holidays
}

// StateTime is a state's time for an answer; a zero span: no time set for it.
type StateTime struct {
	Inspect strict.Days // to let the patient look at the records
	Copies  strict.Days // to send copies
	Extends bool        // the one extension of the federal rule moves this time too
}

// Due gives the deadline of an order by the table as it is; see [Times.Due].
func Due(o *Order, state string) Deadline { return Times{}.Due(o, state, Date{}) }

// Due gives the deadline of an order in a state ("NY"; "" or a state that is not
// in the table: federal only). extended is the day that a notice told the patient
// earlier, zero if there was none; an order that asks for an extension brings its
// own.
//
// An extension moves the federal date. Whether a state allows one was not
// established, so a shorter time that a state sets for copies stays unless the
// practice's counsel says otherwise. Where a state has a time for inspection only,
// it is expected of copies as well until the patient was told another day.
func (t Times) Due(o *Order, state string, extended Date) Deadline {
	if o.Received.IsZero() {
		return Deadline{}
	}
	if e := o.Extension; e != nil && o.Decision == Extend && extended.IsZero() {
		extended = e.Until
	}
	first := o.Received.AddDays(AccessDays)
	d := Deadline{Federal: first}
	longer := extended.After(first) && !extended.After(o.Received.AddDays(2*AccessDays))
	if longer {
		d.Federal = extended
	}
	if law, known := t.law(state); known {
		span, set := law.span(o.Delivery)
		day := after(span, o.Received, law)
		if span.N > 0 && day.Before(first) && (!longer || set && !law.extends) {
			d.State, d.Law = day, law.words(span)
		}
	}
	d.Due = earliest(d.Federal, d.State)
	return d
}

// Words is what a state expects, as the practice counts it; "" if there is nothing of
// it here, so that the federal time alone counts.
func (t Times) Words(state string) string {
	law, known := t.law(state)
	switch {
	case !known:
		return ""
	case law.rule != "":
		return law.name + " " + law.rule
	case law.copies.N == 0:
		return law.words(law.inspection)
	case law.inspection.N == 0:
		return law.words(law.copies)
	}
	return law.name + " expects a look at the records within " + law.inspection.String() + " and copies within " + law.copies.String()
}

// law is a state's rule, with what the practice's counsel changed in it.
func (t Times) law(state string) (stateLaw, bool) {
	law, known := stateLaws[state]
	if own, changed := t.States[state]; changed {
		law.rule, law.extends = "", own.Extends
		if own.Inspect.N > 0 {
			law.inspection = own.Inspect
		}
		if own.Copies.N > 0 {
			law.copies, law.electronic = own.Copies, strict.Days{}
		}
		if !known {
			law.name, law.open, law.asItFalls, known = state, doubtful, true, true
		}
	}
	law.closed = t.Closed
	return law, known
}

// after is the last day of a span that begins the day after the given one.
func after(s strict.Days, day Date, law stateLaw) Date {
	if !s.Business {
		return day.AddDays(s.N)
	}
	for left := s.N; left > 0; {
		if day = day.AddDays(1); law.isBusinessDay(day) {
			left--
		}
	}
	return day
}

// stateLaw is what a state asks beyond the federal rule.
type stateLaw struct {
	name       string
	rule       string // for the message: "expects inspection within 10 days"
	inspection strict.Days
	copies     strict.Days
	electronic strict.Days // of copies, where the state has a time of its own for electronic ones
	extends    bool        // by the federal rule's extension
	open       []holiday   // federal holidays on which the state works, or may
	asItFalls  bool        // a holiday on a Sunday gives no Monday, or may give none
	closed     []Date      // the practice's own
}

// span is the time for a way of delivery, and whether the state sets it for that
// way: one that it sets for inspection alone is expected of copies as well.
func (l stateLaw) span(d Delivery) (s strict.Days, set bool) {
	switch {
	case d == Inspect || l.copies.N == 0:
		return l.inspection, d == Inspect
	case d.Bundled() && l.electronic.N > 0:
		return l.electronic, true
	}
	return l.copies, true
}

func (l stateLaw) words(s strict.Days) string {
	if l.rule == "" { // the practice's own
		return l.name + " expects an answer within " + s.String()
	}
	return l.name + " " + l.rule
}

func calendar(n int) strict.Days { return strict.Days{N: n} }

func business(n int) strict.Days { return strict.Days{N: n, Business: true} }

// doubtful are the federal holidays on which not every state closes. Where a state's
// own were not established they count as business days.
var doubtful = []holiday{washington, juneteenth, columbus, veterans}

// stateLaws is the table of state times. New York is from the health department's
// memorandum on Public Health Law § 18, and Texas from Occupations Code § 258.109 and,
// for electronic copies, Health and Safety Code § 181.102; the others are from secondary
// sources (law firms and dental societies), because the statutes were not read. States
// that are not here have the federal time only.
var stateLaws = map[string]stateLaw{
	"NY": {name: "New York", rule: "expects inspection within 10 days of a written request", inspection: calendar(10)},
	"CA": {
		name: "California", rule: "expects inspection within 5 working days and copies within 15 days",
		inspection: business(5), copies: calendar(15), open: []holiday{columbus, juneteenth},
	},
	"AZ": {
		name: "Arizona", rule: "expects copies within 15 business days",
		inspection: business(15), copies: business(15), open: []holiday{juneteenth},
	},
	"TX": {
		name: "Texas", rule: "expects copies within 30 days, and electronic ones within 15 business days",
		inspection: calendar(30), copies: calendar(30), electronic: business(15), open: doubtful, asItFalls: true,
	},
	"FL": {name: "Florida", rule: "expects copies in under 30 days", inspection: calendar(29), copies: calendar(29), open: doubtful, asItFalls: true},
	"PA": {name: "Pennsylvania", rule: "expects copies within 30 days", inspection: calendar(30), copies: calendar(30), open: doubtful, asItFalls: true},
}

// A day is left out of a count of business days only if it is a weekend or surely
// a holiday there: counting a holiday that an office might not keep would put the
// deadline too late. So state-only holidays count as business days, those that a state
// may not keep ([doubtful]), the Friday on which federal offices keep a holiday that
// falls on a Saturday, and where the state's own were not established, the Monday after
// one on a Sunday. The practice's counsel
// can name them as closed.
func (l stateLaw) isBusinessDay(d Date) bool {
	if w := d.Weekday(); w == time.Saturday || w == time.Sunday {
		return false
	}
	for h := newYear; h <= christmas; h++ {
		kept := h.kept(d.Year)
		moved := kept != h.falls(d.Year) // from Sunday to Monday
		if kept == d && !slices.Contains(l.open, h) && (!moved || !l.asItFalls) {
			return false
		}
	}
	return !slices.Contains(l.closed, d)
}

// holiday is a legal public holiday of the United States (5 U.S.C. 6103(a)).
type holiday int

const (
	newYear holiday = iota
	king
	washington
	memorial
	juneteenth
	independence
	labor
	columbus
	veterans
	thanksgiving
	christmas
)

// falls is the day of a holiday in a year.
func (h holiday) falls(year int) Date {
	switch h {
	case king:
		return nthWeekday(year, time.January, time.Monday, 3)
	case washington:
		return nthWeekday(year, time.February, time.Monday, 3)
	case memorial:
		last := Date{year, time.May, 31}
		return last.AddDays(-(int(last.Weekday()) + 6) % 7)
	case labor:
		return nthWeekday(year, time.September, time.Monday, 1)
	case columbus:
		return nthWeekday(year, time.October, time.Monday, 2)
	case thanksgiving:
		return nthWeekday(year, time.November, time.Thursday, 4)
	case newYear:
		return Date{year, time.January, 1}
	case juneteenth:
		return Date{year, time.June, 19}
	case independence:
		return Date{year, time.July, 4}
	case veterans:
		return Date{year, time.November, 11}
	case christmas:
		return Date{year, time.December, 25}
	}
	return Date{}
}

// kept is the day on which a holiday is kept; one on a Sunday is kept on Monday
// (Executive Order 11582).
func (h holiday) kept(year int) Date {
	d := h.falls(year)
	if d.Weekday() == time.Sunday {
		return d.AddDays(1)
	}
	return d
}

func nthWeekday(year int, month time.Month, weekday time.Weekday, n int) Date {
	first := Date{year, month, 1}
	return first.AddDays((int(weekday)-int(first.Weekday())+7)%7 + 7*(n-1))
}
