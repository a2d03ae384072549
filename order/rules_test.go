package order

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
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

// surroundings are what only the surroundings of a failing order know.
var surroundings = map[string]func(*Facts){
	"R6-at-upload":  func(f *Facts) { f.Today, f.Stage = on(2027, 4, 1), AtUpload },
	"R6-new-link":   func(f *Facts) { f.Stage = AtRelink },
	"R9-listed":     withdrew("Acme Corporation"),
	"R13-second":    func(f *Facts) { f.Extended = true },
	"R13-late":      func(f *Facts) { f.Today = on(2026, 12, 20) },
	"R19-withdrawn": withdrew("provider"),
	"R21-withdrawn": func(f *Facts) {
		f.Restrictions = Restrictions{"10432": {Withdrawn: []Withdrawal{{On: on(2026, 11, 19)}}}}
	},
	"R26-missing": func(f *Facts) { f.Document = Missing },
	"E1-unnamed":  func(f *Facts) { f.DatesKept = "shift" },
	"E1-future":   func(f *Facts) { f.DatesKept = "keep" },
	"R29-key":     func(f *Facts) { f.Recipient.Keys = []string{"age1"} },
	"R29-mixed": func(f *Facts) {
		f.Recipient.Keys = []string{"age1pq1" + strings.Repeat("q", 100), "ssh-ed25519 AAAA"}
	},
	"R31-broken":   func(f *Facts) { f.LedgerBroken = true },
	"R32-unsigned": func(f *Facts) { f.StorageOwn = false },
	"R33-insurer":  func(f *Facts) { f.Restrictions = Restrictions{"10432": {NotTo: []string{"insurer"}}} },
	"R33-address": func(f *Facts) {
		f.Restrictions = Restrictions{"10432": {ContactOnly: Way{Email: "other@example.org"}}}
	},
	"R33-letter": func(f *Facts) {
		f.Restrictions = Restrictions{"10432": {ContactOnly: Way{Address: "7 Elm Street, Troy NY"}}}
	},
	"R34-again":    func(f *Facts) { f.Similar = &Earlier{"R-0", on(2026, 11, 4)} },
	"R34-lost":     func(f *Facts) { f.LostUntil = on(2026, 11, 18) },
	"A1-unsigned":  func(f *Facts) { f.RequireSignature = true },
	"A1-changed":   func(f *Facts) { f.RequireSignature, f.SignatureFails = true, Changed },
	"A1-other-key": func(f *Facts) { f.RequireSignature, f.SignatureFails = true, AnotherSign },
	"A2-book":      func(f *Facts) { f.Recipient, f.BookUnsigned = Recipient{}, true },
	"A4-unnamed":   func(f *Facts) { f.Different = true },
	"A4-same":      func(f *Facts) { f.Different = true },
	"A4-future":    func(f *Facts) { f.Different = true },
	"B1-day":       func(f *Facts) { f.Brake = []Excess{{"day", 40}} },
	"B1-recipient": func(f *Facts) { f.Brake = []Excess{{"recipient", 5}} },
	"B1-approver":  func(f *Facts) { f.Brake = []Excess{{"approver", 20}} },
}

func withdrew(to string) func(*Facts) {
	return func(f *Facts) {
		f.Restrictions = Restrictions{"10432": {Withdrawn: []Withdrawal{{To: to, On: on(2026, 11, 12)}}}}
	}
}

// TestFailingOrders pins what each order of testdata/failing says, word for word,
// and that it says nothing else. messages.tsv holds file, outcome and message.
func TestFailingOrders(t *testing.T) {
	files, err := filepath.Glob("testdata/failing/*.yaml")
	failing := messages(t)
	if err != nil || len(files) != len(failing) {
		t.Errorf("there are %d orders in testdata/failing and %d messages (%v)", len(files), len(failing), err)
	}
	for _, c := range failing {
		o := load(t, "testdata/failing/"+c.file+".yaml")
		f := facts(o)
		if change := surroundings[c.file]; change != nil {
			change(&f)
		}
		reasons := Stopping(Evaluate(o, f))
		if c.outcome == Warn {
			reasons = about(Evaluate(o, f), c.rule())
		}
		if c.file == "A3-stranger" { // the decision does not count, so its rule holds as well
			reasons = reasons[1:]
		}
		expect(t, c.file, reasons, c.rule(), c.outcome, c.message)
	}
}

// TestTheMildestIsKnown: what a rule says least is what the practice can make stricter.
func TestTheMildestIsKnown(t *testing.T) {
	least := map[string]Outcome{}
	for _, c := range messages(t) {
		if was := least[c.rule()]; was == "" || severity[c.outcome] < severity[was] {
			least[c.rule()] = c.outcome
		}
	}
	for _, r := range Rules() {
		if got := least[r.ID]; got != "" && severity[got] < severity[r.mildest()] {
			t.Errorf("%s says '%s' too, and its mildest is '%s'", r.ID, got, r.mildest())
		}
		if r.Mildest != "" && least[r.ID] != r.Mildest {
			t.Errorf("%s: no order here meets '%s'", r.ID, r.Mildest)
		}
	}
}

func about(reasons []Reason, rule string) []Reason {
	return slices.DeleteFunc(reasons, func(r Reason) bool { return r.Rule != rule })
}

type failure struct {
	file    string
	outcome Outcome
	message string
}

func (f failure) rule() string {
	rule, _, _ := strings.Cut(f.file, "-")
	return rule
}

func messages(t *testing.T) []failure {
	t.Helper()
	text, err := os.ReadFile("testdata/failing/messages.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var all []failure
	for line := range strings.Lines(string(text)) {
		part := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(part) != 3 {
			t.Fatalf("messages.tsv: %q", line)
		}
		all = append(all, failure{part[0], Outcome(part[1]), part[2]})
	}
	return all
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

func TestWarnings(t *testing.T) {
	for _, c := range []struct {
		valid   string
		change  func(*Facts)
		rule    string
		message string
	}{
		{"patient_access", func(f *Facts) { f.State, f.Today = "", on(2026, 12, 9) }, "R13", "Due 18 December 2026 (9 days left)."},
		{"patient_access", func(f *Facts) { f.State, f.Today = "", on(2026, 12, 19) }, "R13", "This request was due on 18 December 2026, 1 day ago. Answer it today."},
		{"patient_access", func(f *Facts) { f.State, f.Today, f.Stage = "", on(2026, 12, 20), AtUpload }, "R13", "This request was due on 18 December 2026 and is answered 2 days late."},
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

// foundElsewhere are the rules that only the records can fail, with the tests that pin
// every sentence about them.
var foundElsewhere = map[string]string{
	"R11": "packager/gather, packager: TestEverySentence",
	"R35": "packager/gather: TestEverySentence",
}

// keptElsewhere are the rules of the practice's rule book that are kept by the
// ledger, with the tests that show it.
var keptElsewhere = map[string]string{
	"R24": "cmd/chartseal: TestCrash",
	"R25": "ledger: TestAccountable",
	"R36": "cmd/chartseal: testdata/script/outbox.txtar",
}

// TestEveryRuleFails is the promise that no rule is without a failing order, and
// that none of the rule book is without a place.
func TestEveryRuleFails(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range messages(t) {
		seen[c.rule()] = true
	}
	known := map[string]bool{}
	for _, r := range Rules() {
		known[r.ID] = true
		if seen[r.ID] == (foundElsewhere[r.ID] != "") {
			t.Errorf("an order here fails %s, or the records elsewhere, not both or neither", r.ID)
		}
		if r.Title == "" || r.Citation == "" || r.Outcome == "" || r.Reads+r.Knows == "" || r.check == nil {
			t.Errorf("%s is incomplete", r.ID)
		}
	}
	for n := 1; n <= 36; n++ {
		id := "R" + strconv.Itoa(n)
		if known[id] == (keptElsewhere[id] != "") {
			t.Errorf("%s is in the table of rules, or kept elsewhere, not both or neither", id)
		}
	}
}

// TestWhatIsApprovedAfterALossGoes: what the ledger lacks cannot be an order that was approved
// later, nor a link that it knows.
func TestWhatIsApprovedAfterALossGoes(t *testing.T) {
	o := load(t, "testdata/failing/R34-lost.yaml")
	f := facts(o)
	f.LostUntil = on(2026, 11, 17)
	if said := Stopping(Evaluate(o, f)); len(said) > 0 {
		t.Errorf("approved a day later: %+v", said)
	}
	if f.LostUntil, f.Stage = on(2026, 11, 18), AtRelink; len(about(Evaluate(o, f), "R34")) > 0 {
		t.Error("a new link is stopped")
	}
}

// TestRulesReadWhatThereIs keeps the lists of what rules read true to the order
// and to Facts.
func TestRulesReadWhatThereIs(t *testing.T) {
	for _, r := range Rules() {
		for _, field := range split(r.Reads) {
			if !hasField(reflect.TypeFor[Order](), strings.Split(field, "."), "yaml") {
				t.Errorf("%s reads %s, which no order has", r.ID, field)
			}
		}
		for _, field := range split(r.Knows) {
			if !hasField(reflect.TypeFor[Facts](), []string{field}, "") {
				t.Errorf("%s knows %s, which is no fact", r.ID, field)
			}
		}
	}
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

func hasField(in reflect.Type, path []string, tag string) bool {
	if len(path) == 0 {
		return true
	}
	if in.Kind() == reflect.Pointer {
		in = in.Elem()
	}
	for field := range in.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get(tag), ",")
		if tag == "" {
			name = field.Name
		}
		if name == path[0] {
			return hasField(field.Type, path[1:], tag)
		}
	}
	return false
}

func TestPatientAccessIsNeverTrimmed(t *testing.T) {
	o := load(t, "testdata/valid/patient_access.yaml")
	for _, c := range []string{"hiv_sti", "sud", "facial_photo", "genetic", "domestic_violence"} {
		if !Includes(o, facts(o), c) {
			t.Errorf("%s is kept out of a patient's own copy", c)
		}
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
	f.Off, f.LedgerBroken, o.Approved.By = []string{"R5", "R31", "A1"}, true, "j-ortiz"
	if stops := Stopping(Evaluate(o, f)); len(stops) != 2 {
		t.Errorf("R31 and A1 cannot be switched off: %+v", stops)
	}
}

func ruling(rule, item string, d RulingChoice) Ruling {
	return Ruling{Rule: rule, Item: item, Decision: d, By: "Dr-Lee", On: on(2026, 11, 18), Reason: "seen by me"}
}

func TestDecisionsAnswerHolds(t *testing.T) {
	o := load(t, "testdata/valid/treatment.yaml")
	f := facts(o)
	found := []Reason{{Rule: "R20", Outcome: Hold, Items: []string{"3", "4"}, May: []RulingChoice{LeaveOut, ReleaseItem}}} // as gathering says
	o.Decisions = []Ruling{ruling("R20", "3", LeaveOut)}
	got := Answer(o, f, found)
	if len(got) != 2 || !got[0].Stops() || got[0].Items[0] != "4" || got[1].Stops() || got[1].Answered[0].Item != "3" {
		t.Fatalf("one of two answered: %+v", got)
	}
	o.Decisions = append(o.Decisions, ruling("R20", "4", ReleaseItem))
	if got = Answer(o, f, found); len(Stopping(got)) != 0 || len(got) != 1 || len(LeftOut(got, "R20")) != 1 || LeftOut(got, "R20")[0] != "3" {
		t.Errorf("both answered: %+v", got)
	}
}

func TestWhatDecisionsCannotDo(t *testing.T) {
	o := load(t, "testdata/valid/treatment.yaml")
	f := facts(o)
	others := []Reason{{Rule: "R35", Outcome: Hold, Items: []string{"2"}, May: []RulingChoice{LeaveOut}}} // as gathering says
	o.Decisions = []Ruling{ruling("R35", "2", ReleaseItem)}
	if len(Stopping(Answer(o, f, others))) != 1 {
		t.Error("another patient's file was released")
	}
	o.Decisions = []Ruling{ruling("R35", "", LeaveOut)}
	if len(Stopping(Answer(o, f, others))) != 1 {
		t.Error("a decision without an item answered a file")
	}
	o.Decisions = []Ruling{ruling("R35", "2", LeaveOut)}
	if got := Answer(o, f, others); len(Stopping(got)) != 0 {
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
