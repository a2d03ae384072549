package pdfform

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"chartseal/order"
)

func lakeside() Practice {
	return Practice{
		Key: "0011223344556677", Name: "Lakeside Dental", Approvers: []string{"dr-lee"},
		Recipients: []Option{Recipient("dr-chen", "Dr. Chen Endodontics")},
		Kinds:      append(order.StandardKinds(), "cephalogram"), Categories: StandardCategories(),
	}
}

// blank is a form as it comes: every field, empty but for its default.
func blank(p Practice) map[string][]string {
	values := map[string][]string{VersionField: {Version}, PracticeField: {p.Key}, NameField: {p.Name}}
	for _, s := range Sections(p) {
		for _, row := range s.Rows {
			for _, f := range row {
				values[f.Name()] = nil
				if f.Default != "" {
					values[f.Name()] = []string{f.Default}
				}
			}
		}
	}
	return values
}

func filled(changes map[string]string) map[string][]string {
	values := blank(lakeside())
	for name, v := range map[string]string{
		"order": "R-1", "received": "2026-11-18", "patient-id": "010432", "patient-name": "Łukasz, 王", "patient-birth_date": "1984-03-09",
		"recipient": "dr-chen", "basis": "treatment", "records-kinds-chart": "Yes", "approved-by": "dr-lee", "approved-on": "2026-11-18",
	} {
		values[name] = []string{v}
	}
	for name, v := range changes {
		if values[name] = []string{v}; v == "" {
			values[name] = nil
		}
	}
	return values
}

func TestReadTheWholeForm(t *testing.T) {
	o, err := Read(filled(map[string]string{
		"records-kinds-chart": "On", "records-kinds-cephalogram": "Yes", "records-from": " 2023-01-01 ", "sensitive-facial_photo": "1",
		"requester-name": "Müller", "requester-minor_asked": "Yes", "link-lifetime": "3d", "basis": basisWords["authorization"],
		"authorization-scope-kinds-all": "Yes", "authorization-statements-revoke": "Yes", "authorization-expires_on": "2027-01-01",
		"authorization-sensitive-sud": "Yes", "denial-explanation": "one\rtwo",
		"denial-files-1": "charts/2019-03-01 note.pdf", "denial-files-2": "radiographs/*", "denial-kinds-billing": "Yes",
		"decisions-2-rule": "R6", "decisions-2-decision": "Leave it out", "decisions-2-by": "dr-lee", "decisions-2-on": "2026-11-18", "decisions-2-reason": "twice",
		"fee-lines-1-kind": "postage", "fee-lines-1-amount": "6.50",
		"records-items-1-file": "charts/2024.pdf", "records-items-1-pages": "7, 1-3",
	}), nil, lakeside())
	if err != nil {
		t.Fatal(err)
	}
	day := order.Date{Year: 2026, Month: 11, Day: 18}
	want := &order.Order{
		ID: "R-1", Decision: order.Release, Received: day,
		Patient:   order.Patient{ID: "010432", Name: "Łukasz, 王", BirthDate: order.Date{Year: 1984, Month: 3, Day: 9}},
		Requester: order.Requester{Name: "Müller", MinorAsked: true},
		Recipient: order.Recipient{Key: "dr-chen"}, Basis: order.Authorized,
		Records:   order.Records{Kinds: order.Kinds{"cephalogram", "chart"}, From: order.Date{Year: 2023, Month: 1, Day: 1}, Items: []order.Item{{File: "charts/2024.pdf", Pages: order.Pages{{First: 1, Last: 3}, {First: 7, Last: 7}}}}},
		Sensitive: []string{"facial_photo"}, Delivery: order.ByLink, Approved: order.Approval{By: "dr-lee", On: day},
		Decisions: []order.Ruling{{Rule: "R6", Decision: order.LeaveOut, By: "dr-lee", On: day, Reason: "twice"}},
		Authorization: &order.Authorization{
			Scope: order.Scope{Kinds: order.Kinds{"all"}}, ExpiresOn: order.Date{Year: 2027, Month: 1, Day: 1},
			Statements: order.Statements{Revoke: true}, Sensitive: []string{"sud"},
		},
		Denial: &order.Denial{Explanation: "one\ntwo", Kinds: order.Kinds{"billing"}, Files: []string{"charts/2019-03-01 note.pdf", "radiographs/*"}},
		Fee:    &order.Fee{Lines: []order.FeeLine{{Kind: "postage", Amount: 650}}},
	}
	want.Link.Lifetime = o.Link.Lifetime
	if got := o.Link.Lifetime.String(); got != "3d" {
		t.Errorf("lifetime %s", got)
	}
	if !reflect.DeepEqual(o, want) {
		t.Errorf("got  %+v\nwant %+v", o, want)
	}
}

func TestProblemsAreNamedAsPrinted(t *testing.T) {
	tests := map[string]struct {
		change  map[string]string
		unclear []string
		want    []string
	}{
		"empty": {map[string]string{"order": "", "patient-id": "", "basis": "", "recipient": "", "records-kinds-chart": "", "decision": ""}, nil, []string{
			"'Order number' (part 1) is empty; fill it in",
			"'Decision' (part 1) is empty; fill it in",
			"'Patient number' (part 2) is empty; fill it in",
			"'Send to' (part 4) is missing",
			"'Basis' (part 5) is missing",
			"'Kinds of records' (part 6) is missing",
		}},
		"no patient": {map[string]string{"patient-id": "", "patient-name": "", "patient-birth_date": ""}, nil, []string{
			"'Patient number' (part 2) is empty; fill it in",
			"'Name' (part 2) is empty; fill it in",
			"'Birth date' (part 2) is empty; fill it in",
		}},
		"wrong": {map[string]string{"received": "11/18/2026", "basis": "treatmnet", "link-lifetime": "30d", "fee-lines-2-kind": "postage", "fee-lines-2-amount": "six"}, nil, []string{
			`'Request received on' (part 1) must be a date written year-month-day, like 2026-11-18; "11/18/2026" is not`,
			`'Basis' (part 5) is "treatmnet", which is not known; did you mean 'treatment'?`,
			`'Link lives' (part 8) is 30d; a link lives at most 7d. A new link can be made later`,
			`'Fee 3: amount' (part H) must be an amount in dollars, like 6.50; "six" is not`,
		}},
		"two recipients": {map[string]string{"recipient-name": "Someone", "recipient-kind": "provider"}, nil, []string{
			"'From the recipient book' (part 4) and the lines below it both name a recipient. Keep one and empty the other",
		}},
		"half a recipient": {map[string]string{"recipient": "", "recipient-name": "Someone"}, nil, []string{
			"'Kind of recipient' (part 4) is missing",
		}},
		"unclear": {map[string]string{"records-from": ""}, []string{"records-from", "records-kinds-scan"}, []string{
			"'Kinds of records: Intraoral scans' (part 6) cannot be read for certain: what is saved in the file is not what the form shows. Open the form, fill the field in again and save it",
			"'From (first day)' (part 6) cannot be read for certain: what is saved in the file is not what the form shows. Open the form, fill the field in again and save it",
		}},
		"strange tick":  {map[string]string{"sensitive-sud": "No"}, nil, []string{"'Sensitive records: Substance use' (part 7) cannot be read for certain. Open the form, tick the box again and save it"}},
		"all and more":  {map[string]string{"records-kinds-all": "Yes"}, nil, []string{"'Kinds of records' (part 6) says 'all' beside other kinds; write all alone, or the kinds"}},
		"strange field": {map[string]string{"iban": "1"}, nil, []string{`The form has a field "iban" that is not the practice's. Fill in a blank form of this practice.`}},
		"half a ruling": {map[string]string{"decisions-1-rule": "R6"}, nil, []string{
			"'Answer 2: decision' (part J) is missing", "'Answer 2: reason' (part J) is missing",
			"'Answer 2: decided by' (part J) is missing", "'Answer 2: decided on' (part J) is missing",
		}},
		"deny": {map[string]string{"decision": "deny"}, nil, []string{"'Denial (part E)' is missing"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Read(filled(tt.change), tt.unclear, lakeside())
			if got := messages(t, err); !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func messages(t *testing.T, err error) []string {
	t.Helper()
	bad, ok := errors.AsType[*order.ParseError](err)
	if !ok {
		t.Fatalf("got %v, want problems", err)
	}
	var all []string
	for _, p := range bad.Problems {
		if p.Line != 0 {
			t.Errorf("a form has no lines: %v", p)
		}
		all = append(all, p.Message)
	}
	return all
}

func TestForeignForms(t *testing.T) {
	for name, tt := range map[string]struct{ field, value, want string }{
		"no form of ours": {VersionField, "", "This PDF is not the practice's order form"},
		"other version":   {VersionField, "0", "This order form is of another version (0; now it is 3)"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(filled(map[string]string{tt.field: tt.value}), nil, lakeside())
			if got := messages(t, err); len(got) != 1 || !strings.HasPrefix(got[0], tt.want) {
				t.Errorf("got %q", got)
			}
		})
	}
	other := lakeside()
	other.Key = "FFFF"
	if _, err := Read(filled(nil), nil, other); err != nil {
		t.Errorf("a second site of the practice: %v", err)
	}
	other.Name = "Hilltop Dental"
	_, err := Read(filled(nil), nil, other)
	if got := messages(t, err); !strings.HasPrefix(got[0], "This order form was made for another practice (Lakeside Dental)") {
		t.Errorf("got %q", got)
	}
	bad, _ := errors.AsType[*order.ParseError](err)
	if bad.ID != "R-1" {
		t.Errorf("answered under %q", bad.ID)
	}
}

func TestRemovedFieldIsMissed(t *testing.T) {
	values := filled(nil)
	delete(values, "records-to")
	_, err := Read(values, nil, lakeside())
	if got := messages(t, err); len(got) != 1 || !strings.HasPrefix(got[0], "'To (last day)' (part 6) is not on this form any more") {
		t.Errorf("got %q", got)
	}
}

// A form stays good when the lists behind it change.
func TestFormOutlivesItsLists(t *testing.T) {
	now := lakeside()
	now.Kinds, now.Categories, now.Recipients = append(order.StandardKinds(), "airway"), append(StandardCategories(), "vip"), nil
	o, err := Read(filled(map[string]string{"records-kinds-cephalogram": "Yes", "recipient": "dr-chen | Dr. Chen Endodontics"}), nil, now)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(o.Records.Kinds, "cephalogram") || o.Recipient.Key != "dr-chen" {
		t.Errorf("got %+v, %+v", o.Records, o.Recipient)
	}
}

// Every field of an order is on the form, or is left out on purpose.
func TestFormIsComplete(t *testing.T) {
	on := map[string]bool{}
	for _, s := range Sections(lakeside()) {
		for _, row := range s.Rows {
			for _, f := range row {
				on[strings.NewReplacer("[0]", "", "[1]", "", "[2]", "", "[3]", "").Replace(f.Path)] = true
			}
		}
	}
	for _, path := range paths(reflect.TypeFor[order.Order](), "") {
		if !on[path] {
			t.Errorf("an order's field %q is not on the form", path)
		}
		delete(on, path)
	}
	for path := range on {
		if !strings.HasPrefix(path, "recipient.") {
			t.Errorf("the form has a field %q that no order has", path)
		}
	}
}

// paths lists the fields of a type that hold a value.
func paths(t reflect.Type, at string) []string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[order.Date]() || t == reflect.TypeFor[order.Recipient]() || t == reflect.TypeFor[order.PageRange]() {
		return []string{strings.TrimPrefix(at, ".")}
	}
	var all []string
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		all = append(all, paths(f.Type, at+"."+name)...)
	}
	return all
}

func TestInFormWords(t *testing.T) {
	got := InFormWords("Write who signed (authorization.signer, requester.identity.on) in chartseal.yaml, or records.kinds.")
	want := "Write who signed ('Authorization signed by' on the form, 'Checked on' on the form) in chartseal.yaml, or 'Kinds of records' on the form."
	if got != want {
		t.Errorf("got %s", got)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("patient-id", "7", "decisions-3-rule", "R6", "recipient-name")
	f.Add("records-kinds-all", "Yes", "records-kinds-\x00", "Yes", "fee-lines-2-amount")
	f.Fuzz(func(t *testing.T, a, av, b, bv, c string) {
		values := filled(nil)
		values[a], values[b] = []string{av}, []string{bv, av}
		delete(values, c)
		o, err := Read(values, []string{a, c}, lakeside())
		if bad, ok := errors.AsType[*order.ParseError](err); ok != (o == nil) || ok && len(bad.Problems) == 0 {
			t.Errorf("order %v, error %v", o, err)
		}
	})
}
