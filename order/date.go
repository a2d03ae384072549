package order

import (
	"errors"
	"fmt"
	"time"
)

// Date is a day of the Gregorian calendar without a time or a zone. The zero
// Date means that none is given. Dates compare with ==.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

var errDate = errors.New("must be a date written year-month-day, like 2026-11-18")

// ParseDate reads YYYY-MM-DD.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() < 1800 {
		return Date{}, fmt.Errorf("%w; %q is not", errDate, s)
	}
	return DateOf(t), nil
}

// DateOf is the day of a moment, in the moment's own zone.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, m, d}
}

// UnmarshalText reads YYYY-MM-DD.
func (d *Date) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDate(string(text))
	return err
}

// MarshalText writes YYYY-MM-DD, nothing for the zero Date.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String is YYYY-MM-DD, "" for the zero Date.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day)
}

// Words is the date as letters write it: 3 May 2026.
func (d Date) Words() string {
	if d.IsZero() {
		return "no date"
	}
	return fmt.Sprintf("%d %s %d", d.Day, d.Month, d.Year)
}

// IsZero says that no date is given.
func (d Date) IsZero() bool { return d == Date{} }

// Before says that d is an earlier day than e.
func (d Date) Before(e Date) bool { return d.utc().Before(e.utc()) }

// After says that d is a later day than e.
func (d Date) After(e Date) bool { return e.Before(d) }

// AddDays is the day n days later.
func (d Date) AddDays(n int) Date { return DateOf(d.utc().AddDate(0, 0, n)) }

// DaysUntil counts the days from d to e; negative if e is earlier.
func (d Date) DaysUntil(e Date) int { return int(e.utc().Sub(d.utc()) / (24 * time.Hour)) }

// Weekday is the day of the week.
func (d Date) Weekday() time.Weekday { return d.utc().Weekday() }

// AgeOn counts full years from a birth date to a day. Someone born on 29 February
// is a year older on 1 March of a common year.
func (d Date) AgeOn(day Date) int {
	age := day.Year - d.Year
	if day.Month < d.Month || day.Month == d.Month && day.Day < d.Day {
		age--
	}
	return age
}

func (d Date) utc() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

// earliest is the earlier of two dates, not counting the zero Date.
func earliest(a, b Date) Date {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
