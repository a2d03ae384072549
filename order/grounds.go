package order

import "strings"

// Authorization is what the patient's signed form says (45 CFR 164.508(c)).
type Authorization struct {
	Description  string `yaml:"description"`   // (c)(1)(i): what may be released, in the form's words
	Scope        Scope  `yaml:"scope"`         // (c)(1)(i): the same as kinds and dates; empty dates: no limit
	From         string `yaml:"from"`          // (c)(1)(ii): who may disclose
	To           string `yaml:"to"`            // (c)(1)(iii): to whom
	Purpose      string `yaml:"purpose"`       // (c)(1)(iv)
	ExpiresOn    Date   `yaml:"expires_on"`    // (c)(1)(v): last day on which it holds
	ExpiresEvent string `yaml:"expires_event"` // (c)(1)(v): or the event that ends it
	EventReached bool   `yaml:"event_reached"` // whether that event has happened
	EventBy      string `yaml:"event_by"`      // who looked whether it has
	SignedOn     Date   `yaml:"signed_on"`     // (c)(1)(vi)
	Signer       string `yaml:"signer"`        // (c)(1)(vi)
	// RepresentativeAuthority is what gives a signer who is not the patient the
	// right to sign: (c)(1)(vi).
	RepresentativeAuthority Authority  `yaml:"representative_authority"`
	Statements              Statements `yaml:"statements"`
	Sensitive               []string   `yaml:"sensitive"`  // categories the form expressly names
	RevokedOn               Date       `yaml:"revoked_on"` // (b)(2)(iii): the patient withdrew it
	Document                string     `yaml:"document"`   // where the signed form is filed
}

// Statements are the sentences a complete form has (45 CFR 164.508(c)(2)).
type Statements struct {
	Revoke       bool `yaml:"revoke"`       // (i): it can be withdrawn, and how
	Conditioning bool `yaml:"conditioning"` // (ii): whether treatment depends on signing
	Redisclosure bool `yaml:"redisclosure"` // (iii): the recipient may pass the records on
}

// LegalProcess is a court order, subpoena or other demand (45 CFR 164.512(e)).
type LegalProcess struct {
	Kind              ProcessKind `yaml:"kind,required"`
	Document          string      `yaml:"document"`           // where the document is filed, or its number
	Scope             Scope       `yaml:"scope"`              // what the document expressly describes
	Assurance         Assurance   `yaml:"assurance"`          // for a subpoena: (e)(1)(ii)
	AssuranceDocument string      `yaml:"assurance_document"` // where the proof of it is filed
	Approver          string      `yaml:"approver"`           // who in the practice decided to answer it
}

// Directive is a patient's written request to send the records to someone else
// (45 CFR 164.524(c)(3)(ii)).
type Directive struct {
	Signed    Approval `yaml:"signed"`    // by the patient or representative, when
	Recipient string   `yaml:"recipient"` // the person it names
	Address   string   `yaml:"address"`   // where to send: an address or e-mail
	EHRCopy   bool     `yaml:"ehr_copy"`  // an electronic copy from an electronic record (Ciox v. Azar)
}

// Part2Consent is the consent to release substance use disorder records
// (42 CFR 2.31).
type Part2Consent struct {
	Patient     string `yaml:"patient"`     // (a)(1)
	From        string `yaml:"from"`        // (a)(2): who may disclose
	Description string `yaml:"description"` // (a)(3): how much and what
	To          string `yaml:"to"`          // (a)(4)
	Purpose     string `yaml:"purpose"`     // (a)(5)
	Revoke      bool   `yaml:"revoke"`      // (a)(6): it says that it can be withdrawn
	// Redisclosure says that the consent has the statement of (a)(4)(iii): who gets the
	// records for treatment, payment or operations may pass them on as HIPAA allows, but
	// not for proceedings against the patient.
	Redisclosure bool   `yaml:"redisclosure"`
	ExpiresOn    Date   `yaml:"expires_on"` // (a)(7)
	ExpiresEvent string `yaml:"expires_event"`
	Signer       string `yaml:"signer"`       // (a)(8): the patient, or who acts for the patient
	SignedOn     Date   `yaml:"signed_on"`    // (a)(9)
	ConsentCopy  string `yaml:"consent_copy"` // 42 CFR 2.32: goes with the records; where it is filed
}

// Denial is a refusal of a patient's request (45 CFR 164.524(a), (d)).
type Denial struct {
	Ground string `yaml:"ground"` // one of [Grounds]
	Part   string `yaml:"part"`   // what is denied; "all" or a description
	// Kinds and Files say the same so that a program can keep it back: whole kinds, and
	// files or folders by their names below the patient's folder, with wildcards.
	Kinds        Kinds    `yaml:"kinds"`
	Files        []string `yaml:"files"`
	Explanation  string   `yaml:"explanation"`  // (d)(2)(i): the basis in plain language
	Professional string   `yaml:"professional"` // (a)(3): the licensed professional who judged
	Reviewer     string   `yaml:"reviewer"`     // (a)(4): another one, who took no part
	Review       string   `yaml:"review"`       // (d)(2)(ii): how to ask for a review
	Contact      Contact  `yaml:"contact"`      // (d)(2)(iii): for complaints; empty: the practice's
	Holder       string   `yaml:"holder"`       // (d)(3): who has the records, if the practice does not
}

// Contact is whom to call.
type Contact struct {
	Name  string `yaml:"name"`
	Phone string `yaml:"phone"`
}

// Extension is the one longer time a patient can be told of (45 CFR
// 164.524(b)(2)(ii)).
type Extension struct {
	Reason     string `yaml:"reason"`
	Until      Date   `yaml:"until"`       // at most 30 days after the first date
	NoticeSent Date   `yaml:"notice_sent"` // the day the written notice went out; empty: the letter is made
}

// Agreement is the data use agreement for a limited data set (45 CFR
// 164.514(e)(4)).
type Agreement struct {
	Reference string `yaml:"reference"` // where it is filed
	With      string `yaml:"with"`
	SignedOn  Date   `yaml:"signed_on"`
	ExpiresOn Date   `yaml:"expires_on"` // empty: no end
	Purpose   string `yaml:"purpose"`    // research, public_health or operations
}

// Determination is an expert's that the risk of telling who the patient is from a
// de-identified set is very small (45 CFR 164.514(b)(1)).
type Determination struct {
	Expert   string `yaml:"expert"`
	On       Date   `yaml:"on"`
	Document string `yaml:"document"` // where it is filed: (b)(1)(ii) asks that it be documented
}

// Fee is what the requester is charged (45 CFR 164.524(c)(4)).
type Fee struct {
	Lines        []FeeLine `yaml:"lines"`
	PaidFirst    bool      `yaml:"paid_first"`    // the records wait for the money
	BenefitClaim bool      `yaml:"benefit_claim"` // the copy supports a claim for government benefits
}

// FeeLine is one item charged.
type FeeLine struct {
	Kind   string `yaml:"kind,required"` // labor, supplies, postage, summary or flat
	Amount Money  `yaml:"amount,required"`
	Basis  string `yaml:"basis"`  // how it was worked out
	Agreed bool   `yaml:"agreed"` // of a summary: the patient agreed to it and its price
}

// Words lists what is charged, for the ledger: "labor $5 (20 minutes), postage $2.10".
func (f *Fee) Words() string {
	if f == nil {
		return ""
	}
	var lines []string
	for _, l := range f.Lines {
		line := l.Kind + " " + l.Amount.String()
		if !blank(l.Basis) {
			line += " (" + strings.TrimSpace(l.Basis) + ")"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, ", ")
}

// Unencrypted records that a patient asked for an unencrypted copy and was told
// what that means (HHS guidance on 45 CFR 164.524). chartseal itself sends no
// plaintext: such a copy is handed over by staff and only logged.
type Unencrypted struct {
	WarnedBy string `yaml:"warned_by"`
	WarnedOn Date   `yaml:"warned_on"`
}
