package order

import (
	"slices"
	"testing"
)

func TestOutcomesOnlyBecomeStricter(t *testing.T) {
	for _, c := range []struct {
		rule string
		to   Outcome
		ok   bool
	}{
		{"R12", Refuse, true},
		{"R14", Hold, true},
		{"R14", Refuse, true},
		{"R12", Hold, false},
		{"R12", Warn, false},
		{"R8", Hold, false},
		{"R8", Refuse, false},
		{"R6", Hold, true},   // of an event it only warns when a link is made anew
		{"S1", Refuse, true}, // of a treating provider's "all" it only holds
		{"S1", Hold, false},
		{"R21", Hold, true},
		{"R99", Refuse, false},
		{"R12", "stop", false},
	} {
		if err := CheckTighten(c.rule, c.to); (err == nil) != c.ok {
			t.Errorf("%s to %s: %v", c.rule, c.to, err)
		}
	}
	for rule, ok := range map[string]bool{"R14": true, "R20": true, "R11": false, "R31": false, "R35": false, "A1": false, "R24": false} {
		if err := CheckOff(rule); (err == nil) != ok {
			t.Errorf("%s off: %v", rule, err)
		}
	}
}

func TestTightenedRules(t *testing.T) {
	o := load(t, "testdata/failing/R12-agency.yaml")
	o.Decisions = []Ruling{ruling("R12", "", ReleaseItem)}
	f := facts(o)
	if stops := Stopping(Evaluate(o, f)); len(stops) != 0 {
		t.Fatalf("the decision does not count: %+v", stops)
	}
	f.Tighten = map[string]Outcome{"R12": Refuse}
	stops := Stopping(Evaluate(o, f))
	if len(stops) != 2 || stops[0].Rule != "R12" || stops[0].Outcome != Refuse || len(stops[0].May) != 0 || stops[1].Rule != "A3" {
		t.Errorf("R12 refuses: %+v", stops)
	}
	if got := Valid(o, f); len(got) != 0 {
		t.Errorf("the decision counts: %+v", got)
	}

	o = load(t, "testdata/valid/treatment.yaml")
	f = facts(o)
	f.StorageOwn, f.Tighten = false, map[string]Outcome{"R32": Hold}
	stops = Stopping(Evaluate(o, f))
	if len(stops) != 1 || stops[0].Outcome != Hold || !slices.Equal(stops[0].May, []RulingChoice{ReleaseItem}) {
		t.Errorf("R32 holds: %+v", stops)
	}
	o.Decisions = []Ruling{ruling("R32", "", ReleaseItem)}
	if stops = Stopping(Evaluate(o, f)); len(stops) != 0 {
		t.Errorf("R32 holds after a decision: %+v", stops)
	}
}

// TestWhatMayBeDecided: a decision counts only where WHY-HELD offers it.
func TestWhatMayBeDecided(t *testing.T) {
	for _, c := range []struct {
		file string
		may  []RulingChoice
	}{
		{"R12-agency", []RulingChoice{ReleaseItem}},
		{"R18-listed", nil},
		{"R20-photo", []RulingChoice{ReleaseItem}},
		{"R27-photo", []RulingChoice{ReleaseItem}},
		{"R6-ended", nil},
		{"R3-kind", nil},
	} {
		o := load(t, "testdata/failing/"+c.file+".yaml")
		f := facts(o)
		if change := surroundings[c.file]; change != nil {
			change(&f)
		}
		stops := Stopping(Evaluate(o, f))
		if !slices.Equal(stops[0].May, c.may) {
			t.Errorf("%s: may %v, want %v", c.file, stops[0].May, c.may)
		}
		for _, d := range []RulingChoice{LeaveOut, ReleaseItem} {
			o.Decisions = nil
			items := stops[0].Items
			if len(items) == 0 {
				items = []string{""}
			}
			for _, item := range items {
				o.Decisions = append(o.Decisions, ruling(stops[0].Rule, item, d))
			}
			left := about(Stopping(Evaluate(o, f)), stops[0].Rule)
			if (len(left) == 0) != slices.Contains(c.may, d) {
				t.Errorf("%s: %s leaves %+v", c.file, d, left)
			}
		}
	}
}

func TestIncludes(t *testing.T) {
	for _, c := range []struct {
		file, category string
		change         func(*Order, *Facts)
		want           bool
	}{
		{"treatment", "hiv_sti", nil, false},
		{"treatment", "hiv_sti", func(o *Order, _ *Facts) { o.Sensitive = []string{"hiv_sti"} }, true},
		{"treatment", "hiv_sti", func(_ *Order, f *Facts) { f.Off = []string{"R20"} }, true},
		{"treatment", "sud", func(o *Order, _ *Facts) { o.Sensitive = []string{"sud"} }, false},
		{"treatment", "psychotherapy_notes", func(o *Order, _ *Facts) { o.Sensitive = []string{"psychotherapy_notes"} }, false},
		{"part2", "sud", nil, true},
		{"part2", "sud", func(_ *Order, f *Facts) { f.Today = on(2027, 2, 1) }, false},
		{"patient_access", "hiv_sti", nil, true},
		{"patient_access", "sud", nil, true},
		{"patient_access", "psychotherapy_notes", nil, false},
		{"minor", "hiv_sti", nil, false},
		{"authorization", "genetic", func(o *Order, _ *Facts) { o.Authorization.Sensitive = []string{"genetic"} }, true},
		{"authorization", "psychotherapy_notes", func(o *Order, _ *Facts) { o.Authorization.Sensitive = []string{"psychotherapy_notes"} }, true},
		{"authorization", "psychotherapy_notes", func(o *Order, _ *Facts) { o.Authorization.Sensitive = []string{"psychotherapy_notes", "genetic"} }, false},
	} {
		o := load(t, "testdata/valid/"+c.file+".yaml")
		f := facts(o)
		if c.change != nil {
			c.change(o, &f)
		}
		if got := Includes(o, f, c.category); got != c.want {
			t.Errorf("%s %s: %v", c.file, c.category, got)
		}
	}
}

// TestReview tells what was not asked from what passed.
func TestReview(t *testing.T) {
	o := load(t, "testdata/valid/treatment.yaml")
	f := facts(o)
	f.Off = []string{"R12", "R35"}
	for _, v := range Review(o, f) {
		want := map[string][2]bool{"R1": {true, false}, "R6": {false, false}, "R12": {false, true}, "R35": {true, false}, "R10": {false, false}}
		if w, ok := want[v.Rule.ID]; ok && w != [2]bool{v.Asked, v.Off} {
			t.Errorf("%s: asked %v, off %v", v.Rule.ID, v.Asked, v.Off)
		}
	}
}

// TestAllIsNoWayAroundAForm: with S1 switched off the signed form still counts.
func TestAllIsNoWayAroundAForm(t *testing.T) {
	o := load(t, "testdata/valid/authorization.yaml")
	o.Records.Kinds = Kinds{AllKinds}
	f := facts(o)
	f.Off = []string{"S1"}
	stops := Stopping(Evaluate(o, f))
	if len(stops) != 1 || stops[0].Rule != "R3" || stops[0].Outcome != Refuse {
		t.Errorf("all records under a form for some: %+v", stops)
	}
}

// TestAConsentThatEndsIsSeenWithoutTheRecords: at the upload and for a new link the
// gathered files are not looked at again.
func TestFeeInWords(t *testing.T) {
	fee := &Fee{Lines: []FeeLine{{Kind: "labor", Amount: 500, Basis: "20 minutes"}, {Kind: "postage", Amount: 210}}}
	if got := fee.Words(); got != "labor $5 (20 minutes), postage $2.10" {
		t.Errorf("the fee is %q", got)
	}
	if got := (*Fee)(nil).Words(); got != "" {
		t.Errorf("no fee is %q", got)
	}
}

// TestEveryStageAsks: what ended, was withdrawn or was forbidden since stops an order
// at the upload and a new link as it does at intake.
func TestEveryStageAsks(t *testing.T) {
	for _, stage := range []Stage{AtIntake, AtUpload, AtRelink} {
		for rule, change := range map[string]func(*Facts){
			"R6":  func(f *Facts) { f.Today = on(2027, 4, 1) },
			"R9":  withdrew("Acme Corporation"),
			"R33": func(f *Facts) { f.Restrictions = Restrictions{"10432": {NotTo: []string{"Acme Corporation"}}} },
			"A2":  func(f *Facts) { f.Recipient, f.BookUnsigned = Recipient{}, true },
			"R31": func(f *Facts) { f.LedgerBroken = true },
		} {
			o := load(t, "testdata/valid/authorization.yaml")
			f := facts(o)
			f.Stage = stage
			change(&f)
			stops := Stopping(Evaluate(o, f))
			if len(stops) != 1 || stops[0].Rule != rule {
				t.Errorf("%s at %s: %+v", rule, stage, stops)
			}
		}
	}
}

// TestADeniedPartIsKnownByItsFiles: files and decisions on the denial say which records
// are kept back; what was left out for another reason does not.
func TestADeniedPartIsKnownByItsFiles(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Order)
		holds  bool
	}{
		"words":                      {func(*Order) {}, true},
		"words of no kind that goes": {func(o *Order) { o.Denial.Part = "the letter of a neighbor" }, true},
		"files":                      {func(o *Order) { o.Denial.Files = []string{"radiographs/2019"} }, false},
		"files that go": {func(o *Order) {
			o.Records.Kinds, o.Records.Items = Kinds{"radiograph"}, []Item{{File: "radiographs/2026.dcm"}}
		}, false},
		"left out for it":    {func(o *Order) { o.Decisions = []Ruling{ruling("R17", "radiographs/a.dcm", LeaveOut)} }, false},
		"left out otherwise": {func(o *Order) { o.Decisions = []Ruling{ruling("R11", "radiographs/a.dcm", LeaveOut)} }, true},
		"all but a kind": {func(o *Order) {
			o.Records.Kinds, o.Denial.Part, o.Denial.Kinds = Kinds{AllKinds}, "what is left", Kinds{"billing"}
		}, false},
		"all":             {func(o *Order) { o.Records.Kinds, o.Denial.Part = Kinds{AllKinds}, "what is left" }, true},
		"somebody looked": {func(o *Order) { o.Decisions = []Ruling{ruling("R17", "", ReleaseItem)} }, false},
	} {
		o := load(t, "testdata/failing/R17-part-of-kind.yaml")
		c.change(o)
		if stops := Stopping(Evaluate(o, facts(o))); (len(stops) > 0) != c.holds {
			t.Errorf("%s: %+v", name, stops)
		}
	}
	o := load(t, "testdata/valid/deny.yaml")
	for _, part := range []Denial{{Kinds: Kinds{"billing"}}, {Files: []string{"charts/a.pdf"}}} {
		o.Denial.Kinds, o.Denial.Files = part.Kinds, part.Files
		if stops := Stopping(Evaluate(o, facts(o))); len(stops) != 1 || stops[0].Rule != "R17" {
			t.Errorf("a part is denied with everything: %+v", stops)
		}
	}
}

// TestADirectiveNamesOnePlace: where the patient wants the records is compared as
// people write addresses; a like-sounding one is another.
// TestThePatientIsReachedOneWayOnly: an e-mail does not go to who asked for post.
// TestARestrictionMeansTheNameInEveryForm: what the patient forbade is not sent to a
// longer form of the name.
// TestTheIdentityCheckMustBeFresh: the practice can shorten the 30 days of R1, and the
// days count up to the request's arrival.
func TestTheIdentityCheckMustBeFresh(t *testing.T) {
	for _, c := range []struct {
		days, age int
		passes    bool
	}{{0, 30, true}, {0, 31, false}, {7, 7, true}, {7, 8, false}, {1, 1, true}, {1, 2, false}} {
		o := load(t, "testdata/valid/treatment.yaml")
		o.Requester.Identity.On = o.Received.AddDays(-c.age)
		f := facts(o)
		f.IdentityDays = c.days
		if stops := Stopping(Evaluate(o, f)); (len(stops) == 0) != c.passes {
			t.Errorf("%d days old with %d allowed: %+v", c.age, c.days, stops)
		}
	}
}

// TestLawfulFeesPass: what the law allows to charge is not in the way of a copy.
func TestLawfulFeesPass(t *testing.T) {
	whole := []FeeLine{{Kind: "labor", Amount: 500}, {Kind: "supplies", Amount: 100}, {Kind: "postage", Amount: 210}}
	summary := FeeLine{Kind: "summary", Amount: 2000, Agreed: true}
	for _, c := range []struct {
		by     Delivery
		lines  []FeeLine
		passes bool
	}{
		{ByLink, []FeeLine{{Kind: "flat", Amount: 650}}, true},
		{ByLink, whole[:1], true},
		{ByLink, whole[:2], false}, // supplies for a link
		{ByFolder, whole, true},
		{ByMail, whole, true},
		{ByLink, []FeeLine{summary}, true},
		{Inspect, []FeeLine{summary}, true},
		{Inspect, whole[:1], false},
	} {
		o := load(t, "testdata/valid/patient_access.yaml")
		o.Delivery, o.Fee = c.by, &Fee{Lines: c.lines}
		if stops := Stopping(Evaluate(o, facts(o))); (len(stops) == 0) != c.passes {
			t.Errorf("%s %+v: %+v", c.by, c.lines, stops)
		}
	}
	o := load(t, "testdata/valid/directive.yaml") // no federal limit
	o.Fee = &Fee{Lines: []FeeLine{{Kind: "handling", Amount: 4000}}}
	if stops := Stopping(Evaluate(o, facts(o))); len(stops) != 0 {
		t.Errorf("%+v", stops)
	}
}

// TestWhoSignsAConsent: an adult's consent is signed by the patient, or by somebody of
// whom the order says what gives the right (42 CFR 2.14, 2.15).
// TestAConsentNamesTheRecipient: substance use disorder records go only to whom the
// consent lets them go, by name or by what 42 CFR 2.31(a)(4) allows instead.
// TestADemandMayNameAnyParty: what a court orders must go, also to an insurer or an
// employer.
// TestWhenAPermissionEnds: the earliest day counts, of what the release stands on, and
// none whose rule the practice has switched off.
func TestWhenAPermissionEnds(t *testing.T) {
	for file, want := range map[string]Date{"authorization": on(2027, 3, 31), "part2": on(2027, 1, 31), "treatment": {}, "limited_set": {}} {
		if got := PermissionEnds(load(t, "testdata/valid/"+file+".yaml"), nil); got != want {
			t.Errorf("%s: %s, want %s", file, got, want)
		}
	}
	o := load(t, "testdata/valid/authorization.yaml")
	o.Part2Consent = &Part2Consent{ExpiresOn: on(2027, 1, 31)}
	if got := PermissionEnds(o, nil); got != on(2027, 1, 31) {
		t.Errorf("of a form and a consent: %s", got)
	}
	if got := PermissionEnds(o, []string{"R19", "R6"}); !got.IsZero() {
		t.Errorf("with both rules off: %s", got)
	}
	o = load(t, "testdata/valid/limited_set.yaml")
	o.Agreement.ExpiresOn = on(2026, 12, 1)
	if got := PermissionEnds(o, nil); got != on(2026, 12, 1) {
		t.Errorf("of an agreement: %s", got)
	}
}

// TestAFirmIsKnownInEveryForm: "&" and "and", "Inc." and "L.L.P." are how people write,
// and not another recipient; another word is.
// TestADecisionAnswersOneCause: what an approver decided about the address says nothing
// about a recipient whom the patient forbids later.
func TestADecisionAnswersOneCause(t *testing.T) {
	o := load(t, "testdata/valid/patient_access.yaml")
	f := facts(o)
	f.Restrictions = Restrictions{"10432": {ContactOnly: Way{Email: "other@example.org"}}}
	o.Decisions = []Ruling{ruling("R33", "address", ReleaseItem)}
	if stops := Stopping(Evaluate(o, f)); len(stops) != 0 {
		t.Fatalf("the decision does not count: %+v", stops)
	}
	f.Restrictions = Restrictions{"10432": {ContactOnly: Way{Email: "other@example.org"}, NotTo: []string{"patient"}}}
	if stops := Stopping(Evaluate(o, f)); len(stops) != 1 || stops[0].Items[0] != "recipient" {
		t.Errorf("a decision about the address answers for the recipient: %+v", stops)
	}
	o = load(t, "testdata/failing/R22-passed-off.yaml")
	o.Patient.BirthDate = on(2010, 3, 9)
	o.Decisions = []Ruling{ruling("R22", "name", ReleaseItem)}
	if stops := Stopping(Evaluate(o, facts(o))); len(stops) != 1 || stops[0].Items[0] != "age" {
		t.Errorf("a decision about the name answers for the age: %+v", stops)
	}
}

// TestKindsAreListedOnce: the practice's own come after those that every practice has.
func TestKindsAreListedOnce(t *testing.T) {
	o := load(t, "testdata/valid/treatment.yaml")
	o.Records.Kinds = Kinds{"pictures"}
	f := facts(o)
	f.Kinds = append(StandardKinds(), "ceph")
	want := "The practice has no records of the kind 'pictures'. The kinds are: chart, treatment_plan, consent, billing, lab, implant, radiograph, cbct, scan, photo, model, ceph."
	if stops := Stopping(Evaluate(o, f)); len(stops) != 1 || stops[0].Message != want {
		t.Errorf("%+v", stops)
	}
}
