package heads

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"aead.dev/minisign"

	"chartseal/ledger"
	"chartseal/transport"
)

// What is looked through at most.
const (
	maxHeads  = 100_000 // names: one an hour, day and night, is that in eleven years
	maxRead   = 500     // heads that the ledger does not have, and versions over those that it has
	maxRenews = 2_000   // versions of the newest head that are listed
	maxLatest = 200     // and read, the newest ones
	maxOthers = 200     // other ledgers of the site
	maxHead   = 4 << 10 // bytes of one
)

// lifecycleYear is the least age at which the store itself deletes a head by chartseal's
// lifecycle rule: what is hidden earlier was hidden by somebody.
const lifecycleYear = 366 * 24 * time.Hour

// look is one look at the heads of a ledger in the store, with all their versions: who
// may write there can hide one under a newer version or a delete marker.
type look struct {
	store  Store
	place  string
	by     minisign.PublicKey
	days   map[ledger.Head][]transport.Version // by what their names say
	latest []transport.Version
	unread *transport.Version // the newest of those that are not read; nil: all are
	reads  int                // that are left
	plain  bool               // the key may not list versions
	Elsewhere
}

func newLook(store Store, place string, by minisign.PublicKey) *look {
	return &look{store: store, place: place, by: by, days: map[ledger.Head][]transport.Version{}, reads: maxRead}
}

// Look reads the newest head in a place of a store, and of the others those that the ledger in
// dir does not have: their names say which entry they are of. by is the key that signed them.
// The error is the store's, or the ledger's; what was seen until then counts.
func Look(ctx context.Context, store Store, place, dir string, by minisign.PublicKey) (Elsewhere, error) {
	l := newLook(store, place, by)
	if err := l.list(ctx); err != nil {
		return l.Elsewhere, err
	}
	renewed, err := l.readLatest(ctx)
	if err != nil {
		return l.Elsewhere, err
	}
	asked := slices.Collect(maps.Keys(l.days))
	for _, r := range renewed {
		asked = append(asked, r.Head)
	}
	found, begins, err := ledger.Has(ctx, dir, asked)
	if err != nil {
		return l.Elsewhere, err
	}
	have := map[ledger.Head]bool{}
	for _, h := range found {
		have[h] = true
	}
	l.putBack(renewed, have)
	l.More = l.unread != nil && !l.vouched(have)
	for _, h := range slices.SortedFunc(maps.Keys(l.days), func(a, b ledger.Head) int { return cmp.Compare(b.Seq, a.Seq) }) {
		if have[h] { // it is in the chain: nothing hangs on its signature
			l.Heads = append(l.Heads, ledger.SignedHead{Head: h})
		}
		if err := l.readDay(ctx, h, have[h], l.recent(h, begins)); err != nil {
			return l.Elsewhere, err
		}
	}
	return l.Elsewhere, l.readOthers(ctx)
}

// versions goes through what lies under a prefix, hidden or not; where the key may not
// list that, through the newest versions.
func (l *look) versions(ctx context.Context, prefix, after string) iter.Seq2[transport.Version, error] {
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
			l.Blind = true
			l.store.Objects(ctx, prefix, after)(yield)
		}
	}
}

// list finds the versions of the heads. "latest" comes after the numbers.
func (l *look) list(ctx context.Context) error {
	n := 0
	for v, err := range l.versions(ctx, l.place, "") {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(v.Key, l.place)
		if name > Latest {
			return nil
		}
		if name == Latest {
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
		if h, ok := dayIn(name); ok {
			l.days[h] = append(l.days[h], v)
		} else {
			l.Foreign++
		}
	}
	return nil
}

// read reads one head; nil if the practice did not sign it, or it may not be read.
func (l *look) read(ctx context.Context, v transport.Version) (*ledger.SignedHead, error) {
	if v.Deleted {
		return nil, nil //nolint:nilnil // it is none
	}
	if v.Bytes > maxHead {
		l.Foreign++
		return nil, nil //nolint:nilnil // likewise
	}
	data, err := l.store.Get(ctx, v, maxHead)
	switch {
	case errors.Is(err, transport.ErrNotFound): // deleted meanwhile
		return nil, nil //nolint:nilnil // it is none
	case errors.Is(err, transport.ErrDenied) && !v.Current():
		l.Blind = true
		return nil, nil //nolint:nilnil // nobody knows
	case err != nil:
		return nil, err
	}
	h, err := ledger.ParseHead(data, l.by)
	if err != nil {
		l.Foreign++
		return nil, nil //nolint:nilnil // it is none
	}
	l.Heads = append(l.Heads, h)
	return &h, nil
}

// readDay looks at the versions of a day's head. One that the ledger has is read only where
// something else is stored under its name, or when it counts when each of them was signed.
func (l *look) readDay(ctx context.Context, of ledger.Head, have, all bool) error {
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
func (l *look) recent(of ledger.Head, begins ledger.Beginning) bool {
	return of.Seq <= begins.Seq && slices.ContainsFunc(l.days[of], func(v transport.Version) bool {
		return !v.Deleted && v.At.AddDate(ledger.KeepYears, 0, 0).After(begins.Purged)
	})
}

// noteHidden notes that a head lies under something, unless it was the store's own rule
// that deleted it.
func (l *look) noteHidden(seq uint64, over *transport.Version, head transport.Version) {
	if over != nil && (!over.Deleted || over.At.Sub(head.At) < lifecycleYear) {
		l.Altered = append(l.Altered, Altered{seq, over.Deleted, over.At})
	}
}

// renewal is a version of the newest head that the practice signed.
type renewal struct {
	ledger.Head
	at time.Time
}

// readLatest reads the versions of the newest head, the newest first. There may be more than
// are read, one for each entry; but where some are none the rest may be hidden below them.
func (l *look) readLatest(ctx context.Context) (all []renewal, err error) {
	var over *transport.Version
	was := map[string]*ledger.SignedHead{} // by ETag
	junk := false
	if len(l.latest) == maxRenews {
		l.unread = &l.latest[maxRenews-1]
	}
	for _, v := range l.latest {
		l.Newest = l.Newest || v.Current() && !v.Deleted
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
func (l *look) vouched(have map[ledger.Head]bool) bool {
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
func (l *look) putBack(all []renewal, have map[ledger.Head]bool) {
	for i := 1; i < len(all); i++ {
		if now := all[0]; have[now.Head] && have[all[i].Head] && all[i].Seq > now.Seq {
			l.Altered = append(l.Altered, Altered{Seq: all[i].Seq, At: now.at})
			return
		}
	}
}
