package order

import (
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Match says whether a file is the order's patient's.
type Match int

// What comparing a file's identity with the order's patient can give. Only
// Matching lets a file go without a person's decision.
const (
	Insufficient Match = iota // too little, or identifiers that do not agree with one another
	Matching                  // the patient number and one more identifier agree
	Mismatch                  // another patient
)

// String names the result.
func (m Match) String() string { return [...]string{"insufficient", "match", "mismatch"}[m] }

// evidence is what one identifier says.
type evidence int

const (
	silent   evidence = iota // missing in the file, or not readable: no evidence either way
	agrees                   // the same
	partly                   // of a name: the family or the given names, not both
	opposite                 // another
)

// MatchPatient compares an order's patient with the identity found in a file on
// two identifiers: the patient number, exactly, and the name or the birth date.
// The number is trimmed and compared without regard to case; leading zeros
// count. A name is DICOM's Last^First^Middle (DICOM PS3.5, 6.2.1) or "Last, First"
// or "First Last"; a birth date is YYYYMMDD or YYYY-MM-DD.
//
// What a file lacks is no evidence. An identifier that contradicts the others is
// never outvoted: a name changed by marriage matches by birth date, but a twin's
// or namesake's file is Insufficient, and a file whose number differs, or whose
// name and birth date both do, is a Mismatch.
func MatchPatient(p Patient, id, name, birthDate string) Match {
	number := compareID(p.ID, id)
	person := compareNames(p.Name, name)
	born := compareBirth(p.BirthDate, birthDate)
	switch number {
	case opposite:
		return Mismatch
	case agrees:
		return withNumber(person, born)
	case silent, partly:
	}
	return withoutNumber(person, born)
}

func withNumber(person nameMatch, born evidence) Match {
	switch {
	case person.evidence == opposite && born != agrees, born == opposite && person.evidence != agrees:
		return Mismatch
	case born == opposite, person.evidence == opposite:
		return Insufficient // the third identifier contradicts
	case person.evidence == agrees, born == agrees && (person.evidence == silent || person.given):
		return Matching
	}
	return Insufficient
}

// withoutNumber needs both of the other identifiers.
func withoutNumber(person nameMatch, born evidence) Match {
	switch {
	case person.evidence == opposite, born == opposite:
		return Mismatch
	case person.evidence == agrees && born == agrees:
		return Matching
	}
	return Insufficient
}

// Contradicts says that a name or a birth date found in a file is another than the order's;
// one that is missing, or that has only a part of the name, contradicts nothing.
func Contradicts(p Patient, name, birthDate string) bool {
	said := statedName(p.Name, name).evidence
	return compareBirth(p.BirthDate, birthDate) == opposite || said == opposite || said == partly
}

// SamePatient says that two patient numbers are of one patient, as far as numbers tell.
func SamePatient(a, b string) bool { return compareID(a, b) == agrees }

func compareID(want, got string) evidence {
	want, got = norm.NFC.String(strings.TrimSpace(want)), norm.NFC.String(strings.TrimSpace(got))
	switch {
	case got == "" || want == "":
		return silent
	case strings.EqualFold(want, got): // as folders are found by it
		return agrees
	}
	return opposite
}

// numberKey is one form for all numbers that compareID takes for the same.
func numberKey(id string) string { return caseless(norm.NFC.String(strings.TrimSpace(id))) }

// caseless is one form for all texts that [strings.EqualFold] takes for the same: of each
// letter the first that it does not tell from it.
func caseless(s string) string {
	return strings.Map(func(r rune) rune {
		first := r
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			first = min(first, other)
		}
		return first
	}, s)
}

// foldID is one form for all ways of writing a patient number that count as the same.
func foldID(id string) string { return cases.Fold().String(norm.NFC.String(strings.TrimSpace(id))) }

func compareBirth(want Date, got string) evidence {
	born, ok := readBirth(strings.TrimSpace(got))
	switch {
	case !ok || want.IsZero():
		return silent
	case born == want:
		return agrees
	}
	return opposite
}

// readBirth reads the forms files hold: DICOM's DA, its older form with dots (DICOM
// PS3.5, 6.2), and ISO 8601.
func readBirth(s string) (Date, bool) {
	for _, form := range []string{"20060102", "2006.01.02", time.DateOnly} {
		if t, err := time.Parse(form, s); err == nil && t.Year() >= 1800 {
			return DateOf(t), true
		}
	}
	return Date{}, false
}
