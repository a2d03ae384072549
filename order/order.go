// Package order reads the release order: the practice's release-of-information
// form, dropped into the outbox as YAML or JSON. It knows the fields, the rules
// for releasing health records and the words for what is wrong. It reads no
// file and no clock: bytes and a date come in, an [Order] and reasons go out.
//
// Everything here is about a patient. No text of this package, messages and
// errors included, may reach a log; logs use [Reference] and a rule's ID.
package order

import "chartseal/config/strict"

// Order is one release order as written by staff. The yaml names are the
// contract with the practice; see the README for a full example.
type Order struct {
	ID        string    `yaml:"order,required"`    // unique; letters, digits, . _ -
	Decision  Decision  `yaml:"decision"`          // default release
	Received  Date      `yaml:"received,required"` // the day the request arrived; deadlines count from it
	Patient   Patient   `yaml:"patient,required"`
	Requester Requester `yaml:"requester"`
	Recipient Recipient `yaml:"recipient"` // a key of the recipient book, or a mapping
	Basis     Basis     `yaml:"basis"`
	Purpose   string    `yaml:"purpose"`
	Records   Records   `yaml:"records"`
	Sensitive []string  `yaml:"sensitive"` // categories expressly included
	Delivery  Delivery  `yaml:"delivery"`  // default link
	Link      LinkTerms `yaml:"link"`
	Prepared  Approval  `yaml:"prepared"` // who wrote the order, where another must approve it
	Approved  Approval  `yaml:"approved"`
	Decisions []Ruling  `yaml:"decisions"` // a person's answers to holds

	// Required by some bases only; the rules say when.
	Authorization *Authorization `yaml:"authorization"`
	LegalProcess  *LegalProcess  `yaml:"legal_process"`
	Directive     *Directive     `yaml:"directive"`
	Part2Consent  *Part2Consent  `yaml:"part2_consent"`
	Denial        *Denial        `yaml:"denial"`
	Extension     *Extension     `yaml:"extension"`
	Agreement     *Agreement     `yaml:"agreement"`
	// Deidentification is the expert's determination behind a de-identified set
	// that tells dates.
	Deidentification *Determination `yaml:"deidentification"`
	Fee              *Fee           `yaml:"fee"`
	Unencrypted      *Unencrypted   `yaml:"unencrypted"`
}

// Patient names the patient by the two identifiers and one more that every
// gathered file is matched on.
type Patient struct {
	ID        string `yaml:"id,required"`         // as in the practice's system; leading zeros count
	Name      string `yaml:"name,required"`       // "Last, First Middle"
	BirthDate Date   `yaml:"birth_date,required"` // with it the age, which decides who may ask
}

// Requester is who asks, and how the practice knows that (45 CFR 164.514(h)).
type Requester struct {
	Name      string    `yaml:"name"`
	Relation  Relation  `yaml:"relation"`
	Authority Authority `yaml:"authority"` // of a representative: what gives the right to act
	Identity  Identity  `yaml:"identity"`
	// MinorAsked says that a minor over 12 was asked and does not object (New York
	// Public Health Law § 18).
	MinorAsked bool `yaml:"minor_asked"`
}

// Identity is a check of the requester's identity, made by a person.
type Identity struct {
	Method string `yaml:"method"` // such as driver's license, known to the office, call back
	By     string `yaml:"by"`     // who checked
	On     Date   `yaml:"on"`
}

// Recipient is who gets the records: a key of the recipient book, or written into
// the order. An entry of the book may hold age or ssh public keys.
type Recipient struct {
	Key     string // in the recipient book; "" for a recipient written into the order
	Name    string
	Kind    Party
	Address string
	Email   string
	Phone   string
	Keys    []string // age and ssh public keys; none: a passphrase is made
}

// IsZero says that no recipient is given.
func (r Recipient) IsZero() bool { return r.Key == "" && r.Name == "" }

type inlineRecipient struct {
	Name    string `yaml:"name,required"`
	Kind    Party  `yaml:"kind,required"`
	Address string `yaml:"address"`
	Email   string `yaml:"email"`
	Phone   string `yaml:"phone"`
}

// UnmarshalStrict reads a key of the book or a mapping.
func (r *Recipient) UnmarshalStrict(n *strict.Node, d *strict.Reader) {
	switch n.Kind {
	case strict.Scalar:
		r.Key = n.Text
	case strict.Mapping:
		var in inlineRecipient
		d.Decode(n, &in)
		*r = Recipient{Name: in.Name, Kind: in.Kind, Address: in.Address, Email: in.Email, Phone: in.Phone}
	case strict.Sequence, strict.Null:
		d.Problem(n, "must be one recipient: a name from the recipient book, or a group with name, kind, address and email")
	}
}

// Scope is which records are meant: their kinds and the days they are from.
type Scope struct {
	Kinds Kinds `yaml:"kinds"`
	From  Date  `yaml:"from"` // first day, included; empty: from the beginning
	To    Date  `yaml:"to"`   // last day, included; empty: until today
}

// All says that every kind is meant.
func (s Scope) All() bool { return len(s.Kinds) == 1 && s.Kinds[0] == AllKinds }

// Kinds is a list of kinds of record, or the one word all.
type Kinds []string

// AllKinds is the word for every kind, for patient access.
const AllKinds = "all"

// UnmarshalStrict reads a list, or the word all.
func (k *Kinds) UnmarshalStrict(n *strict.Node, d *strict.Reader) {
	if n.Kind == strict.Scalar && n.Text == AllKinds {
		*k = Kinds{AllKinds}
		return
	}
	var list []string
	d.Decode(n, &list)
	*k = list
}

// LinkTerms is how long the link lives: at most seven days, which is the longest
// a presigned S3 link can (AWS Signature Version 4).
type LinkTerms struct {
	Lifetime strict.Duration `yaml:"lifetime"` // 0: the practice's default
}

// Approval names who did something, such as approving the order, and when.
type Approval struct {
	By string `yaml:"by"`
	On Date   `yaml:"on"`
}

// Ruling is a person's answer to a hold. It is recorded in ledger and manifest.
type Ruling struct {
	Rule     string       `yaml:"rule,required" json:"rule"`
	Item     string       `yaml:"item" json:"item,omitempty"` // as the hold names it; empty for a hold without items
	Decision RulingChoice `yaml:"decision,required" json:"decision"`
	By       string       `yaml:"by,required" json:"by"`
	On       Date         `yaml:"on,required" json:"on"`
	Reason   string       `yaml:"reason,required" json:"reason"`
}
