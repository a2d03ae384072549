package order

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const example = `order: R-2026-0113                # unique; letters, digits, . _ -
decision: release                 # release | deny | extend
received: 2026-11-18
patient: {id: "10432", name: "Alvarez, Maria", birth_date: 1984-03-09}
requester:
  name: Maria Alvarez
  relation: self
  identity: {method: driver's license, by: J. Ortiz, on: 2026-11-18}
recipient: dr-chen                # in the recipient book, or a mapping {name, kind, address, email}
basis: treatment
purpose: referral for root canal
records: {kinds: [chart, radiograph, cbct], from: 2023-01-01, to: 2026-11-18}   # kinds: all, for patient access
sensitive: []                     # categories expressly included
delivery: link
link: {lifetime: 7d}
approved: {by: dr-lee, on: 2026-11-18}
decisions: []
`

func mustParse(t *testing.T, data string) *Order {
	t.Helper()
	o, err := Parse("order.yaml", []byte(data))
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return o
}

func TestParseReadsTheExample(t *testing.T) {
	o := mustParse(t, example)
	if o.ID != "R-2026-0113" || o.Patient.ID != "10432" || o.Recipient.Key != "dr-chen" || o.Basis != Treatment ||
		o.Patient.BirthDate != (Date{1984, time.March, 9}) || len(o.Records.Kinds) != 3 ||
		o.Link.Lifetime.Duration() != 168*time.Hour || o.Approved.By != "dr-lee" || o.Requester.Relation != Self {
		t.Errorf("read as %+v", o)
	}
}

func TestParseSaysEverythingAtOnce(t *testing.T) {
	bad := strings.NewReplacer("birth_date: 1984-03-09", "birth_date: 03/09/1984", "recipient: dr-chen", "recipeint: dr-chen",
		"basis: treatment", "basis: treatmnt", "to: 2026-11-18", "to: 2022-11-18", "7d", "30d", "kinds: [chart,", "kinds: [Chart,").Replace(example)
	_, err := Parse("order.yaml", []byte(bad))
	var parse *ParseError
	if !errors.As(err, &parse) {
		t.Fatalf("no ParseError: %v", err)
	}
	want := strings.TrimSpace(`
Line 1: 'recipient' is missing
Line 4: 'patient.birth_date' must be a date written year-month-day, like 2026-11-18; "03/09/1984" is not
Line 9: 'recipeint' is not a field; did you mean 'recipient'?
Line 10: 'basis' is "treatmnt", which is not known; did you mean 'treatment'?
Line 12: 'records.kinds[0]' is "Chart"; such words have only small letters, digits and _
Line 12: 'records.to' is 2022-11-18, before 'from' (2023-01-01)
Line 15: 'link.lifetime' is 30d; a link lives at most 7d. A new link can be made later`)
	if parse.Error() != want || parse.ID != "R-2026-0113" {
		t.Errorf("id %q\n got %s\nwant %s", parse.ID, parse.Error(), want)
	}
}

func TestParseErrorCarriesTheID(t *testing.T) {
	for data, want := range map[string]string{
		"order: R-7\npatient: {id: [\n":        "R-7",
		"order: \"R-7\" # x\n\tbad\n":          "R-7",
		"{\"order\": \"R-7\",\n\"patient\": }": "R-7",
		"order: R-7\norder: R-8\nx: {\n":       "",
		"order: ../x\npatient: 1\n":            "",
		"order: CON.txt\n":                     "",
		"%PDF-1.7\n":                           "",
		"just a letter":                        "",
		"order: R-9\nunknown: 1\n":             "R-9",
		"order: R-9\n---\norder: R-9\n":        "",
	} {
		_, err := Parse("x", []byte(data))
		var parse *ParseError
		if !errors.As(err, &parse) || parse.ID != want || len(parse.Problems) == 0 {
			t.Errorf("%q: id %q, want %q (%v)", data, parse.ID, want, err)
		}
	}
}

func TestPatientNumberStaysAsTyped(t *testing.T) {
	for _, id := range []string{"10432", "0010432", "1e5", "0x1F", "1_000", "+5", "123456789012345678901234567890"} {
		o := mustParse(t, strings.Replace(example, `"10432"`, id, 1))
		if o.Patient.ID != id {
			t.Errorf("patient number %s was read as %s", id, o.Patient.ID)
		}
	}
}

// TestBlankForms reads the practice's blank forms: nothing may be wrong with them
// but that they are not filled in.
func TestBlankForms(t *testing.T) {
	files, err := filepath.Glob("../config/templates/order-*.yaml")
	if err != nil || len(files) != 3 {
		t.Fatalf("found %d forms, %v", len(files), err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Parse(f, data)
		var parse *ParseError
		if !errors.As(err, &parse) {
			t.Fatalf("%s: a blank form is accepted: %v", f, err)
		}
		for _, p := range parse.Problems {
			if !strings.HasSuffix(p.Message, "is empty; fill it in") && !strings.HasSuffix(p.Message, "is missing") {
				t.Errorf("%s: %s", f, p)
			}
		}
	}
}

func TestCheckID(t *testing.T) {
	for _, id := range []string{"R-1", "a", "R-2026.0113_b", "_x", "-x", "consult", "com10", strings.Repeat("a", 64)} {
		if wrong := CheckID(id); wrong != "" {
			t.Errorf("%q %s", id, wrong)
		}
	}
	for _, id := range []string{"", ".", "..", ".x", "x.", "a/b", `a\b`, "a b", "é", "con", "NUL", "aux.yaml", "COM1", "lpt9.x", strings.Repeat("a", 65), "a\n"} {
		if CheckID(id) == "" {
			t.Errorf("%q is accepted", id)
		}
	}
}

func TestReference(t *testing.T) {
	r := Reference("R-2026-0113")
	if len(r) != 12 || r != strings.ToLower(r) || r != Reference("r-2026-0113") || r == Reference("R-2026-0114") {
		t.Errorf("reference %q", r)
	}
	if r != "qepiscy4y4uw" { // pinned: it is the workflow's id
		t.Errorf("the reference has changed: %q", r)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("o.yaml", []byte(example))
	f.Add("o.json", []byte(`{"order": "R-1", "received": "2026-11-18", "patient": {"id": 1}}`))
	f.Add("o.yaml", []byte("order: R-1\nrecords: {kinds: all}\nrecipient: {name: x, kind: patient}\nfee: {lines: [{kind: search, amount: $1.50}]}"))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		o, err := Parse(name, data)
		var parse *ParseError
		if err != nil && (!errors.As(err, &parse) || len(parse.Problems) == 0) {
			t.Fatalf("an error without problems: %v", err)
		}
		if err == nil && CheckID(o.ID) != "" {
			t.Errorf("id %q was accepted", o.ID)
		}
		if err == nil { // no rule may panic on what parses
			Evaluate(o, Facts{Today: Date{2026, 11, 19}, Approvers: []string{"dr-lee"}, Recipient: o.Recipient, State: "CA"})
			MatchPatient(o.Patient, o.ID, o.Requester.Name, o.Purpose)
		}
		if err != nil && parse.ID != "" && CheckID(parse.ID) != "" {
			t.Errorf("the error carries the id %q", parse.ID)
		}
	})
}
