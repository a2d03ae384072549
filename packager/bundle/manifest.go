package bundle

import (
	"time"

	"chartseal/redact"
)

// Schema names the version of the manifest's form. A reader refuses others.
const Schema = "chartseal/manifest/1"

// Manifest says what a bundle holds, for whom, why, and what was removed. It is
// the file manifest.json, signed by the practice; see the package
// documentation for how every other byte of the bundle follows from it.
type Manifest struct {
	Schema    string    `json:"schema"`    // Schema
	Order     string    `json:"order"`     // the release order's id
	Reference string    `json:"reference"` // the release reference: what the practice's logs call the order
	Created   time.Time `json:"created"`   // UTC, whole seconds
	Practice  Practice  `json:"practice"`
	Recipient Recipient `json:"recipient"`

	Unlock string   `json:"unlock"`         // "key" or "passphrase"
	Keys   []string `json:"keys,omitempty"` // fingerprints of the public keys the bundle is sealed for

	Basis           string            `json:"basis"` // why the law lets it go
	Purpose         string            `json:"purpose,omitempty"`
	Profile         string            `json:"profile"`                    // what redaction removes
	ProfileVersions map[string]string `json:"profile_versions,omitempty"` // of the table of rules, by format
	ProfileDigests  map[string]string `json:"profile_digests,omitempty"`  // SHA-256 of the rules applied, the practice's own among them, by format
	Tool            string            `json:"tool"`                       // program and version

	Patient *Patient `json:"patient,omitempty"` // absent for deidentified and limited_set
	Scope   *Scope   `json:"scope,omitempty"`   // what was asked for

	Records   []Member   `json:"records"`
	Files     []File     `json:"files"` // what chartseal added: indexes, read-me files, the BagIt files
	Decisions []Decision `json:"decisions,omitempty"`
	Notices   []string   `json:"notices,omitempty"`

	Statements []Statement `json:"statements,omitempty"` // what the law wants to go with the records
	RulesOff   []string    `json:"rules_off,omitempty"`  // rules for releasing records that the practice had switched off

	// Signature tells how the manifest was verified; set by [Verify] and
	// [Unpack] only.
	Signature Signature `json:"-"`
}

// Practice is who sent the bundle.
type Practice struct {
	Name      string  `json:"name"`
	Address   string  `json:"address,omitempty"`
	Contact   Contact `json:"contact"`
	PublicKey string  `json:"public_key"` // minisign public key, one line of 56 characters
}

// Contact is whom to call about a bundle.
type Contact struct {
	Name  string `json:"name,omitempty"`
	Phone string `json:"phone,omitempty"`
	Email string `json:"email,omitempty"`
}

// Recipient is whom the bundle is for.
type Recipient struct {
	Name string `json:"name"`
	Kind string `json:"kind,omitempty"` // as in the recipient book: provider, insurer, self, …
}

// Patient is whose records these are.
type Patient struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	BirthDate string `json:"birth_date,omitempty"` // YYYY-MM-DD
}

// Scope is what the order asked for.
type Scope struct {
	Kinds []string `json:"kinds"`
	From  string   `json:"from,omitempty"`  // YYYY-MM-DD
	To    string   `json:"to,omitempty"`    // YYYY-MM-DD
	Items []Part   `json:"items,omitempty"` // the files that alone go, of their kinds
}

// Part is a file that the order named.
type Part struct {
	File  string `json:"file"`
	Pages string `json:"pages,omitempty"` // 1-3, 7; absent: all of it
}

// Statement is a text that the law wants to go with the records, such as the notice
// of 42 CFR 2.32. It has a file of its own and a place at the top of
// START-HERE.html.
type Statement struct {
	Path       string   `json:"path"` // in the ZIP, with slashes
	Title      string   `json:"title"`
	Paragraphs []string `json:"paragraphs"`
}

// Decision is a person's answer to a hold.
type Decision struct {
	Rule     string `json:"rule"`
	Item     string `json:"item,omitempty"`
	Decision string `json:"decision"` // "release" or "leave_out"
	By       string `json:"by"`
	On       string `json:"on"` // YYYY-MM-DD
	Reason   string `json:"reason"`
}

// Member is one record in the bundle.
type Member struct {
	Path    string           `json:"path"` // in the ZIP, with slashes
	Kind    string           `json:"kind"`
	Title   string           `json:"title"`
	Date    string           `json:"date,omitempty"` // YYYY-MM-DD
	Format  string           `json:"format"`
	Bytes   int64            `json:"bytes"`
	SHA256  string           `json:"sha256"` // hexadecimal, of the content as it is in the bundle
	Removed []redact.Removal `json:"removed,omitempty"`
	Notices []string         `json:"notices,omitempty"`
}

// File is one file that chartseal added.
type File struct {
	Path   string `json:"path"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Signature is what is known of a manifest's signature.
type Signature struct {
	KeyID     string // the signing key's id, as minisign shows it
	Comment   string // the trusted comment
	Confirmed bool   // the key is one the reader trusts; else it only comes from the bundle itself
}
