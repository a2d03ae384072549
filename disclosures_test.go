package chartseal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chartseal/ledger"
)

// An accounting follows what the restrictions say of officials, goes to the patient under
// the name and address of the last release to the patient, and is recorded each time that it is given, with a copy.
func TestAccountingOfDisclosures(t *testing.T) {
	dir := t.TempDir()
	k := keepBooks(t, dir, &shelf{all: map[string][]byte{}})
	defer k.close(t)
	if err := os.Mkdir(filepath.Join(k.cfg.Outbox, "sent"), 0o700); err != nil {
		t.Fatal(err)
	}
	k.cfg.Recipients, k.cfg.Restrictions = filepath.Join(dir, "book.yaml"), filepath.Join(dir, "asked.yaml")
	today := time.Now().Format(time.DateOnly)
	if err := errors.Join(
		os.WriteFile(k.cfg.Recipients, []byte("police: {name: Albany Police Department, kind: agency}\n"), 0o600),
		os.WriteFile(k.cfg.Restrictions, []byte(`"10432": {accounting: {suspended: [{for: police, from: `+today+`, oral: true}]}}`+"\n"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	for key, to := range map[string]ledger.Party{
		"a": {Name: "Albany Police Department", Kind: "agency"}, "b": {Name: "Albany County Court", Kind: "court"}, "c": {Name: "Maria Alvarez", Address: "12 Elm Street", Kind: "patient"},
	} {
		basis := map[bool]string{true: "patient_access", false: "legal_process"}[key == "c"]
		if _, err := k.enter(t.Context(), ledger.Entry{
			Key: key + "/sent", Event: ledger.Sent, Order: "R-" + key, Reference: key, Patient: "10432", Recipient: &to, Basis: basis, Information: "1 chart", Purpose: "asked for",
		}); err != nil {
			t.Fatal(err)
		}
	}
	q := AccountingRequest{Patient: " 10432", On: time.Now(), All: true}
	r, err := MakeAccounting(t.Context(), k.cfg, q, time.Now())
	if err != nil || len(r.Lines) != 1 || r.Lines[0].Recipient.Name != "Albany County Court" || r.Withheld != 1 || len(r.Exempt) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	letter, err := AccountingLetter(t.Context(), k.cfg, q, r, time.Now())
	if err != nil || !bytes.HasPrefix(letter, []byte("%PDF-")) {
		t.Errorf("%.10q, %v", letter, err)
	}
	g := Given(q, r, " J. Ortiz, privacy officer ")
	g.Letter = letter
	for at := range 2 { // given again on the same day, as a table besides
		k.opts.Now = func() time.Time { return q.On.Add(time.Duration(at) * time.Second) }
		if err := k.RecordAccounting(t.Context(), g); err != nil {
			t.Fatal(err)
		}
		g.List = []byte("a,b")
	}
	if r, err = MakeAccounting(t.Context(), k.cfg, q, time.Now()); err != nil || !r.Recorded || !r.Free || k.ledger.Head().Seq != 5 {
		t.Errorf("%+v, %v", r, err)
	}
	var e ledger.Entry
	for line, err := range k.ledger.Entries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range line.Documents { // what the entry names is there, and nothing else
			b, err := os.ReadFile(filepath.Join(k.cfg.Outbox, filepath.FromSlash(d.File)))
			if err != nil || digest(b) != d.Sum || strings.Contains(d.File, "10432") {
				t.Errorf("%+v: %v", d, err)
			}
		}
		e = line
	}
	if len(e.Documents) != 2 || e.Approver != "J. Ortiz, privacy officer" || e.Documents[0].Sum != digest(letter) {
		t.Errorf("%+v", e)
	}
	if kept, err := os.ReadDir(filepath.Join(k.cfg.Outbox, "accountings")); err != nil || len(kept) != 2 {
		t.Errorf("%v, %v", kept, err)
	}
	if err := k.RecordAccounting(t.Context(), Given(q, r, "J. Ortiz")); !errors.Is(err, ErrNoGiver) {
		t.Errorf("nothing given: %v", err)
	}
	if g.By = " "; !errors.Is(k.RecordAccounting(t.Context(), g), ErrNoGiver) || k.ledger.Head().Seq != 5 {
		t.Error("given by nobody")
	}
	if e.Patient != "10432" || !strings.Contains(e.Information, "1 listed") || !strings.Contains(strings.Join(e.Notices, ";"), "1 left out under a suspension") || strings.Contains(e.Key, "10432") {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := MakeAccounting(t.Context(), k.cfg, AccountingRequest{Patient: " ", On: time.Now()}, time.Now()); !errors.Is(err, ErrConfig) {
		t.Errorf("of nobody: %v", err)
	}
	file, err := filepath.Glob(filepath.Join(k.cfg.State, "ledger", "*.jsonl"))
	if err != nil || len(file) != 1 {
		t.Fatal(file, err)
	}
	text, err := os.ReadFile(file[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file[0], bytes.Replace(text, []byte("County Court"), []byte("Country Club"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := MakeAccounting(t.Context(), k.cfg, q, time.Now()); !errors.Is(err, ledger.ErrBroken) {
		t.Errorf("of a ledger that does not hold: %v", err)
	}
	if err := os.WriteFile(file[0], text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A statement of an official that came after the request keeps the disclosure back, and
// one that is over no longer does; one that names nobody is told to staff, as is a number
// that the ledger does not know.
func TestWhatKeepsAnAccountingBack(t *testing.T) {
	dir := t.TempDir()
	k := keepBooks(t, dir, &shelf{all: map[string][]byte{}})
	defer k.close(t)
	k.cfg.Recipients, k.cfg.Restrictions = filepath.Join(dir, "book.yaml"), filepath.Join(dir, "asked.yaml")
	if err := os.WriteFile(k.cfg.Recipients, []byte("# nobody\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := k.enter(t.Context(), ledger.Entry{
		Key: "a/sent", Event: ledger.Sent, Order: "R-a", Reference: "a", Patient: "10432", Basis: "legal_process", Information: "1 chart",
		Recipient: &ledger.Party{Name: "Albany Police Department", Kind: "agency"},
	}); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	day := func(n int) string { return now.AddDate(0, 0, n).Format(time.DateOnly) }
	for name, tc := range map[string]struct {
		patient, official string
		from, until       int // days from the request; it is answered ten days after it
		withheld, doubts  int
	}{
		"stated after the request":     {"10432", "agency", 5, 20, 1, 0},
		"over before the answer":       {"10432", "agency", -9, 3, 0, 0},
		"to begin after the answer":    {"10432", "agency", 11, 20, 0, 0},
		"of nobody":                    {"10432", "Albany FBI", 0, 20, 0, 1},
		"of nobody, but over":          {"10432", "Albany FBI", -9, 3, 0, 0},
		"of nobody, of another number": {"1O432", "agency", 0, 20, 0, 1},
	} {
		text := fmt.Sprintf(`"10432": {accounting: {suspended: [{for: %s, from: %s, until: %s}]}}`+"\n", tc.official, day(tc.from), day(tc.until))
		if err := os.WriteFile(k.cfg.Restrictions, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := MakeAccounting(t.Context(), k.cfg, AccountingRequest{Patient: tc.patient, On: now}, now.AddDate(0, 0, 10))
		if err != nil || r.Withheld != tc.withheld || len(AccountingDoubts(r)) != tc.doubts {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}
