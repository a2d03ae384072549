package chartseal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"aead.dev/minisign"

	"chartseal/ledger"
	"chartseal/transport"
)

// elsewhere is what another place knows of the ledger.
type elsewhere struct {
	newest  bool // the place has the head that is renewed with every entry
	heads   []ledger.SignedHead
	foreign int           // heads there that are not signed by the practice's key
	others  []otherLedger // of this site, by other keys
	rows    int           // in the shared database

	altered []AlteredHead
	blind   bool // older versions could not be looked at
	more    bool // there are versions of the newest head that were not read, and no other head vouches for what they say
	crowded bool // there is more than was looked through
}

// and adds what a further place knows.
func (e *elsewhere) and(f elsewhere) {
	e.heads, e.others, e.altered = append(e.heads, f.heads...), append(e.others, f.others...), append(e.altered, f.altered...)
	e.foreign, e.rows, e.newest = e.foreign+f.foreign, e.rows+f.rows, e.newest || f.newest
	e.blind, e.more, e.crowded = e.blind || f.blind, e.more || f.more, e.crowded || f.crowded
}

// AlteredHead is a copy of a signed head that somebody hid in the store: chartseal never
// deletes one, nor stores anything else under its name.
type AlteredHead struct {
	Seq     uint64    `json:"seq"`     // of the entry it is of
	Deleted bool      `json:"deleted"` // by a delete marker; else something else was stored over it
	At      time.Time `json:"at"`      // when, by the store's clock
}

// errCrowded counts as a ledger that does not hold: what was put there in such number hides
// the heads that would show what it lacks.
var errCrowded = fmt.Errorf("%w, or is made to look so: under heads/ in the store lie more objects than chartseal puts there, so that the ledger's own heads cannot be found among them and nothing is verified. Find out who can write there, and delete what the practice did not sign", ledger.ErrBroken)

// enough says whether all was looked through.
func (e *elsewhere) enough() error {
	if e.crowded {
		return errCrowded
	}
	return nil
}

// unseen says which versions were not looked at, and why; "" if all were.
func (e *elsewhere) unseen() string {
	switch {
	case e.blind:
		return "the key may not look at versions that somebody hid (s3:ListBucketVersions, s3:GetObjectVersion)"
	case e.more:
		return fmt.Sprintf("there are more versions of the newest head than the %d that are read", maxLatest)
	}
	return ""
}

// What is looked through at most.
const (
	maxHeads  = 100_000 // names: one an hour, day and night, is that in eleven years
	maxRead   = 500     // heads that the ledger does not have, and versions over those that it has
	maxRenews = 2_000   // versions of the newest head that are listed
	maxLatest = 200     // and read, the newest ones
	maxOthers = 200     // other ledgers of the site
)

// lifecycleYear is the least age at which the store itself deletes a head by chartseal's
// lifecycle rule: what is hidden earlier was hidden by somebody.
const lifecycleYear = 366 * 24 * time.Hour

// headLook is one look at the heads of a ledger in the store, with all their versions: who
// may write there can hide one under a newer version or a delete marker.
type headLook struct {
	store  headStore
	place  string
	by     minisign.PublicKey
	days   map[ledger.Head][]transport.Version // by what their names say
	latest []transport.Version
	unread *transport.Version // the newest of those that are not read; nil: all are
	reads  int                // that are left
	plain  bool               // the key may not list versions
	elsewhere
}

func newHeadLook(store headStore, place string, by minisign.PublicKey) *headLook {
	return &headLook{store: store, place: place, by: by, days: map[ledger.Head][]transport.Version{}, reads: maxRead}
}

// headsElsewhere reads the newest head, and of the others those that the ledger does not
// have: their names say which entry they are of.
func headsElsewhere(ctx context.Context, store headStore, place, dir string, by minisign.PublicKey) (elsewhere, error) {
	l := newHeadLook(store, place, by)
	if err := l.list(ctx); err != nil {
		return l.elsewhere, err
	}
	renewed, err := l.readLatest(ctx)
	if err != nil {
		return l.elsewhere, err
	}
	asked := slices.Collect(maps.Keys(l.days))
	for _, r := range renewed {
		asked = append(asked, r.Head)
	}
	found, begins, err := ledger.Has(ctx, dir, asked)
	if err != nil {
		return l.elsewhere, err
	}
	have := map[ledger.Head]bool{}
	for _, h := range found {
		have[h] = true
	}
	l.putBack(renewed, have)
	l.more = l.unread != nil && !l.vouched(have)
	for _, h := range slices.SortedFunc(maps.Keys(l.days), func(a, b ledger.Head) int { return cmp.Compare(b.Seq, a.Seq) }) {
		if have[h] { // it is in the chain: nothing hangs on its signature
			l.heads = append(l.heads, ledger.SignedHead{Head: h})
		}
		if err := l.readDay(ctx, h, have[h], l.recent(h, begins)); err != nil {
			return l.elsewhere, err
		}
	}
	return l.elsewhere, l.readOthers(ctx)
}

// versions goes through what lies under a prefix, hidden or not; where the key may not
// list that, through the newest versions.
func (l *headLook) versions(ctx context.Context, prefix, after string) iter.Seq2[transport.Version, error] {
	return func(yield func(transport.Version, error) bool) {
		if !l.plain {
			for v, err := range l.store.Versions(ctx, prefix, after) {
				if l.plain = errors.Is(err, transport.ErrDenied); l.plain {
					break
				}
				if !yield(v, err) {
					return
				}
			}
		}
		if l.plain {
			l.blind = true
			l.store.Objects(ctx, prefix, after)(yield)
		}
	}
}

// list finds the versions of the heads. "latest" comes after the numbers.
func (l *headLook) list(ctx context.Context) error {
	n := 0
	for v, err := range l.versions(ctx, l.place, "") {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(v.Key, l.place)
		if name > latestHead {
			return nil
		}
		if name == latestHead {
			if len(l.latest) == maxRenews {
				return nil
			}
			l.latest = append(l.latest, v)
			continue
		}
		if n++; n > maxHeads {
			l.crowded = true
			return nil
		}
		if h, ok := headIn(name); ok {
			l.days[h] = append(l.days[h], v)
		} else {
			l.foreign++
		}
	}
	return nil
}

// read reads one head; nil if the practice did not sign it, or it may not be read.
func (l *headLook) read(ctx context.Context, v transport.Version) (*ledger.SignedHead, error) {
	if v.Deleted {
		return nil, nil //nolint:nilnil // it is none
	}
	if v.Bytes > maxHead {
		l.foreign++
		return nil, nil //nolint:nilnil // likewise
	}
	data, err := l.store.Get(ctx, v, maxHead)
	switch {
	case errors.Is(err, transport.ErrNotFound): // deleted meanwhile
		return nil, nil //nolint:nilnil // it is none
	case errors.Is(err, transport.ErrDenied) && !v.Current():
		l.blind = true
		return nil, nil //nolint:nilnil // nobody knows
	case err != nil:
		return nil, err
	}
	h, err := ledger.ParseHead(data, l.by)
	if err != nil {
		l.foreign++
		return nil, nil //nolint:nilnil // it is none
	}
	l.heads = append(l.heads, h)
	return &h, nil
}

// readDay looks at the versions of a day's head. One that the ledger has is read only where
// something else is stored under its name, or when it counts when each of them was signed.
func (l *headLook) readDay(ctx context.Context, of ledger.Head, have, all bool) error {
	versions := l.days[of]
	if have && !all && !slices.ContainsFunc(versions, func(v transport.Version) bool { return v.Deleted || v.ETag != versions[0].ETag }) {
		return nil
	}
	var over *transport.Version // what hides it
	for i, v := range versions {
		if i > 0 && !v.Deleted && v.ETag != "" && v.ETag == versions[i-1].ETag {
			continue
		}
		if l.reads--; l.reads < 0 {
			l.crowded = true
			return nil
		}
		h, err := l.read(ctx, v)
		if err != nil {
			return err
		}
		if h != nil && h.Head == of {
			if l.noteHidden(of.Seq, over, v); !all {
				return nil
			}
			over = nil
			continue
		}
		over = &v
	}
	return nil
}

// recent says that the store got a head of an entry that was purged less than six years
// before the purge, by the store's own clock: when it was signed must be looked at. After a
// move to another bucket they all are, and none otherwise.
func (l *headLook) recent(of ledger.Head, begins ledger.Beginning) bool {
	return of.Seq <= begins.Seq && slices.ContainsFunc(l.days[of], func(v transport.Version) bool {
		return !v.Deleted && v.At.AddDate(ledger.KeepYears, 0, 0).After(begins.Purged)
	})
}

// noteHidden notes that a head lies under something, unless it was the store's own rule
// that deleted it.
func (l *headLook) noteHidden(seq uint64, over *transport.Version, head transport.Version) {
	if over != nil && (!over.Deleted || over.At.Sub(head.At) < lifecycleYear) {
		l.altered = append(l.altered, AlteredHead{seq, over.Deleted, over.At})
	}
}

// renewal is a version of the newest head that the practice signed.
type renewal struct {
	ledger.Head
	at time.Time
}

// readLatest reads the versions of the newest head, the newest first. There may be more than
// are read, one for each entry; but where some are none the rest may be hidden below them.
func (l *headLook) readLatest(ctx context.Context) (all []renewal, err error) {
	var over *transport.Version
	was := map[string]*ledger.SignedHead{} // by ETag
	junk := false
	if len(l.latest) == maxRenews {
		l.unread = &l.latest[maxRenews-1]
	}
	for _, v := range l.latest {
		l.newest = l.newest || v.Current() && !v.Deleted
		h, seen := was[v.ETag]
		if !seen || v.ETag == "" {
			if len(was) == maxLatest {
				l.unread = &v
				break
			}
			if h, err = l.read(ctx, v); err != nil {
				return nil, err
			}
			was[cmp.Or(v.ETag, v.ID)] = h
		}
		if h == nil {
			over, junk = &v, true
			continue
		}
		l.noteHidden(h.Seq, over, v)
		all, over = append(all, renewal{h.Head, v.At}), nil
	}
	l.crowded = l.crowded || l.unread != nil && junk
	return all, nil
}

// vouched says that what the versions say that were not read comes before an entry that the
// ledger has: its head has a name of its own, and the store got it later.
func (l *headLook) vouched(have map[ledger.Head]bool) bool {
	var latest ledger.Head
	var since time.Time
	for h, versions := range l.days {
		if first := versions[len(versions)-1]; have[h] && h.Seq >= latest.Seq && !first.Deleted {
			latest, since = h, first.At
		}
	}
	return l.unread.At.Before(since)
}

// putBack notes an older head that was stored over a newer one which the ledger has. Where
// the ledger lacks the newer one it was restored, or does not hold.
func (l *headLook) putBack(all []renewal, have map[ledger.Head]bool) {
	for i := 1; i < len(all); i++ {
		if now := all[0]; have[now.Head] && have[all[i].Head] && all[i].Seq > now.Seq {
			l.altered = append(l.altered, AlteredHead{Seq: all[i].Seq, At: now.at})
			return
		}
	}
}
