//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	openAtOnce = 8
	endAtOnce  = 32
	settling   = 5 * time.Second  // at most, after the last site was opened
	following  = 11 * time.Second // at most, after the last order: the mirror and the heads follow, and the server counts what a connection did ten seconds later
	patience   = 5 * time.Minute  // without an answer
)

// wave lets sites run together, from number first on: they idle, send their orders, and
// end.
func (g *group) wave(ctx context.Context, p plan, w *watcher, r *result, first, sites int) (err error) {
	all, err := g.openAll(ctx, first, sites, func(s *site) error { s.run(ctx, g); return nil })
	defer func() { err = errors.Join(err, endAll(all)) }()
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	if err := sleep(ctx, min(p.idle, settling)); err != nil {
		return fmt.Errorf("settle: %w", err)
	}
	if err := g.watched(ctx, w, r, &r.Idle, sites, func() error { return sleep(ctx, p.idle) }); err != nil {
		return fmt.Errorf("idle: %w", err)
	}
	r.ServerMemory = max(r.ServerMemory, w.pg.memory())
	each := r.Orders / r.Sites
	if err := g.watched(ctx, w, r, &r.Load, sites, func() error {
		if err := g.work(ctx, all, first*each, each*sites); err != nil {
			return err
		}
		return sleep(ctx, min(p.idle, following))
	}); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return inLedgers(ctx, all, each)
}

// watched measures while do runs.
func (g *group) watched(ctx context.Context, w *watcher, r *result, c *change, running int, do func() error) error {
	connections, err := w.connections(ctx)
	if err != nil {
		return err
	}
	before, err := w.begin(ctx, g.store)
	if err == nil {
		err = do()
	}
	mean, most, cerr := connections()
	if err = errors.Join(err, cerr); err != nil {
		return err
	}
	after, err := w.end(ctx, g.store)
	d := between(before, after, running)
	d.Connected = mean * d.Seconds
	*c, r.Most = c.plus(d), max(r.Most, most)
	return err
}

// openAll opens sites, from number first on, and does something with each.
func (g *group) openAll(ctx context.Context, first, sites int, then func(*site) error) ([]*site, error) {
	all := make([]*site, sites)
	var some errgroup.Group
	some.SetLimit(openAtOnce)
	for n := range all {
		some.Go(func() error {
			if n%100 == 99 {
				g.say(fmt.Sprintf("site %d of %d is opened", n+1, sites))
			}
			s, err := g.open(ctx, first+n)
			if err == nil {
				all[n] = s
				err = then(s)
			}
			if err != nil {
				err = fmt.Errorf("%s: %w", siteName(first+n), err)
				g.fail(err) // of the others none is opened any more
			}
			return err
		})
	}
	err := some.Wait()
	return slices.DeleteFunc(all, func(s *site) bool { return s == nil }), err
}

func endAll(all []*site) error {
	var some errgroup.Group
	some.SetLimit(endAtOnce)
	for _, s := range all {
		some.Go(func() error {
			if err := s.end(); err != nil {
				return fmt.Errorf("end %s: %w", s.name, err)
			}
			return nil
		})
	}
	return some.Wait()
}

// work drops the orders at once, the same number at every site, and waits for all answers.
// Their numbers begin with first.
func (g *group) work(ctx context.Context, all []*site, first, orders int) error {
	was := g.sent.Load()
	for n := range orders {
		if err := all[n%len(all)].drop(first + n); err != nil {
			return err
		}
	}
	seen, since, told := int64(0), time.Now(), time.Now()
	for {
		sent := g.sent.Load() - was
		if sent >= int64(orders) {
			return nil
		}
		if other := g.other.Load(); other > 0 {
			return fmt.Errorf("%d orders were not sent", other)
		}
		if sent > seen {
			seen, since = sent, time.Now()
		} else if time.Since(since) > patience {
			return fmt.Errorf("%d of %d orders are answered, and no other one for %s", sent, orders, patience)
		}
		if time.Since(told) > 30*time.Second {
			told = time.Now()
			g.say(fmt.Sprintf("%d of %d orders are answered", sent, orders))
		}
		if err := sleep(ctx, 200*time.Millisecond); err != nil {
			return fmt.Errorf("%d of %d orders are answered: %w", sent, orders, err)
		}
	}
}

// inLedgers makes sure that every order is in its site's ledger, once.
func inLedgers(ctx context.Context, all []*site, each int) error {
	for _, s := range all {
		n, err := s.lines(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		if n != each {
			return fmt.Errorf("the ledger of %s has %d lines of releases, and %d orders were sent", s.name, n, each)
		}
	}
	return nil
}

// sleep waits. It ends with the reason when a site fails.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
