package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"time"
)

// Event is what happened to an order.
type Event string

// The events. Sent, Relinked and Delivered disclose something, or may; the
// others are kept so that every request has a recorded outcome.
const (
	Sent      Event = "sent"       // a link was made, or the bundle was put into the export folder, as Delivery says
	Delivered Event = "delivered"  // the practice itself mails the records or lets them be inspected, as Delivery says
	Relinked  Event = "relinked"   // a new link to a bundle sent before
	Revoked   Event = "revoked"    // the bundle was deleted
	Expired   Event = "expired"    // the link ran out
	Fetched   Event = "fetched"    // the whole bundle was downloaded for the first time, as far as the store tells
	Held      Event = "held"       // nothing left the practice
	Denied    Event = "denied"     // access was refused in writing, 45 CFR 164.524(d)
	Extended  Event = "extended"   // the one extension of 45 CFR 164.524(b)(2)(ii)
	Withdrawn Event = "withdrawn"  // the requester took the request back
	TakenOver Event = "taken_over" // another site of the practice took the order over; nothing left from here
	Override  Event = "override"   // a person decided on a hold
	Accounted Event = "accounted"  // an accounting of disclosures was given, 45 CFR 164.528(c)
	Purged    Event = "purged"     // the answer to an order, or segments of the ledger, were removed when they had been kept long enough
	Concluded Event = "concluded"  // the event came to pass with which what the patient signed, or what was agreed, ends, as Ended says
	Restored  Event = "restored"   // a person went on with a ledger that lacks entries, as Lost says
)

var events = map[Event]bool{
	Sent: true, Delivered: true, Relinked: true, Revoked: true, Expired: true, Held: true,
	Denied: true, Extended: true, Withdrawn: true, TakenOver: true, Override: true, Accounted: true, Restored: true,
	Fetched: true, Purged: true, Concluded: true,
}

// Party is who received records. An accounting names the recipient and, if
// known, the address (45 CFR 164.528(b)(2)(ii)).
type Party struct {
	Name    string `json:"name"`
	Address string `json:"address,omitempty"`
	Email   string `json:"email,omitempty"`
	Kind    string `json:"kind,omitempty"` // patient, provider, insurer, …
}

// Decision is a person's answer to a hold.
type Decision struct {
	Rule     string `json:"rule"`
	Item     string `json:"item,omitempty"`
	Decision string `json:"decision"`
	By       string `json:"by"`
	On       string `json:"on"` // YYYY-MM-DD
	Reason   string `json:"reason"`
}

// Document is a written accounting, of which the practice keeps a copy (45 CFR
// 164.528(d)(2)).
type Document struct {
	File string `json:"file"` // its copy, below the outbox
	Sum  string `json:"sha256"`
}

// Loss are entries that a ledger brought back from a backup lacks.
type Loss struct {
	From uint64    `json:"from"` // the first that is missing, as far as that is known
	To   uint64    `json:"to"`   // the last that is known to have been
	Hash string    `json:"hash"` // of that one
	At   time.Time `json:"at"`   // when its head was signed
	// Key is the number of the key that signed it, where the whole ledger of before is
	// lost with its key; see [KeyName]. "": this ledger's own.
	Key string `json:"key,omitempty"`

	// Until is when the last head of them was signed, at the latest; see [Entry.LostUntil].
	// It is written where an entry says anew what a purged one said.
	Until time.Time `json:"until,omitzero"`
}

// Entry is one line of the ledger. The order of the fields is the order of the
// members on disk: new ones go in front of Hash, and none is ever renamed.
//
// [Ledger.Append] sets Format, Seq, Prev, At, Accountable, AccountableWhy and
// Hash, whatever the caller put there.
type Entry struct {
	Format int       `json:"v"` // 1
	Seq    uint64    `json:"seq"`
	Prev   string    `json:"prev"`
	Key    string    `json:"key"` // unique in the ledger: an entry is written once however often it is appended
	At     time.Time `json:"at"`  // UTC, milliseconds

	Event     Event  `json:"event"`
	Order     string `json:"order"`             // the order's id, as staff wrote it
	Reference string `json:"release,omitempty"` // the release reference, which logs show
	OrderSum  string `json:"order_sha256,omitempty"`
	Patient   string `json:"patient,omitempty"` // the practice's id of the patient

	// What an accounting of disclosures tells, 45 CFR 164.528(b)(2).
	Recipient      *Party `json:"recipient,omitempty"`
	Information    string `json:"information,omitempty"` // brief description: "3 radiographs, 1 CBCT volume; 2023-01-04 to 2026-11-02"
	Purpose        string `json:"purpose,omitempty"`
	Basis          string `json:"basis,omitempty"`
	Accountable    bool   `json:"accountable"`
	AccountableWhy string `json:"accountable_why"`

	Requester     string     `json:"requester,omitempty"`
	Approver      string     `json:"approver,omitempty"`
	Authorization string     `json:"authorization_sha256,omitempty"` // digest of the signed form
	Delivery      string     `json:"delivery,omitempty"`             // link, folder, inspect, mail
	ManifestSum   string     `json:"manifest_sha256,omitempty"`
	BundleSum     string     `json:"bundle_sha256,omitempty"`
	Bytes         int64      `json:"bytes,omitempty"` // of the bundle
	ObjectKey     string     `json:"object_key,omitempty"`
	LinkExpires   time.Time  `json:"link_expires,omitzero"` // effective
	Decisions     []Decision `json:"decisions,omitempty"`
	Notices       []string   `json:"notices,omitempty"`
	Version       string     `json:"version,omitempty"`  // of the program
	Received      string     `json:"received,omitempty"` // YYYY-MM-DD: the day the request arrived
	Until         string     `json:"until,omitempty"`    // YYYY-MM-DD: of an extension, the day the patient was told

	Fee        string   `json:"fee,omitempty"`        // what the requester is charged, 45 CFR 164.524(c)(4)
	Statements []string `json:"statements,omitempty"` // titles of what the law wanted to go with the records, 42 CFR 2.32
	RulesOff   []string `json:"rules_off,omitempty"`  // rules for releasing records that the practice had switched off

	// The approver's signature of the order file: the SHA-256 of the signature's own file,
	// which lies with the answer, and the number of the key that made it; see [KeyName].
	SignatureSum string `json:"signature_sha256,omitempty"`
	SignatureKey string `json:"signature_key,omitempty"`

	// PermissionEnds is until when holds what the patient signed, or what was agreed:
	// YYYY-MM-DD, or words for an event or for no end.
	PermissionEnds string `json:"permission_ends,omitempty"`

	Signed string `json:"signed_on,omitempty"` // YYYY-MM-DD: the day of the patient's authorization, directive or consent

	Lost *Loss `json:"lost,omitempty"` // with Restored

	FetchedAt time.Time `json:"fetched_at,omitzero"` // of a download, by the store's clock; who it was is not recorded

	// PageKey is the object of the recipient page that the link of a [Sent] or [Relinked]
	// entry leads to. Entries of older versions have none.
	PageKey string `json:"page_key,omitempty"`

	Documents []Document `json:"documents,omitempty"` // with Accounted: what was given

	// With Purged, when what was removed are segments of the ledger itself: which, and when
	// the ledger's first entry was made.
	Segments []Segment `json:"segments,omitempty"`
	Began    time.Time `json:"began,omitzero"`

	// Statement is what the Approver signed to decide something about the ledger itself: a
	// text and its minisign signature. SignatureKey is the number of the key.
	Statement string `json:"statement,omitempty"`

	Ended string `json:"ended_on,omitempty"` // YYYY-MM-DD, with Concluded: when the permission's event came to pass

	Hash string `json:"hash,omitempty"`
}

// keyForm keeps keys free of what JSON escapes, so that they can be read from
// a line without decoding it.
var keyForm = regexp.MustCompile(`^[A-Za-z0-9._/:+-]+$`)

// maxKey is how long a key may be; counted by the expression, it would be made of as many parts.
const maxKey = 200

func (e *Entry) check() error {
	switch {
	case len(e.Key) > maxKey || !keyForm.MatchString(e.Key):
		return fmt.Errorf("%w: its key is missing or has characters other than letters, digits and ._/:+-", ErrEntry)
	case !events[e.Event]:
		return fmt.Errorf("%w: its event is not known", ErrEntry)
	}
	return nil
}

// encode is an entry's line without hash and line feed.
func (e *Entry) encode() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEntry, err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// content is what two entries under one key must agree in: all but what Append
// sets and the version of the program, which may be newer at a repetition.
func (e Entry) content() ([]byte, error) {
	e.Format, e.Seq, e.Prev, e.At, e.Version, e.Hash = 0, 0, "", time.Time{}, "", ""
	e.settle()
	return e.encode()
}

// settle fills in what follows from the rest and gives times their form.
func (e *Entry) settle() {
	e.At = e.At.UTC().Truncate(time.Millisecond)
	if !e.LinkExpires.IsZero() {
		e.LinkExpires = e.LinkExpires.UTC().Truncate(time.Millisecond)
	}
	if !e.FetchedAt.IsZero() {
		e.FetchedAt = e.FetchedAt.UTC().Truncate(time.Millisecond)
	}
	e.Accountable, e.AccountableWhy = accountable(e.Event, e.Basis)
}
