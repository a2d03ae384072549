package order

import (
	"slices"
	"strings"
	"time"
	"unicode"
)

// Stated is what the text of a page says about whose it is: a name, and the birth
// dates and numbers that go with it. Any of them may be missing.
type Stated struct {
	Name   string
	Births []string // in the ways people write them
	IDs    []string
	// Another says that one of the numbers is that of another patient of the
	// practice; Foreign, that a number that is not this patient's is surely nobody
	// else's, so another program's.
	Another, Foreign bool
}

// Empty says that nothing was stated.
func (s Stated) Empty() bool { return s.Name == "" && len(s.Births) == 0 && len(s.IDs) == 0 }

// MatchStated compares an order's patient with what a page states. The page lies
// in the patient's folder, which is one identifier, so one more that agrees is
// Matching; an identifier that contradicts it needs another that agrees to be
// Insufficient, which a person can decide about, and is a Mismatch without one.
// People write names in many ways, so a nickname, a name in brackets on the order,
// and one of two family names count as agreeing; a family name that was changed
// does if the birth date agrees. A number alone outweighs no other name: it is what led to
// the folder, so of a wrong number on the order it is on every page. What is not there says
// nothing; of an empty Stated the result is Insufficient.
func MatchStated(p Patient, s Stated) Match {
	name, born, number := statedName(p.Name, s.Name), statedBirth(p.BirthDate, s.Births), statedID(p.ID, s.IDs)
	if number == opposite && s.Foreign {
		number = silent
	}
	if s.Another && number != agrees {
		if name.evidence == agrees && born == agrees {
			return Insufficient
		}
		return Mismatch
	}
	switch {
	case name.evidence == agrees:
		return namedSo(born, number)
	case name.evidence == partly && name.given:
		return otherFamily(born, number)
	case name.evidence == partly:
		return otherGiven(born, number)
	case name.evidence == opposite:
		if born == agrees || number == agrees {
			return Insufficient
		}
		return Mismatch
	}
	return nameless(born, number)
}

// namedSo: the name agrees.
func namedSo(born, number evidence) Match {
	switch {
	case born == opposite && number == opposite:
		return Mismatch // somebody of the same name
	case born == opposite, number == opposite && born != agrees:
		return Insufficient
	}
	return Matching
}

// otherFamily: the given names agree, as after a marriage, or of two people.
func otherFamily(born, number evidence) Match {
	switch {
	case born == opposite:
		return Mismatch
	case born == agrees && number != opposite:
		return Matching
	case born == agrees, number != opposite:
		return Insufficient
	}
	return Mismatch
}

// otherGiven: the family names agree, as of parents, children and twins. Whoever takes one
// twin's number for the other's finds a page on which birth date and number agree.
func otherGiven(born, number evidence) Match {
	if born == agrees || number == agrees && born == silent {
		return Insufficient
	}
	return Mismatch
}

// nameless: there is no name.
func nameless(born, number evidence) Match {
	switch {
	case born == opposite && number != agrees:
		return Mismatch
	case born == opposite, number == opposite:
		return Insufficient
	case born == agrees, number == agrees:
		return Matching
	}
	return Insufficient
}

// statedName compares names as people write them.
func statedName(want, got string) nameMatch {
	best := compareNames(want, got)
	if best.evidence == agrees || got == "" {
		return best
	}
	for _, x := range readNames(strings.NewReplacer("(", " ", ")", " ", `"`, " ").Replace(want)) {
		for _, y := range readNames(strings.NewReplacer("(", " ", ")", " ", `"`, " ").Replace(got)) {
			if m := x.loosely(y); better(m, best) {
				best = m
			}
		}
	}
	if best.evidence != agrees && sameLetters(want, got) {
		return nameMatch{agrees, true}
	}
	return best
}

// loosely compares names in which one may be short for the other.
func (n fullName) loosely(m fullName) nameMatch {
	if n.suffix != "" && m.suffix != "" && n.suffix != m.suffix {
		return nameMatch{partly, false}
	}
	if len(m.given) == 0 { // one word: a first name, as in a family's account, or a last one
		if m.family == n.family || slices.ContainsFunc(n.given, func(g string) bool { return shortFor(g, m.family) }) {
			return nameMatch{agrees, true}
		}
		return n.runTogether(m.family)
	}
	given := sameGiven(n.given, m.given)
	for i, g := range n.given { // a nickname, or the middle name in front
		given = given || (i > 0 || g != m.given[0]) && shortFor(g, m.given[0])
	}
	family := n.family == m.family
	switch {
	case family && given:
		return nameMatch{agrees, true}
	case family || given:
		return nameMatch{partly, given}
	}
	return nameMatch{opposite, false}
}

// runTogether compares with a name of which it is not known where its words end.
func (n fullName) runTogether(whole string) nameMatch {
	if n.family == "" || len(n.given) == 0 {
		return nameMatch{opposite, false}
	}
	for _, cut := range []func(string, string) (string, bool){strings.CutPrefix, strings.CutSuffix} {
		if rest, ok := cut(whole, n.family); ok {
			return nameMatch{partly, false}.orAgrees(rest != "" && shortFor(n.given[0], rest))
		}
		if rest, ok := cut(whole, n.given[0]); ok && len(n.given[0]) > 2 && rest != "" {
			return nameMatch{partly, true}
		}
	}
	return nameMatch{opposite, false}
}

func (m nameMatch) orAgrees(yes bool) nameMatch {
	if yes {
		return nameMatch{agrees, true}
	}
	return m
}

// sameLetters compares names of which it is not known where their words end, or of
// which one has one family name of two.
func sameLetters(want, got string) bool {
	last, first, ok := strings.Cut(want, ",")
	if !ok {
		return false
	}
	for _, l := range spellings(last) {
		families := words(l)
		for _, f := range spellings(first) {
			given := words(f)
			if len(families) == 0 || len(given) == 0 {
				continue
			}
			for _, g := range spellings(got) {
				if lettersAgree(families, given, words(g)) {
					return true
				}
			}
		}
	}
	return false
}

func lettersAgree(families, given, got []string) bool {
	whole := strings.Join(got, "")
	names := append(slices.Clone(families), strings.Join(families, ""))
	for _, family := range names {
		for _, first := range []string{given[0], strings.Join(given, "")} {
			if whole == family+first || whole == first+family {
				return true
			}
			if slices.Contains(got, family) && slices.Contains(got, first) && !slices.ContainsFunc(got, func(w string) bool {
				return len(w) > 1 && !slices.Contains(families, w) && !slices.Contains(given, w)
			}) {
				return true
			}
		}
	}
	return false
}

// statedBirth compares birth dates: one that agrees is enough, as others may be of
// somebody else on the page.
func statedBirth(want Date, stated []string) evidence {
	result := silent
	for _, s := range stated {
		readings := birthReadings(s)
		if want.IsZero() || len(readings) == 0 {
			continue
		}
		if slices.Contains(readings, want) {
			return agrees
		}
		result = opposite
	}
	return result
}

// birthReadings are the days a written date can mean: month first, as in the United
// States, or day first, and two digits of a year in either century.
func birthReadings(s string) []Date {
	s = strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }), " ")
	for _, ordinal := range []string{"st ", "nd ", "rd ", "th "} {
		if i := strings.Index(s, ordinal); i > 0 && s[i-1] >= '0' && s[i-1] <= '9' {
			s = s[:i] + s[i+2:]
		}
	}
	s = strings.Replace(s, "sept ", "sep ", 1)
	var all []Date
	for _, form := range []string{
		"2006 1 2", "20060102", "1 2 2006", "2 1 2006", "1 2 06", "2 1 06", "Jan 2 2006", "January 2 2006", "2 Jan 2006", "2 January 2006",
		"2Jan2006", "Jan2 2006", "2 Jan2006",
	} {
		t, err := time.Parse(form, s)
		if err != nil || t.Year() < 1800 {
			continue
		}
		all = append(all, DateOf(t))
		if strings.HasSuffix(form, " 06") {
			century := 100
			if t.Year() >= 2000 {
				century = -100
			}
			all = append(all, Date{t.Year() + century, t.Month(), t.Day()})
		}
	}
	return all
}

// statedID compares numbers: without case, signs and spaces. Leading zeros count,
// but a number that differs in them alone says nothing.
func statedID(want string, stated []string) evidence {
	result := silent
	own := plainID(want)
	for _, s := range stated {
		switch id := plainID(s); {
		case own == "" || id == "":
		case id == own:
			return agrees
		case strings.TrimLeft(id, "0") != strings.TrimLeft(own, "0"):
			result = opposite
		}
	}
	return result
}

func plainID(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// SameID says that two written numbers are the same patient's.
func SameID(want, got string) bool { return statedID(want, []string{got}) == agrees }
