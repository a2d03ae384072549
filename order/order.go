// Package order reads the release order: the practice's release-of-information
// form, dropped into the outbox as YAML or JSON. It knows the fields, the rules
// for releasing health records and the words for what is wrong. It reads no
// file and no clock: bytes and a date come in, an [Order] and reasons go out.
package order

// Order is one release order as written by staff. The yaml names are the
// contract with the practice; see the README for a full example.
type Order struct {
	ID        string    `yaml:"order"`    // unique; letters, digits, . _ -
	Decision  Decision  `yaml:"decision"` // default release
	Received  Date      `yaml:"received"`
	Patient   Patient   `yaml:"patient"`
	Requester Requester `yaml:"requester"`
	Recipient Recipient `yaml:"recipient"` // a key of the recipient book, or a mapping
	Basis     Basis     `yaml:"basis"`
	Purpose   string    `yaml:"purpose"`
	Records   Scope     `yaml:"records"`
	Sensitive []string  `yaml:"sensitive"` // categories expressly included
	Delivery  Delivery  `yaml:"delivery"`  // default link
	Link      LinkTerms `yaml:"link"`
	Approved  Approval  `yaml:"approved"`
	Decisions []Ruling  `yaml:"decisions"` // a person's answers to holds

	// Required by some bases only.
	Authorization *Authorization `yaml:"authorization"`
	LegalProcess  *LegalProcess  `yaml:"legal_process"`
	Directive     *Directive     `yaml:"directive"`
	Part2Consent  *Part2Consent  `yaml:"part2_consent"`
	Denial        *Denial        `yaml:"denial"`
	Extension     *Extension     `yaml:"extension"`
	Agreement     *Agreement     `yaml:"agreement"`
	Fee           *Fee           `yaml:"fee"`
}
