package dicomfile

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"strings"
	"time"

	"chartseal/redact"
)

// DatePolicy says what limited and de-identified sets do with the dates of a
// study. Other profiles keep them.
type DatePolicy uint8

// The policies. Only RemoveDates, and DatesByTable for de-identified sets, meet
// the safe harbor of 45 CFR 164.514(b)(2)(i)(C). A de-identified set under one
// of the other two rests on an expert's determination, (b)(1).
const (
	// DatesByTable keeps dates in a limited set, where they are no identifiers
	// (164.514(e)(2)), and removes them from a de-identified one.
	DatesByTable DatePolicy = iota
	// RemoveDates is the Basic Profile of PS3.15 Annex E.
	RemoveDates
	// ShiftDates moves every date of a release by the same secret number of
	// days, so that intervals and times of day stay (PS3.15 section E.3.6,
	// option 113107).
	ShiftDates
	// KeepDates is option 113106.
	KeepDates
)

var policyNames = map[string]DatePolicy{
	"": DatesByTable, "remove": RemoveDates, "shift": ShiftDates, "keep": KeepDates,
}

// ParseDatePolicy reads "remove", "shift", "keep" or "" for the table's own.
func ParseDatePolicy(s string) (DatePolicy, error) {
	p, ok := policyNames[s]
	if !ok {
		return DatesByTable, fmt.Errorf("parse date policy: %q is not remove, shift or keep", s)
	}
	return p, nil
}

// Dated reports whether a record of the profile still shows its true dates.
func (p DatePolicy) Dated(profile redact.Profile) bool {
	switch profile {
	case redact.Deidentified:
		return p == KeepDates
	case redact.LimitedSet:
		return p == KeepDates || p == DatesByTable
	default:
		return true
	}
}

// line is the policy in the digest of what decides.
func (p DatePolicy) line() string {
	for name, q := range policyNames {
		if p == q && name != "" {
			return "dates\t" + name + "\n"
		}
	}
	return ""
}

// dated names the classes of dates.
func dated(c *class) bool {
	return c.name == "study-date" || c.name == "other-date" || c.name == "context-version"
}

// datesOf is what the policy makes of a class of dates in a limited or
// de-identified set.
func (r *rules) datesOf(c *class) action {
	switch {
	case r.dates == KeepDates && c.name != "context-version":
		return keep
	case r.dates == ShiftDates && c.name != "context-version":
		return shift
	case r.dates == RemoveDates || r.dates == ShiftDates:
		return strictest(c)
	}
	return c.actions[r.column]
}

// maxShift is the largest shift, in days: dates go back one day to ten years.
const maxShift = 3650

// days is the release's secret shift. A release is of one patient, so this is
// the patient's, and differs in the next release.
func (p *pseudonyms) days() int {
	n := binary.BigEndian.Uint64(p.digest("dates", nil))
	return int(n%maxShift) + 1
}

var (
	vrDA = mkVR('D', 'A')
	vrDT = mkVR('D', 'T')
	vrTM = mkVR('T', 'M')
	vrSH = mkVR('S', 'H')
)

// maxDate bounds the value of a date element, which may hold several.
const maxDate = 4096

// settle decides over an element of which the policy moves the dates: what is
// not a date of the standard (PS3.5 table 6.2-1) goes, times of day stay.
func (r *rules) settle(w *walker, e *element, d *decision) error {
	if d.action != shift {
		return nil
	}
	d.action = strictest(d.class)
	if e.end == e.val && d.action == remove { // nothing to move
		d.action = keep
	}
	if e.end-e.val > maxDate || e.end == e.val {
		return nil
	}
	old, err := w.win.bytes(e.val, int(e.end-e.val))
	if err != nil {
		return err
	}
	vr := dictionaryVR(e.tag)
	if vr == vrDA || vr == vrDT {
		if _, ok := moveDates(vr, old, -maxShift); ok {
			d.action = shift
		}
	} else if timesOfDay(vr, old) {
		d.action = keep
	}
	return nil
}

// strictest is the action of the last profile, deidentified.
func strictest(c *class) action { return c.actions[len(c.actions)-1] }

// dummyDates stand where a multi-frame image must have a date and the true one
// goes (PS3.15 section E.1.1, action D of table E.1-1).
var dummyDates = map[Tag]string{
	0x00080023: "19000101",       // ContentDate, PS3.3 section C.7.6.16
	0x00080033: "000000",         // ContentTime
	0x0008002A: "19000101000000", // AcquisitionDateTime, PS3.3 sections C.8.15.2 and C.8.21.1
	0x00189074: "19000101000000", // FrameAcquisitionDateTime, PS3.3 section C.7.6.16.2.2
	0x00189151: "19000101000000", // FrameReferenceDateTime
}

// required gives a date that goes a dummy value in the kinds of image that
// must have one: those with functional groups, which must have a serial number,
// too.
func (p *plan) required(e *element, d *decision) {
	if d.action == remove && d.class.name == "other-date" && e.end > e.val &&
		dummyDates[e.tag] != "" && requiresSerial(p.facts.sopClass) {
		d.action = dummy
	}
}

// dummyDate knows the made-up date, written where the true one goes. There it
// may be or not; where the true one is to be moved the digests differ.
func (c *checker) dummyDate(e *element, d decision, src int64) (bool, error) {
	want := dummyDates[e.tag]
	goes := d.class.name == "other-date" && (d.action == remove || d.action == shift)
	if src != written || want == "" || !goes || e.end-e.val != int64(len(want)) {
		return false, nil
	}
	b, err := c.w.win.bytes(e.val, len(want))
	return string(b) == want, err
}

// moved is a digest of the true dates, each by its element. It is made twice,
// from the source and from the output, whose dates are moved back.
type moved struct{ h hash.Hash }

func (m *moved) note(w *walker, e *element, days int) error {
	b, err := w.win.bytes(e.val, int(e.end-e.val))
	if err != nil {
		return err
	}
	if m.h == nil {
		m.h = sha256.New()
	}
	day, _ := moveDates(dictionaryVR(e.tag), b, days)                                   // settle has tried it
	_ = binary.Write(m.h, binary.BigEndian, [2]uint32{uint32(e.tag), uint32(len(day))}) // a hash takes all
	m.h.Write(day)
	return nil
}

func (m *moved) sum() string {
	if m.h == nil {
		return ""
	}
	return string(m.h.Sum(nil))
}

// settle decides over a date of the output. One that was written counts if it
// can be moved back; as the shift is never zero, no date is where it was.
func (c *checker) settle(e *element, d *decision, src int64) error {
	if d.action != shift || src != written || e.end-e.val > maxDate {
		return c.rules.settle(c.w, e, d)
	}
	return c.moved.note(c.w, e, c.ids.days())
}

// moveDates moves every date of a DA or DT value by days. Length, padding,
// separators and times of day stay.
func moveDates(vr VR, value []byte, days int) ([]byte, bool) {
	parts := strings.Split(string(value), `\`)
	for i, s := range parts {
		text := strings.Trim(s, " \x00")
		if text == "" {
			continue
		}
		out, ok := moveDate(vr, text, days)
		if !ok {
			return nil, false
		}
		parts[i] = strings.Replace(s, text, out, 1)
	}
	return []byte(strings.Join(parts, `\`)), true
}

// moveDate moves YYYYMMDD, the old YYYY.MM.DD, and for a DT what begins with a
// whole date; a year or a month alone cannot be moved by days.
func moveDate(vr VR, s string, days int) (string, bool) {
	form, rest := "20060102", ""
	switch {
	case vr == vrDA && len(s) == len("2006.01.02"):
		form = "2006.01.02"
	case vr == vrDT && len(s) > len(form):
		s, rest = s[:len(form)], s[len(form):]
	}
	day, err := time.Parse(form, s)
	if err != nil || !timeAndZone(rest) {
		return "", false
	}
	out := day.AddDate(0, 0, days).Format(form)
	return out + rest, len(out) == len(form)
}

// timeAndZone: the rest of a DT after its date, [HH[MM[SS[.F]]]][&ZZXX].
func timeAndZone(s string) bool {
	if i := strings.IndexAny(s, "+-"); i >= 0 {
		if !zone(s[i:]) {
			return false
		}
		s = s[:i]
	}
	return s == "" || timeOfDay(s) && !strings.Contains(s, ":")
}

// timesOfDay reports a TM, or the offset from UTC, that holds nothing else: a
// date in its place would be no time.
func timesOfDay(vr VR, value []byte) bool {
	for s := range strings.SplitSeq(string(value), `\`) {
		s = strings.Trim(s, " \x00")
		ok := vr == vrTM && timeOfDay(s) || vr == vrSH && zone(s)
		if s != "" && !ok {
			return false
		}
	}
	return true
}

// timeOfDay is HH[MM[SS[.F]]] or the old HH:MM[:SS[.F]].
func timeOfDay(s string) bool {
	whole, fraction, dotted := strings.Cut(s, ".")
	if dotted && (len(fraction) < 1 || len(fraction) > 6 || strings.Trim(fraction, "0123456789") != "") {
		return false
	}
	for _, form := range []string{"150405", "15:04:05"} {
		if leap := strings.TrimSuffix(whole, "60"); len(whole) == len(form) && len(leap) < len(whole) {
			whole = leap + "59" // a leap second
		}
		if _, err := time.Parse(form, whole); err == nil && len(whole) == len(form) {
			return true
		}
	}
	for _, form := range []string{"1504", "15", "15:04"} {
		if _, err := time.Parse(form, s); err == nil && len(s) == len(form) {
			return true
		}
	}
	return false
}

// zone is &ZZXX, an offset from UTC.
func zone(s string) bool {
	if len(s) != 5 || s[0] != '+' && s[0] != '-' {
		return false
	}
	_, err := time.Parse("1504", s[1:])
	return err == nil
}
