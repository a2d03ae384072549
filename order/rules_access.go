package order

import (
	"slices"
	"strconv"
	"strings"
)

// WarnDays is how long before a deadline an order says so, unless the practice
// wants to know at another time.
const WarnDays = 10

func (f *Facts) warnDays() int {
	if f.WarnDays > 0 {
		return f.WarnDays
	}
	return WarnDays
}

// Timed says that the law sets a time for the answer: a patient's own request, and
// what is denied or extended.
func Timed(o *Order) bool { return o.Decision != Release || o.Basis.OwnRequest() }

func checkDeadline(o *Order, f *Facts) []finding {
	if o.Received.After(f.Today) {
		return sayAs(Refuse, "The request is dated %s, which is in the future. Correct the day (received).", o.Received.Words())
	}
	if o.Decision == Extend {
		return checkExtension(o, f)
	}
	if !Timed(o) || f.Stage == AtRelink {
		return nil
	}
	due := f.Times.Due(o, f.State, f.ExtendedTo)
	switch left := due.DaysLeft(f.Today); {
	case left < 0 && f.Stage == AtUpload:
		return say("This request was due on %s and is answered %s late.", due.Due.Words(), days(-left))
	case f.Stage == AtUpload: // in time
	case left < 0:
		return say("This request was due on %s, %s ago. Answer it today.", due.Due.Words(), days(-left))
	case left <= f.warnDays():
		return say("Due %s (%s left).", due.Due.Words(), days(left))
	}
	return nil
}

func days(n int) string {
	if n == 1 {
		return "1 day"
	}
	return strconv.Itoa(n) + " days"
}

func checkExtension(o *Order, f *Facts) []finding {
	e := o.Extension
	if e == nil {
		return nil
	}
	first, last := o.Received.AddDays(AccessDays), o.Received.AddDays(2*AccessDays)
	switch {
	case f.Extended:
		return sayAs(Refuse, "Only one extension is allowed, and the patient was told of one already. Answer the request now.")
	case blank(e.Reason) || e.Until.IsZero():
		return sayAs(Refuse, "An extension needs a reason that the patient is told (extension.reason) and the day by which the records come (extension.until).")
	case f.Today.After(first):
		return sayAs(Refuse, "The first 30 days ended on %s; an extension had to be told before. Answer the request now.", first.Words())
	case e.Until.After(last):
		return sayAs(Refuse, "An extension is at most 30 days: until %s at the latest. Correct extension.until.", last.Words())
	case !e.Until.After(f.Today):
		return sayAs(Refuse, "The extension ends on %s, which is not in the future. Correct extension.until.", e.Until.Words())
	}
	return nil
}

func checkStateDeadline(o *Order, f *Facts) []finding {
	due := f.Times.Due(o, f.State, f.ExtendedTo)
	if !Timed(o) || f.Stage != AtIntake || due.State.IsZero() || !due.State.Before(due.Federal) || due.DaysLeft(f.Today) > f.warnDays() {
		return nil
	}
	return say("%s: due %s.", due.Law, due.State.Words())
}

// FeeKinds is what a patient's copy may be charged for (45 CFR 164.524(c)(4)). A flat
// fee stands for all of it, of an electronic copy (HHS guidance on access, "Individuals'
// Right under HIPAA to Access their Health Information", fees).
func FeeKinds() []string { return []string{"labor", "supplies", "postage", "summary", flatFee} }

const (
	flatFee       = "flat"
	maxFlat Money = 650 // cents, in the same guidance
)

func checkFee(o *Order, f *Facts) []finding {
	if o.Basis != PatientAccess || o.Fee == nil {
		return nil // the limit is for the patient's own copy (Ciox v. Azar)
	}
	var found []finding
	if o.Fee.PaidFirst {
		found = say("The records cannot wait for the fee. Remove fee.paid_first and send them.")
	}
	for _, l := range o.Fee.Lines {
		found = append(found, checkFeeLine(l, o, f)...)
	}
	return found
}

func checkFeeLine(l FeeLine, o *Order, f *Facts) []finding {
	message, fee := "", o.Fee
	switch {
	case fee.BenefitClaim && f.State == "NY" && l.Amount > 0:
		message = "New York allows no charge for a copy that supports a claim for government benefits. Remove the fee."
	case holdsPhrase(l.Kind, "search") || holdsPhrase(l.Kind, "retrieval"):
		message = "Searching for the chart cannot be charged to a patient. Remove the line '" + l.Kind + "' (" + l.Amount.String() + ")."
	case !slices.Contains(FeeKinds(), l.Kind):
		message = "'" + l.Kind + "' (" + l.Amount.String() + ") cannot be charged to a patient. Only labor for copying, supplies, postage and an agreed summary can."
	case l.Kind == flatFee && (l.Amount > maxFlat || len(fee.Lines) > 1 || !o.Delivery.Bundled()):
		message = "A flat fee is for an electronic copy, at most " + maxFlat.String() + ", and stands for everything that is charged. Correct the amount, or charge what the copy really cost (labor, supplies, postage)."
	case l.Kind == "summary" && !l.Agreed:
		message = "A summary can be charged only if the patient agreed to it and its price beforehand (agreed: true)."
	default:
		return nil
	}
	return []finding{{message: message, items: []string{l.Kind}}}
}

// unpaidWords give away a bill as the reason for keeping records back.
var unpaidWords = []string{
	"unpaid", "not paid", "nonpayment", "non payment", "past due", "overdue bill", "overdue payment", "overdue balance", "balance due",
	"outstanding balance", "outstanding bill", "open balance", "account balance", "owes", "owed", "owing", "debt", "in collections", "inability to pay",
}

func checkUnpaid(o *Order, _ *Facts) []finding {
	var texts []string
	if d := o.Denial; d != nil {
		texts = append(texts, d.Ground, d.Part, d.Explanation)
	}
	if e := o.Extension; e != nil {
		texts = append(texts, e.Reason)
	}
	for _, d := range o.Decisions {
		if d.Decision == LeaveOut {
			texts = append(texts, d.Reason)
		}
	}
	for _, t := range texts {
		for _, w := range unpaidWords {
			if holdsPhrase(t, w) {
				return say("An unpaid bill is not a reason to keep records back. Remove it, and send what the patient asked for.")
			}
		}
	}
	return nil
}

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
	return append(found, checkPart(o, d)...)
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
		return nil
	case o.Records.All():
		return sayAs(Hold, "A part is denied (%s), and the order asks for all records, so that the part would go with them. Name what is denied under denial.kinds or denial.files, list the rest under records.kinds, or let an approver who made sure that the part is not among the records decide (a decision on R17).", d.Part)
	}
	return sayAs(Warn, "The part that is denied (%s) is described in words only, so the program cannot keep it back: every record of the kinds asked for goes. Make sure that the part is not among them, or name its files under denial.files.", d.Part)
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

func checkDirective(o *Order, f *Facts) []finding {
	if o.Basis != ByDirective {
		return nil
	}
	d := o.Directive
	if d == nil {
		return say("Write what the patient signed: 'directive' with signed, recipient and address.")
	}
	var found []finding
	switch {
	case blank(d.Signed.By) || d.Signed.On.IsZero():
		found = say("A directive must be in writing and signed. Write who signed it and on what day (directive.signed).")
	case d.Signed.On.After(f.Today):
		found = say("The directive is dated %s, which is in the future. Correct the day (directive.signed.on).", d.Signed.On.Words())
	case o.Requester.Relation == Self && !SameName(d.Signed.By, o.Patient.Name):
		found = say("The directive is signed by %s; the patient must sign it.", d.Signed.By)
	case o.Requester.Relation == Representative && !SameName(d.Signed.By, o.Patient.Name) && !SameName(d.Signed.By, o.Requester.Name):
		found = say("The directive is signed by %s, and %s asks for the patient. The patient must sign it, or the one who asks.", d.Signed.By, o.Requester.Name)
	}
	if blank(d.Recipient) || blank(d.Address) {
		found = append(found, say("Write where the patient wants it sent: the person and the address or e-mail (directive.recipient, directive.address).")...)
	} else if !f.Recipient.IsZero() && !samePhrase(d.Recipient, f.Recipient.Name) {
		found = append(found, say("The directive names %s; the order sends to %s. Correct the recipient.", d.Recipient, f.Recipient.Name)...)
	} else if to := f.Recipient; !to.IsZero() && blank(to.Address) && blank(to.Email) {
		found = append(found, sayAs(Warn, "The directive says to send the records to '%s', and no address of %s is written down. Write it on the letter.", d.Address, to.Name)...)
	} else if !to.IsZero() && !to.isAt(d.Address) {
		found = append(found, sayAs(Hold, "The directive says to send the records to '%s', which is not how the address of %s is written. Correct the recipient's address, or let an approver who made sure that it is the same place decide (a decision on R21).", d.Address, to.Name)...)
	}
	if w := f.withdrawn(o.Patient.ID, d.Signed.On); w != nil {
		found = append(found, say("The patient withdrew this directive on %s. Nothing can be sent with it.", w.On.Words())...)
	}
	if !d.EHRCopy {
		found = append(found, sayAs(Warn, "The directive does not ask for an electronic copy from an electronic record (directive.ehr_copy). Beyond that the practice may send the records, but need not.")...)
	}
	return found
}

// ofAge is the age at which a patient alone decides; minorObjects is that from
// which New York lets a minor object ("over the age of twelve"; counted from the
// twelfth birthday, which is the cautious reading).
const (
	ofAge        = 18
	minorObjects = 12
)

func checkRepresentative(o *Order, f *Facts) []finding {
	return append(checkSelf(o), checkActing(o, f)...)
}

// checkSelf compares who is said to be the patient with the patient.
func checkSelf(o *Order) []finding {
	if r := o.Requester; r.Relation != Self || blank(r.Name) || SameName(r.Name, o.Patient.Name) {
		return nil
	}
	return sayAs(Hold, "%s is written down as the patient, who is %s. Correct requester.name or requester.relation, or let an approver who knows that they are one person decide (a decision on R22).", o.Requester.Name, o.Patient.Name)
}

func checkActing(o *Order, f *Facts) []finding {
	age := o.Patient.BirthDate.AgeOn(f.Today)
	authority, acts := actsFor(o)
	switch {
	case o.Basis != "" && !o.Basis.OwnRequest() && o.Basis != Authorized:
		return nil
	case acts && authority == Parent && age >= ofAge:
		return say("The patient is an adult; a parent cannot sign. The patient signs, or someone with a power of attorney or guardianship.")
	case acts && authority == "" && o.Basis != Authorized:
		return say("%s asks for the patient: write what gives them the right (requester.authority: parent, guardian, power_of_attorney).", o.Requester.Name)
	case acts && age >= minorObjects && age < ofAge && f.State == "NY" && !o.Requester.MinorAsked:
		return sayAs(Hold, "The patient is over 12. In New York ask whether the patient objects, and write requester.minor_asked: true; or let an approver decide (a decision on R22).")
	case !acts && age < ofAge && o.Basis == Authorized && o.Authorization != nil && o.Authorization.Signer != "":
		return sayAs(Hold, "The patient is under 18 and signed the form alone. A parent or guardian usually does; an approver must decide (a decision on R22).")
	case !acts && age < ofAge && o.Requester.Relation == Self:
		return sayAs(Hold, "The patient is under 18 and asks alone. A parent or guardian usually does; an approver must decide (a decision on R22).")
	}
	return nil
}

// actsFor says whether someone acts for the patient, and by what authority.
func actsFor(o *Order) (Authority, bool) {
	if a := o.Authorization; o.Basis == Authorized && a != nil {
		return a.RepresentativeAuthority, a.Signer != "" && !SameName(a.Signer, o.Patient.Name)
	}
	return o.Requester.Authority, o.Requester.Relation == Representative
}
