package pdfform

import "chartseal/order"

const dateHint = "2026-11-18"

func date(path, label string, width int) Field {
	return Field{Path: path, Label: label, Hint: dateHint, Type: Date, Width: width}
}

func text(path, label string, width int) Field {
	return Field{Path: path, Label: label, Width: width}
}

// must marks a field that no order can do without.
func must(f Field) Field {
	f.Must = true
	return f
}

func hint(f Field, words string) Field {
	f.Hint = words
	return f
}

func choice(path, label string, width int, list []Option) Field {
	return Field{Path: path, Label: label, Type: Choice, Options: list, Width: width}
}

func box(path, label string, width int) Field {
	return Field{Path: path, Label: label, Type: Box, Width: width}
}

// request is the page that every order fills in.
func request(p Practice) []Section {
	return []Section{
		{Mark: "1", Title: "The order", Rows: []Row{{
			hint(must(text("order", "Order number", 4)), "letters, digits, . _ -"),
			must(date("received", "Request received on", 4)),
			{Path: "decision", Label: "Decision", Type: Choice, Options: options(order.Release.Choices(), decisionWords), Default: string(order.Release), Must: true, Width: 4},
		}}},
		{Mark: "2", Title: "The patient", Note: "As in the practice's system.", Rows: []Row{{
			hint(must(text("patient.id", "Patient number", 3)), "leading zeros count"),
			hint(must(text("patient.name", "Name", 6)), "Last, First Middle"),
			hint(must(date("patient.birth_date", "Birth date", 3)), "1984-03-09"),
		}}},
		{Mark: "3", Title: "Who asks", Note: "And how you made sure who it is.", Rows: []Row{
			{
				text("requester.name", "Name of who asks", 5),
				choice("requester.relation", "Relation to the patient", 3, options(order.Self.Choices(), relationWords)),
				choice("requester.authority", "A representative acts as", 4, options(order.Parent.Choices(), nil)),
			},
			{
				hint(text("requester.identity.method", "Identity checked by means of", 5), "driver's license, call back"),
				hint(text("requester.identity.by", "Checked by", 4), "staff"),
				date("requester.identity.on", "Checked on", 3),
			},
			{box("requester.minor_asked", "The patient is a minor over 12, was asked, and does not object (New York)", 12)},
		}},
		{Mark: "4", Title: "Send to", Note: "Choose from the recipient book, or fill in the two lines below it, not both.", Rows: []Row{
			{{Path: "recipient", Label: "From the recipient book", Type: Open, Options: p.Recipients, Width: 12}},
			{
				text("recipient.name", "Or someone else: name", 5),
				choice("recipient.kind", "Kind of recipient", 3, options(order.ThePatient.Choices(), relationWords)),
				text("recipient.phone", "Telephone of the recipient", 4),
			},
			{text("recipient.address", "Address of the recipient", 7), text("recipient.email", "E-mail of the recipient", 5)},
		}},
		{Mark: "5", Title: "Why", Note: "A patient is never asked for a purpose.", Rows: []Row{{
			choice("basis", "Basis", 7, options(order.Treatment.Choices(), basisWords)),
			text("purpose", "Purpose", 5),
		}}},
		{Mark: "6", Title: "Which records", Note: "All records: only for the patient's own request. Single files or pages: part K.", Rows: append(
			boxes("records.kinds", "Kinds of records", append([]string{order.AllKinds}, p.Kinds...)),
			Row{
				hint(date("records.from", "From (first day)", 4), "empty: all earlier"),
				hint(date("records.to", "To (last day)", 4), "empty: until today"),
			})},
		{Mark: "7", Title: "Sensitive records", Note: "Tick only what the permission expressly names.", Rows: boxes("sensitive", "Sensitive records", p.Categories)},
		{Mark: "8", Title: "How, and who approves", Rows: []Row{{
			{Path: "delivery", Label: "Delivery", Type: Choice, Options: options(order.ByLink.Choices(), deliveryWords), Default: string(order.ByLink), Must: true, Width: 4},
			hint(text("link.lifetime", "Link lives", 2), "7d, 12h"),
			{Path: "approved.by", Label: "Approved by", Type: Open, Options: options(p.Approvers, same(p.Approvers)), Width: 3},
			date("approved.on", "Approved on", 3),
		}, {
			hint(text("prepared.by", "Order written by", 9), "where another person must approve"), date("prepared.on", "Written on", 3),
		}}},
	}
}

func same(values []string) map[string]string {
	m := make(map[string]string, len(values))
	for _, v := range values {
		m[v] = v
	}
	return m
}

var decisionWords = map[string]string{"release": "Release the records", "deny": "Deny (fill in E)", "extend": "Extend the time (fill in F)"}

var relationWords = map[string]string{
	"self": "Patient", "patient": "Patient", "representative": "Representative", "provider": "Dentist or doctor",
	"lab": "Dental lab", "attorney": "Lawyer", "agency": "Public agency", "other": "Someone else",
}

var basisWords = map[string]string{
	"treatment":      "Treatment: to another provider or a lab",
	"payment":        "Payment: to the insurer",
	"operations":     "Health care operations",
	"patient_access": "The patient's own copy",
	"directive":      "The patient directs a copy to someone (fill in C)",
	"authorization":  "Signed authorization (fill in A)",
	"legal_process":  "Court order or subpoena (fill in B)",
	"limited_set":    "Limited data set (fill in G)",
	"deidentified":   "De-identified",
}

var deliveryWords = map[string]string{
	"link": "Encrypted, by link", "folder": "Encrypted, into a folder", "inspect": "Seen in the office", "mail": "By post, by staff",
}
