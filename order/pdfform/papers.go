package pdfform

import (
	"maps"
	"slices"

	"chartseal/order"
)

// papers are the sections about a signed form, a demand or a consent; each order
// needs one of them at most.
func papers(p Practice) []Section {
	return []Section{
		{Mark: "A", NewTop: true, Title: "Signed authorization", Note: "What the patient's signed form says (45 CFR 164.508). It must have all of this.", Rows: authorization(p)},
		{Mark: "B", Title: "Court order or subpoena", Note: "What the document says (45 CFR 164.512).", Rows: append([]Row{
			{
				choice("legal_process.kind", "Kind of document", 4, options(order.CourtOrder.Choices(), nil)),
				text("legal_process.document", "Its number, or where it is filed", 8),
			},
			{
				choice("legal_process.assurance", "A subpoena came with", 5, options(order.PatientNotice.Choices(), map[string]string{"patient_notice": "Proof that the patient was told", "protective_order": "Request for protective order"})),
				text("legal_process.assurance_document", "Where that proof is filed", 4),
				text("legal_process.approver", "Who decided to answer it", 3),
			},
		}, scope("legal_process.scope", "The document names", p)...)},
		{Mark: "C", NewTop: true, Title: "The patient's directive", Note: "A signed request to send the copy to someone else (45 CFR 164.524).", Rows: []Row{
			{text("directive.signed.by", "Directive signed by", 6), date("directive.signed.on", "Directive signed on", 6)},
			{text("directive.recipient", "It names the recipient", 6), text("directive.address", "Where it says to send the copy", 6)},
			{box("directive.ehr_copy", "It asks for an electronic copy of electronic records", 12)},
		}},
		{Mark: "D", Title: "Substance use consent", Note: "Only for records under 42 CFR Part 2 (2.31).", Rows: part2()},
		{Mark: "E", Title: "Denial", Note: "Only when the patient's request is denied (45 CFR 164.524). An unpaid bill is no ground.", Rows: denial(p)},
		{Mark: "F", Title: "More time", Note: "Once, at most 30 days (45 CFR 164.524).", Rows: []Row{{
			text("extension.reason", "Reason for the delay", 6), date("extension.until", "Ready by", 3),
			hint(date("extension.notice_sent", "Notice sent on", 3), "empty: not yet"),
		}}},
		{Mark: "G", NewTop: true, Title: "Limited or de-identified set", Note: "A limited set needs an agreement. A de-identified set that keeps or shifts dates needs an expert (45 CFR 164.514).", Rows: []Row{
			{text("agreement.with", "Agreement with", 6), text("agreement.reference", "Where the agreement is filed", 6)},
			{
				choice("agreement.purpose", "Purpose of the agreement", 4, options([]string{"research", "public_health", "operations"}, nil)),
				date("agreement.signed_on", "Agreement signed on", 4), hint(date("agreement.expires_on", "Agreement ends on", 4), "empty: no end"),
			},
			{
				text("deidentification.expert", "Expert who determined", 4), date("deidentification.on", "Determined on", 3),
				text("deidentification.document", "Where the determination is filed", 5),
			},
		}},
		{Mark: "H", Title: "Fee", Note: "A patient pays only for labor of copying, supplies, postage and an agreed summary, or a flat fee of $6.50 at most.", Rows: fee()},
		{Mark: "I", Title: "Unencrypted copy", Note: "The patient asked for it and was told of the risk. Staff hand it over.", Rows: []Row{{
			text("unencrypted.warned_by", "Patient told by", 8), date("unencrypted.warned_on", "Patient told on", 4),
		}}},
	}
}

const says = "The signed form says"

// in puts a tick box into a group.
func in(group string, f Field) Field {
	f.Group = group
	return f
}

func authorization(p Practice) []Row {
	rows := []Row{
		{text("authorization.description", "What may be released, in the form's words", 12)},
	}
	rows = append(rows, scope("authorization.scope", "The signed form names", p)...)
	rows = append(rows, []Row{
		{text("authorization.from", "Who may disclose", 6), text("authorization.to", "To whom", 6)},
		{
			text("authorization.purpose", "Purpose the signed form names", 6),
			date("authorization.expires_on", "Authorization ends on", 3), date("authorization.revoked_on", "Withdrawn on", 3),
		},
		{
			text("authorization.expires_event", "Or ends with this event", 6), text("authorization.event_by", "Event checked by", 3),
			box("authorization.event_reached", "It has happened", 3),
		},
		{
			text("authorization.signer", "Authorization signed by", 5), date("authorization.signed_on", "Authorization signed on", 3),
			choice("authorization.representative_authority", "Authority of another signer", 4, options(order.Parent.Choices(), nil)),
		},
		{text("authorization.document", "Where the signed form is filed", 12)},
		{
			in(says, box("authorization.statements.revoke", "how to withdraw it", 4)),
			in(says, box("authorization.statements.conditioning", "whether care depends on it", 4)),
			in(says, box("authorization.statements.redisclosure", "it may be passed on", 4)),
		},
	}...)
	return append(rows, boxes("authorization.sensitive", "The signed form expressly names", p.Categories)...)
}

// scope is what a document allows: kinds and days.
func scope(path, label string, p Practice) []Row {
	rows := boxes(path+".kinds", label, append([]string{order.AllKinds}, p.Kinds...))
	return append(rows, Row{
		hint(date(path+".from", label+" records from", 4), "empty: no limit"),
		hint(date(path+".to", label+" records until", 4), "empty: no limit"),
	})
}

func part2() []Row {
	return []Row{
		{text("part2_consent.patient", "Patient named in the consent", 4), text("part2_consent.from", "Consent: who may disclose", 4), text("part2_consent.to", "Consent: to whom", 4)},
		{text("part2_consent.description", "Consent: how much and what", 6), text("part2_consent.purpose", "Consent: purpose", 6)},
		{
			text("part2_consent.signer", "Consent signed by", 4), date("part2_consent.signed_on", "Consent signed on", 3),
			date("part2_consent.expires_on", "Consent ends on", 3),
		},
		{text("part2_consent.expires_event", "Or consent ends with this event", 6), text("part2_consent.consent_copy", "Where the copy that goes along is filed", 6)},
		{box("part2_consent.revoke", "It says that it can be withdrawn", 5), box("part2_consent.redisclosure", "It says that they may be passed on under HIPAA", 7)},
	}
}

// deniedFiles is how many files the form can name as denied.
const deniedFiles = 3

func denial(p Practice) []Row {
	grounds := slices.Sorted(maps.Keys(order.Grounds()))
	var files Row
	for i := range deniedFiles {
		files = append(files, hint(text(numbered("denial.files[%d]", i), numbered("Denied file %d", i+1), 4), "below the patient's folder"))
	}
	rows := []Row{
		{
			choice("denial.ground", "Ground for denying", 6, options(grounds, nil)),
			hint(text("denial.part", "What is denied", 6), "all, or which part"),
		},
		files,
		{{Path: "denial.explanation", Label: "Why, in plain words for the patient", Type: Area, Width: 12}},
		{text("denial.professional", "Licensed professional who judged", 6), text("denial.reviewer", "Another one, for a review", 6)},
		{text("denial.review", "How to ask for a review", 12)},
		{
			hint(text("denial.contact.name", "Contact for complaints", 4), "empty: the practice's"),
			text("denial.contact.phone", "Telephone for complaints", 4), text("denial.holder", "Who has the records, if not we", 4),
		},
	}
	return append(rows, boxes("denial.kinds", "Kinds that are denied", p.Kinds)...)
}

// feeLines is how many items of a fee the form has room for.
const feeLines = 3

func fee() []Row {
	var rows []Row
	for i := range feeLines {
		at := numbered("fee.lines[%d]", i)
		rows = append(rows, Row{
			choice(at+".kind", numbered("Fee %d: for", i+1), 3, options(order.FeeKinds(), nil)),
			hint(text(at+".amount", numbered("Fee %d: amount", i+1), 2), "6.50"),
			text(at+".basis", numbered("Fee %d: how worked out", i+1), 4),
			box(at+".agreed", numbered("Fee %d: patient agreed", i+1), 3),
		})
	}
	return append(rows, Row{
		box("fee.paid_first", "The records wait for the money", 5),
		box("fee.benefit_claim", "The copy supports a claim for government benefits", 7),
	})
}

// rulings is how many answers to holds the form has room for.
const rulings = 4

// answers is where an approver decides about a hold.
func answers(p Practice) []Section {
	var rows []Row
	for i := range rulings {
		at := numbered("decisions[%d]", i)
		n := i + 1
		rows = append(rows,
			Row{
				hint(text(at+".rule", numbered("Answer %d: rule", n), 2), "R6"),
				text(at+".item", numbered("Answer %d: item, as the note names it", n), 6),
				choice(at+".decision", numbered("Answer %d: decision", n), 4, options(order.ReleaseItem.Choices(), map[string]string{"release": "Release it", "leave_out": "Leave it out"})),
			},
			Row{
				text(at+".reason", numbered("Answer %d: reason", n), 6),
				{Path: at + ".by", Label: numbered("Answer %d: decided by", n), Type: Open, Options: options(p.Approvers, same(p.Approvers)), Width: 3},
				date(at+".on", numbered("Answer %d: decided on", n), 3),
			})
	}
	return []Section{{Mark: "J", Title: "Answers to a hold", Note: "Only when WHY-HELD.txt says that an approver may decide. It names rule and item.", Rows: rows}}
}

// fileLines is how many files by name the form has room for.
const fileLines = 4

// files is where an order names single files, or some of their pages.
func files() Section {
	var rows []Row
	for i := range fileLines {
		at := numbered("records.items[%d]", i)
		rows = append(rows, Row{
			hint(text(at+".file", numbered("File %d", i+1), 9), "as in the patient's folder: charts/2024.pdf"),
			hint(text(at+".pages", numbered("File %d: pages", i+1), 3), "1-3, 7; empty: all"),
		})
	}
	return Section{Mark: "K", Title: "Only some files", Note: "Of a kind of which files are named here, only these go. Tick the kind in part 6.", Rows: rows}
}
