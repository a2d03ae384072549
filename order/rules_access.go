package order

import (
	"slices"
	"strconv"
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
	case !e.Until.After(first):
		return sayAs(Refuse, "The first 30 days last until %s by themselves, and only one extension is allowed. Answer by then without one, or correct extension.until.", first.Words())
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

// FeeKinds is what a patient's copy may be charged for (45 CFR 164.524(c)(4)): supplies
// for paper or for a drive (ii), postage for what is mailed (iii), and nothing for a
// look at the records. A flat fee stands for all of it, of an electronic copy (HHS
// guidance on access, "Individuals' Right under HIPAA to Access their Health
// Information", fees).
func FeeKinds() []string { return []string{"labor", "supplies", "postage", "summary", flatFee} }

const (
	flatFee       = "flat"
	maxFlat Money = 650 // cents, in the same guidance
)

func checkFee(o *Order, f *Facts) []finding {
	if !o.Basis.OwnRequest() || o.Fee == nil {
		return nil
	}
	if o.Basis != PatientAccess { // the federal limit is for the patient's own copy (Ciox v. Azar)
		if slices.ContainsFunc(o.Fee.Lines, func(l FeeLine) bool { return o.Fee.freeIn(f.State, l) }) {
			return say(freeForBenefits)
		}
		return nil
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
	case fee.freeIn(f.State, l):
		message = freeForBenefits
	case holdsPhrase(l.Kind, "search") || holdsPhrase(l.Kind, "retrieval"):
		message = "Searching for the chart cannot be charged to a patient. Remove the line '" + l.Kind + "' (" + l.Amount.String() + ")."
	case !slices.Contains(FeeKinds(), l.Kind):
		message = "'" + l.Kind + "' (" + l.Amount.String() + ") cannot be charged to a patient. Only labor for copying, supplies, postage and an agreed summary can."
	case l.Kind == flatFee && (l.Amount > maxFlat || len(fee.Lines) > 1 || !o.Delivery.Bundled()):
		message = "A flat fee is for an electronic copy, at most " + maxFlat.String() + ", and stands for everything that is charged. Correct the amount, or charge what the copy really cost (labor, supplies, postage)."
	case l.Kind == "summary" && !l.Agreed:
		message = "A summary can be charged only if the patient agreed to it and its price beforehand (agreed: true)."
	case o.Delivery == Inspect && l.Kind != "summary":
		message = "Looking at the records cannot be charged to a patient, only a copy of them. Remove the line '" + l.Kind + "' (" + l.Amount.String() + ")."
	case o.Delivery == ByLink && (l.Kind == "postage" || l.Kind == "supplies"):
		message = "'" + l.Kind + "' (" + l.Amount.String() + ") is charged for paper, a drive or the post, and this copy goes by a link. Remove the line, or correct the delivery."
	default:
		return nil
	}
	return []finding{{message: message, items: []string{l.Kind}}}
}

const freeForBenefits = "New York allows no charge for a copy that supports a claim for government benefits. Remove the fee."

// freeIn says that a state allows no charge for a line (New York Public Health Law
// § 18(2)(e), which is for every copy that a patient asks for).
func (f *Fee) freeIn(state string, l FeeLine) bool {
	return f.BenefitClaim && state == "NY" && l.Amount > 0
}

// unpaidWords give away a bill as the reason for keeping records back.
var unpaidWords = []string{
	"unpaid", "not paid", "hasnt paid", "havent paid", "did not pay", "didnt pay", "does not pay", "doesnt pay", "refuses to pay", "refused to pay",
	"until paid", "until payment", "waiting for payment", "awaiting payment", "payment is due", "arrears", "delinquent account", "unsettled account", "unsettled bill", "nonpayment", "non payment", "past due", "overdue bill", "overdue payment", "overdue balance", "balance due",
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
	} else if !f.Recipient.IsZero() && !sameParty(d.Recipient, f.Recipient.Name) {
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
	return of("name", sayAs(Hold, "%s is written down as the patient, who is %s. Correct requester.name or requester.relation, or let an approver who knows that they are one person decide (a decision on R22).", o.Requester.Name, o.Patient.Name))
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
		return of("age", sayAs(Hold, "The patient is over 12. In New York ask whether the patient objects, and write requester.minor_asked: true; or let an approver decide (a decision on R22)."))
	case !acts && age < ofAge && o.Basis == Authorized && o.Authorization != nil && o.Authorization.Signer != "":
		return of("age", sayAs(Hold, "The patient is under 18 and signed the form alone. A parent or guardian usually does; an approver must decide (a decision on R22)."))
	case !acts && age < ofAge && o.Requester.Relation == Self:
		return of("age", sayAs(Hold, "The patient is under 18 and asks alone. A parent or guardian usually does; an approver must decide (a decision on R22)."))
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
