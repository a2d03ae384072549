package order

import (
	"regexp"
	"slices"
	"strings"
)

// names says that a word of a list means a recipient: its key, name or kind. A name is
// meant by words of it in their order, and by a longer form of it: what a patient
// forbade or withdrew must not go for the want of an "Inc.", or for a "Corp.".
func (r Recipient) names(word string) bool {
	return word != "" && (strings.EqualFold(word, r.Key) || strings.EqualFold(word, string(r.Kind)) || holdsPhrase(r.Name, word) || holdsPhrase(word, r.Name) ||
		sameParty(word, r.Name))
}

// legalForms are words of a firm's name that people leave out or shorten.
var legalForms = []string{
	"inc", "incorporated", "corp", "corporation", "co", "company", "llc", "llp", "lp", "ltd", "limited", "pc", "pllc", "pa", "plc",
	"dds", "dmd", "md", "and", "the",
}

// initials are the dots of L.L.P.
var initials = regexp.MustCompile(`\b(\pL)\.`)

// bareParty is a name without its legal form, and without what joins its parts: Hale &
// Byrne, LLP is Hale and Byrne.
func bareParty(name string) string {
	left := slices.DeleteFunc(strings.Fields(phrase(initials.ReplaceAllString(name, "$1"))), func(w string) bool { return slices.Contains(legalForms, w) })
	return strings.Join(left, " ")
}

// sameParty says that two names mean one person, practice or firm. Unlike [SameName]
// it takes no word for a middle name: Acme Dental is not Acme.
func sameParty(a, b string) bool {
	a, b = inOrder(unaddressed(a)), inOrder(unaddressed(b))
	return samePhrase(a, b) || bareParty(a) != "" && bareParty(a) == bareParty(b)
}

// unaddressed cuts off the address that forms have behind a name.
func unaddressed(name string) string {
	if i := strings.IndexAny(name, ",;\n"); i > 0 && strings.ContainsAny(name[i:], "0123456789") {
		return name[:i]
	}
	return name
}

// inOrder turns Last, First around; what follows the comma of a firm is its legal form.
func inOrder(name string) string {
	if last, first, one := strings.Cut(name, ","); one && !strings.Contains(first, ",") && bareParty(first) != "" {
		return first + " " + last
	}
	return name
}

// consented says that a consent to release substance use disorder records is for the
// recipient: by name, or as one of those whom the law lets a consent for treatment,
// payment and operations name together (42 CFR 2.31(a)(4)).
func (r Recipient) consented(to string) bool {
	if blank(to) || r.IsZero() || holdsPhrase(to, r.Name) || holdsPhrase(r.Name, to) || strings.EqualFold(to, r.Key) {
		return !blank(to)
	}
	if !slices.ContainsFunc([]string{"my", "any", "all"}, func(w string) bool { return holdsPhrase(to, w) }) {
		return false // a name: Acme Health Plan is no other plan
	}
	together := map[Relation][]string{
		Provider: {"treating providers", "treating provider", "health care providers", "health care provider", "providers", "dentists", "dentist"},
		Insurer:  {"health plans", "health plan", "dental plan", "third party payers", "payers", "insurers", "insurer"},
	}[r.Kind.relation()]
	return slices.ContainsFunc(together, func(words string) bool { return holdsPhrase(to, words) })
}

// isAt says that an address as somebody wrote it is the recipient's: the e-mail
// address, or the postal one.
func (r Recipient) isAt(address string) bool {
	for _, word := range strings.FieldsFunc(address, func(c rune) bool { return strings.ContainsRune(" \t\r\n,;<>()", c) }) {
		if strings.Contains(word, "@") && sameMail(word, r.Email) {
			return true
		}
	}
	return samePlace(address, r.Address)
}

// sameMail compares e-mail addresses without regard to case.
func sameMail(a, b string) bool {
	a, b = bareMail(a), bareMail(b)
	return a != "" && strings.EqualFold(a, b)
}

func bareMail(address string) string { return strings.TrimRight(strings.TrimSpace(address), ".") }

// samePlace says that of two postal addresses one is the other, or the other with
// more words (an apartment, a country); a town alone is no address in it.
func samePlace(a, b string) bool {
	a, b = place(a), place(b)
	if len(a) > len(b) {
		a, b = b, a
	}
	return a != "" && (a == b || strings.ContainsAny(a, "0123456789") && strings.Contains(" "+b+" ", " "+a+" "))
}

// shortened are words of addresses as the Postal Service shortens them (USPS
// Publication 28, appendices B and C).
var shortened = map[string]string{
	"street": "st", "avenue": "ave", "road": "rd", "drive": "dr", "lane": "ln", "boulevard": "blvd", "court": "ct", "place": "pl",
	"square": "sq", "highway": "hwy", "parkway": "pkwy", "terrace": "ter", "circle": "cir", "apartment": "apt", "suite": "ste",
	"floor": "fl", "north": "n", "south": "s", "east": "e", "west": "w", "building": "bldg",
}

func place(address string) string {
	all := strings.Fields(phrase("at " + address)) // so that no first word is taken for a title, such as Dr
	for i, w := range all {
		if short := shortened[w]; short != "" {
			all[i] = short
		}
	}
	return strings.Join(all[min(1, len(all)):], " ")
}

// samePhrase compares names of practices and people as written on forms, without
// regard to case, accents and punctuation.
func samePhrase(a, b string) bool { return phrase(a) != "" && phrase(a) == phrase(b) }

// holdsPhrase says that the words of b stand in a, in their order.
func holdsPhrase(a, b string) bool {
	return phrase(b) != "" && strings.Contains(" "+phrase(a)+" ", " "+phrase(b)+" ")
}

func phrase(s string) string { return strings.Join(words(spellings(s)[0]), " ") }
