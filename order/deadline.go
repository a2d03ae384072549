package order

import (
	"slices"
	"time"
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

// accessDays is the federal time and the longest extension of it, in calendar
// days (45 CFR 164.524(b)(2)).
const accessDays = 30

// Due gives the deadline of an order in a state ("NY"; "" or a state that is not
// in the table: federal only). An extension moves the federal date; whether a
// state allows one was not established, so the state's date stays.
func Due(o *Order, state string) Deadline {
	if o.Received.IsZero() {
		return Deadline{}
	}
	d := Deadline{Federal: o.Received.AddDays(accessDays)}
	if e := o.Extension; e != nil && e.Until.After(d.Federal) && !e.Until.After(o.Received.AddDays(2*accessDays)) {
		d.Federal = e.Until
	}
	if law, known := stateLaws[state]; known {
		span := law.copies
		if o.Delivery == Inspect || span.days == 0 {
			span = law.inspection
		}
		if span.days > 0 {
			d.State, d.Law = span.after(o.Received, law), law.words(span)
		}
	}
	d.Due = earliest(d.Federal, d.State)
	return d
}

// span is a number of days, of business or of all days.
type span struct {
	days     int
	business bool
}

func (s span) after(day Date, law stateLaw) Date {
	if !s.business {
		return day.AddDays(s.days)
	}
	for left := s.days; left > 0; {
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
	inspection span
	copies     span
	open       []holiday // federal holidays on which the state works, or may
}

func (l stateLaw) words(span) string { return l.name + " " + l.rule }

// stateLaws is the table of state times. New York is from the health department's
// memorandum on Public Health Law § 18; the others are from secondary sources
// (law firms and dental societies), because the statutes were not read. States
// that are not here have the federal time only.
var stateLaws = map[string]stateLaw{
	"NY": {name: "New York", rule: "expects inspection within 10 days of a written request", inspection: span{10, false}},
	"CA": {
		name: "California", rule: "expects inspection within 5 working days and copies within 15 days",
		inspection: span{5, true}, copies: span{15, false}, open: []holiday{columbus, juneteenth},
	},
	"AZ": {
		name: "Arizona", rule: "expects copies within 15 business days",
		inspection: span{15, true}, copies: span{15, true}, open: []holiday{juneteenth},
	},
	"TX": {name: "Texas", rule: "expects copies within 30 days", inspection: span{30, false}, copies: span{30, false}},
	"FL": {name: "Florida", rule: "expects copies in under 30 days", inspection: span{29, false}, copies: span{29, false}},
	"PA": {name: "Pennsylvania", rule: "expects copies within 30 days", inspection: span{30, false}, copies: span{30, false}},
}

// A day is left out of a count of business days only if it is a weekend or surely
// a holiday there: counting a holiday that an office might not keep would put the
// deadline too late. So state-only holidays count as business days, and so does
// the Friday on which federal offices keep a holiday that falls on a Saturday.
func (l stateLaw) isBusinessDay(d Date) bool {
	if w := d.Weekday(); w == time.Saturday || w == time.Sunday {
		return false
	}
	for h := newYear; h <= christmas; h++ {
		if h.kept(d.Year) == d && !slices.Contains(l.open, h) {
			return false
		}
	}
	return true
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

// kept is the day of a holiday in a year; one on a Sunday is kept on Monday
// (Executive Order 11582).
func (h holiday) kept(year int) Date {
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
		return fixed(year, time.January, 1)
	case juneteenth:
		return fixed(year, time.June, 19)
	case independence:
		return fixed(year, time.July, 4)
	case veterans:
		return fixed(year, time.November, 11)
	case christmas:
		return fixed(year, time.December, 25)
	}
	return Date{}
}

func fixed(year int, month time.Month, day int) Date {
	d := Date{year, month, day}
	if d.Weekday() == time.Sunday {
		return d.AddDays(1)
	}
	return d
}

func nthWeekday(year int, month time.Month, weekday time.Weekday, n int) Date {
	first := Date{year, month, 1}
	return first.AddDays((int(weekday)-int(first.Weekday())+7)%7 + 7*(n-1))
}
