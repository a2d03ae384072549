package chartseal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"chartseal/config"
	"chartseal/ledger"
	"chartseal/order"
	"chartseal/watch"
)

// What documents an answered request (the order with its authorization, receipts and
// letters) is kept six years from when it was made or last was in effect, whichever is
// later: 45 CFR 164.508(b)(6), 164.524(e), 164.530(j). The practice can make that longer.
// The program removes nothing of it unless a person asks, and the ledger never.

// PurgeRequest asks which answers have been kept long enough.
type PurgeRequest struct {
	Orders []string `json:"orders,omitempty"` // only these
	By     string   `json:"by,omitempty"`     // who has them removed; "": they are only shown
}

// KeptOrder is the answer to an order. It is patient data.
type KeptOrder struct {
	Order   string `json:"order"`
	Release string `json:"release"`
	Kind    string `json:"kind"`                 // sent or denied
	Until   string `json:"keep_until,omitempty"` // YYYY-MM-DD, the last day on which it must be there; "": see Why
	Why     string `json:"why,omitempty"`        // it must be kept although no day is known
	Removed bool   `json:"removed,omitempty"`
}

// due says that the answer may be removed.
func (k *KeptOrder) due(today time.Time) bool {
	return k.Until != "" && k.Until < today.Format(time.DateOnly)
}

// ErrNoAnswer says that there is nothing to be removed of an order.
var ErrNoAnswer = errors.New("no answer to this order lies in the outbox's sent or denied folder")

// Purge removes the answers that have been kept long enough, each with a line in the
// ledger before, or only tells which they are. Of orders that are named each must be old
// enough, or it returns a *Held and removes none.
func (p *Practice) Purge(ctx context.Context, q PurgeRequest) ([]KeptOrder, error) {
	now, err := p.agreedTime(ctx) // a clock that has jumped ahead removes nothing
	if err != nil {
		return nil, err
	}
	return p.purge(ctx, q, now.In(p.opts.Now().Location()))
}

func (p *Practice) purge(ctx context.Context, q PurgeRequest, today time.Time) ([]KeptOrder, error) {
	answers, err := p.box.KeptAnswers()
	if err != nil {
		return nil, err
	}
	for _, id := range q.Orders {
		if !slices.ContainsFunc(answers, func(a watch.KeptAnswer) bool { return a.Order == id }) {
			return nil, ErrNoAnswer
		}
	}
	if len(q.Orders) > 0 {
		answers = slices.DeleteFunc(answers, func(a watch.KeptAnswer) bool { return !slices.Contains(q.Orders, a.Order) })
	}
	said, err := p.documented(ctx, today.Location())
	if err != nil {
		return nil, err
	}
	out := make([]KeptOrder, len(answers))
	var early []order.Reason
	for i, a := range answers {
		out[i] = said.keep(a, p.cfg.Retention.Years)
		if !out[i].due(today) {
			early = append(early, out[i].reason())
		}
	}
	if len(q.Orders) > 0 && len(early) > 0 {
		return out, &Held{early}
	}
	if strings.TrimSpace(q.By) == "" {
		return out, nil
	}
	for i, a := range answers {
		if !out[i].due(today) {
			continue
		}
		if err := p.remove(ctx, a, &out[i], said, q.By, today); err != nil {
			return out, err
		}
		out[i].Removed = true
	}
	return out, nil
}

// remove records that an answer is removed, and removes it.
func (p *Practice) remove(ctx context.Context, a watch.KeptAnswer, k *KeptOrder, said documentation, by string, today time.Time) error {
	if p.ledgerBroken.Load() {
		return ledger.ErrBroken
	}
	line := p.of(said[a.Release].line, ledger.Purged, "purged/"+k.Kind+"/"+a.Release)
	line.Decisions = []ledger.Decision{{
		Rule: "R26", Decision: "remove", By: by, On: today.Format(time.DateOnly), Reason: "kept until " + k.Until + ", as 45 CFR 164.530(j)(2) and the practice's retention ask",
	}}
	if _, err := p.enter(ctx, line); err != nil && !errors.Is(err, ledger.ErrConflict) { // begun before a crash
		return err
	}
	if err := p.box.Remove(a); err != nil {
		return err
	}
	p.log.Info("the answer to an order was removed after its time", slog.String("release", a.Release), slog.String("stage", "purge"))
	return nil
}

// reason says in words why an answer stays.
func (k *KeptOrder) reason() order.Reason {
	r := order.Reason{Rule: "R26", Outcome: order.Refuse, Citation: "45 CFR 164.530(j)(2)"}
	if k.Until == "" {
		r.Message = fmt.Sprintf("The documents of order %s must be kept: %s. Nothing was removed.", k.Order, k.Why)
		return r
	}
	day := k.Until
	if t, err := time.Parse(time.DateOnly, k.Until); err == nil {
		day = t.Format("January 2, 2006")
	}
	r.Message = fmt.Sprintf("The documents of order %s must be kept until %s. Nothing was removed.", k.Order, day)
	return r
}

// documentation is what the ledger says of releases, by their ids.
type documentation map[string]documented

type documented struct {
	line *ledger.Entry // that ended it
	last string        // YYYY-MM-DD: the last day that any line of the order speaks of
	why  string        // no last day is known
}

// documented goes through the ledger.
func (p *Practice) documented(ctx context.Context, zone *time.Location) (documentation, error) {
	said := documentation{}
	last := map[string]documented{} // by order
	for e, err := range ledger.Entries(ctx, p.state.path("ledger")) {
		if err != nil {
			return nil, err
		}
		if e.Event == ledger.Purged || strings.ContainsAny(e.Reference, "/"+watch.Apart) || e.Reference == "" {
			continue
		}
		ref, _ := splitID(e.Reference)
		d := last[ref]
		d.take(&e, zone)
		last[ref] = d
		if e.Event == ledger.Sent || e.Event == ledger.Delivered || e.Event == ledger.Denied && said[e.Reference].line == nil {
			said[e.Reference] = documented{line: &e}
		}
	}
	for id, d := range said {
		ref, _ := splitID(id)
		said[id] = documented{d.line, last[ref].last, last[ref].why}
	}
	return said, nil
}

// take finds the latest day that a line speaks of.
func (d *documented) take(e *ledger.Entry, zone *time.Location) {
	days := []string{e.Until, e.PermissionEnds}
	for _, t := range []time.Time{e.At, e.LinkExpires, e.FetchedAt} {
		days = append(days, t.In(zone).Format(time.DateOnly))
	}
	for _, day := range days {
		if _, err := time.Parse(time.DateOnly, day); err == nil && day > d.last {
			d.last = day
		}
	}
	_, err := time.Parse(time.DateOnly, e.PermissionEnds)
	switch {
	case e.PermissionEnds != "" && err != nil:
		d.why = "its authorization, consent or agreement ends with an event, or has no end, so that nobody knows from when to count"
	case e.PermissionEnds == "" && (e.Basis == string(order.Authorized) || e.Basis == string(order.LimitedSet) || len(e.Statements) > 0):
		d.why = "the ledger does not say until when its authorization, consent or agreement held"
	}
}

// keep is until when an answer must be kept.
func (s documentation) keep(a watch.KeptAnswer, years int) KeptOrder {
	k := KeptOrder{Order: a.Order, Release: a.Release, Kind: string(a.Kind)}
	d, ok := s[a.Release]
	switch {
	case !ok:
		k.Why = "the ledger does not know it"
	case d.why != "":
		k.Why = d.why
	default:
		if t, err := time.Parse(time.DateOnly, d.last); err == nil {
			k.Until = t.AddDate(max(years, config.KeepYears), 0, 0).Format(time.DateOnly)
		}
	}
	return k
}
