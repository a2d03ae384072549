// Package redact removes from a record what the purpose of a release does not
// need. It sees bytes and the name of a profile, never an order or a patient,
// and fails closed: what a cleaner cannot parse, clean and verify it refuses.
//
// The cleaners live in sub-packages, one per family of formats: dicomfile,
// pdffile, imagefile and meshfile. Each is a [Cleaner].
package redact

import (
	"context"
	"fmt"
	"io"
)

// Profile names what stays in a record and what goes. It follows from the
// basis of the release; DESIGN words: "what redaction removes for a basis".
type Profile string

// The profiles. Treatment and PatientAccess are never trimmed of clinical
// content (45 CFR 164.502(b)(2)); LimitedSet follows 164.514(e) and
// Deidentified 164.514(b)(2) with DICOM PS3.15 Annex E.
const (
	Treatment     Profile = "treatment"
	PatientAccess Profile = "patient_access"
	Authorization Profile = "authorization"
	Payment       Profile = "payment"
	Operations    Profile = "operations"
	LimitedSet    Profile = "limited_set"
	Deidentified  Profile = "deidentified"
)

// Profiles lists every profile, the widest first.
func Profiles() []Profile {
	return []Profile{PatientAccess, Treatment, Authorization, Payment, Operations, LimitedSet, Deidentified}
}

// Source is one record as it lies in the practice's folders: read at random,
// never changed.
type Source interface {
	io.ReaderAt
	Size() int64 // in bytes
}

// Cleaner cleans one record. It returns a *Refusal (as error) for a record
// that must not leave as it is; any other error is a fault of the machine.
// ctx bounds the whole work, the reading of Output.Body included.
type Cleaner func(ctx context.Context, src Source, p Profile) (*Output, error)

// Output is a cleaned record, ready to be streamed once.
type Output struct {
	Size   int64         // exact length of Body in bytes, known before reading
	Body   io.ReadCloser // fails rather than ends early; must be closed
	Report Report
	Claims []Claim // what its text says about whose it is; at most MaxClaims
}

// Report tells what a cleaner did. It holds names of rules and of elements,
// never a value taken from the record.
type Report struct {
	Format  string    `json:"format"`            // "DICOM", "PDF", "JPEG", "PNG", …
	Removed []Removal `json:"removed,omitempty"` // sorted by Item
	Notices []string  `json:"notices,omitempty"` // sentences for the manifest and the receipt
	Kept    []string  `json:"kept,omitempty"`    // names of what stayed, sorted, where the format has names; for audits
}

// Removal counts what one rule removed.
type Removal struct {
	Item   string `json:"item"`   // "(0010,1040)", "private (0029,xxxx)", "EXIF", "JavaScript"
	Rule   string `json:"rule"`   // short identifier of the rule, stable across versions
	Reason string `json:"reason"` // plain words
	Count  int    `json:"count"`
}

// Class sorts refusals for logs and for the rule that answers them.
type Class string

// The classes of refusal.
const (
	Unsupported Class = "unsupported" // no cleaner for this format or variant
	Malformed   Class = "malformed"   // the structure is broken
	Truncated   Class = "truncated"   // the file ends before its content does
	Encrypted   Class = "encrypted"   // a password is needed
	Undecided   Class = "undecided"   // a person has to look: burned-in text, layers, …
	Unfit       Class = "unfit"       // it holds what cannot be vouched for, whoever looks at it
	Absent      Class = "absent"      // it does not have what is asked for: a page
	TooLarge    Class = "too_large"   // past a bound of time, memory, depth or count
	Unverified  Class = "unverified"  // the output did not pass its own check
)

// Refusal says why a record must not leave as it is.
//
//nolint:errname // the word of the field: a cleaner refuses a record
type Refusal struct {
	Class  Class
	Reason string // a clause for staff, without any value from the record: "the file ends in the middle of the image"
}

func (r *Refusal) Error() string { return "refused: " + string(r.Class) + ": " + r.Reason }

// Refuse returns a *Refusal as an error.
func Refuse(c Class, format string, args ...any) error {
	return &Refusal{Class: c, Reason: fmt.Sprintf(format, args...)}
}
