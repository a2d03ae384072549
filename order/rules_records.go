package order

import (
	"slices"
	"strconv"
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

func checkComplete(o *Order, f *Facts) []finding {
	var found []finding
	for _, s := range f.Unreadable {
		what := strconv.Itoa(s.Unread) + " of " + strconv.Itoa(s.Total) + " " + kindWords(s.Kind) + " could not be read."
		if o.Basis.OwnRequest() {
			what += " The patient is entitled to a complete copy; fix or approve with a reason."
		} else {
			what += " Fix them, or approve with a reason what is left out."
		}
		found = append(found, finding{message: what, items: s.Items})
	}
	return found
}

func checkPatient(_ *Order, f *Facts) []finding {
	var found []finding
	if n := len(f.OtherPatient); n > 0 {
		found = append(found, finding{
			message: files(n, "says", "say") + " another patient's name. Nothing was sent. Move what belongs to someone else, or leave it out by a decision on R35; it can never be released with this order.",
			items:   f.OtherPatient, only: LeaveOut,
		})
	}
	if n := len(f.Unclear); n > 0 {
		found = append(found, finding{
			message: files(n, "does", "do") + " not say well enough whose they are. Nothing was sent. Correct the name, number or birth date and export again; or look at what it shows, and release it or leave it out by a decision on R35.",
			items:   f.Unclear,
		})
	}
	return found
}

func files(n int, one, many string) string {
	if n == 1 {
		return "1 file " + one
	}
	return strconv.Itoa(n) + " files " + many
}

// The categories with rules of their own.
const (
	psychotherapyNotes = "psychotherapy_notes"
	substanceUse       = SubstanceUse
	facialPhoto        = "facial_photo"
)

// met collects the files in which a category was found, and whether the order or
// the gathered files speak of it at all.
func met(o *Order, f *Facts, category string) (items []string, named, found bool) {
	for _, c := range f.CategoriesFound {
		if c.Name == category {
			items, found = append(items, c.Items...), true
		}
	}
	return items, slices.Contains(o.Sensitive, category), found
}

func checkPsychotherapy(o *Order, f *Facts) []finding {
	items, named, found := met(o, f, psychotherapyNotes)
	if !named && !found {
		return nil
	}
	if standsAlone(o) {
		return nil
	}
	return []finding{{message: "Psychotherapy notes need their own signed form, for these notes alone. Get one, or leave the notes out.", items: items}}
}

func checkPart2(o *Order, f *Facts) []finding {
	items, named, found := met(o, f, substanceUse)
	named = named || o.Part2Consent != nil // what it lets go is not known any more at the upload
	if !named && !found || ownCopy(o, f) {
		return nil
	}
	missing := lackingConsent(o, f)
	if len(missing) == 0 {
		return nil
	}
	out := finding{items: items, message: "These records need the special substance-use consent and notice; a general authorization is not enough. Missing or not valid: " + strings.Join(missing, ", ") + "."}
	if named {
		out.outcome, out.items = Refuse, nil
	}
	return []finding{out}
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
	}{
		{"patient", SameName(c.Patient, o.Patient.Name)},
		{"from", !blank(c.From)},
		{"description", !blank(c.Description)},
		{"to", f.Recipient.consented(c.To)},
		{"purpose", !blank(c.Purpose)},
		{"revoke", c.Revoke},
		{"expires_on", c.ExpiresOn.IsZero() && !blank(c.ExpiresEvent) || !c.ExpiresOn.IsZero() && !c.ExpiresOn.Before(f.Today)},
		{"signer", !blank(c.Signer)},
		{"signed_on", !c.SignedOn.IsZero() && !c.SignedOn.After(f.Today)},
		{"consent_copy", !blank(c.ConsentCopy)},
	} {
		if !e.present {
			missing = append(missing, "part2_consent."+e.field)
		}
	}
	if w := f.withdrawn(o.Patient.ID, c.SignedOn); w != nil { // 42 CFR 2.31(a)(6): it can be revoked
		missing = append(missing, "the patient withdrew it on "+w.On.Words())
	}
	return missing
}

// categoryWords names a category at the beginning of a sentence.
func categoryWords(category string) string {
	names := map[string]string{
		"hiv_sti": "HIV or STI information", "genetic": "Genetic information", "reproductive": "Reproductive health information",
		"domestic_violence": "Information on domestic violence", "sedation": "A sedation or anesthesia record", "facial_photo": "A photograph of the face",
	}
	if name, known := names[category]; known {
		return name
	}
	return "Material of the category '" + strings.ReplaceAll(category, "_", " ") + "'"
}

func checkSensitive(o *Order, f *Facts) []finding {
	if ownCopy(o, f) {
		return nil
	}
	found := checkFaces(o)
	for _, c := range f.CategoriesFound {
		if c.Name == psychotherapyNotes || c.Name == substanceUse || permitted(o, c.Name) {
			continue
		}
		found = append(found, finding{
			message: categoryWords(c.Name) + " is in the folder and is not named on the form. If the permission covers it, write '" + c.Name + "' under " + sensitiveField(o) + "; otherwise let an approver decide (decisions on R20).",
			items:   c.Items,
		})
	}
	return found
}

// sensitiveField is where an order says which categories the permission names.
func sensitiveField(o *Order) string {
	if o.Basis == Authorized {
		return "authorization.sensitive"
	}
	return "sensitive"
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

func checkDeidentified(o *Order, f *Facts) []finding {
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
	if len(f.Identifying) > 0 {
		found = append(found, finding{message: files(len(f.Identifying), "can", "can") + " show who the patient is (text in the image, a face, a serial number). Leave them out, or let an approver who looked at each decide.", items: f.Identifying})
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
	if !f.Recipient.IsZero() && !samePhrase(a.With, f.Recipient.Name) {
		found = append(found, say("The data use agreement is with %s; the order sends to %s. Correct the recipient.", a.With, f.Recipient.Name)...)
	}
	if !slices.Contains(limitedPurposes, a.Purpose) {
		found = append(found, say("A limited data set is only for %s (agreement.purpose).", strings.Join(limitedPurposes, ", "))...)
	}
	return found
}
