package chartseal

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"chartseal/ledger"
	"chartseal/transport"
)

// What is kept for how long:
//
//   - a sealed file: until its order is answered (wrapUp, and sweep after a crash);
//   - a bundle and its page in the store: link.keep after the last link, and
//     never less than that link lives; the page, which names no patient, as long as its
//     own address lives, to say that the link has expired.
//     A store with lifecycle rules deletes it by itself sweepAfter later, and with
//     it what this daemon no longer comes back for;
//   - what a held order has in the store: until the next look;
//   - an upload that nobody finishes: staleUpload, which is longer than any
//     outage the daemon waits out with the upload begun;
//   - the engine's rows of an answered order: engineKeep. That the order was
//     answered stays for ever, in the table of orders;
//   - the file of a release that ended and has nothing in the store any more:
//     releaseKeep, so longer than the engine's rows. The ledger knows its end for ever;
//   - the ledger: it is never shortened here; a person may, see PurgeLedger.
const (
	staleUpload = 30 * 24 * time.Hour
	engineKeep  = 30 * 24 * time.Hour
	releaseKeep = 2 * engineKeep

	tidyPause = time.Hour // between two looks
)

// keepTidy deletes what its retention no longer needs, and what a patient's
// withdrawal ends, until ctx ends.
func (p *Practice) keepTidy(ctx context.Context) {
	var w withdrawals
	for n := 0; ; n++ {
		p.tidyUp(ctx, &w, n%int(tidyPause/withdrawnPause) == 0)
		select {
		case <-ctx.Done():
			return
		case <-time.After(withdrawnPause):
		}
	}
}

// tidyUp looks once, at everything or only at what patients withdrew; what fails is
// for the next look.
func (p *Practice) tidyUp(ctx context.Context, w *withdrawals, everything bool) {
	err := p.endWithdrawn(ctx, w, everything)
	err = errors.Join(err, p.noteDownloads(ctx, everything))
	if everything {
		err = errors.Join(err, p.tidy(ctx))
	}
	if err != nil && ctx.Err() == nil {
		p.log.Warn("clean-up goes on later", slog.String("stage", "tidy"), slog.String("class", classOf(err)), slog.String("error", err.Error()))
	}
}

// sweepAfter is how long after link.keep a store with lifecycle rules deletes a
// bundle by itself: for the day on which this daemon no longer does.
const sweepAfter = 366 * 24 * time.Hour

// sweepDays is the age, in days, at which the store deletes by itself.
func (p *Practice) sweepDays() int {
	return int((time.Duration(p.cfg.Link.Keep) + sweepAfter) / (24 * time.Hour))
}

// sweptAt is when the store may delete a bundle by itself; no link lives longer.
func (p *Practice) sweptAt(r *release) time.Time {
	if r.Stored.IsZero() {
		return r.Links.Expires.Add(sweepAfter)
	}
	return r.Stored.AddDate(0, 0, p.sweepDays())
}

// setSweep gives the store its rule, once in the life of a process.
func (p *Practice) setSweep(ctx context.Context) {
	if p.local != nil || p.sweeping {
		return
	}
	does, err := p.store.EnsureLifecycle(ctx, p.sweepDays())
	if errors.Is(err, transport.ErrUnavailable) {
		return // at the next look
	}
	p.sweeping = true
	log := p.log.With(slog.String("stage", "tidy"))
	switch {
	case err != nil:
		log.Warn("the store's lifecycle rules cannot be set", slog.String("class", classOf(err)))
	case !does:
		log.Info("the store deletes nothing by itself")
	}
}

// tidy is one look. Trouble with one thing does not keep the others from being
// cleaned up; what is left is tried again at the next look.
func (p *Practice) tidy(ctx context.Context) error {
	now, err := p.agreedTime(ctx)
	if err != nil {
		return err
	}
	p.setSweep(ctx)
	errs := []error{p.expireBundles(ctx, now)}
	forgot := p.engine.forget(ctx, now.Add(-engineKeep))
	if forgot == nil { // first: a row of the engine must never miss its release
		forgot = p.thin(ctx, now.Add(-releaseKeep))
	}
	errs = append(errs, forgot)
	live, err := p.uploadsUnderWay()
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	n, err := p.store.AbortStale(ctx, now.Add(-staleUpload), live...)
	if n > 0 {
		p.log.Info("unfinished uploads dropped", slog.String("stage", "tidy"), slog.Int("uploads", n))
	}
	return errors.Join(append(errs, err)...)
}

// uploadsUnderWay are the ids of the uploads that releases still work on.
func (p *Practice) uploadsUnderWay() ([]string, error) {
	ids, err := p.state.releaseIDs()
	if err != nil {
		return nil, err
	}
	var live []string
	for _, id := range ids {
		r, err := p.state.load(id)
		if err != nil {
			return nil, err
		}
		if r.Outcome == "" && r.Ticket.UploadID != "" {
			live = append(live, r.Ticket.UploadID)
		}
	}
	return live, nil
}

// agreedTime is the earlier of this computer's time and the store's: a clock
// that has jumped ahead must not delete what is still needed.
func (p *Practice) agreedTime(ctx context.Context) (time.Time, error) {
	now := p.opts.Now()
	theirs, err := p.store.Time(ctx)
	if err == nil && !theirs.IsZero() && theirs.Before(now) {
		now = theirs
	}
	return now, err
}

// agreedDay is that time on the practice's clock.
func (p *Practice) agreedDay(ctx context.Context) (time.Time, error) {
	now, err := p.agreedTime(ctx)
	return now.In(p.opts.Now().Location()), err
}

// expireBundles deletes the bundles whose time in the store is over, and those
// whose revoking was cut short.
func (p *Practice) expireBundles(ctx context.Context, now time.Time) error {
	ids, err := p.state.releaseIDs()
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range ids {
		err := p.expireBundle(ctx, id, now)
		if errs = append(errs, err); errors.Is(err, transport.ErrUnavailable) || ctx.Err() != nil {
			break // it would be the same with all others
		}
	}
	return errors.Join(errs...)
}

func (p *Practice) expireBundle(ctx context.Context, id string, now time.Time) error {
	p.publishedMu.Lock()
	defer p.publishedMu.Unlock()
	r, err := p.state.load(id)
	switch {
	case err != nil:
		return err
	case r.Revoking && !r.Revoked:
		return p.finishRevoking(ctx, r)
	case r.Kept != nil && now.After(r.Kept.Again):
		return errors.Join(p.unpublish(ctx, r), p.state.save(r))
	case r.published() && now.After(p.keptUntil(r)):
		return p.expire(ctx, r, now)
	case !r.PageStays.IsZero() && now.After(r.PageStays):
		return p.dropPage(ctx, r)
	case r.Outcome == hold && r.Ticket.Key != "" && r.Kept == nil:
		return p.unload(ctx, r)
	case len(r.Retired) > 0 && r.Outcome == sent:
		return p.dropRetired(ctx, r)
	}
	return nil
}

// unload deletes what a held release may have in the store: a crash can come
// between the end of its upload and the note of it, and the rules stop it then.
// No link to it was ever shown.
func (p *Practice) unload(ctx context.Context, r *release) error {
	there, err := p.store.Stat(ctx, r.Ticket.Key)
	if err != nil && !errors.Is(err, transport.ErrNotFound) {
		return err
	}
	if err != nil || there.SHA256 == r.Ticket.SHA256 { // else it is not ours
		if err := p.unpublish(ctx, r); err != nil {
			return err
		}
	}
	if r.Kept != nil { // locked: tried again later
		return p.state.save(r)
	}
	r.Ticket, r.Object, r.PageKey = transport.Ticket{}, transport.Object{}, ""
	return p.state.save(r)
}

// published reports a release whose bundle is in the store.
func (r *release) published() bool {
	return r.Outcome == sent && r.Links != nil && !r.Revoked && !r.Expired
}

// keptUntil is when a published bundle may be deleted.
func (p *Practice) keptUntil(r *release) time.Time {
	until := r.Links.At.Add(time.Duration(p.cfg.Link.Keep))
	if r.Links.Expires.After(until) {
		return r.Links.Expires
	}
	return until
}

// expire takes down a bundle whose time is over, and its page unless that is still
// needed to say so.
func (p *Practice) expire(ctx context.Context, r *release, now time.Time) error {
	if r.Links.PageExpires.After(now) {
		r.PageStays = r.Links.PageExpires
	}
	if err := p.takeDown(ctx, r, ledger.Expired); err != nil {
		return err
	}
	r.Expired = true
	p.log.Info("bundle's time is over", slog.String("release", r.ID), slog.String("stage", "tidy"))
	return p.state.save(r)
}

// dropPage deletes the page that an expired bundle left.
func (p *Practice) dropPage(ctx context.Context, r *release) error {
	r.PageStays = time.Time{}
	if err := p.unpublish(ctx, r); err != nil {
		return err
	}
	return p.state.save(r)
}

// ledgerEntry finds what the ledger has under a key.
func (p *Practice) ledgerEntry(key string) (e *ledger.Entry, err error) {
	err = p.withLedger(func(l *ledger.Ledger) (err error) {
		e, err = l.Find(key)
		return err
	})
	return e, err
}
