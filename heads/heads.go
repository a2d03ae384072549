// Package heads looks through the copies of a ledger's signed heads that a store keeps, and says
// what they know that the ledger does not: entries that it lacks, heads that somebody hid, and
// another ledger that stood in this one's place. They name a site, a number and a digest: no
// patient.
package heads

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"aead.dev/minisign"

	"chartseal/ledger"
	"chartseal/transport"
)

// Store is what looking needs of a store.
type Store interface {
	Get(ctx context.Context, v transport.Version, most int64) ([]byte, error)
	Versions(ctx context.Context, prefix, after string) iter.Seq2[transport.Version, error]
	Objects(ctx context.Context, prefix, after string) iter.Seq2[transport.Version, error]
}

// Latest is the name, in its place, of the head that is renewed with every entry.
const Latest = "latest"

// Place is where a store keeps the heads of a ledger, below a prefix of its own: by site and by
// the number of the key, for a state folder that was made anew begins another ledger.
func Place(prefix, site, key string) string { return ofSite(prefix, site) + key + "/" }

func ofSite(prefix, site string) string { return prefix + "heads/" + site + "/" }

// Day is the name of a day's head. It holds the entry and its hash, so that heads
// of two ledgers never replace each other.
func Day(h ledger.Head) string { return fmt.Sprintf("%012d-%s", h.Seq, h.Hash) }

// dayIn undoes Day; what is named otherwise is no head.
func dayIn(name string) (h ledger.Head, ok bool) {
	seq, hash, ok := strings.Cut(name, "-")
	n, err := strconv.ParseUint(seq, 10, 64)
	return ledger.Head{Seq: n, Hash: hash}, ok && err == nil && len(seq) == 12 && len(hash) == 64
}

// Elsewhere is what another place knows of the ledger.
type Elsewhere struct {
	Newest  bool // the place has the head that is renewed with every entry
	Heads   []ledger.SignedHead
	Foreign int     // heads there that are not signed by the practice's key
	Others  []Other // of this site, by other keys
	Rows    int     // in the shared database

	Altered []Altered
	Blind   bool // older versions could not be looked at
	More    bool // there are versions of the newest head that were not read, and no other head vouches for what they say
	crowded bool // there is more than was looked through
}

// And adds what a further place knows.
func (e *Elsewhere) And(f Elsewhere) {
	e.Heads, e.Others, e.Altered = append(e.Heads, f.Heads...), append(e.Others, f.Others...), append(e.Altered, f.Altered...)
	e.Foreign, e.Rows, e.Newest = e.Foreign+f.Foreign, e.Rows+f.Rows, e.Newest || f.Newest
	e.Blind, e.More, e.crowded = e.Blind || f.Blind, e.More || f.More, e.crowded || f.crowded
}

// Altered is a copy of a signed head that somebody hid in the store: chartseal never
// deletes one, nor stores anything else under its name.
type Altered struct {
	Seq     uint64    `json:"seq"`     // of the entry it is of
	Deleted bool      `json:"deleted"` // by a delete marker; else something else was stored over it
	At      time.Time `json:"at"`      // when, by the store's clock
}

// errCrowded counts as a ledger that does not hold: what was put there in such number hides
// the heads that would show what it lacks.
var errCrowded = fmt.Errorf("%w, or is made to look so: under heads/ in the store lie more objects than chartseal puts there, so that the ledger's own heads cannot be found among them and nothing is verified. Find out who can write there, and delete what the practice did not sign", ledger.ErrBroken)

// Enough says whether all was looked through; the error is a ledger.ErrBroken.
func (e *Elsewhere) Enough() error {
	if e.crowded {
		return errCrowded
	}
	return nil
}

// Unseen says which versions were not looked at, and why; "" if all were.
func (e *Elsewhere) Unseen() string {
	switch {
	case e.Blind:
		return "the key may not look at versions that somebody hid (s3:ListBucketVersions, s3:GetObjectVersion)"
	case e.More:
		return fmt.Sprintf("there are more versions of the newest head than the %d that are read", maxLatest)
	}
	return ""
}

// Any says whether a store has heads of a site, or anything in their place, hidden or not. The
// error is the store's.
func Any(ctx context.Context, store Store, prefix, site string) (bool, error) {
	l := newLook(store, ofSite(prefix, site), minisign.PublicKey{})
	there := false
	for _, err := range l.versions(ctx, l.place, "") {
		if err != nil {
			return false, err
		}
		there = true
		break
	}
	return there, nil
}

// Listing is what a place says of a ledger that is not here.
type Listing struct {
	Signed []ledger.SignedHead // what the versions of the newest head say
	days   map[ledger.Head][]transport.Version
	store  Store
	by     minisign.PublicKey
}

// List reads of the heads in a place only the newest, in its versions: the names of the others
// say what they are of. The error is the store's, or a ledger.ErrBroken where too much lies
// there.
func List(ctx context.Context, store Store, place string, by minisign.PublicKey) (*Listing, error) {
	l := newLook(store, place, by)
	if err := l.list(ctx); err != nil {
		return nil, err
	}
	if _, err := l.readLatest(ctx); err != nil {
		return nil, err
	}
	if err := l.Enough(); err != nil {
		return nil, err
	}
	return &Listing{l.Heads, l.days, store, by}, nil
}

// Named are the heads that the names in the place are of. Nothing proves them before they are
// read.
func (l *Listing) Named() []ledger.Head {
	return slices.Collect(maps.Keys(l.days))
}

// Read reads heads by their names, in all versions, but for those that are known. The error is
// as with [List].
func (l *Listing) Read(ctx context.Context, all []ledger.Head, known map[ledger.Head]ledger.SignedHead) ([]ledger.SignedHead, error) {
	r := newLook(l.store, "", l.by)
	r.days = l.days
	for _, h := range all {
		if signed, ok := known[h]; ok {
			r.Heads = append(r.Heads, signed)
		} else if err := r.readDay(ctx, h, false, false); err != nil {
			return nil, err
		}
	}
	return r.Heads, r.Enough()
}
