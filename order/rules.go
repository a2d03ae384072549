package order

// every is every answer to a request.
var every = []Decision{Release, Deny, Extend}

// rules is the table of rules. R1 to R36 carry the numbers of the practice's rule
// book; R24 to R26 and R36 are kept by the ledger, and are not asked here. A1 to
// A3, P1 and S1 are about approval, recipient, decisions, purpose and scope.
//
// R22, R32 and the part of R23 about 164.512(f) rest on secondary sources: the
// wording of those paragraphs was not read.
var rules []Rule

func init() { // the checks ask the table, so it cannot be initialised with them
	rules = []Rule{
		{ID: "R1", Title: "the requester's identity was checked", Citation: "45 CFR 164.514(h)", Outcome: Refuse, on: every, check: checkIdentity},
		{ID: "R2", Title: "the basis fits who asks and who gets the records", Citation: "45 CFR 164.508(a)", Outcome: Refuse, check: checkBasis},
		{ID: "R3", Title: "the authorization covers what is sent", Citation: "45 CFR 164.508(c)(1)(i)", Outcome: Refuse, check: authorized(checkCoverage)},
		{ID: "R4", Title: "the authorization names this practice and this recipient", Citation: "45 CFR 164.508(c)(1)(ii), (iii)", Outcome: Refuse, check: authorized(checkParties)},
		{ID: "R5", Title: "a purpose is stated", Citation: "45 CFR 164.508(c)(1)(iv)", Outcome: Refuse, check: checkPurpose},
		{ID: "R6", Title: "the authorization has not ended", Citation: "45 CFR 164.508(c)(1)(v), (b)(2)(i)", Outcome: Refuse, check: authorized(checkExpiry)},
		{ID: "R7", Title: "the authorization is signed", Citation: "45 CFR 164.508(c)(1)(vi)", Outcome: Refuse, check: authorized(checkSignature)},
		{ID: "R8", Title: "the authorization has the required statements", Citation: "45 CFR 164.508(c)(2)", Outcome: Refuse, check: authorized(checkStatements)},
		{ID: "R9", Title: "the authorization was not withdrawn", Citation: "45 CFR 164.508(b)(2), (b)(5)", Outcome: Refuse, check: authorized(checkWithdrawn)},
		{ID: "R10", Title: "minimum necessary for payment and operations", Citation: "45 CFR 164.502(b)", Outcome: Refuse, check: checkMinimum},
		{ID: "R11", Title: "every record can be read", Citation: "45 CFR 164.524; 164.502(b)(2)", Outcome: Hold, check: checkComplete},
		{ID: "R12", Title: "a standard rule exists for this kind of release", Citation: "45 CFR 164.514(d)(3)", Outcome: Hold, check: checkStandard},
		{ID: "R13", Title: "the deadline is met, with one extension at most", Citation: "45 CFR 164.524(b)(2)", Outcome: Warn, on: every, check: checkDeadline},
		{ID: "R14", Title: "the state's shorter deadline is met", Citation: "state law; New York Public Health Law § 18", Outcome: Warn, on: every, check: checkStateDeadline},
		{ID: "R15", Title: "only lawful fees are charged", Citation: "45 CFR 164.524(c)(4)", Outcome: Refuse, check: checkFee},
		{ID: "R16", Title: "an unpaid bill keeps nothing back", Citation: "45 CFR 164.524(a)", Outcome: Refuse, on: every, check: checkUnpaid},
		{ID: "R17", Title: "a denial has a lawful ground and every part of its letter", Citation: "45 CFR 164.524(a), (d)", Outcome: Refuse, on: []Decision{Release, Deny}, check: checkDenial},
		{ID: "R18", Title: "psychotherapy notes need their own form", Citation: "45 CFR 164.508(a)(2), (b)(3)(ii); 164.524(a)(1)(i)", Outcome: Hold, LeaveOutOnly: true, check: checkPsychotherapy},
		{ID: "R19", Title: "substance use disorder records need their own consent", Citation: "42 CFR 2.31, 2.32", Outcome: Hold, LeaveOutOnly: true, check: checkPart2},
		{ID: "R20", Title: "sensitive categories need express permission", Citation: "state law; practice policy", Outcome: Hold, check: checkSensitive},
		{ID: "R21", Title: "a directive is complete", Citation: "45 CFR 164.524(c)(3)(ii); Ciox Health v. Azar (D.D.C. 2020)", Outcome: Refuse, check: checkDirective},
		{ID: "R22", Title: "who acts for the patient may", Citation: "45 CFR 164.502(g); New York Public Health Law § 18", Outcome: Refuse, on: every, check: checkRepresentative},
		{ID: "R23", Title: "a legal demand is answered as far as it reaches", Citation: "45 CFR 164.512(e); 164.512(f)", Outcome: Hold, check: checkLegal},
		{ID: "R27", Title: "a de-identified set shows no one", Citation: "45 CFR 164.514(b)(2)", Outcome: Hold, check: checkDeidentified},
		{ID: "R28", Title: "a limited data set has an agreement", Citation: "45 CFR 164.514(e)", Outcome: Refuse, check: checkLimited},
		{ID: "R29", Title: "the recipient can unlock the bundle", Citation: "45 CFR 164.312(e)", Outcome: Refuse, Fixed: true, check: checkUnlock},
		{ID: "R30", Title: "a warning came before an unencrypted copy", Citation: "45 CFR 164.524(c)(2); HHS guidance on unencrypted e-mail", Outcome: Hold, check: checkUnencrypted},
		{ID: "R31", Title: "the ledger is intact", Citation: "45 CFR 164.312(b), (c)", Outcome: Refuse, Fixed: true, on: every, check: checkLedger},
		{ID: "R32", Title: "an agreement with the storage provider is recorded", Citation: "45 CFR 164.504(e)", Outcome: Warn, check: checkStorage},
		{ID: "R33", Title: "what the patient asked for is kept", Citation: "45 CFR 164.522(a)(1)(vi), (b)", Outcome: Hold, check: checkRestrictions},
		{ID: "R34", Title: "the same records are not sent twice by mistake", Citation: "practice policy", Outcome: Hold, check: checkRepeated},
		{ID: "R35", Title: "every file is this patient's", Citation: "45 CFR 164.502(a); practice policy: two identifiers", Outcome: Hold, Fixed: true, LeaveOutOnly: true, check: checkPatient},
		{ID: "A1", Title: "an approver has approved", Citation: "45 CFR 164.530(i); practice policy", Outcome: Refuse, Fixed: true, on: every, check: checkApproval},
		{ID: "A2", Title: "the recipient is known", Citation: "practice policy", Outcome: Refuse, Fixed: true, check: checkRecipient},
		{ID: "A3", Title: "decisions are made by approvers", Citation: "practice policy", Outcome: Refuse, Fixed: true, check: checkDecisions},
		{ID: "P1", Title: "marketing and publication need an authorization", Citation: "45 CFR 164.508(a)(3), (4)", Outcome: Refuse, check: checkMarketing},
		{ID: "S1", Title: "the scope is stated", Citation: "45 CFR 164.514(d); practice policy", Outcome: Refuse, check: checkScope},
	}
}
