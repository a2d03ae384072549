package chartseal

import (
	"context"
	"time"

	"chartseal/config"
	"chartseal/ledger"
	"chartseal/order"
)

// LiveLink is a link that still leads to records although the patient withdrew the
// authorization, directive or consent it was made under. It is patient data.
type LiveLink struct {
	Order     string    `json:"order"`
	Release   string    `json:"release"`
	Withdrawn string    `json:"withdrawn"` // YYYY-MM-DD
	Expires   time.Time `json:"link_expires"`
}

// withdrawnLinks finds the links that should be revoked (45 CFR 164.508(b)(5)): of
// this site, still alive, and withdrawn on the day they were sent or later. What
// was withdrawn before was not sent.
func withdrawnLinks(ctx context.Context, cfg *config.Config, now time.Time) (out []LiveLink, err error) {
	limits, err := loadRestrictions(cfg.Restrictions)
	if err != nil || len(limits) == 0 {
		return nil, err
	}
	book, err := loadBook(cfg)
	if err != nil {
		return nil, err
	}
	s := &state{dir: cfg.State}
	for e, err := range ledger.Entries(ctx, s.path("ledger")) {
		if err != nil {
			return nil, err
		}
		signed := e.Basis == string(order.Authorized) || e.Basis == string(order.ByDirective) || len(e.Statements) > 0
		if e.Event != ledger.Sent || !signed || e.Recipient == nil {
			continue
		}
		w := withdrawnFor(limits, book.book, e)
		if w == nil {
			continue
		}
		r, err := s.load(e.Reference)
		if err != nil || r.Revoked || r.Expired || r.Links == nil || !r.Links.Expires.After(now) {
			continue // nothing is left of it
		}
		out = append(out, LiveLink{Order: e.Order, Release: e.Reference, Withdrawn: w.On.String(), Expires: r.Links.Expires})
	}
	return out, nil
}

// withdrawnFor compares a release with the withdrawals by the recipient's name and
// by every key that the book has for that name.
func withdrawnFor(limits order.Restrictions, book order.Book, e ledger.Entry) *order.Withdrawal {
	sent := order.DateOf(e.At.Local())
	to := order.Recipient{Name: e.Recipient.Name, Kind: order.Party(e.Recipient.Kind)}
	if w := limits.Withdrawn(e.Patient, to, sent); w != nil {
		return w
	}
	for key, r := range book {
		if to.Key = key; r.Name == to.Name {
			if w := limits.Withdrawn(e.Patient, to, sent); w != nil {
				return w
			}
		}
	}
	return nil
}
