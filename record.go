package chartseal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"chartseal/ledger"
	"chartseal/order"
	"chartseal/registry"
)

// record writes the outcome into the ledger, before anybody sees it. The entry's
// key makes a repetition harmless.
func (p *Practice) record(ctx context.Context, r *release, end verdict) error {
	if end == taken {
		return p.recordTaken(ctx, r)
	}
	if end == sent {
		if err := p.stillMay(ctx, r); err != nil {
			return err
		}
	}
	fence := p.orders.Has
	if end.Final() || end == extended {
		fence = p.orders.Commit
	}
	if err := fence(ctx, r.ID); err != nil {
		return err
	}
	if end == gone {
		return p.recordGone(ctx, r)
	}
	if line, err := p.lineOf(r, end); err != nil {
		return err
	} else if line != nil {
		r.Seq = line.Seq
		return p.state.save(r)
	}
	c, b, err := p.recall(r)
	if err != nil {
		return err
	}
	if end == hold {
		var reasons []order.Reason
		if err := p.remind(c, r, reasonsNote, &reasons); err != nil {
			return err
		}
		return p.recordHold(ctx, r.ID, b.Entry, reasons)
	}
	if end == sent || end == delivered {
		if err := p.recordDecisions(ctx, r, b.Entry); err != nil {
			return err
		}
	}
	if end != sent || r.Denies {
		var out outcome
		if err := p.remind(c, r, outcomeNote, &out); err != nil {
			return err
		}
		if err := p.recordOutcome(ctx, r, b, &out); err != nil || end != sent {
			return errors.Join(err, p.state.save(r))
		}
	}
	pk, err := p.recallPacked(c, r)
	if err != nil {
		return err
	}
	rec, err := p.enter(ctx, sentEntry(r, b.Entry, &pk))
	if err != nil {
		return err
	}
	p.step(r.ID, "record", "recorded")
	r.Seq = rec.Seq
	return p.state.save(r)
}

// lineOf finds the line that ends a release, written before a crash; nil if there is
// none about this very order and bundle. It stands, whatever has become of the notes it
// was made from.
func (p *Practice) lineOf(r *release, end verdict) (*ledger.Entry, error) {
	key := r.ID + "/" + string(end)
	if end == extended {
		ref, _ := registry.SplitID(r.ID)
		key = ref + "/extended"
	}
	e, err := p.ledgerEntry(key)
	if errors.Is(err, ledger.ErrNoEntry) || err == nil && (e.Reference != r.ID || e.OrderSum != r.OrderSHA || e.BundleSum != "" && e.BundleSum != r.Ticket.SHA256) {
		return nil, nil //nolint:nilnil // none
	}
	return e, err
}

// withdrawnKey ends the ledger key of an order that was taken back.
const withdrawnKey = "/withdrawn"

// recordGone ends a release whose claimed order was deleted by hand: what was
// uploaded goes, and the ledger says that the order was taken back.
func (p *Practice) recordGone(ctx context.Context, r *release) error {
	if was, err := p.box.ToldAs(r.ID); err != nil {
		return err
	} else if was != "" {
		return p.wrapUpForgotten(ctx, r, was)
	}
	if err := p.unpublish(ctx, r); err != nil {
		return err
	}
	_, err := p.enter(ctx, ledger.Entry{
		Key: r.ID + withdrawnKey, Event: ledger.Withdrawn, Order: "(release " + r.ID + ")", Reference: r.ID,
		OrderSum: r.OrderSHA, Version: p.opts.Version,
	})
	return err
}

// recordTaken ends a release that another site took over before it was sent:
// what was uploaded from here goes, and no link to it was ever shown.
func (p *Practice) recordTaken(ctx context.Context, r *release) error {
	if err := p.unpublish(ctx, r); err != nil {
		return err
	}
	line := ledger.Entry{Order: "(release " + r.ID + ")", Reference: r.ID, OrderSum: r.OrderSHA, Version: p.opts.Version}
	if _, b, err := p.recall(r); err == nil { // else the claim is gone with its new site
		line = b.Entry
	}
	line.Key, line.Event = r.ID+"/taken", ledger.TakenOver
	_, err := p.enter(ctx, line)
	if errors.Is(err, ledger.ErrConflict) { // one from before a crash stands
		return nil
	}
	return err
}

func (p *Practice) recordHold(ctx context.Context, token string, e ledger.Entry, reasons []order.Reason) error {
	e.Key, e.Event = token+"/held", ledger.Held
	for _, r := range reasons {
		e.Notices = append(e.Notices, r.Rule+": "+r.Message)
	}
	_, err := p.enter(ctx, e)
	if errors.Is(err, ledger.ErrConflict) { // held before a crash, for reasons whose note is lost: that line stands
		return nil
	}
	return err
}

// enter appends to the ledger. After a failed write the ledger must be opened
// anew, which checks it and settles what the failed write left.
func (p *Practice) enter(ctx context.Context, e ledger.Entry) (ledger.Receipt, error) {
	var rec ledger.Receipt
	if p.ledgerBroken.Load() {
		return rec, errDistrusted
	}
	err := p.withLedger(func(l *ledger.Ledger) (err error) {
		rec, err = l.Append(ctx, e)
		return err
	})
	if err != nil {
		return rec, fmt.Errorf("append to ledger: %w", err)
	}
	p.requests.note(e)
	p.heads.nudge()
	p.mirror.entered(rec, &e)
	return rec, nil
}

// withLedger asks the ledger; what is asked may be asked again. One that turns out to be
// broken is judged at once.
func (p *Practice) withLedger(ask func(*ledger.Ledger) error) error {
	err := p.askLedger(ask)
	if errors.Is(err, ledger.ErrBroken) {
		p.judgeLedger(err)
	}
	return err
}

func (p *Practice) askLedger(ask func(*ledger.Ledger) error) error {
	p.ledgerMu.Lock()
	defer p.ledgerMu.Unlock()
	if p.ledger != nil {
		err := ask(p.ledger)
		if !errors.Is(err, ledger.ErrStopped) && !errors.Is(err, ledger.ErrClosed) {
			return err
		}
	}
	p.closeLedger()
	again, err := p.openLedger()
	if err != nil {
		return fmt.Errorf("open ledger again: %w", err)
	}
	p.ledger = again
	return ask(again)
}

func (p *Practice) closeLedger() {
	if p.ledger == nil {
		return
	}
	if err := p.ledger.Close(); err != nil {
		p.log.Warn("ledger does not close", slog.String("class", classOf(err)))
	}
}
