package order

import (
	"maps"
	"slices"
	"strings"

	"chartseal/config/strict"
)

// Restrictions is what patients asked for, by patient number as [ParseRestrictions]
// writes it: whom not to send to, where alone to reach them (45 CFR 164.522), and which
// authorizations they withdrew (45 CFR 164.508(b)(5)).
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
	seen := map[string]bool{}
	for _, id := range slices.Sorted(maps.Keys(file)) {
		if seen[foldID(id)] || seen[numberKey(id)] { // of two only one would be kept to
			problems = append(problems, doc.Problem(id, "the patient '%s' is listed twice, with another case or with spaces. Put what the patient asked for into one place", strings.TrimSpace(id)))
		}
		seen[foldID(id)], seen[numberKey(id)] = true, true
	}
	if len(problems) > 0 {
		return nil, &BookError{strict.Sorted(problems)}
	}
	all := Restrictions{}
	for id, entry := range file {
		if key := numberKey(id); key != "" {
			all[key] = entry
		}
	}
	return all, nil
}

// of finds a patient's restriction as MatchPatient compares numbers. It is asked for
// every line of the ledger.
func (r Restrictions) of(patient string) Restriction { return r[numberKey(patient)] }

// Know says that a patient asked for something.
func (r Restrictions) Know(patient string) bool {
	_, ok := r[numberKey(patient)]
	return ok
}

// Excludes says that a patient asked that a recipient not get the records.
func (r Restrictions) Excludes(patient string, to Recipient) bool {
	return slices.ContainsFunc(r.of(patient).NotTo, to.names)
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
