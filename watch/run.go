package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/fsnotify/fsnotify"
)

// debounce lets a burst of events become one scan.
const debounce = 100 * time.Millisecond

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
	wake, stop := o.events()
	defer stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	soon := false // a burst of events must not put the scan off for ever
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wake:
			if !soon {
				timer.Reset(debounce)
				soon = true
			}
			continue
		case <-timer.C:
			soon = false
		}
		s, err := o.Sweep(ctx, handle)
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
	if err := o.follow(); err != nil {
		return Survey{}, err
	}
	s, err := o.scan()
	if err != nil {
		return s, err
	}
	errs := o.offerAgain(ctx, handle)
	for _, name := range s.Ready {
		if ctx.Err() != nil {
			return s, ctx.Err()
		}
		c, err := o.claim(ctx, name)
		if err != nil {
			s.Waiting++
			errs = append(errs, err)
			continue
		}
		if c == nil {
			continue
		}
		errs = append(errs, o.offer(ctx, handle, c))
	}
	return s, errors.Join(errs...)
}

// Offer gives a claim of an earlier run to the handler, before Run.
func (o *Outbox) Offer(ctx context.Context, handle Handler, c *Claim) error {
	return o.offer(ctx, handle, c)
}

// offer remembers a claim that could not be taken over.
func (o *Outbox) offer(ctx context.Context, handle Handler, c *Claim) error {
	if err := handle(ctx, c); err != nil {
		o.refused = append(o.refused, c)
		return fmt.Errorf("take over claim %s: %w", c.ID, err)
	}
	return nil
}

func (o *Outbox) offerAgain(ctx context.Context, handle Handler) (errs []error) {
	again := o.refused
	o.refused = nil
	for _, c := range again {
		errs = append(errs, o.offer(ctx, handle, c))
	}
	return errs
}

// pause is the time to the next scan: soon while something settles.
func (o *Outbox) pause(s Survey) time.Duration {
	if s.Waiting > 0 {
		return min(o.opts.Settle/2+50*time.Millisecond, o.opts.Scan)
	}
	return o.opts.Scan
}

// events returns a channel that is signalled when something may have happened.
// A watcher that cannot be made is no error: the scan finds everything.
func (o *Outbox) events() (wake <-chan struct{}, stop func()) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, func() {}
	}
	if err := w.Add(o.dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		_ = w.Close()
		return nil, func() {}
	}
	ch := make(chan struct{}, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		forward(w, ch)
	}()
	return ch, func() {
		_ = w.Close()
		<-done
	}
}

// forward turns events, and also lost ones, into wake-ups. Chmod is noise made
// by antivirus and backup programs.
func forward(w *fsnotify.Watcher, ch chan<- struct{}) {
	for {
		select {
		case e, ok := <-w.Events:
			if !ok {
				return
			}
			if e.Op == fsnotify.Chmod {
				continue
			}
		case _, ok := <-w.Errors:
			if !ok {
				return
			}
		}
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}
