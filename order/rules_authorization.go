package order

import (
	"slices"
	"strings"
)

// authorized asks a check only of releases by the patient's authorization.
func authorized(check func(*Order, *Authorization, *Facts) []finding) func(*Order, *Facts) []finding {
	return func(o *Order, f *Facts) []finding {
		if o.Basis != Authorized || o.Authorization == nil {
			return nil
		}
		return check(o, o.Authorization, f)
	}
}

func checkCoverage(o *Order, a *Authorization, _ *Facts) []finding {
	if blank(a.Description) || len(a.Scope.Kinds) == 0 {
		return say("Write what the signed form lets go: its words (authorization.description) and the kinds (authorization.scope.kinds).")
	}
	return outside(o.Records.Scope(), a.Scope, "the signed form does not")
}

// outside finds what an order asks for beyond what a document allows.
func outside(asked, allowed Scope, doesNot string) []finding {
	var found []finding
	if asked.All() && !allowed.All() {
		found = say("The order asks for all records; %s. List the kinds (records.kinds).", doesNot)
	}
	for _, k := range asked.Kinds {
		if k != AllKinds && !allowed.All() && !slices.Contains(allowed.Kinds, k) {
			found = append(found, finding{message: "The order asks for " + kindWords(k) + "; " + doesNot + ".", items: []string{k}})
		}
	}
	if !allowed.From.IsZero() && (asked.From.IsZero() || asked.From.Before(allowed.From)) {
		found = append(found, say("The order asks for records from before %s; %s. Set records.from.", allowed.From.Words(), doesNot)...)
	}
	if !allowed.To.IsZero() && (asked.To.IsZero() || asked.To.After(allowed.To)) {
		found = append(found, say("The order asks for records from after %s; %s. Set records.to.", allowed.To.Words(), doesNot)...)
	}
	return found
}

// kindWords names a kind of record in the plural.
func kindWords(kind string) string {
	names := map[string]string{
		"chart": "charts", "treatment_plan": "treatment plans", "consent": "consent forms", "billing": "billing records",
		"lab": "lab records", "implant": "implant records", "radiograph": "radiographs", "cbct": "CBCT scans",
		"scan": "intraoral scans", "photo": "photographs", "model": "models",
	}
	if name, known := names[kind]; known {
		return name
	}
	return strings.ReplaceAll(kind, "_", " ") + " records"
}

func checkParties(_ *Order, a *Authorization, f *Facts) []finding {
	var found []finding
	switch {
	case blank(a.From):
		found = say("Write who may disclose according to the signed form (authorization.from).")
	case !mayDisclose(a.From, f.Practice):
		found = say("The form lets %s disclose; this practice is %s. A form that names this practice is needed.", a.From, f.Practice)
	}
	switch to := f.Recipient; {
	case blank(a.To):
		found = append(found, say("Write to whom the signed form lets the records go (authorization.to).")...)
	case !to.IsZero() && !sameParty(a.To, to.Name) && !strings.EqualFold(a.To, to.Key):
		found = append(found, say("The form names %s; the order sends to %s. Correct the recipient, or get a form that names it.", a.To, to.Name)...)
	}
	return found
}

func checkExpiry(_ *Order, a *Authorization, f *Facts) []finding {
	switch {
	case a.ExpiresOn.IsZero() && blank(a.ExpiresEvent):
		return say("Write when the signed form ends: a day (authorization.expires_on) or an event (authorization.expires_event). A form without an end is not complete.")
	case !a.ExpiresOn.IsZero() && a.ExpiresOn.Before(f.Today):
		return say("The authorization ended on %s. Get a new one.", a.ExpiresOn.Words())
	case a.EventReached:
		return say("The authorization ended with its event (%s). Get a new one.", a.ExpiresEvent)
	case !blank(a.ExpiresEvent) && blank(a.EventBy): // also beside a day: whichever comes first
		return say("The authorization ends with an event (%s). Write who made sure that it has not happened yet (authorization.event_by).", a.ExpiresEvent)
	case !blank(a.ExpiresEvent) && f.Stage == AtRelink: // the order is the one that was sent, so nobody could write it down
		return sayAs(Warn, "The authorization ends with an event (%s). %s looked for it when the order was written; make sure that it has not happened since. If it has, revoke the link (chartseal revoke).", a.ExpiresEvent, a.EventBy)
	}
	return nil
}

func checkSignature(o *Order, a *Authorization, f *Facts) []finding {
	switch {
	case blank(a.Signer) || a.SignedOn.IsZero():
		return say("Write who signed the form and on what day (authorization.signer, authorization.signed_on). A form without a signature is not valid.")
	case a.SignedOn.After(f.Today):
		return say("The form is dated %s, which is in the future. Correct the day (authorization.signed_on).", a.SignedOn.Words())
	case a.RepresentativeAuthority == "" && compareNames(a.Signer, o.Patient.Name) == nameMatch{partly, true}: // as before a marriage
		return sayAs(Hold, "%s signed, and the patient is %s. If another person signed, write what gives the right (authorization.representative_authority); if the name changed, let an approver who knows that they are one person decide (a decision on R7).", a.Signer, o.Patient.Name)
	case !SameName(a.Signer, o.Patient.Name) && a.RepresentativeAuthority == "":
		return say("%s signed, not the patient: write what gives them the right (authorization.representative_authority: parent, guardian, power_of_attorney).", a.Signer)
	}
	return nil
}

func checkStatements(_ *Order, a *Authorization, _ *Facts) []finding {
	var lacking []string
	if !a.Statements.Revoke {
		lacking = append(lacking, "the right to withdraw it (authorization.statements.revoke)")
	}
	if !a.Statements.Conditioning {
		lacking = append(lacking, "whether treatment depends on signing (authorization.statements.conditioning)")
	}
	if !a.Statements.Redisclosure {
		lacking = append(lacking, "the records being passed on (authorization.statements.redisclosure)")
	}
	var found []finding
	for _, what := range lacking {
		found = append(found, say("The form lacks the sentence on %s. Use a complete form.", what)...)
	}
	return found
}

func checkWithdrawn(o *Order, a *Authorization, f *Facts) []finding {
	if !a.RevokedOn.IsZero() {
		return say("The patient withdrew this authorization on %s. Nothing can be sent with it.", a.RevokedOn.Words())
	}
	if w := f.withdrawn(o.Patient.ID, a.SignedOn); w != nil {
		return say("The patient withdrew this authorization on %s. Nothing can be sent with it.", w.On.Words())
	}
	return nil
}

// withdrawn finds a withdrawal of what the patient signed on a day.
func (f *Facts) withdrawn(patient string, signed Date) *Withdrawal {
	to := f.Recipient
	for _, to.Key = range append([]string{to.Key}, f.Keys...) {
		if w := f.Restrictions.Withdrawn(patient, to, signed); w != nil {
			return w
		}
	}
	return nil
}

// means says that a word of a list means the recipient, or the same one in the book.
func (f *Facts) means(word string) bool {
	return f.Recipient.names(word) || slices.ContainsFunc(f.Keys, func(key string) bool { return strings.EqualFold(key, word) })
}

// checkKept reminds of the form, which is kept for six years.
func checkKept(_ *Order, a *Authorization, f *Facts) []finding {
	switch {
	case blank(a.Document):
		return say("Write where the signed form is filed (authorization.document). It must be kept for six years.")
	case f.Document == Missing:
		return say("The signed form is not in the practice's folder for documents under the name that authorization.document gives. File it there: it must be kept for six years, and the ledger notes its digest.")
	}
	return nil
}
