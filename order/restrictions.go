package order

import (
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
	Note        string       `yaml:"note"`
}

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

// names says that a word of a list means a recipient: its key, name or kind.
func (r Recipient) names(word string) bool {
	return word != "" && (strings.EqualFold(word, r.Key) || samePhrase(word, r.Name) || word == string(r.Kind))
}

// isAt says that an address as somebody wrote it is the recipient's, as far as the
// practice knows where that is.
func (r Recipient) isAt(address string) bool {
	if r.Address == "" && r.Email == "" {
		return true
	}
	return holdsPhrase(address, r.Address) || holdsPhrase(r.Address, address) || holdsPhrase(address, r.Email)
}

// samePhrase compares names of practices and people as written on forms, without
// regard to case, accents and punctuation.
func samePhrase(a, b string) bool { return phrase(a) != "" && phrase(a) == phrase(b) }

// holdsPhrase says that the words of b stand in a, in their order.
func holdsPhrase(a, b string) bool {
	return phrase(b) != "" && strings.Contains(" "+phrase(a)+" ", " "+phrase(b)+" ")
}

func phrase(s string) string { return strings.Join(words(spellings(s)[0]), " ") }
