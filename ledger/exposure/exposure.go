// Package exposure tells from the ledger who could have downloaded what, and until when:
// what a risk assessment after a breach needs (45 CFR 164.402(2): the nature of the
// information, who could use it, whether it was acquired).
//
// A link is alive from its entry until its effective expiry, unless the bundle was
// deleted before, by a revocation or at the end of its time. A download that had begun
// by then may have ended later. That nobody downloaded is not known from the ledger: a store
// tells of downloads or does not, and the first that was seen has an entry.
package exposure

import (
	"iter"
	"net/url"
	"slices"
	"strings"
	"time"

	"chartseal/ledger"
)

// Query says which releases are asked for; empty fields ask for all.
type Query struct {
	Release   string    // release reference, with or without its attempt
	ObjectKey string    // of the bundle or of a page, its name at the end of a link, or a link
	Order     string    // the order's number
	Recipient string    // words of the name, or the e-mail address
	From, To  time.Time // the moments between which a link was alive
	Now       time.Time
}

// End is why a window closed.
type End string

// The ends.
const (
	Open      End = "open"       // the link is alive now
	Ran       End = "ran_out"    // the link's own time was over
	Revoked   End = "revoked"    // the bundle was deleted before
	Deleted   End = "deleted"    // the bundle was deleted at the end of its time, and the link lived longer
	NeverEnds End = "on_a_drive" // the records were handed over and cannot be called back
)

// Window is a time in which one link could be used.
type Window struct {
	Opened time.Time `json:"opened"`
	Closed time.Time `json:"closed,omitzero"` // zero with on_a_drive
	Stated time.Time `json:"link_expires,omitzero"`
	End    End       `json:"end"`
	Seq    uint64    `json:"ledger_seq"`
	Page   string    `json:"page_key,omitempty"` // of the recipient page; "": see [Found].PagesUnknown
}

// Exposed is one release: what a recipient had, or could have had.
type Exposed struct {
	Release     string       `json:"release"`
	Order       string       `json:"order"`
	Patient     string       `json:"patient"`
	Recipient   ledger.Party `json:"recipient"`
	Information string       `json:"information"`
	Basis       string       `json:"basis"`
	Delivery    string       `json:"delivery"`
	ObjectKey   string       `json:"object_key,omitempty"`
	Bytes       int64        `json:"bytes,omitempty"`
	BundleSum   string       `json:"bundle_sha256,omitempty"`
	Windows     []Window     `json:"windows"`
	Fetched     []time.Time  `json:"fetched,omitempty"` // downloads that the ledger knows of
}

// Found is what the ledger tells.
type Found struct {
	Releases []Exposed // oldest first
	// PagesUnknown counts the links, of all releases, whose entry does not say which page
	// they lead to, as those of older versions do not: an object that was asked for and
	// not found may be one of these pages.
	PagesUnknown int
}

// Find goes through the ledger and lists the releases that match.
func Find(entries iter.Seq2[ledger.Entry, error], q Query) (Found, error) {
	q.ObjectKey = objectIn(q.ObjectKey)
	f := Found{}
	all, at := []Exposed{}, map[string]int{}
	for e, err := range entries {
		if err != nil {
			return f, err
		}
		i, known := at[e.Reference]
		switch e.Event { //nolint:exhaustive // the others let nobody have anything
		case ledger.Sent, ledger.Delivered, ledger.Relinked:
			if !known {
				i, all = len(all), append(all, begin(&e))
				at[e.Reference] = i
			}
			all[i].open(&e)
		case ledger.Revoked:
			if known {
				all[i].close(e.At, Revoked)
			}
		case ledger.Expired:
			if known {
				all[i].close(e.At, Deleted)
			}
		case ledger.Fetched:
			if known {
				all[i].Fetched = append(all[i].Fetched, e.FetchedAt)
			}
		}
	}
	for i := range all {
		all[i].settle(q.Now)
		for _, w := range all[i].Windows {
			if w.End != NeverEnds && w.Page == "" {
				f.PagesUnknown++
			}
		}
	}
	f.Releases = slices.DeleteFunc(all, func(x Exposed) bool { return !q.wants(&x) })
	return f, nil
}

func begin(e *ledger.Entry) Exposed {
	x := Exposed{
		Release: e.Reference, Order: e.Order, Patient: e.Patient, Information: e.Information, Basis: e.Basis,
		Delivery: e.Delivery, ObjectKey: e.ObjectKey, Bytes: e.Bytes, BundleSum: e.BundleSum,
	}
	if e.Recipient != nil {
		x.Recipient = *e.Recipient
	}
	return x
}

// open adds a link, or a drive.
func (x *Exposed) open(e *ledger.Entry) {
	w := Window{Opened: e.At, Seq: e.Seq, Stated: e.LinkExpires, Closed: e.LinkExpires, End: Ran, Page: e.PageKey}
	if e.LinkExpires.IsZero() {
		w.End = NeverEnds
	}
	x.Windows = append(x.Windows, w)
}

// close ends the links that are alive when their bundle is deleted.
func (x *Exposed) close(at time.Time, why End) {
	for i, w := range x.Windows {
		if w.End == Ran && w.Closed.After(at) {
			x.Windows[i].Closed, x.Windows[i].End = at, why
		}
	}
}

// settle tells the links that are alive still.
func (x *Exposed) settle(now time.Time) {
	for i, w := range x.Windows {
		if w.End == Ran && w.Closed.After(now) {
			x.Windows[i].End = Open
		}
	}
}

func (q *Query) wants(x *Exposed) bool {
	ref, _, _ := strings.Cut(x.Release, ".")
	switch {
	case q.Release != "" && !strings.EqualFold(q.Release, x.Release) && !strings.EqualFold(q.Release, ref):
		return false
	case q.ObjectKey != "" && !x.has(q.ObjectKey):
		return false
	case q.Order != "" && !strings.EqualFold(q.Order, x.Order):
		return false
	case q.Recipient != "" && !names(x.Recipient, q.Recipient):
		return false
	case q.From.IsZero() && q.To.IsZero():
		return true
	}
	x.Windows = slices.DeleteFunc(x.Windows, func(w Window) bool { return !q.overlaps(w) })
	return len(x.Windows) > 0
}

// overlaps says that a link could be used between the two moments.
func (q *Query) overlaps(w Window) bool {
	begun := q.To.IsZero() || w.Opened.Before(q.To)
	alive := q.From.IsZero() || w.End == NeverEnds || w.Closed.After(q.From)
	return begun && alive
}

// has says that an object is the bundle, or the page of a link to it.
func (x *Exposed) has(asked string) bool {
	return sameObject(asked, x.ObjectKey) || slices.ContainsFunc(x.Windows, func(w Window) bool { return sameObject(asked, w.Page) })
}

// sameObject compares a key, the end of one without its prefix, or the path of a link,
// which may begin with the bucket.
func sameObject(asked, key string) bool {
	return key != "" && (asked == key || strings.HasSuffix(key, "/"+asked) || strings.HasSuffix(asked, "/"+key))
}

// objectIn takes what is asked for out of a link. In a letter a link has line breaks.
func objectIn(text string) string {
	text = strings.Join(strings.Fields(text), "")
	if u, err := url.Parse(text); err == nil && u.Host != "" {
		return u.Path
	}
	text, _, _ = strings.Cut(text, "?")
	return text
}

func names(p ledger.Party, words string) bool {
	words = strings.ToLower(strings.Join(strings.Fields(words), " "))
	return strings.Contains(strings.ToLower(strings.Join(strings.Fields(p.Name), " ")), words) || strings.EqualFold(p.Email, words)
}
