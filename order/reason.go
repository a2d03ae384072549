package order

import "slices"

// Outcome is what a rule does to an order.
type Outcome string

// The outcomes.
const (
	Refuse Outcome = "refuse" // no order can pass; the order must be changed
	Hold   Outcome = "hold"   // a named person may decide, in the order's decisions
	Warn   Outcome = "warn"   // the release goes on; the receipt says it
)

// Reason is one thing a rule has to say about an order; it goes into hold.json and
// WHY-HELD.txt. Message and Items are for staff and may hold patient data; the
// rule and the outcome may be logged.
type Reason struct {
	Rule     string   `json:"rule"` // such as R6
	Outcome  Outcome  `json:"outcome"`
	Message  string   `json:"message"`            // what is wrong and what to do
	Citation string   `json:"citation,omitempty"` // the law behind the rule
	Items    []string `json:"items,omitempty"`    // what it is about: kinds, files, categories
	// May is what a named person may decide about it; nothing: the order or the
	// records must change.
	May []RulingChoice `json:"may,omitempty"`
	// Answered holds the decisions that answer this hold: one without an item, or
	// one for each of Items. A hold that is answered stops nothing.
	Answered []Ruling `json:"answered,omitempty"`
}

// Stops says that the order cannot go on.
func (r Reason) Stops() bool {
	return r.Outcome == Refuse || r.Outcome == Hold && len(r.Answered) == 0
}

// Stopping are the reasons that keep an order from going on.
func Stopping(reasons []Reason) []Reason {
	return slices.DeleteFunc(slices.Clone(reasons), func(r Reason) bool { return !r.Stops() })
}

// LeftOut are the items of a rule that a person decided to leave out.
func LeftOut(reasons []Reason, rule string) []string {
	var items []string
	for _, r := range reasons {
		for _, a := range r.Answered {
			if r.Rule == rule && a.Decision == LeaveOut && a.Item != "" {
				items = append(items, a.Item)
			}
		}
	}
	return items
}

// Stage is when the rules are asked.
type Stage string

// The stages. An authorization can end between them, so all are asked.
const (
	AtIntake Stage = "intake" // the order was dropped
	AtUpload Stage = "upload" // just before the bundle leaves
	AtRelink Stage = "relink" // a new link for a bundle that was sent
)

// Facts is what the rules need to know beside the order. It is plain data; what
// is not known yet at a stage is left empty.
type Facts struct {
	Today Date // in the practice's time zone
	Stage Stage

	Practice string  // the practice's name
	State    string  // its state, two letters
	Contact  Contact // whom patients can call, for denials
	Kinds    []string
	Off      []string           // rules that the practice's counsel has switched off
	Tighten  map[string]Outcome // outcomes that the practice has made stricter, by rule

	Recipient Recipient // as resolved from the recipient book; zero if the key is unknown
	Keys      []string  // of the recipient book that mean the same recipient, see [Book.Same]
	Meant     string    // for an unknown key: the one that was probably meant
	// BookUnsigned says that the recipient book must be signed by an approver and
	// is not, or was changed since: nobody in it is known then.
	BookUnsigned bool

	Approvers        []string
	RequireSignature bool
	ApprovalSigned   bool    // the order's file carries a valid signature by approved.by
	SignatureFails   Failure // why it does not, if it carries one
	Different        bool    // who prepared the order may not approve it

	Restrictions Restrictions // what patients asked for

	// IdentityDays is how old the check of the requester's identity may be when the
	// request arrives; 0: 30.
	IdentityDays int
	Extended     bool     // the patient was told of a longer time once already
	ExtendedTo   Date     // until when; zero if that is not known here
	Times        Times    // what the practice's counsel changed in the table of deadlines
	WarnDays     int      // how long before a deadline an order says so; 0: [WarnDays]
	Similar      *Earlier // an order with the same content under another id
	LostUntil    Date     // the last day of which the ledger lacks what was sent; zero: of none
	LedgerBroken bool     // the chain of the ledger does not verify
	Brake        []Excess // what the practice's brake on releases has reached
	Document     Filed    // the signed form of an authorization
	DatesKept    string   // of de-identified sets: keep or shift; "": removed
	StorageOwn   bool     // bundles stay on the practice's own computer
	BAAOn        Date     // agreement with the storage provider
}

// Failure is why a signature over an order does not count.
type Failure string

// The failures.
const (
	Changed     Failure = "changed" // by the approver's key, over other bytes
	AnotherSign Failure = "other"   // by another key than that of approved.by
)

// Excess is one limit of the brake that is reached.
type Excess struct {
	Of    string // day, recipient or approver
	Limit int    // releases in 24 hours
}

// Filed is whether a document was found where the order says.
type Filed string

// What can be known of a document. Practices that name no folder for documents
// know nothing.
const (
	NotLooked Filed = ""
	Found     Filed = "found"
	Missing   Filed = "missing"
)

// Earlier is an order that was sent before.
type Earlier struct {
	Order string
	On    Date
}
