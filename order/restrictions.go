package order

import (
	"regexp"
	"slices"
	"strings"

	"chartseal/config/strict"
)

// Restrictions is what patients asked for, by patient number: whom not to send
// to, where alone to reach them (45 CFR 164.522), and which authorizations they
// withdrew (45 CFR 164.508(b)(5)).
type Restrictions map[string]Restriction

// Restriction is what one patient asked for.
type Restriction struct {
	NotTo       []string     `yaml:"not_to"` // recipients by key, name or kind
	ContactOnly Way          `yaml:"contact_only"`
	Withdrawn   []Withdrawal `yaml:"withdrawn"`
	Accounting  Accounting   `yaml:"accounting"`
	Note        string       `yaml:"note"`
}

// Accounting is what keeps disclosures out of the accounting that a patient asks for.
type Accounting struct {
	Suspended []Suspension `yaml:"suspended"`
}

// Suspension is the statement of a health oversight agency or a law enforcement official
// that an accounting of disclosures to them would impede them, and for how long (45 CFR
// 164.528(a)(2)). On an oral statement it lasts thirty days at most.
type Suspension struct {
	For   string `yaml:"for,required"` // recipient by key, name or kind
	From  Date   `yaml:"from,required"`
	Until Date   `yaml:"until"`
	Oral  bool   `yaml:"oral"`
}

type writtenSuspension Suspension

// UnmarshalStrict also asks for an end of what was stated in writing.
func (s *Suspension) UnmarshalStrict(n *strict.Node, r *strict.Reader) {
	r.Decode(n, (*writtenSuspension)(s))
	switch {
	case !s.Oral && s.Until.IsZero() && !s.From.IsZero():
		r.Problem(n, "needs until: the day that the written statement names; a statement by word of mouth is marked oral: true and lasts 30 days at most")
	case !s.Until.IsZero() && s.Until.Before(s.From):
		r.Problem(n, "ends before it begins: look at from and until")
	}
}

// Means says that the statement is about a recipient.
func (s Suspension) Means(to Recipient) bool { return to.names(s.For) }

// Suspended are the statements about a patient's disclosures.
func (r Restrictions) Suspended(patient string) []Suspension {
	return r.of(patient).Accounting.Suspended
}

// ContactOnly is the one way to reach a patient who asked for it (45 CFR 164.522(b)).
func (r Restrictions) ContactOnly(patient string) Way { return r.of(patient).ContactOnly }

// Way is the one way to reach a patient who asked for it.
type Way struct {
	Address string `yaml:"address"`
	Email   string `yaml:"email"`
}

// Withdrawal is an authorization that was withdrawn.
type Withdrawal struct {
	To string `yaml:"to"` // recipient by key or name; "": every authorization
	On Date   `yaml:"on,required"`
}

type restrictionFile map[string]Restriction

// UnmarshalStrict reads the whole file, which is one mapping.
func (f *restrictionFile) UnmarshalStrict(n *strict.Node, r *strict.Reader) {
	if n.Kind != strict.Mapping {
		r.Problem(n, "must list patients by their number, like \"10432\": {not_to: [acme]}")
		return
	}
	var entries map[string]Restriction
	r.Decode(n, &entries)
	*f = entries
}

// ParseRestrictions reads the file of what patients asked for. A file that holds
// only comments restricts nothing. The error is a [*BookError].
func ParseRestrictions(name string, data []byte) (Restrictions, error) {
	var file restrictionFile
	doc, problems := strict.Decode(name, data, &file)
	if doc == nil && onlyComments(problems) {
		return nil, nil
	}
	if len(problems) > 0 {
		return nil, &BookError{problems}
	}
	return Restrictions(file), nil
}

// of finds a patient's restriction as MatchPatient compares numbers.
func (r Restrictions) of(patient string) Restriction {
	for id, entry := range r {
		if compareID(id, patient) == agrees {
			return entry
		}
	}
	return Restriction{}
}

// Withdrawn finds a patient's withdrawal of what was signed on a day, or before
// it was withdrawn, for a recipient; nil if there is none.
func (r Restrictions) Withdrawn(patient string, to Recipient, signed Date) *Withdrawal {
	all := r.of(patient).Withdrawn
	for i, w := range all {
		if (w.To == "" || to.names(w.To)) && !w.On.Before(signed) {
			return &all[i]
		}
	}
	return nil
}

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
	together := map[Relation][]string{
		Provider: {"treating providers", "treating provider", "health care providers", "providers"},
		Insurer:  {"health plans", "health plan", "third party payers", "payers", "insurers"},
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
	a, b = strings.TrimRight(strings.TrimSpace(a), "."), strings.TrimRight(strings.TrimSpace(b), ".")
	return a != "" && strings.EqualFold(a, b)
}

// samePlace says that of two postal addresses one is the other, or the other with
// more words (an apartment, a country).
func samePlace(a, b string) bool {
	a, b = place(a), place(b)
	return a != "" && b != "" && (strings.Contains(" "+a+" ", " "+b+" ") || strings.Contains(" "+b+" ", " "+a+" "))
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
