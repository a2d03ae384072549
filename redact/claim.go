package redact

import "strconv"

// Claim is one thing that the text of a record says about whose it is: what
// stands beside a label in the heading of a page. It is patient data, for
// comparing alone: it belongs into no report, log, error or message.
type Claim struct {
	Page  int       `json:"page"` // counted from 1, in the file as it was
	What  ClaimKind `json:"what"`
	Value string    `json:"value"` // as written, at most MaxClaim bytes
}

// ClaimKind is what a claim is.
type ClaimKind string

// The kinds of claim. A ClaimName begins what is said about one person.
const (
	ClaimName  ClaimKind = "name"
	ClaimBirth ClaimKind = "birth"
	ClaimID    ClaimKind = "id"
	ClaimLoose ClaimKind = "loose" // a number at the top of a page, without a label
)

// Bounds of the claims of one record.
const (
	MaxClaims = 2000
	MaxClaim  = 100 // bytes of a value
)

// String tells nothing of the value, for whatever prints a claim by mistake.
func (c Claim) String() string {
	return "claim (" + string(c.What) + ") of page " + strconv.Itoa(c.Page)
}

// GoString is String.
func (c Claim) GoString() string { return c.String() }
