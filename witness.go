package chartseal

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"aead.dev/minisign"

	"chartseal/ledger"
	"chartseal/ledger/group"
)

// witnesses are heads of a ledger that are known otherwise than from the database.
type witnesses struct {
	signed map[ledger.Head]*ledger.SignedHead // nil: not read yet
	keys   map[ledger.Head]string             // where in the store they can be read
	copies int                                // of the store
}

func (w *witnesses) heads() []ledger.Head {
	return slices.SortedFunc(maps.Keys(w.signed), func(a, b ledger.Head) int { return cmp.Compare(a.Seq, b.Seq) })
}

// witnesses asks the store, and what the last look left here. Of the heads in the store
// only the newest is read: the names of the others say what they are of.
func (v *sitesLook) witnesses(ctx context.Context, l *SiteLedger, number string, by minisign.PublicKey) (w witnesses, err error) {
	w = witnesses{signed: map[ledger.Head]*ledger.SignedHead{}, keys: map[ledger.Head]string{}}
	if h := v.before[keyOf(l.Site, number)].Head; h.Seq > 0 {
		w.signed[h.Head] = &h
	}
	if v.store == nil {
		return w, nil
	}
	place := v.cfg.Store.Prefix + "heads/" + l.Site + "/" + number + "/"
	there, err := v.store.Keys(ctx, place, maxHeads)
	if err != nil {
		return w, err
	}
	for _, key := range there {
		if h, ok := headIn(strings.TrimPrefix(key, place)); ok {
			w.keys[h] = key
			if w.signed[h] == nil {
				w.signed[h] = nil
			}
		}
	}
	var e elsewhere
	if err := e.read(ctx, v.store, place+latestHead, by); err != nil {
		return w, err
	}
	for _, h := range e.heads {
		w.signed[h.Head] = &h
	}
	w.copies = len(w.keys) + len(e.heads)
	return w, nil
}

// confront looks at the heads that the mirror does not have: what the site's key signed
// must be there, unless a person went on without.
func (v *sitesLook) confront(ctx context.Context, rep *group.Report, w witnesses, by minisign.PublicKey) error {
	var e elsewhere
	for _, h := range rep.Unmet {
		if known := w.signed[h]; known != nil {
			e.heads = append(e.heads, *known)
		} else if err := e.read(ctx, v.store, w.keys[h], by); err != nil {
			return err
		}
	}
	for _, h := range e.heads {
		switch {
		case rep.Forgives(h):
		case h.Seq > rep.Head.Seq:
			return &ledger.BrokenError{Seq: rep.Head.Seq + 1, Fault: ledger.Cut}
		default:
			return &ledger.BrokenError{Seq: h.Seq, Fault: ledger.Replaced}
		}
	}
	return nil
}
