package order

import (
	"slices"
	"strings"
)

// wideYears is for how many years records are seldom needed for a claim.
const wideYears = 3

// checkMinimum asks for kinds and days, and does not take for a choice what leaves
// nothing out.
func checkMinimum(o *Order, _ *Facts) []finding {
	if o.Basis != Payment && o.Basis != Operations {
		return nil
	}
	var found []finding
	switch {
	case o.Records.All() || len(o.Records.Kinds) == 0:
		found = say("For an insurer choose only the items they need: list the kinds instead of 'all' (records.kinds).")
	case !slices.ContainsFunc(StandardKinds(), func(k string) bool { return !slices.Contains(o.Records.Kinds, k) }):
		found = say("For an insurer choose only the items they need: the order lists every kind, which is the same as 'all' (records.kinds).")
	}
	switch from, to := o.Records.From, o.Records.To; {
	case o.Records.onlyItems(): // files by name are narrower than days
	case from.IsZero() || to.IsZero():
		found = append(found, say("For an insurer choose only the days they need: fill in records.from and records.to, or name the files (records.items).")...)
	case !from.After(o.Patient.BirthDate):
		found = append(found, say("For an insurer choose only the days they need: the order asks for everything since the patient was born (records.from).")...)
	case from.AgeOn(to) >= wideYears:
		found = append(found, sayAs(Warn, "The order asks for the records of more than %d years. Make sure that the insurer needs them all, or choose fewer days.", wideYears)...)
	}
	return found
}

// atGathering is the check of a rule that only the records themselves can fail:
// packager/gather and packager say what they find under its id.
func atGathering(*Order, *Facts) []finding { return nil }

// The categories with rules of their own.
const (
	psychotherapyNotes = "psychotherapy_notes"
	substanceUse       = SubstanceUse
	facialPhoto        = "facial_photo"
)

func checkPsychotherapy(o *Order, _ *Facts) []finding {
	if !slices.Contains(o.Sensitive, psychotherapyNotes) || standsAlone(o) {
		return nil
	}
	return say("Psychotherapy notes need their own signed form, for these notes alone. Get one, or leave the notes out: take 'psychotherapy_notes' off the order (sensitive).")
}

func checkPart2(o *Order, f *Facts) []finding {
	if !HasPart2(o) || ownCopy(o, f) { // a consent counts too: what it lets go is not known any more at the upload
		return nil
	}
	missing := lackingConsent(o, f)
	if len(missing) == 0 {
		return nil
	}
	return sayAs(Refuse, "These records need the special substance-use consent and notice; a general authorization is not enough. Get a complete consent, or leave the records out. Missing or not valid: %s.", strings.Join(missing, ", "))
}

// lackingConsent lists the elements of 42 CFR 2.31(a) that the consent lacks.
func lackingConsent(o *Order, f *Facts) []string {
	c := o.Part2Consent
	if c == nil {
		return []string{"part2_consent"}
	}
	var missing []string
	for _, e := range []struct {
		field   string
		present bool
		must    string
	}{
		{"patient", SameName(c.Patient, o.Patient.Name), " (it must be this patient)"},
		{"from", mayDisclose(c.From, f.Practice), " (it must let this practice disclose)"},
		{"description", !blank(c.Description), ""},
		{"to", f.Recipient.consented(c.To), " (it must name the recipient)"},
		{"purpose", !blank(c.Purpose), ""},
		{"revoke", c.Revoke, " (the consent must say it)"},
		{"redisclosure", c.Redisclosure || !slices.Contains([]Basis{Treatment, Payment, Operations}, o.Basis), " (the consent must say that the records may be passed on as HIPAA allows, but not for proceedings against the patient)"},
		{"expires_on", c.ExpiresOn.IsZero() && !blank(c.ExpiresEvent) || !c.ExpiresOn.IsZero() && !c.ExpiresOn.Before(f.Today), " (a day that has not passed, or part2_consent.expires_event)"},
		{"signer", signsConsent(o, f), " (the patient, or who may act for the patient: requester.authority)"},
		{"signed_on", !c.SignedOn.IsZero() && !c.SignedOn.After(f.Today), ""},
		{"consent_copy", !blank(c.ConsentCopy), " (where it is filed)"},
	} {
		if !e.present {
			missing = append(missing, "part2_consent."+e.field+e.must)
		}
	}
	if w := f.withdrawn(o.Patient.ID, c.SignedOn); w != nil { // 42 CFR 2.31(a)(6): it can be revoked
		missing = append(missing, "the patient withdrew it on "+w.On.Words())
	}
	return missing
}

// mayDisclose says that a form or a consent lets the practice disclose: by name, also
// by the beginning of it, or as one of a class of persons (45 CFR 164.508(c)(1)(ii); 42
// CFR 2.31(a)(2)).
func mayDisclose(from, practice string) bool {
	if holdsPhrase(from, practice) || sameParty(from, practice) || phrase(from) != "" && strings.HasPrefix(phrase(practice)+" ", phrase(from)+" ") {
		return true
	}
	classes := []string{ // with a word before them that no firm's name has
		"my treating providers", "any treating provider", "all treating providers", "my providers", "any provider", "all providers",
		"my health care providers", "any health care provider", "all health care providers", "my dentist", "my dentists", "any dentist", "all dentists",
	}
	return slices.ContainsFunc(classes, func(words string) bool { return holdsPhrase(from, words) })
}

// signsConsent says that the patient signed the consent, or somebody of whom the order
// says what gives the right to act for the patient (42 CFR 2.31(a)(8), 2.14, 2.15).
func signsConsent(o *Order, f *Facts) bool {
	signer := o.Part2Consent.Signer
	acts := func(name string, authority Authority) bool {
		grown := o.Patient.BirthDate.AgeOn(f.Today) >= ofAge
		return authority != "" && (authority != Parent || !grown) && SameName(signer, name)
	}
	switch a := o.Authorization; {
	case SameName(signer, o.Patient.Name):
		return true
	case o.Requester.Relation == Representative && acts(o.Requester.Name, o.Requester.Authority):
		return true
	default:
		return a != nil && acts(a.Signer, a.RepresentativeAuthority)
	}
}

// checkSensitive speaks of faces alone; categories are found by gathering, which asks
// [Includes].
func checkSensitive(o *Order, f *Facts) []finding {
	if ownCopy(o, f) {
		return nil
	}
	return checkFaces(o)
}

// faceless are the releases that seldom need a face: all but those to a treating
// provider and those the patient asked for.
var faceless = []Basis{Payment, Operations, Authorized, ByLegal, LimitedSet, Deidentified}

// checkFaces flags what shows a face: photographs, which payment and operations get
// only if the order names them, and the surface of a CBCT volume.
func checkFaces(o *Order) []finding {
	if !slices.Contains(faceless, o.Basis) || permitted(o, facialPhoto) {
		return nil
	}
	var found []finding
	if (o.Basis == Payment || o.Basis == Operations) && slices.Contains(o.Records.Kinds, "photo") {
		found = append(found, finding{
			message: "Photographs can show the patient's face, and are sent for payment and operations only if the order says so. If they are needed, write 'facial_photo' under sensitive, or let an approver decide (a decision on R20); otherwise take 'photo' out of records.kinds.",
			items:   []string{"photo"}, only: ReleaseItem,
		})
	}
	if slices.Contains(o.Records.Kinds, "cbct") {
		found = append(found, finding{
			outcome: Warn,
			message: "A CBCT volume can be turned into a picture of the patient's face. Make sure that the recipient needs it.",
		})
	}
	return found
}

func checkLegal(o *Order, f *Facts) []finding {
	if o.Basis != ByLegal {
		return nil
	}
	l := o.LegalProcess
	if l == nil {
		return sayAs(Refuse, "Write what was served: 'legal_process' with kind, document and what it asks for.")
	}
	var found []finding
	if blank(l.Document) {
		found = sayAs(Refuse, "Write where the court order, subpoena or demand is filed (legal_process.document).")
	}
	if l.Kind == Subpoena && (l.Assurance == "" || blank(l.AssuranceDocument)) {
		found = append(found, sayAs(Refuse, "A subpoena needs proof that the patient was told or a protective order was asked for (legal_process.assurance and assurance_document).")...)
	}
	found = append(found, checkDemand(o, l)...)
	switch {
	case l.Kind == OtherProcess:
		found = append(found, say("A demand that is neither a court order nor a subpoena has no standard rule; a lawyer's letter alone is not enough. The privacy officer must decide (a decision on R23).")...)
	case !f.isApprover(l.Approver):
		found = append(found, say("A legal demand is answered only by a named person's decision. One of these must be named (legal_process.approver, or a decision on R23): %s.", f.approvers())...)
	}
	return found
}

// checkDemand keeps a release within the words of the document.
func checkDemand(o *Order, l *LegalProcess) []finding {
	if len(l.Scope.Kinds) == 0 {
		return sayAs(Refuse, "Write what the document expressly asks for (legal_process.scope).")
	}
	found := outside(o.Records.Scope(), l.Scope, "the document does not")
	for i := range found {
		found[i].outcome = Refuse
	}
	return found
}

// freeText are the kinds whose files hold text that no one can promise to be free
// of names, and faces.
var freeText = []string{"chart", "treatment_plan", "consent", "billing", "lab", "implant"}

func checkDeidentified(o *Order, _ *Facts) []finding {
	if o.Basis != Deidentified {
		return nil
	}
	var found []finding
	for _, k := range o.Records.Kinds {
		switch {
		case k == "photo":
			found = append(found, finding{message: "A photograph of a face cannot go in a de-identified set. Take 'photo' out of records.kinds, or let an approver who saw the photographs decide.", items: []string{k}, only: ReleaseItem})
		case slices.Contains(freeText, k):
			found = append(found, finding{message: "The text of " + kindWords(k) + " can hold names and dates, and cannot go in a de-identified set. Take '" + k + "' out of records.kinds, or let an approver who read them decide.", items: []string{k}, only: ReleaseItem})
		}
	}
	return found
}

// checkExpert asks for the determination without which a de-identified set may
// tell no dates but years (45 CFR 164.514(b)(2)(i)(C)).
func checkExpert(o *Order, f *Facts) []finding {
	if f.DatesKept == "" {
		return nil
	}
	d := o.Deidentification
	switch {
	case d == nil || blank(d.Expert) || d.On.IsZero() || blank(d.Document):
		return say("The practice's settings leave dates in de-identified sets (dicom.dates: %s), which an expert must have allowed. Write who determined it, when, and where that is filed (deidentification.expert, on, document), or set dicom.dates: remove.", f.DatesKept)
	case d.On.After(f.Today):
		return say("The expert's determination is dated %s, which is in the future. Correct the day (deidentification.on).", d.On.Words())
	}
	return nil
}

// limitedPurposes are what a limited data set may be for (45 CFR 164.514(e)(3)(i)).
var limitedPurposes = []string{"research", "public_health", "operations"}

func checkLimited(o *Order, f *Facts) []finding {
	if o.Basis != LimitedSet {
		return nil
	}
	a := o.Agreement
	if a == nil || blank(a.Reference) || blank(a.With) || a.SignedOn.IsZero() {
		return say("A limited data set needs a data use agreement. Write where it is filed, with whom it is and when it was signed (agreement).")
	}
	var found []finding
	switch {
	case a.SignedOn.After(f.Today):
		found = say("The data use agreement is dated %s, which is in the future. Correct the day (agreement.signed_on).", a.SignedOn.Words())
	case !a.ExpiresOn.IsZero() && a.ExpiresOn.Before(f.Today):
		found = say("The data use agreement ended on %s. Get a new one.", a.ExpiresOn.Words())
	}
	if !f.Recipient.IsZero() && !sameParty(a.With, f.Recipient.Name) {
		found = append(found, say("The data use agreement is with %s; the order sends to %s. Correct the recipient.", a.With, f.Recipient.Name)...)
	}
	if !slices.Contains(limitedPurposes, a.Purpose) {
		found = append(found, say("A limited data set is only for %s (agreement.purpose).", strings.Join(limitedPurposes, ", "))...)
	}
	return found
}
