package gather

import (
	"regexp"
	"slices"
	"strconv"
	"time"
)

// Where the date of a record comes from, the most trusted first.
const (
	DateDICOM    = "dicom"    // study or acquisition date, then series or content date (PS3.3 C.7.2.1, C.7.6.1)
	DateName     = "name"     // in the file's name
	DateFolder   = "folder"   // in the name of the nearest folder, below the patient's own
	DateSideFile = "sidefile" // NAME.meta.yaml beside it
	DateModified = "modified" // when the file was last written
)

const isoDate = "2006-01-02"

// year1 is the first year a date may have: before Röntgen there is nothing to
// release, and placeholder dates such as 0001-01-01 are no dates.
const year1 = 1896

// dicomDate reads a DICOM DA value, YYYYMMDD, or the YYYY.MM.DD of ACR-NEMA
// (PS3.5 6.2), as ISO 8601; "" if it is no date.
func dicomDate(da string) string {
	for _, layout := range []string{"20060102", "2006.01.02"} {
		if t, err := time.Parse(layout, da); err == nil && t.Year() >= year1 {
			return t.Format(isoDate)
		}
	}
	return ""
}

var (
	yearFirst = regexp.MustCompile(`((?:18|19|20)[0-9]{2})([-_. ]?)([0-9]{2})([-_. ]?)([0-9]{2})(?:[0-9]{6})?`)
	yearLast  = regexp.MustCompile(`([0-9]{1,2})([-_. ])([0-9]{1,2})([-_. ])((?:18|19|20)[0-9]{2})`)
)

// nameDate finds the one date in a file's name: year first (2025-05-03,
// 20250503, 20250503143000), or day and month first where only one reading is
// a date (25-05-2025). 03-05-2025 is two dates and so none, as is a name with
// two different ones. The patient's birth date is not a record's date.
func nameDate(name, birth string) string {
	found := map[string]bool{}
	for _, m := range everyMatch(yearFirst, name) {
		if m[2] == m[4] {
			note(found, birth, calendarDay(m[1], m[3], m[5]))
		}
	}
	for _, m := range everyMatch(yearLast, name) {
		if m[2] == m[4] {
			note(found, birth, calendarDay(m[5], m[1], m[3]), calendarDay(m[5], m[3], m[1]))
		}
	}
	if len(found) != 1 {
		return ""
	}
	for date := range found {
		return date
	}
	return ""
}

// note adds the readings of one date, unless one of them is the birth date.
func note(found map[string]bool, birth string, readings ...string) {
	if birth != "" && slices.Contains(readings, birth) {
		return
	}
	for _, day := range readings {
		if day != "" {
			found[day] = true
		}
	}
}

// everyMatch finds all matches that are not part of a longer number. They may
// overlap: the search goes on after the first number of each.
func everyMatch(re *regexp.Regexp, s string) [][]string {
	var all [][]string
	for from := 0; ; {
		at := re.FindStringSubmatchIndex(s[from:])
		if at == nil {
			return all
		}
		start, end := from+at[0], from+at[1]
		if digitAt(s, start-1) || digitAt(s, end) {
			from = start + 1
			continue
		}
		all = append(all, re.FindStringSubmatch(s[start:end]))
		from += at[3]
	}
}

func digitAt(s string, i int) bool { return i >= 0 && i < len(s) && s[i] >= '0' && s[i] <= '9' }

// calendarDay is the date in ISO 8601, or "" if the calendar has no such day.
func calendarDay(year, month, day string) string {
	y, _ := strconv.Atoi(year)
	m, _ := strconv.Atoi(month)
	d, _ := strconv.Atoi(day)
	t := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	if y < year1 || t.Month() != time.Month(m) || t.Day() != d {
		return ""
	}
	return t.Format(isoDate)
}
