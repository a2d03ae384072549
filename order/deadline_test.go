package order

import (
	"testing"
	"time"
)

func TestDue(t *testing.T) {
	for _, c := range []struct {
		received, state string
		delivery        Delivery
		federal, want   string
	}{
		{"2026-11-18", "", ByLink, "2026-12-18", "2026-12-18"},
		{"2026-11-18", "WY", ByLink, "2026-12-18", "2026-12-18"},
		{"2026-11-21", "NY", ByLink, "2026-12-21", "2026-12-01"},
		{"2028-01-30", "", ByLink, "2028-02-29", "2028-02-29"}, // leap year
		{"2027-01-30", "", ByLink, "2027-03-01", "2027-03-01"},
		{"2026-12-15", "", ByLink, "2027-01-14", "2027-01-14"}, // year's end
		{"2026-11-18", "CA", ByLink, "2026-12-18", "2026-12-03"},
		{"2026-11-18", "CA", Inspect, "2026-12-18", "2026-11-25"},
		{"2026-11-24", "CA", Inspect, "2026-12-24", "2026-12-02"}, // over Thanksgiving
		{"2026-10-08", "CA", Inspect, "2026-11-07", "2026-10-15"}, // California works on Columbus Day
		{"2026-12-22", "AZ", ByLink, "2027-01-21", "2027-01-14"},  // Christmas and New Year's Day
		{"2026-01-12", "AZ", ByLink, "2026-02-11", "2026-02-03"},  // Martin Luther King Day
		{"2026-11-18", "TX", ByLink, "2026-12-18", "2026-12-10"},  // an electronic copy: 15 business days, over Thanksgiving
		{"2026-11-18", "TX", ByFolder, "2026-12-18", "2026-12-10"},
		{"2026-11-18", "TX", ByMail, "2026-12-18", "2026-12-18"},
		{"2026-11-18", "TX", Inspect, "2026-12-18", "2026-12-18"},
		{"2027-06-18", "TX", ByLink, "2027-07-18", "2027-07-09"}, // the Fourth is a Sunday; Texas gives no Monday for it
		{"2026-12-18", "TX", ByLink, "2027-01-17", "2027-01-12"}, // Christmas and New Year's Day
		{"2022-12-20", "AZ", ByLink, "2023-01-19", "2023-01-12"}, // both on Sundays: the Mondays after
		{"2028-02-10", "AZ", ByLink, "2028-03-11", "2028-03-03"}, // Presidents' Day and 29 February
		{"2028-02-01", "FL", ByLink, "2028-03-02", "2028-03-01"}, // leap year
		{"2027-02-01", "FL", ByLink, "2027-03-03", "2027-03-02"},
		{"2026-12-25", "NY", ByLink, "2027-01-24", "2027-01-04"}, // year's end
		{"2026-12-24", "CA", Inspect, "2027-01-23", "2027-01-04"},
		{"2028-02-25", "CA", ByLink, "2028-03-26", "2028-03-11"}, // leap year
		{"2028-01-31", "PA", ByLink, "2028-03-01", "2028-03-01"},
		{"2026-11-18", "FL", ByLink, "2026-12-18", "2026-12-17"},
		{"2026-11-18", "PA", ByLink, "2026-12-18", "2026-12-18"},
	} {
		o := &Order{Delivery: c.delivery}
		var err error
		if o.Received, err = ParseDate(c.received); err != nil {
			t.Fatal(err)
		}
		if d := Due(o, c.state); d.Due.String() != c.want || d.Federal.String() != c.federal {
			t.Errorf("%s in %q: due %s, federal %s; want %s, %s", c.received, c.state, d.Due, d.Federal, c.want, c.federal)
		}
	}
}

func TestDueExtended(t *testing.T) {
	o := &Order{Decision: Extend, Received: on(2026, 11, 18), Extension: &Extension{Until: on(2027, 1, 10)}}
	if d := Due(o, ""); d.Due != on(2027, 1, 10) || d.DaysLeft(on(2027, 1, 12)) != -2 {
		t.Errorf("due %s", d.Due)
	}
	o.Extension.Until = on(2027, 3, 1) // too long: does not count
	if d := Due(o, ""); d.Due != on(2026, 12, 18) {
		t.Errorf("due %s", d.Due)
	}
	if d := Due(&Order{}, "NY"); !d.Due.IsZero() {
		t.Errorf("due %s without a day of receipt", d.Due)
	}
}

// An extension moves a date that only the federal rule sets, and that a state sets for
// inspection alone; a shorter time for copies stays unless counsel says otherwise.
func TestDueExtendedByAnEarlierNotice(t *testing.T) {
	until := on(2027, 1, 10)
	for _, c := range []struct {
		state    string
		delivery Delivery
		times    Times
		want     Date
	}{
		{"", ByLink, Times{}, until},
		{"NY", ByLink, Times{}, until},
		{"NY", Inspect, Times{}, on(2026, 11, 28)},
		{"CA", ByLink, Times{}, on(2026, 12, 3)},
		{"TX", ByMail, Times{}, until}, // no less than the federal time
		{"TX", ByLink, Times{}, on(2026, 12, 10)},
		{"CA", ByLink, Times{States: map[string]StateTime{"CA": {Extends: true}}}, until},
		{"NY", ByLink, Times{States: map[string]StateTime{"NY": {Copies: calendar(14)}}}, on(2026, 12, 2)},
	} {
		o := &Order{Received: on(2026, 11, 18), Delivery: c.delivery}
		if d := c.times.Due(o, c.state, until); d.Due != c.want {
			t.Errorf("%s %s: due %s, want %s", c.state, c.delivery, d.Due, c.want)
		}
		if d := c.times.Due(o, c.state, on(2027, 6, 1)); d.Due.After(on(2026, 12, 18)) { // no notice can move it so far
			t.Errorf("%s %s: due %s", c.state, c.delivery, d.Due)
		}
	}
}

// What a practice's counsel writes changes the table, state by state.
func TestTimesOfThePractice(t *testing.T) {
	friday := on(2026, 11, 27) // after Thanksgiving: kept by many offices, not by the table
	for _, c := range []struct {
		received, state string
		delivery        Delivery
		times           Times
		want, law       string
	}{
		{"2026-11-18", "NY", ByLink, Times{States: map[string]StateTime{"NY": {Inspect: calendar(10), Copies: calendar(14)}}}, "2026-12-02", "New York expects an answer within 14 days"},
		{"2026-11-18", "NY", Inspect, Times{States: map[string]StateTime{"NY": {Copies: calendar(14)}}}, "2026-11-28", "New York expects an answer within 10 days"},
		{"2026-11-18", "OR", ByLink, Times{States: map[string]StateTime{"OR": {Copies: business(5)}}}, "2026-11-25", "OR expects an answer within 5 business days"},
		{"2026-11-24", "CA", Inspect, Times{Closed: []Date{friday}}, "2026-12-03", ""},                                                                     // Thanksgiving, the Friday after
		{"2026-12-23", "AZ", ByLink, Times{Closed: []Date{on(2026, 12, 24)}}, "2027-01-19", ""},                                                            // Christmas Eve and Day, New Year's Day, King's birthday
		{"2028-02-25", "OR", ByLink, Times{States: map[string]StateTime{"OR": {Copies: business(3)}}}, "2028-03-01", ""},                                   // over 29 February
		{"2026-11-09", "OR", ByLink, Times{States: map[string]StateTime{"OR": {Copies: business(3)}}}, "2026-11-12", ""},                                   // whether Veterans Day counts is not known
		{"2026-11-09", "OR", ByLink, Times{States: map[string]StateTime{"OR": {Copies: business(3)}}, Closed: []Date{on(2026, 11, 11)}}, "2026-11-13", ""}, // unless counsel says so
		{"2026-10-09", "TX", ByLink, Times{States: map[string]StateTime{"TX": {Copies: business(2)}}}, "2026-10-13", ""},                                   // Texas works on Columbus Day
		{"2026-10-09", "NY", ByLink, Times{States: map[string]StateTime{"NY": {Copies: business(2)}}}, "2026-10-14", ""},                                   // New York does not
		{"2027-12-30", "OR", ByLink, Times{States: map[string]StateTime{"OR": {Copies: business(2)}}}, "2028-01-03", ""},                                   // New Year's Day on a Saturday: the Friday counts
		{"2027-07-02", "OR", ByLink, Times{States: map[string]StateTime{"OR": {Copies: business(1)}}}, "2027-07-05", ""},                                   // Independence Day on a Sunday: whether the Monday counts is not known
		{"2027-07-02", "AZ", ByLink, Times{States: map[string]StateTime{"AZ": {Copies: business(1)}}}, "2027-07-06", ""},                                   // Arizona keeps the Monday
		{"2027-07-02", "NY", ByLink, Times{States: map[string]StateTime{"NY": {Copies: business(1)}}}, "2027-07-06", ""},                                   // and New York
		{"2026-11-18", "TX", ByLink, Times{States: map[string]StateTime{"TX": {Copies: calendar(20)}}}, "2026-12-08", "Texas expects an answer within 20 days"},
		{"2026-11-18", "OR", ByLink, Times{States: map[string]StateTime{"OR": {Copies: calendar(60)}}}, "2026-12-18", ""}, // never later than the federal date
	} {
		received, err := ParseDate(c.received)
		if err != nil {
			t.Fatal(err)
		}
		d := c.times.Due(&Order{Received: received, Delivery: c.delivery}, c.state, Date{})
		if d.Due.String() != c.want || c.law != "" && d.Law != c.law {
			t.Errorf("%s in %s: due %s (%s), want %s (%s)", c.received, c.state, d.Due, d.Law, c.want, c.law)
		}
	}
}

func TestWarningsComeWhenThePracticeWantsThem(t *testing.T) {
	o := &Order{Decision: Release, Basis: PatientAccess, Received: on(2026, 11, 18)}
	f := &Facts{Today: on(2026, 12, 5)} // 13 days left
	if len(checkDeadline(o, f)) != 0 {
		t.Error("warned 13 days before")
	}
	f.WarnDays = 15
	if len(checkDeadline(o, f)) != 1 {
		t.Error("not warned although 15 days are wanted")
	}
	f.WarnDays, f.ExtendedTo = 0, on(2027, 1, 10)
	f.Today = on(2026, 12, 20)
	if len(checkDeadline(o, f)) != 0 {
		t.Error("warned although the patient was told of a later day")
	}
}

// TestHolidays compares with the federal calendar of the Office of Personnel
// Management, but for Saturdays, which are not moved.
func TestHolidays(t *testing.T) {
	for year, want := range map[int][]string{
		2026: {"2026-01-01", "2026-01-19", "2026-02-16", "2026-05-25", "2026-06-19", "2026-07-04", "2026-09-07", "2026-10-12", "2026-11-11", "2026-11-26", "2026-12-25"},
		2027: {"2027-01-01", "2027-01-18", "2027-02-15", "2027-05-31", "2027-06-19", "2027-07-05", "2027-09-06", "2027-10-11", "2027-11-11", "2027-11-25", "2027-12-25"},
		2028: {"2028-01-01", "2028-01-17", "2028-02-21", "2028-05-29", "2028-06-19", "2028-07-04", "2028-09-04", "2028-10-09", "2028-11-11", "2028-11-23", "2028-12-25"},
	} {
		for h := newYear; h <= christmas; h++ {
			if got := h.kept(year).String(); got != want[h] {
				t.Errorf("holiday %d of %d: %s, want %s", h, year, got, want[h])
			}
		}
	}
}

// TestBusinessDaysProperties walks ten years: a deadline is a business day, later
// than the request, and never later for an earlier request.
func TestBusinessDaysProperties(t *testing.T) {
	az, last := stateLaws["AZ"], Date{}
	for day := on(2024, 1, 1); day.Year < 2034; day = day.AddDays(1) {
		due := after(az.copies, day, az)
		if !az.isBusinessDay(due) || day.DaysUntil(due) < 19 || day.DaysUntil(due) > 27 {
			t.Fatalf("%s: due %s", day, due)
		}
		if !last.IsZero() && due.Before(last) {
			t.Fatalf("%s: due %s, the day before %s", day, due, last)
		}
		last = due
	}
}

func TestDate(t *testing.T) {
	for _, bad := range []string{"", "2026-2-3", "2026-02-30", "2027-02-29", "18.11.2026", "2026-11-18T00:00:00Z", "1799-01-01", "0000-00-00", " 2026-11-18"} {
		if d, err := ParseDate(bad); err == nil {
			t.Errorf("%q is read as %s", bad, d)
		}
	}
	leap := on(1984, time.February, 29)
	if leap.AgeOn(on(2002, 2, 28)) != 17 || leap.AgeOn(on(2002, 3, 1)) != 18 || on(2008, 11, 19).AgeOn(on(2026, 11, 19)) != 18 {
		t.Error("ages are wrong")
	}
	if leap.AddDays(366) != on(1985, 3, 1) || leap.DaysUntil(on(1985, 3, 1)) != 366 || leap.Words() != "29 February 1984" {
		t.Error("days are wrong")
	}
}

func TestWhatAStateExpectsInWords(t *testing.T) {
	own := Times{States: map[string]StateTime{"NY": {Copies: calendar(14)}, "OR": {Copies: business(5)}, "WA": {Inspect: calendar(3)}}}
	for state, want := range map[string]string{
		"NY": "New York expects a look at the records within 10 days and copies within 14 days",
		"OR": "OR expects an answer within 5 business days", "WA": "WA expects an answer within 3 days",
		"PA": "Pennsylvania expects copies within 30 days", "WY": "", "": "",
	} {
		if got := own.Words(state); got != want {
			t.Errorf("%s: %q, want %q", state, got, want)
		}
	}
}
