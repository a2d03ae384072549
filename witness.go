package chartseal

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"aead.dev/minisign"

	"chartseal/ledger"
	"chartseal/ledger/group"
	"chartseal/transport"
)

// witnesses are heads of a ledger that are known otherwise than from the database.
type witnesses struct {
	signed   map[ledger.Head]*ledger.SignedHead  // nil: not read yet
	versions map[ledger.Head][]transport.Version // of the store, where they can be read
	copies   int                                 // of the store
}

func (w *witnesses) heads() []ledger.Head {
	return slices.SortedFunc(maps.Keys(w.signed), func(a, b ledger.Head) int { return cmp.Compare(a.Seq, b.Seq) })
}

// witnesses asks the store, and what the last look left here. Of the heads in the store
// only the newest is read, in its versions: the names of the others say what they are of.
func (v *sitesLook) witnesses(ctx context.Context, l *SiteLedger, number string, by minisign.PublicKey) (w witnesses, err error) {
	w = witnesses{signed: map[ledger.Head]*ledger.SignedHead{}, versions: map[ledger.Head][]transport.Version{}}
	if h := v.before[keyOf(l.Site, number)].Head; h.Seq > 0 {
		w.signed[h.Head] = &h
	}
	if v.store == nil {
		return w, nil
	}
	place := v.cfg.Store.Prefix + "heads/" + l.Site + "/" + number + "/"
	there := newHeadLook(v.store, place, by)
	if err := there.list(ctx); err != nil {
		return w, err
	}
	for h, versions := range there.days {
		w.versions[h] = versions
		if w.signed[h] == nil {
			w.signed[h] = nil
		}
	}
	if _, err := there.readLatest(ctx); err != nil {
		return w, err
	}
	if there.crowded {
		return w, errCrowded
	}
	for _, h := range there.heads {
		w.signed[h.Head] = &h
	}
	w.copies = len(w.versions) + len(there.heads)
	return w, nil
}

// confront looks at the heads that the mirror does not have: what the site's key signed
// must be there, unless a person went on without.
func (v *sitesLook) confront(ctx context.Context, rep *group.Report, w witnesses, by minisign.PublicKey) error {
	l := newHeadLook(v.store, "", by)
	l.days = w.versions
	for _, h := range rep.Unmet {
		if known := w.signed[h]; known != nil {
			l.heads = append(l.heads, *known)
		} else if err := l.readDay(ctx, h, false, false); err != nil {
			return err
		}
	}
	if l.crowded {
		return errCrowded
	}
	for _, h := range l.heads {
		switch {
		case rep.Forgives(h), h.Seq <= rep.Begins:
		case h.Seq > rep.Head.Seq:
			return &ledger.BrokenError{Seq: rep.Head.Seq + 1, Fault: ledger.Cut}
		default:
			return &ledger.BrokenError{Seq: h.Seq, Fault: ledger.Replaced}
		}
	}
	return nil
}
