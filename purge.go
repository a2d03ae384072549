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
	"chartseal/registry"
	"chartseal/watch"
)

// What documents an answered request (the order with its authorization, receipts and
// letters) is kept six years from when it was made or last was in effect, whichever is
// later: 45 CFR 164.508(b)(6), 164.524(e), 164.530(j). The practice can make that longer.
// The program removes nothing of it unless a person asks; of the ledger itself see PurgeLedger.

// PurgeRequest asks which answers have been kept long enough.
type PurgeRequest struct {
	Decider // By "": they are only shown

	Orders []string `json:"orders,omitempty"` // only these
}

// States is what a signed statement says of it.
func (q PurgeRequest) States() (what, why string) {
	return statesAnswers, "kept as long as 45 CFR 164.530(j)(2) asks"
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
	today, err := p.agreedDay(ctx)
	if err != nil {
		return nil, err
	}
	return p.purge(ctx, q, today)
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
	said, _, err := p.documented(ctx, today.Location(), nil)
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
	var who ledger.Entry
	what, why := q.States()
	seen, err := p.decided(q.Decider, what, why, &who)
	if err == nil && who.Statement != "" {
		err = p.withLedger(func(l *ledger.Ledger) error { return fresh(&who, seen, l.Head()) })
	}
	if err != nil {
		return nil, err
	}
	for i, a := range answers {
		if !out[i].due(today) {
			continue
		}
		if err := p.remove(ctx, a, &out[i], said, &who, today); err != nil {
			return out, err
		}
		out[i].Removed = true
	}
	return out, nil
}

// remove records that an answer is removed, and who decided it, and removes it.
func (p *Practice) remove(ctx context.Context, a watch.KeptAnswer, k *KeptOrder, said documentation, who *ledger.Entry, today time.Time) error {
	if p.ledgerBroken.Load() {
		return ledger.ErrBroken
	}
	line := p.of(said.ends[a.Release], ledger.Purged, "purged/"+k.Kind+"/"+a.Release)
	line.Decisions = []ledger.Decision{{
		Rule: "R26", Decision: "remove", By: who.Approver, On: today.Format(time.DateOnly), Reason: "kept until " + k.Until + ", as 45 CFR 164.530(j)(2) and the practice's retention ask",
	}}
	line.Notices = append(slices.Clone(line.Notices), who.Notices...)
	line.Statement, line.SignatureSum, line.SignatureKey = who.Statement, "", who.SignatureKey // not those of the order
	if _, err := p.enter(ctx, line); err != nil && !errors.Is(err, ledger.ErrConflict) {       // begun before a crash
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

// documentation is what the ledger says of releases, by their ids, and of orders.
type documentation struct {
	ends   map[string]*ledger.Entry // the lines that ended releases
	orders map[string]*documented   // by reference
}

type documented struct {
	last  string          // YYYY-MM-DD: the last day that any line of the order speaks of
	why   string          // why no last day is known
	words string          // until when the permission holds of which no day is known
	line  *ledger.Entry   // the first that has these words
	over  map[string]bool // permissions, by their words, of which a person said when they ended
}

// documented goes through the ledger; each is handed every line, with its segment.
func (p *Practice) documented(ctx context.Context, zone *time.Location, each func(segment int, e *ledger.Entry)) (documentation, []ledger.Segment, error) {
	said := documentation{map[string]*ledger.Entry{}, map[string]*documented{}}
	segments, err := ledger.Segments(ctx, p.state.path("ledger"), func(i int, e *ledger.Entry) {
		if each != nil {
			each(i, e)
		}
		ref := ofOrder(e)
		if e.Event == ledger.Purged || ref == "" {
			return
		}
		if said.orders[ref] == nil {
			said.orders[ref] = &documented{over: map[string]bool{}}
		}
		said.orders[ref].take(e, zone)
		if e.Event == ledger.Sent || e.Event == ledger.Delivered || e.Event == ledger.Denied && said.ends[e.Reference] == nil {
			said.ends[e.Reference] = e
		}
	})
	return said, segments, err
}

// ofOrder is the reference of the order that a line is about; "" if it is about none.
func ofOrder(e *ledger.Entry) string {
	if strings.ContainsAny(e.Reference, "/"+watch.Apart) || e.Event == ledger.Accounted {
		return ""
	}
	ref, _ := registry.SplitID(e.Reference)
	return ref
}

// take finds the latest day that a line speaks of.
func (d *documented) take(e *ledger.Entry, zone *time.Location) {
	days := []string{e.Until, e.PermissionEnds, e.Ended}
	times := []time.Time{e.At, e.LinkExpires, e.FetchedAt}
	if e.Event == ledger.Concluded { // the rest is of the line that it is about, and is not in effect again
		d.over[e.PermissionEnds] = true
		days, times = []string{e.Ended}, nil
	}
	for _, t := range times {
		days = append(days, t.In(zone).Format(time.DateOnly))
	}
	for _, day := range days {
		if _, err := time.Parse(time.DateOnly, day); err == nil && day > d.last {
			d.last = day
		}
	}
	_, err := time.Parse(time.DateOnly, e.PermissionEnds)
	switch {
	case d.over[e.PermissionEnds]:
		if d.words == e.PermissionEnds {
			d.why = ""
		}
	case e.PermissionEnds != "" && err != nil:
		d.from(e)
		d.why = "its authorization, consent or agreement ends with an event, or has no end, so that nobody knows from when to count"
	case e.PermissionEnds == "" && (e.Basis == string(order.Authorized) || e.Basis == string(order.LimitedSet) || len(e.Statements) > 0):
		d.from(e)
		d.why = "the ledger does not say until when its authorization, consent or agreement held"
	}
}

// from notes the first line that speaks of a permission which ends with no known day.
func (d *documented) from(e *ledger.Entry) {
	if d.line == nil || d.words != e.PermissionEnds {
		d.line, d.words = e, e.PermissionEnds
	}
}

// keep is until when an answer must be kept.
func (s documentation) keep(a watch.KeptAnswer, years int) KeptOrder {
	k := KeptOrder{Order: a.Order, Release: a.Release, Kind: string(a.Kind)}
	ref, _ := registry.SplitID(a.Release)
	d := s.orders[ref]
	switch {
	case d == nil || s.ends[a.Release] == nil:
		k.Why = "the ledger does not know it"
	case d.why != "":
		k.Why = d.why + "; if it has ended, say when: --ended"
	default:
		k.Until = keptTill(d.last, years)
	}
	return k
}

// keptTill is the last day on which what last was in effect on a day must be kept.
func keptTill(day string, years int) string {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return ""
	}
	return t.AddDate(max(years, config.KeepYears), 0, 0).Format(time.DateOnly)
}
