package order

import (
	"slices"
	"strings"
)

// SubstanceUse is the category of substance use disorder records (42 CFR part 2).
const SubstanceUse = "sud"

// Part2Notice is the notice that goes with substance use disorder records, word
// for word: statement 2 of 42 CFR 2.32(a)(2) in the text in force since 2024.
const Part2Notice = "42 CFR part 2 prohibits unauthorized use or disclosure of these records."

// HasPart2 says that an order speaks of substance use disorder records. Of a release
// that is not gathered here nothing else is known.
func HasPart2(o *Order) bool {
	return o.Part2Consent != nil || slices.Contains(o.Sensitive, SubstanceUse)
}

// Part2Text is what goes with substance use disorder records: the notice and a clear
// explanation of the scope of the consent (42 CFR 2.32(b)). It is nil where no
// consent carries the release: for the patient's own copy.
func Part2Text(o *Order, f Facts) []string {
	c := o.Part2Consent
	switch {
	case ownCopy(o, &f):
		return nil
	case c == nil: // the practice has switched R19 off
		return []string{Part2Notice}
	}
	ends := c.ExpiresEvent
	if !c.ExpiresOn.IsZero() {
		ends = c.ExpiresOn.Words()
	}
	scope := []string{
		"The patient's consent under which these records are disclosed has this scope.",
		"Patient: " + c.Patient,
		"Who may disclose: " + c.From,
		"What may be disclosed: " + c.Description,
		"To whom: " + c.To,
		"Purpose: " + c.Purpose,
		"It ends: " + ends,
		"Signed by " + c.Signer + " on " + c.SignedOn.Words(),
	}
	if c.Revoke {
		scope = append(scope, "The patient may revoke the consent in writing, except as far as it was relied on already.")
	}
	for i := range scope {
		scope[i] = strings.Join(strings.Fields(scope[i]), " ")
	}
	return append([]string{Part2Notice}, scope...)
}
