package chartseal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"chartseal/ledger"
	"chartseal/order"
	"chartseal/registry"
	"chartseal/watch"
)

// A state folder, or the database alone, may be brought back from a backup, and then
// what this daemon remembers is older than what it did. Two things know better:
// the releases' own files, when only the database is older, and the answers in
// the outbox.

// reconcile teaches the registry what the releases' files know: an order that
// it has lost, or believes to be worked on, would else be sent a second time, or
// its delivered bundle taken for an abandoned one.
func (p *Practice) reconcile(ctx context.Context) error {
	known, err := p.orders.Own(ctx)
	if err != nil {
		return err
	}
	ids, err := p.state.releaseIDs()
	if err != nil {
		return err
	}
	for _, id := range ids {
		ref, attempt := registry.SplitID(id)
		was, ok := known[ref]
		if ok && (was.Attempt > attempt || was.Attempt == attempt && was.State != working && was.State != recording) {
			continue
		}
		r, err := p.state.load(id)
		if err != nil {
			return err
		}
		if ok && was.Attempt == attempt && r.Outcome == "" {
			continue // it goes on
		}
		e := registry.Entry{Ref: ref, Attempt: attempt, SHA256: r.OrderSHA, Claim: r.Claim, State: working, Since: p.lastChange(r)}
		if r.Outcome != "" {
			e.State = r.Outcome
		}
		n, err := p.orders.Learn(ctx, e)
		if err != nil {
			return err
		}
		if n > 0 && (!ok || was.Attempt != attempt) {
			p.log.Warn("the database is older than the releases; it has been told", slog.String("release", id), slog.String("stage", "engine"))
		}
	}
	err = p.learnEnds(ctx, known)
	if errors.Is(err, ledger.ErrBroken) { // it is asked again when it holds, before anything is taken in
		p.judgeLedger(err)
		return nil
	}
	return err
}

// catchUp learns from a ledger that did not hold, and does now, what the start could not:
// its files may be others than those that were read.
func (p *Practice) catchUp(ctx context.Context) error {
	if p.requests != nil {
		if err := p.requests.reread(ctx, p.state.path("ledger")); err != nil {
			return err
		}
	}
	if p.orders == nil { // not yet, or nobody works here
		return nil
	}
	known, err := p.orders.Own(ctx)
	if err != nil {
		return err
	}
	return p.learnEnds(ctx, known)
}

// takeUp queues the releases that have not ended and that the engine may have
// forgotten; one whose claim is gone has nobody else who asks for it.
func (p *Practice) takeUp(ctx context.Context) error {
	ids, err := p.state.releaseIDs()
	if err != nil {
		return err
	}
	for _, id := range ids {
		if r, err := p.state.load(id); err != nil {
			return err
		} else if r.Outcome != "" {
			continue
		}
		if err := p.engine.start(ctx, p, id); err != nil {
			return err
		}
	}
	return p.endNeverBegun(ctx)
}

// endNeverBegun ends the orders that were admitted, and taken away before they began: they
// would be waited for without end.
func (p *Practice) endNeverBegun(ctx context.Context) error {
	all, err := p.orders.Working(ctx)
	if err != nil {
		return err
	}
	for _, e := range all {
		if !p.neverBegan(e) {
			continue
		}
		if err := p.orders.Settle(ctx, e.ID(), hold); err != nil {
			return err
		}
		p.log.Warn("an order that never began was taken away", slog.String("release", e.ID()), slog.String("stage", "intake"))
	}
	return nil
}

// lastChange is when a release came to stand where it stands.
func (p *Practice) lastChange(r *release) string {
	if r.Links != nil {
		return r.Links.At.UTC().Format(time.RFC3339)
	}
	if info, err := os.Stat(p.state.releaseFile(r.ID)); err == nil {
		return info.ModTime().UTC().Format(time.RFC3339)
	}
	return p.opts.Now().UTC().Format(time.RFC3339)
}

// wrapUpForgotten ends a release that was answered although its file does not know:
// the bundle that was delivered stays.
func (p *Practice) wrapUpForgotten(ctx context.Context, r *release, was watch.Kind) error {
	p.log.Warn("answered before, as the outbox says, and not remembered", slog.String("release", r.ID), slog.String("stage", "record"))
	return p.wrapUp(ctx, r, endOf(was))
}

// endOf is the end that an answer given only once stands for.
func endOf(k watch.Kind) verdict {
	return map[watch.Kind]verdict{watch.Sent: sent, watch.Denied: denied, watch.Extended: extended}[k]
}

// forgotten turns an order back that was just taken in as a new one although the
// outbox holds its answer. After an extension the order is awaited, unless it asks
// for another one. It reports whether it did.
func (p *Practice) forgotten(ctx context.Context, c *watch.Claim, o *order.Order, id, sha string) (bool, error) {
	if _, err := p.state.load(id); !errors.Is(err, fs.ErrNotExist) {
		return false, nil // it has begun, or cannot be read: for its stages to find out
	}
	was, err := p.box.Told(o.ID)
	if err != nil || was == "" {
		return false, wrap("look for answer", err)
	}
	if was == watch.Extended {
		if known, _, err := p.extendedTo(ctx, id); known || err != nil || o.Decision != order.Extend {
			return false, err // the answer is awaited; of a second extension the rules speak
		}
	}
	words := map[watch.Kind]string{
		watch.Sent:     "An order with this number was already sent: its receipt lies in the outbox, in sent/%s.%s It was not sent again. Tell your IT contact; if the recipient still needs the records, write a new order with a new number.",
		watch.Denied:   "An order with this number was already denied: its letter lies in the outbox, in denied/%s.%s It was not denied again, and nothing was sent. Tell your IT contact; if the reason no longer holds, write a new order with a new number.",
		watch.Extended: "Only one extension is allowed, and the patient was told of one already: its letter lies in the outbox, in extended/%s.%s Nothing was sent. Tell your IT contact, and answer the request now.",
	}
	reason := order.Reason{
		Rule: "R34", Outcome: order.Refuse,
		Message: fmt.Sprintf(words[was], watch.FolderName(o.ID), " chartseal itself does not remember it: its memory was brought back from a backup, or made anew."),
	}
	if _, err := settledReasons(c, []order.Reason{reason}); err != nil { // before the table says how it was answered
		return false, err
	}
	if err := p.orders.Settle(ctx, id, endOf(was)); err != nil {
		return false, err
	}
	p.log.Warn("answered before, as the outbox says, and not remembered", slog.String("release", id), slog.String("stage", "intake"))
	return true, p.turnBack(ctx, c, p.outline(o, "", sha), watch.Apart, []order.Reason{reason})
}
