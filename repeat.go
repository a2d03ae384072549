package chartseal

import (
	"context"
	"errors"
	"time"

	"chartseal/ledger"
	"chartseal/order"
	"chartseal/registry"
)

// similar finds an order that sent the same records to the same recipient within
// rules.repeat (rule R34), at any site; nil if there is none. Before the upload the
// order notes its own likeness, so that of two at once at least one is held.
func (p *Practice) similar(ctx context.Context, r *release, o *order.Order, to order.Recipient, at order.Stage) (*order.Earlier, error) {
	within := p.cfg.Rules.Repeat.Duration()
	if within == 0 {
		return nil, nil
	}
	likeness := p.orders.Tag("likeness " + order.Likeness(o, to))
	if at == order.AtUpload {
		if err := p.orders.Liken(ctx, r.ID, likeness); err != nil {
			return nil, err
		}
	}
	e, err := p.orders.Alike(ctx, r.ID, likeness, p.opts.Now().Add(-within))
	if errors.Is(err, registry.ErrNoOrder) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	day, err := time.Parse(time.RFC3339, e.Since)
	if err != nil {
		day = p.opts.Now()
	}
	return &order.Earlier{Order: p.nameOf(ctx, e), On: order.DateOf(day.In(p.opts.Now().Location()))}, nil
}

// nameOf is what staff call an order of the registry: its id if this site's ledger
// knows it, else where it was sent. What has been sent has a line that is found by its key;
// the whole ledger is read for others only.
func (p *Practice) nameOf(ctx context.Context, e registry.Entry) string {
	if line, err := p.ledgerEntry(e.ID() + "/sent"); err == nil {
		return line.Order
	}
	for line, err := range ledger.Entries(ctx, p.state.path("ledger")) {
		if err != nil {
			break
		}
		if ref, _ := registry.SplitID(line.Reference); ref == e.Ref {
			return line.Order
		}
	}
	return "(release " + e.Ref + ") at the site " + e.Site
}
