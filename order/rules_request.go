package order

import (
	"slices"
	"strings"
	"unicode"

	"chartseal/config/strict"
)

// defaultIdentityDays is how old an identity check may be when a request arrives.
const defaultIdentityDays = 30

func checkIdentity(o *Order, f *Facts) []finding {
	r := o.Requester
	var missing []string
	for _, m := range []struct {
		field string
		empty bool
	}{
		{"requester.name", blank(r.Name)},
		{"requester.relation", r.Relation == ""},
		{"requester.identity.method", blank(r.Identity.Method)},
		{"requester.identity.by", blank(r.Identity.By)},
		{"requester.identity.on", r.Identity.On.IsZero()},
	} {
		if m.empty {
			missing = append(missing, m.field)
		}
	}
	days := f.IdentityDays
	if days == 0 {
		days = defaultIdentityDays
	}
	switch on := r.Identity.On; {
	case len(missing) > 0:
		return say("No one is recorded as having checked who is asking. Fill in how the identity was checked, by whom and on what day. Missing: %s.", strings.Join(missing, ", "))
	case on.After(f.Today):
		return say("The check of who is asking is dated %s, which is in the future. Correct the day (requester.identity.on).", on.Words())
	case on.DaysUntil(o.Received) > days:
		return say("Who is asking was checked on %s, more than %d days before the request arrived. Check again and write the new day (requester.identity.on).", on.Words(), days)
	}
	return nil
}

// parties says who may ask for records on a basis and who may get them. A basis
// that is not here allows everyone, on its own conditions.
var parties = map[Basis]struct{ ask, get []Relation }{
	Treatment:     {[]Relation{Self, Representative, Provider, Lab}, []Relation{Provider, Lab}},
	Payment:       {[]Relation{Self, Representative, Provider, Insurer, Agency}, []Relation{Insurer, Provider, Agency}},
	Operations:    {[]Relation{Self, Representative, Provider, Insurer, Agency}, []Relation{Insurer, Provider, Agency}},
	PatientAccess: {[]Relation{Self, Representative}, []Relation{Self, Representative}},
	ByDirective:   {[]Relation{Self, Representative}, Relation("").all()},
	ByLegal:       {litigants, litigants}, // whom an order or a subpoena can name; R23 asks for the document
}

var litigants = []Relation{Attorney, Court, Agency, Insurer, Employer, OtherParty}

func (Relation) all() []Relation {
	var all []Relation
	for _, r := range Self.Choices() {
		all = append(all, Relation(r))
	}
	return all
}

func checkBasis(o *Order, f *Facts) []finding {
	return append(checkNames(o, f), checkParty(o, f)...)
}

// checkNames keeps a stranger from being passed off as the patient, whose own copy
// is complete and needs no permission. Names change, so a person may decide.
func checkNames(o *Order, f *Facts) []finding {
	acts := o.Requester.Relation == Representative && SameName(f.Recipient.Name, o.Requester.Name) // and stands in the patient's place: 45 CFR 164.502(g)
	switch to := f.Recipient; {
	case to.Kind.relation() == Self && !SameName(to.Name, o.Patient.Name) && !acts:
		return sayAs(Hold, "The recipient is written down as the patient, and is called %s; the patient is %s. Correct the recipient, or let an approver who knows that they are one person decide (a decision on R2).", to.Name, o.Patient.Name)
	case to.Kind.relation() == Representative && o.Basis == PatientAccess && o.Requester.Relation == Representative && !acts:
		return sayAs(Hold, "%s asks for the patient, and the copy goes to %s. Correct the recipient, or let an approver decide (a decision on R2).", o.Requester.Name, to.Name)
	case to.Kind.relation() == Representative && o.Basis == PatientAccess && o.Requester.Relation == Self: // nobody has said what gives that one the right
		return sayAs(Hold, "The patient asks, and the copy goes to %s, who is written down as a representative. To send it to someone else the patient signs a directive (basis: directive); or let an approver who knows what gives %s the right decide (a decision on R2).", to.Name, to.Name)
	}
	return nil
}

func checkParty(o *Order, f *Facts) []finding {
	allowed, limited := parties[o.Basis]
	getter := f.Recipient.Kind.relation()
	switch {
	case o.Basis == Authorized && o.Authorization == nil:
		return say("The basis is the patient's authorization, and nothing is written about the signed form. Fill in 'authorization'.")
	case !limited:
		return nil
	case o.Basis.OwnRequest() && o.Requester.Relation != "" && !slices.Contains(allowed.ask, o.Requester.Relation):
		return say("Only the patient or a personal representative has the right to the patient's copy. %s needs the patient's signed authorization (basis: authorization).", the(o.Requester.Relation))
	case o.Basis == PatientAccess && getter != "" && !slices.Contains(allowed.get, getter):
		return say("The patient's own copy goes to the patient or a personal representative. To send it to someone else the patient signs a directive (basis: directive) or an authorization (basis: authorization).")
	case getter == Self && !slices.Contains(allowed.get, Self):
		return say("The basis '%s' does not fit records that go to the patient. Use basis: patient_access.", o.Basis)
	case getter != "" && !slices.Contains(allowed.get, getter):
		return say("%s needs the patient's signed authorization; '%s' does not cover it. Use basis: authorization and fill in what the signed form says.", the(getter), o.Basis)
	case o.Requester.Relation != "" && !slices.Contains(allowed.ask, o.Requester.Relation):
		return say("%s asks for these records, and '%s' does not cover that. Get the patient's signed authorization (basis: authorization).", the(o.Requester.Relation), o.Basis)
	}
	return nil
}

// the names a relation at the beginning of a sentence.
func the(r Relation) string {
	names := map[Relation]string{
		Self: "The patient", Representative: "A relative or representative", Provider: "A provider", Insurer: "An insurer",
		Lab: "A lab", Attorney: "A lawyer", Employer: "An employer", Court: "A court", Agency: "An agency",
	}
	if name, known := names[r]; known {
		return name
	}
	return "This recipient"
}

// lowerFirst is for the middle of a sentence.
func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }

func checkPurpose(o *Order, _ *Facts) []finding {
	if o.Basis.OwnRequest() || o.Basis == Treatment || o.Basis == Deidentified {
		return nil // patients are never asked why; treatment needs no purpose by law
	}
	if blank(o.Purpose) {
		return say("State the purpose of the release (purpose). If the patient started it, \"at the request of the individual\" is enough.")
	}
	if a := o.Authorization; o.Basis == Authorized && a != nil && blank(a.Purpose) {
		return say("State the purpose that the signed form names (authorization.purpose). If the patient started it, \"at the request of the individual\" is enough.")
	}
	return nil
}

// marketingWords are purposes that treatment, payment and operations never cover.
var marketingWords = []string{"marketing", "advertising", "advertisement", "advertisements", "publication", "publish", "publishing", "promotional", "brochure", "newsletter", "social media", "facebook", "instagram", "testimonial", "testimonials", "website", "sale of records", "sale of data"}

// researchWords are purposes that need an authorization, or a set that shows no one
// (45 CFR 164.508; 164.512(i) is for a review board, which no order tells of).
var researchWords = []string{"research", "clinical trial", "clinical study", "case report"}

func checkMarketing(o *Order, _ *Facts) []finding {
	if o.Basis != Treatment && o.Basis != Payment && o.Basis != Operations {
		return nil
	}
	for _, w := range marketingWords {
		if holdsPhrase(o.Purpose, w) {
			return say("The purpose speaks of %s, which needs the patient's signed authorization. Use basis: authorization.", w)
		}
	}
	for _, w := range researchWords {
		if !holdsPhrase(o.Purpose, w) {
			continue
		}
		if o.Basis == Treatment { // a patient of a trial is treated, too
			return sayAs(Hold, "The purpose speaks of %s. If it is for that and not for the patient's treatment, use basis: authorization, limited_set or deidentified; otherwise let an approver decide (a decision on P1).", w)
		}
		return say("The purpose speaks of %s, which '%s' does not cover. Use basis: authorization, limited_set or deidentified.", w, o.Basis)
	}
	return nil
}

// standard are the releases for which the practice has a standard rule, by basis
// and recipient. Bases that are not here have rules of their own.
var standard = map[Basis][]Relation{
	Treatment:  {Provider, Lab},
	Payment:    {Insurer},
	Operations: {},
}

func checkStandard(o *Order, f *Facts) []finding {
	usual, asked := standard[o.Basis]
	getter := f.Recipient.Kind.relation()
	if !asked || !slices.Contains(parties[o.Basis].get, getter) || slices.Contains(usual, getter) {
		return nil // what R2 refuses needs no second word
	}
	return say("This kind of release ('%s' to %s) has no standard rule. The privacy officer must approve it: add a decision on R12.", o.Basis, strings.ToLower(the(getter)))
}

func checkScope(o *Order, f *Facts) []finding {
	if o.Records.All() {
		return checkAll(o)
	}
	return unknownKinds(o.Records.Kinds, f)
}

// unknownKinds says which words are no kinds of record.
func unknownKinds(kinds Kinds, f *Facts) (found []finding) {
	known := StandardKinds()
	for _, k := range f.Kinds { // which may hold them, too
		if !slices.Contains(known, k) {
			known = append(known, k)
		}
	}
	for _, k := range kinds {
		if k == AllKinds || slices.Contains(known, k) {
			continue
		}
		if meant := strict.Nearest(k, known); meant != "" {
			found = append(found, say("The practice has no records of the kind '%s'. Did you mean '%s'?", k, meant)...)
		} else {
			found = append(found, say("The practice has no records of the kind '%s'. The kinds are: %s.", k, strings.Join(known, ", "))...)
		}
	}
	return found
}

// checkAll lets only a patient's own request say all. R10 speaks for payment and
// operations; a treating provider may need everything, if a person says so.
func checkAll(o *Order) []finding {
	switch {
	case o.Basis.OwnRequest(), o.Basis == Payment, o.Basis == Operations:
		return nil
	case o.Basis == Treatment:
		return sayAs(Hold, "The order asks for all records. List the kinds that the treatment needs, or let an approver decide (a decision on S1).")
	}
	return say("Only a patient's own request can ask for all records. List the kinds (records.kinds).")
}

func checkRecipient(o *Order, f *Facts) []finding {
	switch to := f.Recipient; {
	case strings.ContainsFunc(to.Email, func(r rune) bool { return r > unicode.MaxASCII }): // exаmple.org, with a Cyrillic а
		return sayAs(Hold, "The e-mail address of %s (%s) has letters that only look like plain ones, or that cannot be seen. Type it again, or let an approver who made sure of it decide (a decision on A2).", to.Name, to.Email)
	case !to.IsZero():
		return nil
	case f.BookUnsigned:
		return say("The recipient book is not signed by an approver, or was changed after it was signed. Nothing goes to anybody in it. One of these must look at it and sign it (chartseal approve --book): %s.", f.approvers())
	case f.Meant != "":
		return say("The recipient '%s' is not in the recipient book. Did you mean '%s'?", o.Recipient.Key, f.Meant)
	}
	return say("The recipient '%s' is not in the recipient book. Add it there, or write name, kind, address and e-mail into the order.", o.Recipient.Key)
}

func checkApproval(o *Order, f *Facts) []finding {
	a := o.Approved
	switch {
	case blank(a.By) || a.On.IsZero():
		return say("No one has approved this order. An approver (%s) must be written under 'approved', with the day.", f.approvers())
	case !f.isApprover(a.By):
		return say("'%s' may not approve orders. One of these must: %s.", a.By, f.approvers())
	case a.On.After(f.Today):
		return say("The approval is dated %s, which is in the future. Correct the day (approved.on).", a.On.Words())
	case a.On.Before(o.Received) && !o.Received.After(f.Today): // as on an older order that was copied
		return say("The approval is dated %s, before the request arrived on %s. Whoever approves must look at this order; then correct the day (approved.on, or received).", a.On.Words(), o.Received.Words())
	case f.RequireSignature && !f.ApprovalSigned:
		return say("%s", unsigned(a.By, f.SignatureFails))
	}
	return nil
}

func unsigned(by string, why Failure) string {
	switch why {
	case Changed:
		return "The order was changed after " + by + " approved it: the signature does not fit the order as it is now. " + by + " must look at it and sign it again (chartseal approve)."
	case AnotherSign:
		return "The order is signed with another key than that of " + by + ", who is written as the approver. Correct approved.by, and have that person sign the order (chartseal approve)."
	}
	return "The approval by " + by + " is not signed. Sign the order (chartseal approve), and drop it together with its signature."
}

func wantsDifferent(f *Facts) bool { return f.Different }

// checkDifferent keeps one person from both preparing and approving.
func checkDifferent(o *Order, f *Facts) []finding {
	switch by := o.Prepared.By; {
	case blank(by) || o.Prepared.On.IsZero():
		return say("Write who prepared this order and when (prepared.by, prepared.on). In this practice another person must approve it.")
	case o.Prepared.On.After(f.Today):
		return say("The order was prepared on %s, which is in the future. Correct the day (prepared.on).", o.Prepared.On.Words())
	case samePhrase(by, o.Approved.By), SameName(by, o.Approved.By):
		return say("%s prepared this order and approved it. In this practice another person must approve it.", by)
	}
	return nil
}

func checkDecisions(o *Order, f *Facts) []finding {
	var found []finding
	for _, d := range o.Decisions {
		switch {
		case !isRule(d.Rule):
			found = append(found, say("A decision names the rule '%s', which does not exist. Copy the rule from WHY-HELD.txt.", d.Rule)...)
		case !f.isApprover(d.By):
			found = append(found, say("The decision on %s is by '%s', who may not approve. One of these must decide: %s.", d.Rule, d.By, f.approvers())...)
		case d.Decision == ReleaseItem && f.neverReleases(d.Rule):
			found = append(found, say("A decision releases what %s holds, which nobody may release. Leave it out (decision: leave_out), or remove the decision.", d.Rule)...)
		case d.On.After(f.Today):
			found = append(found, say("The decision on %s is dated %s, which is in the future. Correct the day.", d.Rule, d.On.Words())...)
		case d.On.Before(o.Received) && !o.Received.After(f.Today):
			found = append(found, say("The decision on %s is dated %s, before the request arrived on %s. It must be made about this order: correct the day, or decide anew.", d.Rule, d.On.Words(), o.Received.Words())...)
		}
	}
	return found
}

func isRule(id string) bool {
	return slices.ContainsFunc(rules, func(r Rule) bool { return r.ID == id })
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }
