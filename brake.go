package chartseal

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"chartseal/config"
	"chartseal/order"
	"chartseal/registry"
)

// The brake: more releases in 24 hours than the practice expects wait for a
// person. They are counted in the registry, so by all sites that share it and
// over every restart. What counts is let through to the upload and not held
// since; the same order counts once.

// brakeRule is the rule that holds what the brake stops.
const brakeRule = "B1"

// tagsOf makes the tags of an order: names must not reach the registry (DESIGN invariant 8).
func (p *Practice) tagsOf(o *order.Order, to order.Recipient) registry.Tags {
	t := registry.Tags{Approver: p.orders.Tag("approver " + o.Approved.By)}
	for _, mark := range to.Marks() {
		t.Recipient = append(t.Recipient, p.orders.Tag("recipient "+mark))
	}
	return t
}

// braked tells which limits an order would exceed, without taking a place.
func (p *Practice) braked(ctx context.Context, r *release, o *order.Order, to order.Recipient) ([]order.Excess, error) {
	if p.cfg.Brake == (config.Brake{}) || r.Way != byLink && r.Way != byFolder {
		return nil, nil // of what sends nothing IT must not be told that it was stopped
	}
	return p.count(ctx, r, p.tagsOf(o, to), registry.OnlyLook)
}

// pass takes a place for a release that is about to be uploaded, or tells which
// limits are reached. A valid decision on B1 lets it through all the same.
func (p *Practice) pass(ctx context.Context, r *release, o *order.Order, f order.Facts) ([]order.Excess, error) {
	if p.cfg.Brake == (config.Brake{}) {
		return nil, nil
	}
	how := registry.UpToLimits
	if slices.ContainsFunc(order.Valid(o, f), func(d order.Ruling) bool { return d.Rule == brakeRule && d.Decision == order.ReleaseItem }) {
		how = registry.InAnyCase
	}
	return p.count(ctx, r, p.tagsOf(o, f.Recipient), how)
}

// count asks the registry, and tells IT what it says.
func (p *Practice) count(ctx context.Context, r *release, t registry.Tags, how registry.Passage) (over []order.Excess, err error) {
	reached, err := p.orders.LetThrough(ctx, r.ID, t, p.cfg.Brake, how, p.steady.now(p.opts.Now()))
	for _, e := range reached {
		over = append(over, order.Excess(e))
	}
	p.alert(r, over)
	return over, err
}

// alert tells IT, once for each limit that stops a release.
func (p *Practice) alert(r *release, over []order.Excess) {
	for _, e := range over {
		p.log.Warn("brake: more releases than configured", slog.String("alert", "brake"), slog.String("release", r.ID),
			slog.String("per", e.Of), slog.Int("limit", e.Limit))
	}
}

// steadyClock is a clock that nobody can set while the daemon runs: a jump of the
// system's clock must not end the 24 hours early.
type steadyClock struct {
	wall  time.Time // at the start
	start time.Time // the same moment, with the monotonic reading
}

// maxDrift is what a clock may be corrected by without being called a jump.
const maxDrift = 10 * time.Minute

func newSteadyClock(now time.Time) steadyClock {
	return steadyClock{wall: now.Round(0), start: time.Now()} //nolint:forbidigo // its monotonic reading, which nobody can set
}

// now is the time of a reading of the system's clock, in seconds since 1970, or
// what it would be without a jump since the start.
func (c steadyClock) now(reading time.Time) int64 {
	expected := c.wall.Add(time.Since(c.start)) //nolint:forbidigo // monotonic
	if reading.Round(0).Sub(expected).Abs() > maxDrift {
		return expected.Unix()
	}
	return reading.Unix()
}
