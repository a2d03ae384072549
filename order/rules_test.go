package order

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func on(year int, month time.Month, day int) Date { return Date{year, month, day} }

// lakeside is the book of the practice of the test orders.
var lakeside = Book{
	"dr-chen":   {Key: "dr-chen", Name: "Dr. Chen Endodontics", Kind: "provider"},
	"acme-plan": {Key: "acme-plan", Name: "Acme Dental Plan", Kind: "insurer"},
}

// facts are those of a quiet day: nothing stands against the order.
func facts(o *Order) Facts {
	f := Facts{
		Today: on(2026, time.November, 19), Stage: AtIntake,
		Practice: "Lakeside Dental", State: "NY", Approvers: []string{"dr-lee", "dr-okafor"},
		StorageOwn: true,
	}
	f.Recipient, _ = lakeside.Resolve(o.Recipient)
	if o.Recipient.Key != "" && f.Recipient.IsZero() {
		f.Meant = lakeside.Nearest(o.Recipient.Key)
	}
	return f
}

func load(t *testing.T, file string) *Order {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	o, err := Parse(file, data)
	if err != nil {
		t.Fatalf("%s:\n%v", file, err)
	}
	return o
}

func TestValidOrdersPass(t *testing.T) {
	files, err := filepath.Glob("testdata/valid/*.yaml")
	if err != nil || len(files) < 13 {
		t.Fatalf("found %d orders, %v", len(files), err)
	}
	for _, file := range files {
		for _, stage := range []Stage{AtIntake, AtUpload, AtRelink} {
			o := load(t, file)
			f := facts(o)
			f.Stage = stage
			for _, r := range Stopping(Evaluate(o, f)) {
				t.Errorf("%s at %s: %s %s: %s", file, stage, r.Rule, r.Outcome, r.Message)
			}
		}
	}
}

// failing pins what each failing order says, word for word, and that it says
// nothing else.
var failing = []struct {
	file    string
	outcome Outcome
	message string
}{
	{"R1-unchecked", Refuse, "No one is recorded as having checked who is asking. Fill in how the identity was checked, by whom and on what day. Missing: requester.identity.method, requester.identity.by, requester.identity.on."},
	{"R1-future", Refuse, "The check of who is asking is dated 18 December 2026, which is in the future. Correct the day (requester.identity.on)."},
	{"R1-old", Refuse, "Who is asking was checked on 18 January 2026, more than 30 days before the request arrived. Check again and write the new day (requester.identity.on)."},
	{"R2-employer", Refuse, "An employer needs the patient's signed authorization; 'treatment' does not cover it. Use basis: authorization and fill in what the signed form says."},
	{"R2-asker", Refuse, "A lawyer asks for these records, and 'treatment' does not cover that. Get the patient's signed authorization (basis: authorization)."},
	{"R2-insurer-access", Refuse, "Only the patient or a personal representative has the right to the patient's copy. An insurer needs the patient's signed authorization (basis: authorization)."},
	{"R2-access-elsewhere", Refuse, "The patient's own copy goes to the patient or a personal representative. To send it to someone else the patient signs a directive (basis: directive) or an authorization (basis: authorization)."},
	{"R2-own-copy", Refuse, "The basis 'treatment' does not fit records that go to the patient. Use basis: patient_access."},
	{"R2-no-form", Refuse, "The basis is the patient's authorization, and nothing is written about the signed form. Fill in 'authorization'."},
	{"R3-kind", Refuse, "The order asks for CBCT scans; the signed form does not."},
	{"R3-days", Refuse, "The order asks for records from before 1 January 2024; the signed form does not. Set records.from."},
	{"R3-undescribed", Refuse, "Write what the signed form lets go: its words (authorization.description) and the kinds (authorization.scope.kinds)."},
	{"R4-to", Refuse, "The form names Dr. Chen Endodontics; the order sends to Acme Corporation. Correct the recipient, or get a form that names it."},
	{"R4-from", Refuse, "The form lets Hillside Dental disclose; this practice is Lakeside Dental. A form that names this practice is needed."},
	{"R5-order", Refuse, "State the purpose of the release (purpose). If the patient started it, \"at the request of the individual\" is enough."},
	{"R5-form", Refuse, "State the purpose that the signed form names (authorization.purpose). If the patient started it, \"at the request of the individual\" is enough."},
	{"R6-ended", Refuse, "The authorization ended on 3 May 2026. Get a new one."},
	{"R6-endless", Refuse, "Write when the signed form ends: a day (authorization.expires_on) or an event (authorization.expires_event). A form without an end is not complete."},
	{"R6-event", Refuse, "The authorization ended with its event (end of employment). Get a new one."},
	{"R6-event-unchecked", Refuse, "The authorization ends with an event (end of employment). Write who made sure that it has not happened yet (authorization.event_by)."},
	{"R7-unsigned", Refuse, "Write who signed the form and on what day (authorization.signer, authorization.signed_on). A form without a signature is not valid."},
	{"R7-parent", Refuse, "Rosa Alvarez signed, not the patient: write what gives them the right (authorization.representative_authority: parent, guardian, power_of_attorney)."},
	{"R7-future", Refuse, "The form is dated 10 November 2027, which is in the future. Correct the day (authorization.signed_on)."},
	{"R8-redisclosure", Refuse, "The form lacks the sentence on the records being passed on (authorization.statements.redisclosure). Use a complete form."},
	{"R9-withdrawn", Refuse, "The patient withdrew this authorization on 15 November 2026. Nothing can be sent with it."},
	{"R10-all", Refuse, "For an insurer choose only the items they need: list the kinds instead of 'all' (records.kinds)."},
	{"R10-days", Refuse, "For an insurer choose only the days they need: fill in records.from and records.to."},
	{"R12-agency", Hold, "This kind of release ('payment' to an agency) has no standard rule. The privacy officer must approve it: add a decision on R12."},
	{"R13-future", Refuse, "The request is dated 1 December 2026, which is in the future. Correct the day (received)."},
	{"R13-too-long", Refuse, "An extension is at most 30 days: until 17 January 2027 at the latest. Correct extension.until."},
	{"R13-no-reason", Refuse, "An extension needs a reason that the patient is told (extension.reason) and the day by which the records come (extension.until)."},
	{"R15-search", Refuse, "Searching for the chart cannot be charged to a patient. Remove the line 'search' ($25)."},
	{"R15-flat", Refuse, "'handling' ($6.50) cannot be charged to a patient. Only labor for copying, supplies, postage and an agreed summary can."},
	{"R15-first", Refuse, "The records cannot wait for the fee. Remove fee.paid_first and send them."},
	{"R15-summary", Refuse, "A summary can be charged only if the patient agreed to it and its price beforehand (agreed: true)."},
	{"R15-benefit", Refuse, "New York allows no charge for a copy that supports a claim for government benefits. Remove the fee."},
	{"R16-balance", Refuse, "An unpaid bill is not a reason to keep records back. Remove it, and send what the patient asked for."},
	{"R17-ground", Refuse, "'litigation' is no ground for keeping a patient's records back. The grounds are: confidential_source, endangers_life, harms_another, harms_by_representative, inmate, legal_proceedings, not_in_record_set, psychotherapy_notes, research."},
	{"R17-professional", Refuse, "This ground needs a licensed professional's decision and name (denial.professional)."},
	{"R17-same-reviewer", Refuse, "The reviewer must be a licensed professional who took no part in the denial. Dr. Lee made it."},
	{"R17-no-review", Refuse, "The patient can have this ground reviewed. Write who reviews it (denial.reviewer) and how the patient asks for it (denial.review)."},
	{"R17-part", Refuse, "Only a part is denied; the rest must be sent. Use decision: release, and list the rest under records."},
	{"R17-words", Refuse, "Write in plain words what is denied (denial.part; \"all\" for everything) and why (denial.explanation)."},
	{"R17-contact", Refuse, "Write whom the patient can complain to, with a telephone number (denial.contact, or practice.contact in chartseal.yaml)."},
	{"R18-listed", Hold, "Psychotherapy notes need their own signed form, for these notes alone. Get one, or leave the notes out."},
	{"R19-no-consent", Refuse, "These records need the special substance-use consent and notice; a general authorization is not enough. Missing or not valid: part2_consent."},
	{"R19-incomplete", Refuse, "These records need the special substance-use consent and notice; a general authorization is not enough. Missing or not valid: part2_consent.revoke, part2_consent.expires_on."},
	{"R21-address", Refuse, "Write where the patient wants it sent: the person and the address or e-mail (directive.recipient, directive.address)."},
	{"R21-unsigned", Refuse, "A directive must be in writing and signed. Write who signed it and on what day (directive.signed)."},
	{"R21-other-signer", Refuse, "The directive is signed by Rosa Alvarez; the patient must sign it."},
	{"R21-recipient", Refuse, "The directive names Uncle Juan; the order sends to Aunt Rosa Alvarez. Correct the recipient."},
	{"R21-nothing", Refuse, "Write what the patient signed: 'directive' with signed, recipient and address."},
	{"R22-adult", Refuse, "The patient is an adult; a parent cannot sign. The patient signs, or someone with a power of attorney or guardianship."},
	{"R22-no-authority", Refuse, "Elena Alvarez asks for the patient: write what gives them the right (requester.authority: parent, guardian, power_of_attorney)."},
	{"R22-over-12", Hold, "The patient is over 12. In New York ask whether the patient objects, and write requester.minor_asked: true; or let an approver decide (a decision on R22)."},
	{"R22-alone", Hold, "The patient is under 18 and asks alone. A parent or guardian usually does; an approver must decide (a decision on R22)."},
	{"R23-assurance", Refuse, "A subpoena needs proof that the patient was told or a protective order was asked for (legal_process.assurance and assurance_document)."},
	{"R23-document", Refuse, "Write where the court order, subpoena or demand is filed (legal_process.document)."},
	{"R23-approver", Hold, "A legal demand is answered only by a named person's decision. One of these must be named (legal_process.approver, or a decision on R23): dr-lee, dr-okafor."},
	{"R23-other", Hold, "A demand that is neither a court order nor a subpoena has no standard rule; a lawyer's letter alone is not enough. The privacy officer must decide (a decision on R23)."},
	{"R23-beyond", Refuse, "The order asks for photographs; the document does not."},
	{"R23-unscoped", Refuse, "Write what the document expressly asks for (legal_process.scope)."},
	{"R23-nothing", Refuse, "Write what was served: 'legal_process' with kind, document and what it asks for."},
	{"R27-photo", Hold, "A photograph of a face cannot go in a de-identified set. Take 'photo' out of records.kinds, or let an approver who saw the photographs decide."},
	{"R27-chart", Hold, "The text of charts can hold names and dates, and cannot go in a de-identified set. Take 'chart' out of records.kinds, or let an approver who read them decide."},
	{"R28-no-agreement", Refuse, "A limited data set needs a data use agreement. Write where it is filed, with whom it is and when it was signed (agreement)."},
	{"R28-ended", Refuse, "The data use agreement ended on 31 October 2026. Get a new one."},
	{"R28-purpose", Refuse, "A limited data set is only for research, public_health, operations (agreement.purpose)."},
	{"R28-with", Refuse, "The data use agreement is with Other University; the order sends to State University. Correct the recipient."},
	{"R30-warned", Hold, "Record that the patient was warned: who said that others could read an unencrypted copy, and on what day (unencrypted.warned_by, warned_on)."},
	{"R30-other", Hold, "Only a patient can ask for an unencrypted copy of the own records. Remove 'unencrypted', or let an approver decide (a decision on R30)."},
	{"R30-link", Hold, "chartseal sends nothing unencrypted. Use delivery: mail or inspect to record a copy that staff hand over, or remove 'unencrypted'."},
	{"A1-unapproved", Refuse, "No one has approved this order. An approver (dr-lee, dr-okafor) must be written under 'approved', with the day."},
	{"A1-stranger", Refuse, "'j-ortiz' may not approve orders. One of these must: dr-lee, dr-okafor."},
	{"A1-future", Refuse, "The approval is dated 30 November 2026, which is in the future. Correct the day (approved.on)."},
	{"A2-unknown", Refuse, "The recipient 'dr-cheng' is not in the recipient book. Did you mean 'dr-chen'?"},
	{"A3-stranger", Refuse, "The decision on R12 is by 'j-ortiz', who may not approve. One of these must decide: dr-lee, dr-okafor."},
	{"A3-no-rule", Refuse, "A decision names the rule 'R99', which does not exist. Copy the rule from WHY-HELD.txt."},
	{"P1-marketing", Refuse, "The purpose speaks of social media, which needs the patient's signed authorization. Use basis: authorization."},
	{"S1-all", Hold, "The order asks for all records. List the kinds that the treatment needs, or let an approver decide (a decision on S1)."},
	{"S1-all-employer", Refuse, "Only a patient's own request can ask for all records. List the kinds (records.kinds)."},
	{"S1-kind", Refuse, "The practice has no records of the kind 'radiographs'. Did you mean 'radiograph'?"},
}

func TestFailingOrders(t *testing.T) {
	files, err := filepath.Glob("testdata/failing/*.yaml")
	if err != nil || len(files) != len(failing) {
		t.Errorf("there are %d orders in testdata/failing and %d here (%v)", len(files), len(failing), err)
	}
	for _, c := range failing {
		o := load(t, "testdata/failing/"+c.file+".yaml")
		rule, _, _ := strings.Cut(c.file, "-")
		stops := Stopping(Evaluate(o, facts(o)))
		if c.file == "A3-stranger" { // the decision does not count, so its rule holds as well
			stops = stops[1:]
		}
		expect(t, c.file, stops, rule, c.outcome, c.message)
	}
}

func expect(t *testing.T, name string, got []Reason, rule string, outcome Outcome, message string) {
	t.Helper()
	if len(got) != 1 {
		t.Errorf("%s: %d reasons: %+v", name, len(got), got)
		return
	}
	if r := got[0]; r.Rule != rule || r.Outcome != outcome || r.Message != message || r.Citation == "" {
		t.Errorf("%s:\n got %s %s %s\nwant %s %s %s", name, r.Rule, r.Outcome, r.Message, rule, outcome, message)
	}
}

// TestFacts asks the rules about what only the surroundings know.
func TestFacts(t *testing.T) {
	pq := "age1pq1" + strings.Repeat("q", 100)
	for _, c := range []struct {
		valid   string
		change  func(*Facts)
		rule    string
		outcome Outcome
		message string
	}{
		{"authorization", func(f *Facts) {
			f.Restrictions = Restrictions{"10432": {Withdrawn: []Withdrawal{{To: "Acme Corporation", On: on(2026, 11, 12)}}}}
		}, "R9", Refuse, "The patient withdrew this authorization on 12 November 2026. Nothing can be sent with it."},
		{"authorization", func(f *Facts) { f.Today, f.Stage = on(2027, 4, 1), AtUpload }, "R6", Refuse, "The authorization ended on 31 March 2027. Get a new one."},
		{"authorization", func(f *Facts) { f.Today, f.Stage = on(2027, 4, 1), AtRelink }, "R6", Refuse, "The authorization ended on 31 March 2027. Get a new one."},
		{"patient_access", func(f *Facts) { f.Unreadable = []Shortfall{{"radiograph", 3, 14, []string{"1", "4", "5"}}} }, "R11", Hold, "3 of 14 radiographs could not be read. The patient is entitled to a complete copy; fix or approve with a reason."},
		{"treatment", func(f *Facts) { f.Unreadable = []Shortfall{{"cbct", 1, 2, []string{"1"}}} }, "R11", Hold, "1 of 2 CBCT scans could not be read. Fix them, or approve with a reason what is left out."},
		{"extend", func(f *Facts) { f.Extended = true }, "R13", Refuse, "Only one extension is allowed, and the patient was told of one already. Answer the request now."},
		{"extend", func(f *Facts) { f.Today = on(2026, 12, 20) }, "R13", Refuse, "The first 30 days ended on 18 December 2026; an extension had to be told before. Answer the request now."},
		{"treatment", func(f *Facts) { f.CategoriesFound = []Found{{"psychotherapy_notes", []string{"7"}}} }, "R18", Hold, "Psychotherapy notes need their own signed form, for these notes alone. Get one, or leave the notes out."},
		{"treatment", func(f *Facts) { f.CategoriesFound = []Found{{"sud", []string{"7"}}} }, "R19", Hold, "These records need the special substance-use consent and notice; a general authorization is not enough. Missing or not valid: part2_consent."},
		{"treatment", func(f *Facts) { f.CategoriesFound = []Found{{"hiv_sti", []string{"7"}}} }, "R20", Hold, "HIV or STI information is in the folder and is not named on the form. If the permission covers it, write 'hiv_sti' under sensitive; otherwise let an approver decide (decisions on R20)."},
		{"minor", func(f *Facts) { f.CategoriesFound = []Found{{"domestic_violence", nil}} }, "R20", Hold, "Information on domestic violence is in the folder and is not named on the form. If the permission covers it, write 'domestic_violence' under sensitive; otherwise let an approver decide (decisions on R20)."},
		{"deidentified", func(f *Facts) { f.Identifying = []string{"2"} }, "R27", Hold, "1 file can show who the patient is (text in the image, a face, a serial number). Leave them out, or let an approver who looked at each decide."},
		{"treatment", func(f *Facts) { f.Recipient.Keys = []string{pq, "ssh-ed25519 AAAA"} }, "R29", Refuse, "No way to unlock was chosen: the keys of Dr. Chen Endodontics cannot be used together. Keep only the post-quantum keys (age1pq1...) or only the others."},
		{"treatment", func(f *Facts) { f.Recipient.Keys = []string{"age1"} }, "R29", Refuse, "No way to unlock was chosen: a key of Dr. Chen Endodontics cannot be read. Correct it in the recipient book, or remove its keys to have a passphrase made."},
		{"treatment", func(f *Facts) { f.LedgerBroken = true }, "R31", Refuse, "The record book was changed outside the program, so nothing is sent. Call IT."},
		{"payment", func(f *Facts) { f.Restrictions = Restrictions{"10432": {NotTo: []string{"insurer"}}} }, "R33", Hold, "The patient asked that Acme Dental Plan not get these records. Ask the privacy officer; an approver can decide (a decision on R33)."},
		{"patient_access", func(f *Facts) {
			f.Restrictions = Restrictions{"10432": {ContactOnly: Way{Email: "other@example.org"}}}
		}, "R33", Hold, "The patient asked to be reached only at another e-mail address. Use the one on file, or let an approver decide (a decision on R33)."},
		{"treatment", func(f *Facts) { f.Similar = &Earlier{"R-0", on(2026, 11, 4)} }, "R34", Hold, "This looks like the order R-0 sent on 4 November 2026. Send again? If so, let an approver decide (a decision on R34)."},
		{"treatment", func(f *Facts) { f.OtherPatient = []string{"2", "5"} }, "R35", Hold, "2 files say another patient's name. Nothing was sent. Move what belongs to someone else, or leave it out by a decision on R35; it can never be released with this order."},
		{"treatment", func(f *Facts) { f.Unclear = []string{"2"} }, "R35", Hold, "1 file does not say well enough whose they are. Nothing was sent. Correct the name, number or birth date and export again, or leave it out by a decision on R35."},
		{"treatment", func(f *Facts) { f.RequireSignature = true }, "A1", Refuse, "The approval by dr-lee is not signed, or the signature does not fit the order as it is now. Sign the order again (chartseal approve)."},
	} {
		o := load(t, "testdata/valid/"+c.valid+".yaml")
		f := facts(o)
		c.change(&f)
		expect(t, c.valid+" "+c.rule, Stopping(Evaluate(o, f)), c.rule, c.outcome, c.message)
	}
}

func TestWarnings(t *testing.T) {
	for _, c := range []struct {
		valid   string
		change  func(*Facts)
		rule    string
		message string
	}{
		{"patient_access", func(f *Facts) { f.State, f.Today = "", on(2026, 12, 9) }, "R13", "Due 18 December 2026 (9 days left)."},
		{"patient_access", func(f *Facts) { f.State, f.Today = "", on(2026, 12, 19) }, "R13", "This request was due on 18 December 2026, 1 day ago. Answer it today."},
		{"patient_access", func(*Facts) {}, "R14", "New York expects inspection within 10 days of a written request: due 28 November 2026."},
		{"treatment", func(f *Facts) { f.StorageOwn = false }, "R32", "No business associate agreement is recorded for the storage provider. Ask for one, and write its day into chartseal.yaml (store.baa_on)."},
	} {
		o := load(t, "testdata/valid/"+c.valid+".yaml")
		f := facts(o)
		c.change(&f)
		found := false
		for _, r := range Evaluate(o, f) {
			found = found || r.Rule == c.rule && r.Outcome == Warn && r.Message == c.message
			if r.Stops() {
				t.Errorf("%s: %s stops: %s", c.valid, r.Rule, r.Message)
			}
		}
		if !found {
			t.Errorf("%s: no warning %q in %+v", c.valid, c.message, Evaluate(o, f))
		}
	}
}

// TestEveryRuleFails is the promise that no rule is without a failing order.
func TestEveryRuleFails(t *testing.T) {
	elsewhere := map[string]bool{"R11": true, "R14": true, "R20": true, "R29": true, "R31": true, "R32": true, "R33": true, "R34": true, "R35": true}
	seen := map[string]bool{}
	for _, c := range failing {
		rule, _, _ := strings.Cut(c.file, "-")
		seen[rule] = true
	}
	for _, r := range Rules() {
		if !seen[r.ID] && !elsewhere[r.ID] {
			t.Errorf("no order fails %s", r.ID)
		}
		if r.Title == "" || r.Citation == "" || r.Outcome == "" || r.check == nil {
			t.Errorf("%s is incomplete", r.ID)
		}
	}
}

func TestPatientAccessIsNeverTrimmed(t *testing.T) {
	o := load(t, "testdata/valid/patient_access.yaml")
	f := facts(o)
	for _, c := range []string{"hiv_sti", "sud", "facial_photo", "genetic", "domestic_violence"} {
		f.CategoriesFound = append(f.CategoriesFound, Found{c, []string{"1"}})
	}
	if stops := Stopping(Evaluate(o, f)); len(stops) != 0 {
		t.Errorf("a patient's own copy is stopped: %+v", stops)
	}
}

func TestTreatmentNeedsNoAuthorizationAndNoPurpose(t *testing.T) {
	o := load(t, "testdata/valid/treatment.yaml")
	o.Purpose = ""
	if stops := Stopping(Evaluate(o, facts(o))); len(stops) != 0 {
		t.Errorf("treatment is stopped: %+v", stops)
	}
}

func TestRulesCanBeSwitchedOff(t *testing.T) {
	o := load(t, "testdata/failing/R5-order.yaml")
	f := facts(o)
	f.Off = []string{"R5"}
	if stops := Stopping(Evaluate(o, f)); len(stops) != 0 {
		t.Errorf("R5 is off: %+v", stops)
	}
	f.Off, f.LedgerBroken, f.OtherPatient = []string{"R5", "R31", "R35"}, true, []string{"1"}
	if stops := Stopping(Evaluate(o, f)); len(stops) != 2 {
		t.Errorf("R31 and R35 cannot be switched off: %+v", stops)
	}
}

func ruling(rule, item string, d RulingChoice) Ruling {
	return Ruling{Rule: rule, Item: item, Decision: d, By: "Dr-Lee", On: on(2026, 11, 18), Reason: "seen by me"}
}

func TestDecisionsAnswerHolds(t *testing.T) {
	o := load(t, "testdata/valid/treatment.yaml")
	f := facts(o)
	f.CategoriesFound = []Found{{"hiv_sti", []string{"3", "4"}}}
	o.Decisions = []Ruling{ruling("R20", "3", LeaveOut)}
	got := Evaluate(o, f)
	if len(got) != 2 || !got[0].Stops() || got[0].Items[0] != "4" || got[1].Stops() || got[1].Answered[0].Item != "3" {
		t.Fatalf("one of two answered: %+v", got)
	}
	o.Decisions = append(o.Decisions, ruling("R20", "4", ReleaseItem))
	if got = Evaluate(o, f); len(Stopping(got)) != 0 || len(got) != 1 || len(LeftOut(got, "R20")) != 1 || LeftOut(got, "R20")[0] != "3" {
		t.Errorf("both answered: %+v", got)
	}
}

func TestWhatDecisionsCannotDo(t *testing.T) {
	o := load(t, "testdata/valid/treatment.yaml")
	f := facts(o)
	f.OtherPatient = []string{"2"}
	o.Decisions = []Ruling{ruling("R35", "2", ReleaseItem)}
	if len(Stopping(Evaluate(o, f))) != 1 {
		t.Error("another patient's file was released")
	}
	o.Decisions = []Ruling{ruling("R35", "", LeaveOut)}
	if len(Stopping(Evaluate(o, f))) != 1 {
		t.Error("a decision without an item answered a file")
	}
	o.Decisions = []Ruling{ruling("R35", "2", LeaveOut)}
	if got := Evaluate(o, f); len(Stopping(got)) != 0 {
		t.Errorf("another patient's file cannot be left out: %+v", got)
	}
	refused := load(t, "testdata/failing/R6-ended.yaml")
	refused.Decisions = []Ruling{ruling("R6", "", ReleaseItem)}
	if len(Stopping(Evaluate(refused, facts(refused)))) != 1 {
		t.Error("a refusal was overruled")
	}
	held := load(t, "testdata/failing/S1-all.yaml")
	for name, bad := range map[string]Ruling{
		"stranger": {Rule: "S1", Decision: ReleaseItem, By: "j-ortiz", On: on(2026, 11, 18), Reason: "x"},
		"future":   {Rule: "S1", Decision: ReleaseItem, By: "dr-lee", On: on(2026, 12, 18), Reason: "x"},
		"silent":   {Rule: "S1", Decision: ReleaseItem, By: "dr-lee", On: on(2026, 11, 18), Reason: " "},
		"other":    {Rule: "S1", Decision: LeaveOut, By: "dr-lee", On: on(2026, 11, 18), Reason: "x"},
	} {
		held.Decisions = []Ruling{bad}
		if len(Stopping(Evaluate(held, facts(held)))) == 0 {
			t.Errorf("%s: the decision counted", name)
		}
	}
	held.Decisions = []Ruling{ruling("S1", "", ReleaseItem)}
	if got := Evaluate(held, facts(held)); len(Stopping(got)) != 0 || len(got[0].Answered) != 1 {
		t.Errorf("a good decision does not count: %+v", got)
	}
}
