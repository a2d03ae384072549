package chartseal

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"aead.dev/minisign"

	"chartseal/heads"
	"chartseal/ledger"
	"chartseal/ledger/group"
)

// witnesses are heads of a ledger that are known otherwise than from the database.
type witnesses struct {
	signed map[ledger.Head]ledger.SignedHead // that were read
	store  *heads.Listing                    // of those in the store; empty where it cannot be asked
	copies int                               // of the store
}

// asked are those that were read, and those that only have a name.
func (w *witnesses) asked() []ledger.Head {
	all := map[ledger.Head]bool{}
	for h := range w.signed {
		all[h] = true
	}
	for _, h := range w.store.Named() {
		all[h] = true
	}
	return slices.SortedFunc(maps.Keys(all), func(a, b ledger.Head) int { return cmp.Compare(a.Seq, b.Seq) })
}

// witnesses asks the store, and what the last look left here.
func (v *sitesLook) witnesses(ctx context.Context, l *SiteLedger, number string, by minisign.PublicKey) (w witnesses, err error) {
	w = witnesses{signed: map[ledger.Head]ledger.SignedHead{}, store: &heads.Listing{}}
	if h := v.before[keyOf(l.Site, number)].Head; h.Seq > 0 {
		w.signed[h.Head] = h
	}
	if v.store == nil {
		return w, nil
	}
	there, err := heads.List(ctx, v.store, heads.Place(v.cfg.Store.Prefix, l.Site, number), by)
	if err != nil {
		return w, err
	}
	for _, h := range there.Signed {
		w.signed[h.Head] = h
	}
	w.store, w.copies = there, len(there.Named())+len(there.Signed)
	return w, nil
}

// confront looks at the heads that the mirror does not have: what the site's key signed
// must be there, unless a person went on without.
func (v *sitesLook) confront(ctx context.Context, rep *group.Report, w witnesses) error {
	unmet, err := w.store.Read(ctx, rep.Unmet, w.signed)
	if err != nil {
		return err
	}
	for _, h := range unmet {
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
