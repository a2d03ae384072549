package order

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What a patient asked for is found however number and names are written: with accents
// that are decomposed, as by macOS, and with characters that cannot be seen, as in what is
// pasted from a web page.
func TestWhatPatientsAskedForIsFoundAsWritten(t *testing.T) {
	r := Restrictions{"\u00c9-7": {NotTo: []string{"Acme Dental"}, Withdrawn: []Withdrawal{{To: "Acme Dental", On: on(2026, 11, 1)}}}}
	for _, id := range []string{"\u00e9-7", "E\u0301-7", " e\u0301-7 "} {
		if len(r.of(id).NotTo) != 1 {
			t.Errorf("nothing is found for %q", id)
		}
	}
	for _, name := range []string{"Ac\u200bme Dental", "Acme\u00ad Dental", "\ufeffACME dental"} {
		to := Recipient{Name: name, Kind: "insurer"}
		if !to.names("Acme Dental") || r.Withdrawn("\u00e9-7", to, on(2026, 10, 1)) == nil {
			t.Errorf("%q is not Acme Dental", name)
		}
	}
}

// A patient who is listed twice would be heard by half.
func TestAPatientIsListedOnce(t *testing.T) {
	_, err := ParseRestrictions("asked.yaml", []byte("\"ab1\": {not_to: [acme]}\n\"7\": {}\n\"AB1\": {contact_only: {email: a@b.example}}\n"))
	if bad, ok := errors.AsType[*BookError](err); !ok || len(bad.Problems) != 1 || bad.Problems[0].Line == 0 || !strings.Contains(err.Error(), "is listed twice") {
		t.Errorf("%v", err)
	}
}

func TestFilesInAnotherOrderAreTheSameRecords(t *testing.T) {
	a, b := load(t, "testdata/valid/treatment.yaml"), load(t, "testdata/valid/treatment.yaml")
	a.Records.Items = []Item{{File: "charts/a.pdf"}, {File: "charts/b.pdf"}}
	b.Records.Items = []Item{{File: `charts\B.pdf`}, {File: "./charts/a.pdf"}}
	if to := lakeside["dr-chen"]; Likeness(a, to) != Likeness(b, to) {
		t.Error("they count as other records")
	}
}

// What a patient asked for counts for whoever is meant, by a key of the book as well as by
// name, and also where the order writes the recipient out.
func TestARecipientInTheBookIsMeantByItsKey(t *testing.T) {
	book := Book{
		"acme-plan": {Key: "acme-plan", Name: "Acme Dental Plan, Inc.", Kind: "insurer", Email: "claims@acme.example"},
		"old-acme":  {Key: "old-acme", Name: "Acme Benefits", Kind: "insurer", Email: "Claims@acme.example"},
		"dr-chen":   {Key: "dr-chen", Name: "Dr. Chen", Kind: "provider"},
	}
	for _, to := range []Recipient{
		{Name: "Acme Dental Plan", Kind: "insurer"},
		{Name: "Claims", Kind: "insurer", Email: "claims@acme.example"},
		book["old-acme"],
	} {
		f := Facts{Recipient: to, Keys: book.Parties().Same(to), Restrictions: Restrictions{"7": {
			NotTo: []string{"acme-plan"}, Withdrawn: []Withdrawal{{To: "acme-plan", On: on(2026, 11, 1)}},
		}}}
		o := &Order{Decision: Release, Patient: Patient{ID: "7"}}
		if len(checkRestrictions(o, &f)) != 1 || f.withdrawn("7", on(2026, 10, 1)) == nil {
			t.Errorf("%+v gets what acme-plan must not; keys %q", to, f.Keys)
		}
	}
	if to := (Recipient{Name: "Dr. Chen", Kind: "provider"}); len(book.Parties().Same(to)) != 1 || len(book.Parties().Same(book["dr-chen"])) != 0 {
		t.Errorf("%q, %q", book.Parties().Same(to), book.Parties().Same(book["dr-chen"]))
	}
}

// Who is looked up in the book is whoever is the same when two are compared.
func TestPartiesAreWhoIsTheSame(t *testing.T) {
	all := Book{}
	for i, r := range []Recipient{
		{Name: "Acme Dental Plan, Inc."},
		{Name: "acme dental plan"},
		{Name: "Acme Dental"},
		{Name: "Hale & Byrne, LLP"},
		{Name: "Hale and Byrne"},
		{Name: "Chen, Wei", Email: "W.Chen@example.org."},
		{Name: "Wei Chen"},
		{Name: "W. C.", Email: " w.chen@EXAMPLE.org"},
		{Name: "Inc."},
		{Name: "Inc", Email: "."},
		{},
		{Name: "Wei Chen, 22 Elm Street, Albany NY"},
		{Name: "L.L.P."},
		{Name: "Caf\u00e9 Dental"},
		{Name: "CAFE\u0301 DENTAL PC"},
		{Name: "\u212aelvin", Email: "\u212a@example.org"},
		{Name: "kelvin", Email: "k@example.org"},
	} {
		r.Key = strconv.Itoa(i)
		all[r.Key] = r
	}
	parties := all.Parties()
	for _, to := range all {
		var want []string
		for key, e := range all {
			if key != to.Key && (sameParty(e.Name, to.Name) || sameMail(e.Email, to.Email)) {
				want = append(want, key)
			}
		}
		slices.Sort(want)
		if got := parties.Same(to); !slices.Equal(got, want) {
			t.Errorf("%q: %q, not %q", to, got, want)
		}
	}
}

// A letter of another alphabet that looks like a plain one leads to another mailbox.
func TestAddressesOfLettersThatLookAlike(t *testing.T) {
	for mail, held := range map[string]bool{"office@chen.example": false, "": false, "office@ch\u0435n.example": true, "office@chen\u200b.example": true} {
		f := Facts{Recipient: Recipient{Name: "Dr. Chen", Kind: "provider", Email: mail}}
		if got := checkRecipient(&Order{}, &f); (len(got) == 1 && got[0].outcome == Hold) != held {
			t.Errorf("%q: %+v", mail, got)
		}
	}
}
