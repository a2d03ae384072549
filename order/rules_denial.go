package order

import (
	"slices"
	"strings"
)

// Grounds are the only grounds for denying a patient's request, with the words for
// the letter (45 CFR 164.524(a)(1) to (3); (d)(3) for the last).
func Grounds() map[string]string {
	return map[string]string{
		"psychotherapy_notes":     "the records are psychotherapy notes",
		"legal_proceedings":       "the information was put together for a civil, criminal or administrative proceeding",
		"inmate":                  "the request comes from a correctional institution's inmate, and a copy would endanger someone",
		"research":                "the patient agreed to wait for access until the research ends",
		"confidential_source":     "someone who is not a provider gave the information in confidence",
		"endangers_life":          "a licensed professional judges that access is likely to endanger someone's life or physical safety",
		"harms_another":           "the records speak of another person, and a licensed professional judges that access is likely to harm that person substantially",
		"harms_by_representative": "a licensed professional judges that access by the representative is likely to cause substantial harm",
		"not_in_record_set":       "the practice does not hold the information as part of the patient's record",
	}
}

// reviewable are the grounds a patient can have reviewed (45 CFR 164.524(a)(3)).
var reviewable = []string{"endangers_life", "harms_another", "harms_by_representative"}

// Reviewable says that the patient can have a ground reviewed.
func Reviewable(ground string) bool { return slices.Contains(reviewable, ground) }

func checkDenial(o *Order, f *Facts) []finding {
	d := o.Denial
	if d == nil || o.Decision == Deny && !DeniesPatient(o) {
		return nil // others than the patient can be turned away without a ground
	}
	var found []finding
	if _, known := Grounds()[d.Ground]; !known {
		found = say("'%s' is no ground for keeping a patient's records back. The grounds are: %s.", d.Ground, strings.Join(sortedGrounds(), ", "))
	}
	if r := o.Requester; d.Ground == "harms_by_representative" && r.Relation != Representative {
		found = append(found, say("This ground is only for a request by the patient's representative, and %s asks. Choose another ground, or send the records.", lowerFirst(the(r.Relation)))...)
	}
	if Reviewable(d.Ground) {
		found = append(found, checkReview(d)...)
	}
	if blank(d.Explanation) || blank(d.Part) {
		found = append(found, say("Write in plain words what is denied (denial.part; \"all\" for everything) and why (denial.explanation).")...)
	}
	if c := d.Contact.or(f.Contact); blank(c.Name) || blank(c.Phone) {
		found = append(found, say("Write whom the patient can complain to, with a telephone number (denial.contact, or practice.contact in chartseal.yaml).")...)
	}
	return append(append(found, unknownKinds(d.Kinds, f)...), checkPart(o, d)...) // of no kind nothing would be kept back
}

// DeniesPatient says that a denial is of a request by the patient or a personal
// representative, whatever basis is written on it: it needs a lawful ground, and
// its letter the elements of 45 CFR 164.524(d)(2). A release that the patient only
// authorizes is no such request; nobody has a right to it (45 CFR 164.508).
func DeniesPatient(o *Order) bool {
	if o.Basis == "" || o.Basis.OwnRequest() {
		return true
	}
	return o.Basis != Authorized && (o.Requester.Relation == Self || o.Requester.Relation == Representative)
}

// checkPart compares what is denied with what goes: the rest must go, and what the
// letter says is denied must not (45 CFR 164.524(d)(1)).
func checkPart(o *Order, d *Denial) []finding {
	named := len(d.Kinds) > 0 || len(d.Files) > 0
	all := samePhrase(d.Part, "all") || samePhrase(d.Part, "all records") || slices.Contains(d.Kinds, AllKinds)
	switch {
	case o.Decision == Deny && (!all && !blank(d.Part) || all && named && !slices.Contains(d.Kinds, AllKinds)):
		return say("Only a part is denied; the rest must be sent. Use decision: release, and list the rest under records.")
	case o.Decision == Deny || blank(d.Part):
		return nil
	case all:
		return say("The order denies all records and sends records as well. Use decision: deny, or write under denial.part which part is denied.")
	}
	for _, k := range o.Records.Kinds {
		if slices.Contains(d.Kinds, k) || samePhrase(d.Part, strings.ReplaceAll(k, "_", " ")) || samePhrase(d.Part, kindWords(k)) {
			return say("The order denies %s and sends them as well. Take '%s' out of records.kinds, or correct denial.part.", kindWords(k), k)
		}
	}
	if len(d.Files) > 0 || leavesOut(o) || o.Records.onlyItems() {
		return nil // the files that hold the part are named, and kept back; or those that go are
	}
	return checkWords(o, d)
}

// checkWords looks at a part that only words describe, which no program can find
// among the files.
func checkWords(o *Order, d *Denial) []finding {
	for _, k := range o.Records.Kinds {
		if speaksOf(d.Part, k) {
			return sayAs(Hold, "A part of the %s is denied (%s), and %s go with this order. Name the files that hold the part under denial.files, or let an approver who made sure that the part does not go decide (a decision on R17).", kindWords(k), d.Part, kindWords(k))
		}
	}
	switch {
	case len(d.Kinds) > 0 || d.Ground == "not_in_record_set":
		return nil // kept back by kind; or not there
	case o.Records.All():
		return sayAs(Hold, "A part is denied (%s), and the order asks for all records, so that the part would go with them. Name what is denied under denial.kinds or denial.files, list the rest under records.kinds, or let an approver who made sure that the part is not among the records decide (a decision on R17).", d.Part)
	}
	return sayAs(Hold, "The part that is denied (%s) is described in words only, so the program cannot keep it back: every record of the kinds asked for would go. Name the part under denial.kinds or denial.files, or let an approver who made sure that the part is not among the records decide (a decision on R17).", d.Part)
}

// speaksOf says that a text names a kind of record as people call it.
func speaksOf(text, kind string) bool {
	names := map[string][]string{
		"radiograph": {"radiograph", "radiographs", "x ray", "x rays", "xray", "xrays"}, "photo": {"photo", "photos", "photograph", "photographs"},
		"chart": {"chart", "charts"}, "scan": {"scan", "scans"}, "lab": {"lab"}, "model": {"model", "models"}, "consent": {"consent", "consents"},
	}[kind]
	if names == nil {
		names = []string{strings.ReplaceAll(kind, "_", " ")}
	}
	return slices.ContainsFunc(names, func(n string) bool { return holdsPhrase(text, n) })
}

// NamesPart says that kinds, files or decisions tell which records are denied, and not
// words alone.
func NamesPart(o *Order) bool {
	d := o.Denial
	return d != nil && (len(d.Kinds) > 0 || len(d.Files) > 0 || leavesOut(o))
}

// leavesOut says that somebody decided to leave out a file for the denial; one that
// was left out for another reason says nothing about it.
func leavesOut(o *Order) bool {
	return slices.ContainsFunc(o.Decisions, func(d Ruling) bool { return d.Decision == LeaveOut && d.Rule == "R17" && d.Item != "" })
}

// or takes another contact where this one is empty.
func (c Contact) or(other Contact) Contact {
	if blank(c.Name) && blank(c.Phone) {
		return other
	}
	return c
}

func checkReview(d *Denial) []finding {
	switch {
	case blank(d.Professional):
		return say("This ground needs a licensed professional's decision and name (denial.professional).")
	case blank(d.Reviewer) || blank(d.Review):
		return say("The patient can have this ground reviewed. Write who reviews it (denial.reviewer) and how the patient asks for it (denial.review).")
	case samePhrase(d.Reviewer, d.Professional) || SameName(d.Reviewer, d.Professional):
		return say("The reviewer must be a licensed professional who took no part in the denial. %s made it.", d.Professional)
	}
	return nil
}

func sortedGrounds() []string {
	var names []string
	for g := range Grounds() {
		names = append(names, g)
	}
	slices.Sort(names)
	return names
}
