package order

import (
	"slices"
	"strings"
)

// Includes says that the records of a sensitive category may go with this order:
// what the law asks for them is on it, the practice has switched the category's
// rule off, or it is the patient's own complete copy. What it does not say of,
// gathering holds under the rule of [RuleOf].
func Includes(o *Order, f Facts, category string) bool {
	rule, _ := find(RuleOf(category))
	switch {
	case rule.isOff(f):
		return true
	case category == psychotherapyNotes:
		return standsAlone(o)
	case category == substanceUse:
		return ownCopy(o, &f) || len(lackingConsent(o, &f)) == 0
	}
	return ownCopy(o, &f) || permitted(o, category)
}

// RuleOf is the rule about a sensitive category.
func RuleOf(category string) string {
	switch category {
	case psychotherapyNotes:
		return "R18"
	case substanceUse:
		return "R19"
	}
	return "R20"
}

// ownCopy is the patient's own access, which is complete (45 CFR 164.524) and
// needs no consent (42 CFR 2.23).
func ownCopy(o *Order, f *Facts) bool {
	return o.Basis == PatientAccess && f.Recipient.Kind.relation() == Self
}

// standsAlone says that the authorization is for psychotherapy notes and nothing
// else (45 CFR 164.508(b)(3)(ii)).
func standsAlone(o *Order) bool {
	a := o.Authorization
	return o.Basis == Authorized && a != nil && slices.Equal(a.Sensitive, []string{psychotherapyNotes})
}

// PermissionSigned is the day on which the patient signed what a release stands on,
// the earliest of several; zero if it needs no signature. A withdrawal from that day
// on ends the permission.
func PermissionSigned(o *Order) Date {
	var day Date
	if a := o.Authorization; o.Basis == Authorized && a != nil {
		day = earliest(day, a.SignedOn)
	}
	if d := o.Directive; o.Basis == ByDirective && d != nil {
		day = earliest(day, d.Signed.On)
	}
	if c := o.Part2Consent; c != nil {
		day = earliest(day, c.SignedOn)
	}
	return day
}

// PermissionEnds is the last day on which what a release stands on holds, the earliest
// of several; zero if no day ends it, or the practice has switched off the rule that
// asks for it. An event that ends it is no day.
func PermissionEnds(o *Order, off []string) Date {
	var day Date
	ends := func(rule string, d Date) {
		if !slices.Contains(off, rule) {
			day = earliest(day, d)
		}
	}
	if a := o.Authorization; o.Basis == Authorized && a != nil {
		ends("R6", a.ExpiresOn)
	}
	if a := o.Agreement; o.Basis == LimitedSet && a != nil {
		ends("R28", a.ExpiresOn)
	}
	if c := o.Part2Consent; c != nil {
		ends("R19", c.ExpiresOn)
	}
	return day
}

// PermissionLasts is until when holds what the patient signed, or the practice agreed, for a
// release: a day, YYYY-MM-DD, or the words for an event or for no end, which outlast any
// day; of several the last. "" if it stands on nothing that has an end.
func PermissionLasts(o *Order) string {
	var day Date
	var event string
	add := func(on Date, words string) {
		switch {
		case !on.IsZero():
			if day.Before(on) {
				day = on
			}
		case !blank(words):
			event = strings.TrimSpace(words)
		}
	}
	if a := o.Authorization; o.Basis == Authorized && a != nil {
		add(a.ExpiresOn, a.ExpiresEvent)
	}
	if c := o.Part2Consent; c != nil {
		add(c.ExpiresOn, c.ExpiresEvent)
	}
	if a := o.Agreement; o.Basis == LimitedSet && a != nil {
		add(a.ExpiresOn, noEnd)
	}
	if event != "" {
		return event
	}
	return day.String()
}

// noEnd is said of an agreement that has no last day.
const noEnd = "no end"

// permitted says that the order expressly names a category, and where it stands on a
// signed form, that the form does: an order cannot be wider than what was signed.
func permitted(o *Order, category string) bool {
	if o.Basis == Authorized {
		return o.Authorization != nil && slices.Contains(o.Authorization.Sensitive, category)
	}
	return slices.Contains(o.Sensitive, category)
}
