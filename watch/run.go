package watch

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// debounce lets a burst of events become one scan.
	debounce = 100 * time.Millisecond

	// sweepFor bounds one sweep, so that the beat is heard while ten thousand
	// orders are taken in.
	sweepFor = 10 * time.Second

	// anyway is how many orders one sweep claims although there are enough at work: long
	// uploads must not keep every other order out, nor a count that is wrong.
	anyway = 10
	// roomPoll is how often it is asked whether there is room again.
	roomPoll = 20 * time.Millisecond

	// tooMany refusals in a row mean that the trouble is not with the orders:
	// the others are safer in the outbox.
	tooMany = 5
)

// Handler takes over a claim. It returns an error only when the claim could
// not be taken over; the claim then stays and is offered again with the next
// scan.
type Handler func(ctx context.Context, c *Claim) error

// Beat is called after every scan with what it saw and the scan's error: the
// owner logs it, feeds its watchdog and learns whether the outbox is idle.
type Beat func(s Survey, err error)

// Run scans until ctx ends. The outbox may vanish and come back: a failed scan
// is reported and repeated.
func (o *Outbox) Run(ctx context.Context, handle Handler, beat Beat) error {
	root := o.root()
	wake, stop := o.events()
	defer func() { stop() }()
	timer := time.NewTimer(0)
	defer timer.Stop()
	soon := false // a burst of events must not put the scan off for ever
	calm := debounce
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wake:
			if !soon {
				timer.Reset(calm)
				soon = true
			}
			continue
		case <-timer.C:
			soon = false
		}
		begin := o.opts.Now()
		s, err := o.Sweep(ctx, handle)
		calm = min(max(debounce, 5*o.opts.Now().Sub(begin)), o.opts.Scan) // a storm of events leaves time for others
		if o.root() != root {                                             // the watcher still looks at the folder that went away
			root = o.root()
			stop()
			wake, stop = o.events()
		}
		beat(s, err)
		if err != nil {
			timer.Reset(o.opts.Scan) // the trouble will not be gone in a moment
			continue
		}
		timer.Reset(o.pause(s))
	}
}

// Sweep scans once and claims what is ready.
func (o *Outbox) Sweep(ctx context.Context, handle Handler) (Survey, error) {
	if _, err := o.follow(); err != nil {
		return Survey{}, err
	}
	s, err := o.scan()
	if err != nil {
		return s, err
	}
	found, err := o.tend(&s)
	t := &turn{o: o, handle: handle, s: &s, until: o.opts.Now().Add(sweepFor)}
	t.errs = append(t.errs, err)
	if o.opts.Paused() {
		o.pauseWith(found, &s)
		return s, err
	}
	again := o.refused
	o.refused = nil
	t.offer(ctx, again)
	t.offer(ctx, found)
	t.offer(ctx, o.ripen(ctx))
	t.claim(ctx)
	o.report(&s)
	o.save(s)
	return s, errors.Join(t.errs...)
}

// pauseWith leaves all orders where they are; claims that were found wait with those that
// were refused before.
func (o *Outbox) pauseWith(found []*Claim, s *Survey) {
	for _, c := range found {
		if c.refused.IsZero() {
			c.refused = o.opts.Now()
		}
		o.refused = append(o.refused, c)
	}
	s.Waiting += len(s.Ready)
	o.report(s)
	o.save(*s)
}

// turn is one sweep's work on claims.
type turn struct {
	o      *Outbox
	handle Handler
	s      *Survey
	until  time.Time
	failed int // in a row
	claims int // tried
	errs   []error
}

func (t *turn) over(ctx context.Context) bool {
	return ctx.Err() != nil || t.failed >= tooMany
}

// offer gives claims to the handler until too many fail.
func (t *turn) offer(ctx context.Context, claims []*Claim) {
	for i, c := range claims {
		if t.over(ctx) {
			t.o.refused = append(claims[i:], t.o.refused...) // these first, next time
			return
		}
		t.offerOne(ctx, c)
	}
}

func (t *turn) offerOne(ctx context.Context, c *Claim) {
	err := t.o.offer(ctx, t.handle, c)
	t.failed++
	if err == nil {
		t.failed = 0
	}
	t.errs = append(t.errs, err)
}

// claim claims what is ready and offers it.
func (t *turn) claim(ctx context.Context) {
	for i, name := range t.s.Ready {
		t.awaitRoom(ctx)
		if t.over(ctx) || t.o.opts.Now().After(t.until) || t.o.opts.Paused() {
			t.s.Waiting += len(t.s.Ready) - i
			t.s.more = t.failed < tooMany && !t.o.opts.Paused()
			t.errs = append(t.errs, ctx.Err())
			return
		}
		if !t.o.peek(name, t.s) {
			continue
		}
		t.claims++
		c, err := t.o.claim(ctx, name)
		if box, ok := errors.AsType[boxError](err); ok {
			t.s.Waiting += len(t.s.Ready) - i
			t.errs = append(t.errs, box)
			return
		}
		if err != nil { // this one only: another program has it open
			now := t.o.opts.Now()
			t.o.block(name, now)
			t.s.wait(t.o.seen[name].next)
			t.s.delay(name, Locked, t.o.seen[name].blocked)
			continue
		}
		if c != nil {
			t.offerOne(ctx, c)
		}
	}
}

// awaitRoom waits while there are enough orders at work, but no longer than a sweep lasts.
func (t *turn) awaitRoom(ctx context.Context) {
	if t.claims < anyway || !t.o.crowded() {
		return
	}
	tick := time.NewTicker(roomPoll)
	defer tick.Stop()
	for t.o.crowded() && !t.o.opts.Paused() && !t.o.opts.Now().After(t.until) {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// crowded asks the owner, who need not count the claims that nobody works on.
func (o *Outbox) crowded() bool {
	o.mu.Lock()
	known := len(o.known)
	o.mu.Unlock()
	return o.opts.Crowded(known - len(o.refused) - len(o.unripe))
}

// report names the claims that nobody works on.
func (o *Outbox) report(s *Survey) {
	now := o.opts.Now()
	for _, c := range o.refused {
		s.Waiting++
		s.delay(c.File, Refused, c.refused)
	}
	for _, u := range o.unripe {
		s.wait(now.Add(o.opts.Settle))
		s.delay(u.claim.File, Locked, u.since)
	}
}

// Offer gives a claim of an earlier run to the handler, before Run.
func (o *Outbox) Offer(ctx context.Context, handle Handler, c *Claim) error {
	o.know(c.ID)
	return o.offer(ctx, handle, c)
}

// offer remembers a claim that could not be taken over.
func (o *Outbox) offer(ctx context.Context, handle Handler, c *Claim) error {
	err := handle(ctx, c)
	if err == nil {
		return nil
	}
	if _, gone := o.openClaim(c.ID); errors.Is(gone, ErrNoClaim) && o.whole() {
		o.forget(c.ID) // a person took it away before anybody worked on it
		return nil
	}
	if c.refused.IsZero() {
		c.refused = o.opts.Now()
	}
	o.refused = append(o.refused, c)
	return fmt.Errorf("take over claim %s: %w", c.ID, err)
}

// whole reports whether the outbox itself is there.
func (o *Outbox) whole() bool {
	changed, err := o.follow()
	return err == nil && !changed
}

// pause is the time to the next scan: when the first waiting file is due.
func (o *Outbox) pause(s Survey) time.Duration {
	switch {
	case s.more:
		return 0
	case s.due.IsZero():
		return o.opts.Scan
	default:
		return min(max(s.due.Sub(o.opts.Now()), 50*time.Millisecond), o.opts.Scan)
	}
}
