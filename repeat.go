package chartseal

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"chartseal/ledger"
	"chartseal/order"
)

// similar finds an order that sent the same records to the same recipient within
// rules.repeat (rule R34), at any site; nil if there is none. Before the upload the
// order notes its own likeness, so that of two at once at least one is held.
func (p *Practice) similar(ctx context.Context, r *release, o *order.Order, to order.Recipient, at order.Stage) (*order.Earlier, error) {
	within := p.cfg.Rules.Repeat.Duration()
	if within == 0 {
		return nil, nil
	}
	likeness := p.orders.tag("likeness " + order.Likeness(o, to))
	if at == order.AtUpload {
		if err := p.orders.liken(ctx, r.ID, likeness); err != nil {
			return nil, err
		}
	}
	e, err := p.orders.alike(ctx, r.ID, likeness, p.opts.Now().Add(-within))
	if errors.Is(err, sql.ErrNoRows) {
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
func (p *Practice) nameOf(ctx context.Context, e entry) string {
	if line, err := p.ledgerEntry(e.id() + "/sent"); err == nil {
		return line.Order
	}
	for line, err := range ledger.Entries(ctx, p.state.path("ledger")) {
		if err != nil {
			break
		}
		if ref, _ := splitID(line.Reference); ref == e.Ref {
			return line.Order
		}
	}
	return "(release " + e.Ref + ") at the site " + e.Site
}

// liken notes what an order is like.
func (r *registry) liken(ctx context.Context, id, likeness string) error {
	ref, attempt := splitID(id)
	_, err := r.exec(ctx, `UPDATE chartseal_orders SET likeness=$1 WHERE ref=$2 AND attempt=$3 AND executor=$4`, likeness, ref, attempt, r.executor)
	return wrap("note order", err)
}

// alikeQuery names the condition of chartseal_orders_like, without which SQLite would
// not use it (sqlite.org, Partial Indexes).
const alikeQuery = `SELECT ` + entryColumns + ` FROM chartseal_orders
	WHERE likeness<>'' AND likeness=$1 AND ref<>$2 AND since>=$3 AND state IN ('working', 'recording', 'sent') ORDER BY since DESC LIMIT 1`

// alike finds the newest other order of a likeness that was sent, or is about to
// be, since a time; the error wraps sql.ErrNoRows when there is none.
func (r *registry) alike(ctx context.Context, id, likeness string, since time.Time) (e entry, err error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	ref, _ := splitID(id)
	err = r.db.QueryRowContext(ctx, alikeQuery,
		likeness, ref, since.UTC().Format(time.RFC3339)).Scan(e.fields()...)
	return e, wrap("find order", r.fail(err))
}
