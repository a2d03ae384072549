package order

import (
	"slices"
	"strconv"
)

func checkUnlock(o *Order, f *Facts) []finding {
	if !o.Delivery.Bundled() {
		return nil
	}
	classes := map[keyClass]bool{}
	for _, k := range f.Recipient.Keys {
		classes[classOf(k)] = true
	}
	switch {
	case classes[unknownKey]:
		return say("No way to unlock was chosen: a key of %s cannot be read. Correct it in the recipient book, or remove its keys to have a passphrase made.", f.Recipient.Name)
	case classes[classicKey] && classes[hybridKey]:
		return say("No way to unlock was chosen: the keys of %s cannot be used together. Keep only the post-quantum keys (age1pq1...) or only the others.", f.Recipient.Name)
	}
	return nil
}

func checkUnencrypted(o *Order, f *Facts) []finding {
	u := o.Unencrypted
	switch {
	case u == nil:
		return nil
	case o.Basis != PatientAccess:
		return say("Only a patient can ask for an unencrypted copy of the own records. Remove 'unencrypted', or let an approver decide (a decision on R30).")
	case blank(u.WarnedBy) || u.WarnedOn.IsZero() || u.WarnedOn.After(f.Today):
		return say("Record that the patient was warned: who said that others could read an unencrypted copy, and on what day (unencrypted.warned_by, warned_on).")
	case o.Delivery.Bundled():
		return say("chartseal sends nothing unencrypted. Use delivery: mail or inspect to record a copy that staff hand over, or remove 'unencrypted'.")
	}
	return nil
}

func checkLedger(_ *Order, f *Facts) []finding {
	if !f.LedgerBroken {
		return nil
	}
	return say("The record book was changed outside the program, or is an older copy, so nothing is sent. Call IT.")
}

func checkStorage(o *Order, f *Facts) []finding {
	if o.Delivery != ByLink || f.StorageOwn || !f.BAAOn.IsZero() {
		return nil
	}
	return say("No business associate agreement is recorded for the storage provider. Ask for one, and write its day into chartseal.yaml (store.baa_on).")
}

func checkRestrictions(o *Order, f *Facts) []finding {
	asked := f.Restrictions.of(o.Patient.ID)
	var found []finding
	if o.Decision == Release && slices.ContainsFunc(asked.NotTo, f.means) {
		found = of("recipient", say("The patient asked that %s not get these records. Ask the privacy officer; an approver can decide (a decision on R33).", f.Recipient.Name))
	}
	if f.Recipient.Kind.relation() == Self && (o.Delivery != Inspect || o.Decision != Release) { // letters go to that address too
		found = append(found, of("address", checkWay(asked.ContactOnly, f.Recipient))...)
	}
	return found
}

// checkWay keeps to the one way a patient wants to be reached by; why is not asked.
func checkWay(only Way, to Recipient) []finding {
	switch {
	case only.Email != "" && !sameMail(only.Email, to.Email):
		return say("The patient asked to be reached only at another e-mail address. Use the one on file, or let an approver decide (a decision on R33).")
	case only.Address != "" && (to.Address != "" && !samePlace(only.Address, to.Address) || to.Address == "" && to.Email != "" && only.Email == ""):
		return say("The patient asked to be reached only at another address. Use the one on file, or let an approver decide (a decision on R33).")
	}
	return nil
}

func checkRepeated(o *Order, f *Facts) []finding {
	switch {
	case f.Stage == AtRelink:
		return nil
	case !f.LostUntil.IsZero() && !o.Approved.On.After(f.LostUntil):
		return say("This order may have been sent already: it was approved on %s, and the record book lacks what was sent until %s, for an older copy of it was brought back. Look for its receipt or letters where answered orders are put away, or ask the recipient. If it was sent, delete this order; if it was not, let an approver decide (a decision on R34).", o.Approved.On.Words(), f.LostUntil.Words())
	case f.Similar == nil:
		return nil
	}
	return say("This looks like the order %s sent on %s. Send again? If so, let an approver decide (a decision on R34).", f.Similar.Order, f.Similar.On.Words())
}

// checkBrake stops what is more than the practice ever sends: a thief with an
// approver's name, or a script gone wild, gets no further than that.
func checkBrake(o *Order, f *Facts) []finding {
	if !o.Delivery.Bundled() {
		return nil // staff carry it out, and nothing leaves from here
	}
	var found []finding
	for _, e := range f.Brake {
		who := ""
		switch e.Of {
		case "recipient":
			who = " to this recipient"
		case "approver":
			who = " approved by this person"
		}
		found = append(found, say("In the last 24 hours %s%s went out, and the practice allows no more (brake.per_%s). IT was told. Make sure that all was meant; then an approver can let this one go (a decision on B1), or drop the order again tomorrow.", releases(e.Limit), who, e.Of)...)
	}
	return found
}

func releases(n int) string {
	if n == 1 {
		return "1 release"
	}
	return strconv.Itoa(n) + " releases"
}
