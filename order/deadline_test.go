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
		{"2026-11-18", "TX", ByLink, "2026-12-18", "2026-12-18"},
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
		due := az.copies.after(day, az)
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
