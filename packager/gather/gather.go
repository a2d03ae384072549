// Package gather finds the records of one patient in the folders of the
// practice and says of each what it is, whose and of which day. It reads and
// never writes, follows no link, and is complete or says what is missing: a
// record that is asked for is in [Collection.Items], or named in
// [Collection.Problems], which hold the order.
//
// Names and paths of records are patient data. Errors of this package hold
// none and may be logged; so may [Item.N] and [Item.Kind].
package gather

import (
	"context"
	"errors"
	"os"
	"time"

	"chartseal/order"
	"chartseal/redact"
	"chartseal/redact/dicomfile"
)

// FormatDICOM is the Item.Format of a DICOM file.
const FormatDICOM = "dicom"

// Format recognises one family of files by its first bytes.
type Format struct {
	Name  string
	Sniff func(head []byte) bool // head is up to 4 KiB from the start of the file
}

// Sensitive marks the records of a category that needs express permission: HIV,
// substance use, photographs of a face, …
type Sensitive struct {
	Category string
	Pattern  string // glob, compared without case; see README
}

// Limits bound a search. Zero means the default.
type Limits struct {
	Entries int // directory entries in the patient's folders; default 200,000
	Search  int // directory entries seen on the way to them, and in each shared folder; default 20,000,000
	Workers int // files looked at at a time; default 4
}

// Request says what to gather.
type Request struct {
	Patient   order.Patient
	Scope     order.Records
	Sources   []Source                   // in the order of the configuration: a file of two sources is of the first
	Sensitive []Sensitive                // in any order
	Permitted []string                   // categories the order expressly includes
	Permits   func(category string) bool // the same for what the law judges; may be nil
	LeaveOut  []string                   // entries of Reason.Items that a named person decided to leave out
	Withheld  Withheld                   // what the order denies

	// Decisions are the order's answers to earlier holds. What is left out is
	// not looked at; a file of a sensitive category (R20) or of unclear identity
	// (R35) can be released; that nothing of a kind was found (R11) can be
	// accepted. Another patient's file, psychotherapy notes (R18) and substance
	// use records (R19) can only be left out.
	Decisions []order.Ruling

	Identify   func(ctx context.Context, src redact.Source) (*dicomfile.Identity, error)
	SniffDICOM func(head []byte) bool
	Formats    []Format // formats other than DICOM; if there are any, a file of none is a problem

	Index  Index          // nil reads every header of a shared folder
	Zone   *time.Location // of the practice, for modification times; nil is the system's
	Limits Limits
}

// Collection is what was found. Close it after the last item was read.
type Collection struct {
	Items    []Item
	Problems []order.Reason // each stops the order; messages and items are private
	Notices  []string       // sentences for the receipt; they name no file

	Strangers []string // private: the files and folders that say another patient's name, as in Reason.Items

	// Doubtful are those, private, whose name or birth date is not the patient's, although
	// they do not say for certain that they are another's.
	Doubtful []string

	places []*place
	known  *acquaintance
	again  func(context.Context) ([]order.Reason, error)
}

// place is the folder of a source, open.
type place struct {
	root *os.Root
	name string // absolute path, private
}

// Close closes the folders. Items cannot be opened any more.
func (c *Collection) Close() error {
	var errs []error
	for _, p := range c.places {
		errs = append(errs, bare(p.root.Close()))
	}
	c.places = nil
	return errors.Join(errs...)
}

// Collect finds the records that a request asks for. The error is a
// [*SourceError] when the configuration is wrong or a source's folder cannot be
// opened, or the context's; everything wrong with the records themselves is in
// Collection.Problems.
func Collect(ctx context.Context, req Request) (*Collection, error) {
	if err := CheckSensitive(req.Sensitive); err != nil {
		return nil, err
	}
	c := newCollector(req)
	if err := c.openSources(ctx); err != nil {
		return nil, errors.Join(err, c.out.Close())
	}
	for _, src := range c.sources {
		if err := c.gather(ctx, src); err != nil {
			return nil, errors.Join(err, c.out.Close())
		}
	}
	if err := c.countStrays(ctx); err != nil {
		return nil, errors.Join(err, c.out.Close())
	}
	if err := c.stillThere(ctx); err != nil {
		return nil, errors.Join(err, c.out.Close())
	}
	c.checkPatient()
	c.keepItems()
	c.keepScope()
	c.checkKinds()
	c.checkWithheld()
	c.checkSensitive()
	c.finish()
	c.out.known, c.out.again = c.acquaintance(), c.arrivals
	return c.out, nil
}
