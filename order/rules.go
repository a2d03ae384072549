package order

// every is every answer to a request.
var every = []Decision{Release, Deny, Extend}

// forms are the bases that stand on a form the patient signed.
var forms = []Basis{Authorized}

// rules is the table of rules. R1 to R36 carry the numbers of the practice's rule
// book; R24, R25 and R36 are kept by the ledger, and are not asked here. A1 to
// A4, B1, E1, P1 and S1 are about approval, recipient, decisions, the number of
// releases, the expert behind a de-identified set, purpose and scope.
//
// R11 and R35 are fixed because a bundle is complete or held, and never another
// patient's, whatever the law says. Only the records can fail them: what stops them is
// found, and put into words, by packager/gather and packager, as are marked records
// under R18 to R20.
//
// R22, R32 and the part of R23 about 164.512(f) rest on secondary sources: the
// wording of those paragraphs was not read.
var rules []Rule

func init() { // the checks ask the table, so it cannot be initialised with them
	rules = []Rule{
		{ID: "R1", Title: "the requester's identity was checked", Citation: "45 CFR 164.514(h)", Reads: "requester, received", Knows: "Today, IdentityDays", Outcome: Refuse, on: every, check: checkIdentity},
		{ID: "R2", Title: "the basis fits who asks and who gets the records", Citation: "45 CFR 164.508(a)", Reads: "basis, patient.name, requester, recipient, authorization", Knows: "Recipient", Outcome: Refuse, Mildest: Hold, check: checkBasis},
		{ID: "R3", Title: "the authorization covers what is sent", Citation: "45 CFR 164.508(c)(1)(i)", Reads: "records, authorization.description, authorization.scope", Outcome: Refuse, bases: forms, check: authorized(checkCoverage)},
		{ID: "R4", Title: "the authorization names this practice and this recipient", Citation: "45 CFR 164.508(c)(1)(ii), (iii)", Reads: "recipient, authorization.from, authorization.to", Knows: "Practice, Recipient", Outcome: Refuse, bases: forms, check: authorized(checkParties)},
		{ID: "R5", Title: "a purpose is stated", Citation: "45 CFR 164.508(c)(1)(iv)", Reads: "basis, purpose, authorization.purpose", Outcome: Refuse, bases: []Basis{Payment, Operations, Authorized, ByLegal, LimitedSet}, check: checkPurpose},
		{ID: "R6", Title: "the authorization has not ended", Citation: "45 CFR 164.508(c)(1)(v), (b)(2)(i)", Reads: "authorization.expires_on, authorization.expires_event, authorization.event_reached, authorization.event_by", Knows: "Today, Stage", Outcome: Refuse, Mildest: Warn, bases: forms, check: authorized(checkExpiry)},
		{ID: "R7", Title: "the authorization is signed", Citation: "45 CFR 164.508(c)(1)(vi)", Reads: "patient.name, authorization.signer, authorization.signed_on, authorization.representative_authority", Knows: "Today", Outcome: Refuse, Mildest: Hold, bases: forms, check: authorized(checkSignature)},
		{ID: "R8", Title: "the authorization has the required statements", Citation: "45 CFR 164.508(c)(2)", Reads: "authorization.statements", Outcome: Refuse, bases: forms, check: authorized(checkStatements)},
		{ID: "R9", Title: "the authorization was not withdrawn", Citation: "45 CFR 164.508(b)(2), (b)(5)", Reads: "patient.id, recipient, authorization.revoked_on, authorization.signed_on", Knows: "Restrictions, Recipient, Keys", Outcome: Refuse, bases: forms, check: authorized(checkWithdrawn)},
		{ID: "R10", Title: "minimum necessary for payment and operations", Citation: "45 CFR 164.502(b)", Reads: "basis, patient.birth_date, records", Outcome: Refuse, Mildest: Warn, bases: []Basis{Payment, Operations}, check: checkMinimum},
		{ID: "R11", Title: "every record can be read", Citation: "45 CFR 164.524; 164.502(b)(2)", Reads: "records", Outcome: Hold, Fixed: true, check: atGathering},
		{ID: "R12", Title: "a standard rule exists for this kind of release", Citation: "45 CFR 164.514(d)(3)", Reads: "basis, requester.relation, recipient", Knows: "Recipient", Outcome: Hold, check: checkStandard},
		{ID: "R13", Title: "the deadline is met, with one extension at most", Citation: "45 CFR 164.524(b)(2)", Reads: "received, decision, basis, extension", Knows: "Today, Stage, State, Extended", Outcome: Warn, on: every, check: checkDeadline},
		{ID: "R14", Title: "the state's shorter deadline is met", Citation: "state law; New York Public Health Law § 18", Reads: "received, decision, basis", Knows: "Today, Stage, State", Outcome: Warn, on: every, check: checkStateDeadline},
		{ID: "R15", Title: "only lawful fees are charged", Citation: "45 CFR 164.524(c)(4)", Reads: "basis, delivery, fee", Knows: "State", Outcome: Refuse, bases: []Basis{PatientAccess, ByDirective}, check: checkFee},
		{ID: "R16", Title: "an unpaid bill keeps nothing back", Citation: "45 CFR 164.524(a)", Reads: "denial, extension.reason, decisions", Outcome: Refuse, on: every, check: checkUnpaid},
		{ID: "R17", Title: "a denial has a lawful ground and every part of its letter", Citation: "45 CFR 164.524(a), (d)", Reads: "decision, basis, requester.relation, records.kinds, denial, decisions", Knows: "Contact, Kinds", Outcome: Refuse, Mildest: Hold, on: []Decision{Release, Deny}, check: checkDenial},
		{ID: "R18", Title: "psychotherapy notes need their own form", Citation: "45 CFR 164.508(a)(2), (b)(3)(ii); 164.524(a)(1)(i)", Reads: "sensitive, basis, authorization.sensitive", Outcome: Hold, LeaveOutOnly: true, check: checkPsychotherapy},
		{ID: "R19", Title: "substance use disorder records need their own consent", Citation: "42 CFR 2.31, 2.32", Reads: "sensitive, basis, recipient, patient, requester, authorization.signer, authorization.representative_authority, part2_consent", Knows: "Practice, Recipient, Keys, Restrictions, Today", Outcome: Hold, LeaveOutOnly: true, check: checkPart2},
		{ID: "R20", Title: "sensitive categories need express permission", Citation: "state law; practice policy", Reads: "sensitive, basis, recipient, records.kinds, authorization.sensitive", Knows: "Recipient", Outcome: Hold, Mildest: Warn, check: checkSensitive},
		{ID: "R21", Title: "a directive is complete", Citation: "45 CFR 164.524(c)(3)(ii); Ciox Health v. Azar (D.D.C. 2020)", Reads: "requester, patient, recipient, directive", Knows: "Today, Recipient, Keys, Restrictions", Outcome: Refuse, Mildest: Warn, bases: []Basis{ByDirective}, check: checkDirective},
		{ID: "R22", Title: "who acts for the patient may", Citation: "45 CFR 164.502(g); New York Public Health Law § 18", Reads: "patient.name, patient.birth_date, basis, requester, authorization.signer, authorization.representative_authority", Knows: "Today, State", Outcome: Refuse, Mildest: Hold, on: every, check: checkRepresentative},
		{ID: "R23", Title: "a legal demand is answered as far as it reaches", Citation: "45 CFR 164.512(e); 164.512(f)", Reads: "records, legal_process", Knows: "Approvers", Outcome: Hold, bases: []Basis{ByLegal}, check: checkLegal},
		{ID: "R26", Title: "the signed form is kept", Citation: "45 CFR 164.508(b)(6), 164.530(j)", Reads: "authorization.document", Knows: "Document", Outcome: Warn, bases: forms, check: authorized(checkKept)},
		{ID: "R27", Title: "a de-identified set shows no one", Citation: "45 CFR 164.514(b)(2)", Reads: "records.kinds", Outcome: Hold, bases: []Basis{Deidentified}, check: checkDeidentified},
		{ID: "E1", Title: "an expert allows the dates of a de-identified set", Citation: "45 CFR 164.514(b)(1)", Reads: "deidentification", Knows: "Today, DatesKept", Outcome: Refuse, bases: []Basis{Deidentified}, check: checkExpert},
		{ID: "R28", Title: "a limited data set has an agreement", Citation: "45 CFR 164.514(e)", Reads: "recipient, agreement", Knows: "Today, Recipient", Outcome: Refuse, bases: []Basis{LimitedSet}, check: checkLimited},
		{ID: "R29", Title: "the recipient can unlock the bundle", Citation: "45 CFR 164.312(e)", Reads: "recipient, delivery", Knows: "Recipient", Outcome: Refuse, Fixed: true, check: checkUnlock},
		{ID: "R30", Title: "a warning came before an unencrypted copy", Citation: "45 CFR 164.524(c)(2); HHS guidance on unencrypted e-mail", Reads: "basis, delivery, unencrypted", Knows: "Today", Outcome: Hold, check: checkUnencrypted},
		{ID: "R31", Title: "the ledger is intact", Citation: "45 CFR 164.312(b), (c)", Knows: "LedgerBroken", Outcome: Refuse, Fixed: true, on: every, check: checkLedger},
		{ID: "R32", Title: "an agreement with the storage provider is recorded", Citation: "45 CFR 164.504(e)", Reads: "delivery", Knows: "StorageOwn, BAAOn", Outcome: Warn, check: checkStorage},
		{ID: "R33", Title: "what the patient asked for is kept", Citation: "45 CFR 164.522(a)(1)(vi), (b)", Reads: "patient.id, decision, recipient, delivery", Knows: "Restrictions, Recipient, Keys", Outcome: Hold, on: every, check: checkRestrictions},
		{ID: "R34", Title: "the same records are not sent twice by mistake", Citation: "practice policy", Reads: "order, patient.id, recipient, basis, records, approved.on", Knows: "Similar, LostUntil, Stage", Outcome: Hold, check: checkRepeated},
		{ID: "R35", Title: "every file is this patient's", Citation: "45 CFR 164.502(a); practice policy: two identifiers", Reads: "patient", Outcome: Hold, Fixed: true, check: atGathering},
		{ID: "A1", Title: "an approver has approved", Citation: "45 CFR 164.530(i); practice policy", Reads: "approved, received", Knows: "Today, Approvers, RequireSignature, ApprovalSigned, SignatureFails", Outcome: Refuse, Fixed: true, on: every, check: checkApproval},
		{ID: "A2", Title: "the recipient is known", Citation: "practice policy", Reads: "recipient", Knows: "Recipient, Meant, BookUnsigned", Outcome: Refuse, Mildest: Hold, Fixed: true, check: checkRecipient},
		{ID: "A3", Title: "decisions are made by approvers", Citation: "practice policy", Reads: "decisions, received", Knows: "Today, Approvers", Outcome: Refuse, Fixed: true, check: checkDecisions},
		{ID: "A4", Title: "preparer and approver differ", Citation: "practice policy", Reads: "prepared, approved", Knows: "Today, Different", Outcome: Refuse, Fixed: true, on: every, asks: wantsDifferent, check: checkDifferent},
		{ID: "B1", Title: "no more releases than the practice expects", Citation: "45 CFR 164.312(b); practice policy", Reads: "recipient, approved.by, delivery", Knows: "Brake", Outcome: Hold, Fixed: true, check: checkBrake},
		{ID: "P1", Title: "marketing, publication and research need an authorization", Citation: "45 CFR 164.508(a)(3), (4)", Reads: "basis, purpose", Outcome: Refuse, Mildest: Hold, bases: []Basis{Treatment, Payment, Operations}, check: checkMarketing},
		{ID: "S1", Title: "the scope is stated", Citation: "45 CFR 164.514(d); practice policy", Reads: "basis, records.kinds", Knows: "Kinds", Outcome: Refuse, Mildest: Hold, check: checkScope},
	}
}
