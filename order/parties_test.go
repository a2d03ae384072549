package order

import "testing"

func TestAConsentThatEndsIsSeenWithoutTheRecords(t *testing.T) {
	o := load(t, "testdata/valid/part2.yaml")
	o.Sensitive = nil
	f := facts(o)
	if stops := Stopping(Evaluate(o, f)); len(stops) != 0 {
		t.Fatalf("a good consent is held: %+v", stops)
	}
	f.Today, f.Stage = on(2027, 2, 1), AtRelink
	stops := Stopping(Evaluate(o, f))
	if len(stops) != 1 || stops[0].Rule != "R19" || stops[0].Outcome != Refuse {
		t.Errorf("the consent ended: %+v", stops)
	}
}

func TestADirectiveNamesOnePlace(t *testing.T) {
	for _, c := range []struct {
		says, address, email string
		outcome              Outcome // "": passes
	}{
		{"rosa@example.org", "", "Rosa@Example.org", ""},
		{"by e-mail to <rosa@example.org>.", "", "rosa@example.org", ""},
		{"maria.rosa@example.org", "", "rosa@example.org", Hold},
		{"rosa@example.org.evil.example", "", "rosa@example.org", Hold},
		{"4 Oak Street, Troy NY", "4 Oak St., Troy, NY 12180", "rosa@example.org", ""},
		{"4 Oak Street, Troy NY", "14 Oak Street, Troy NY", "", Hold},
		{"4 Oak Street, Troy NY", "4 Oak Street, Troy MI", "", Hold},
		{"Troy NY", "99 Oak Street, Troy NY", "", Hold},
		{"22 Doctor's Drive", "22 Doctors Dr", "", ""},
		{"4 Oak Street, Troy NY", "", "", Warn},
	} {
		o := load(t, "testdata/valid/directive.yaml")
		o.Directive.Address, o.Recipient.Address, o.Recipient.Email = c.says, c.address, c.email
		got := about(Evaluate(o, facts(o)), "R21")
		if c.outcome == "" && len(got) != 0 || c.outcome != "" && (len(got) != 1 || got[0].Outcome != c.outcome) {
			t.Errorf("%q to %q, %q: %+v", c.says, c.address, c.email, got)
		}
	}
}

func TestThePatientIsReachedOneWayOnly(t *testing.T) {
	for _, c := range []struct {
		only           Way
		address, email string
		holds          bool
	}{
		{Way{Address: "7 Elm Street, Troy NY"}, "7 Elm St, Troy, NY", "maria@example.org", false},
		{Way{Address: "7 Elm Street, Troy NY"}, "", "maria@example.org", true},
		{Way{Address: "7 Elm Street, Troy NY"}, "", "", false}, // handed over
		{Way{Address: "7 Elm Street, Troy NY", Email: "maria@example.org"}, "", "Maria@Example.org", false},
		{Way{Email: "maria@example.org"}, "7 Elm Street, Troy NY", "", true},
		{Way{Email: "maria@example.org"}, "", "maria@example.org.evil.example", true},
	} {
		o := load(t, "testdata/valid/patient_access.yaml")
		o.Recipient.Address, o.Recipient.Email = c.address, c.email
		f := facts(o)
		f.Restrictions = Restrictions{"10432": {ContactOnly: c.only}}
		if stops := Stopping(Evaluate(o, f)); (len(stops) > 0) != c.holds {
			t.Errorf("only %+v, sent to %q, %q: %+v", c.only, c.address, c.email, stops)
		}
	}
}

func TestARestrictionMeansTheNameInEveryForm(t *testing.T) {
	for word, holds := range map[string]bool{"acme": true, "Acme Corporation": true, "ACME corporation, Inc.": true, "employer": true, "Acme Corp.": true, "Acme Co": true, "Acme Dental": false, "": false, "Corp": false, "and Co": false} {
		o := load(t, "testdata/valid/authorization.yaml")
		f := facts(o)
		f.Restrictions = Restrictions{"10432": {NotTo: []string{word}}}
		if stops := Stopping(Evaluate(o, f)); (len(stops) > 0) != holds {
			t.Errorf("not to %q: %+v", word, stops)
		}
	}
}

func TestWhoSignsAConsent(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Order)
		passes bool
	}{
		"the patient": {func(o *Order) { o.Part2Consent.Signer = "Alvarez, Maria" }, true},
		"a stranger":  {func(*Order) {}, false},
		"an attorney in fact": {func(o *Order) {
			o.Requester.Name, o.Requester.Relation, o.Requester.Authority = "Rosa Alvarez", Representative, PowerOfAttorney
		}, true},
		"a parent of an adult": {func(o *Order) {
			o.Requester.Name, o.Requester.Relation, o.Requester.Authority = "Rosa Alvarez", Representative, Parent
		}, false},
		"a parent of a child": {func(o *Order) {
			o.Patient.BirthDate = on(2018, 3, 9)
			o.Requester.Name, o.Requester.Relation, o.Requester.Authority = "Rosa Alvarez", Representative, Parent
		}, true},
		"another than asks": {func(o *Order) {
			o.Requester.Name, o.Requester.Relation, o.Requester.Authority = "Juan Alvarez", Representative, Guardian
		}, false},
		"as on the authorization": {func(o *Order) {
			o.Authorization = &Authorization{Signer: "Rosa Alvarez", RepresentativeAuthority: Guardian}
		}, true},
	} {
		o := load(t, "testdata/valid/part2.yaml")
		o.Part2Consent.Signer = "Rosa Alvarez"
		c.change(o)
		if got := Includes(o, facts(o), SubstanceUse); got != c.passes {
			t.Errorf("%s: %v", name, got)
		}
	}
	for from, passes := range map[string]bool{
		"Lakeside Dental": true, "LAKESIDE DENTAL, Albany": true, "Lakeside": true, "Lakeside Dental, PLLC": true, "Dental": false, "any of my treating providers": true,
		"Hillside Dental": false, "Central Clinic": false, "Hillside Dentists": false, "Albany Health Care Providers, PC": false, "": false,
	} {
		o := load(t, "testdata/valid/part2.yaml")
		if o.Part2Consent.From = from; Includes(o, facts(o), SubstanceUse) != passes {
			t.Errorf("a consent that lets %q disclose: %v", from, !passes)
		}
	}
}

func TestAConsentNamesTheRecipient(t *testing.T) {
	for to, passes := range map[string]bool{
		"Dr. Chen Endodontics": true, "Dr. Chen": true, "DR CHEN ENDODONTICS, 2 Elm Street": true, "dr-chen": true,
		"my treating providers, health plans, third-party payers": true, "All my treating providers": true,
		"Dr. Okafor": false, "my health plans": false, "my sister": false, "Hillside Providers": false, "Okafor Dentists": false,
	} {
		o := load(t, "testdata/valid/part2.yaml")
		o.Part2Consent.To = to
		if stops := Stopping(Evaluate(o, facts(o))); (len(stops) == 0) != passes {
			t.Errorf("a consent to %q: %+v", to, stops)
		}
	}
	for to, passes := range map[string]bool{"my health plans": true, "my treating providers, health plans, and third-party payers": true, "Other Health Plan": false, "my treating providers": false} {
		o := load(t, "testdata/valid/part2.yaml")
		o.Part2Consent.To = to
		f := facts(o)
		if f.Recipient = lakeside["acme-plan"]; Includes(o, f, SubstanceUse) != passes {
			t.Errorf("a consent to %q for a health plan: %v", to, !passes)
		}
	}
}

func TestADemandMayNameAnyParty(t *testing.T) {
	for _, kind := range []Relation{Attorney, Court, Agency, Insurer, Employer, OtherParty} {
		o := load(t, "testdata/valid/legal_process.yaml")
		f := facts(o)
		o.Requester.Relation, f.Recipient.Kind = kind, Party(kind)
		if stops := Stopping(Evaluate(o, f)); len(stops) != 0 {
			t.Errorf("%s: %+v", kind, stops)
		}
	}
}

func TestAFirmIsKnownInEveryForm(t *testing.T) {
	for name, same := range map[string]bool{
		"Hale & Byrne": true, "Hale and Byrne": true, "HALE & BYRNE, L.L.P.": true, "The Hale & Byrne Co.": true, "Hale & Byrne, 5 Court Street, Albany NY": true,
		"Hale": false, "Hale & Burns": false, "Byrne & Hale": false, "LLP": false, "": false,
	} {
		o := load(t, "testdata/valid/authorization.yaml")
		f := facts(o)
		f.Recipient.Name, o.Authorization.To = "Hale & Byrne", name
		if stops := Stopping(Evaluate(o, f)); (len(stops) == 0) != same {
			t.Errorf("a form that names %q: %+v", name, stops)
		}
	}
}

// TestAFormMayNameAClass: a form can let a class of persons disclose, and name a person
// in any order of the names; a longer name is another's.
func TestAFormMayNameAClass(t *testing.T) {
	for from, passes := range map[string]bool{
		"Lakeside Dental": true, "Lakeside Dental, PLLC": true, "any of my health care providers": true, "my dentist": true,
		"Hillside Dental": false, "Hillside Dentists": false, "my employer": false,
	} {
		o := load(t, "testdata/valid/authorization.yaml")
		if o.Authorization.From = from; len(Stopping(Evaluate(o, facts(o)))) == 0 != passes {
			t.Errorf("a form that lets %q disclose: %v", from, !passes)
		}
	}
	for name, passes := range map[string]bool{"Alvarez, Aunt Rosa": true, "Aunt Rosa Alvarez": true, "Rosa Alvarez": false, "Aunt Rosa Maria Alvarez": false} {
		o := load(t, "testdata/valid/directive.yaml")
		if o.Directive.Recipient = name; len(Stopping(Evaluate(o, facts(o)))) == 0 != passes {
			t.Errorf("a directive that names %q: %v", name, !passes)
		}
	}
}
