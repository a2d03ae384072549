package chartseal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"chartseal/ledger"
	"chartseal/ledger/accounting"
	"chartseal/order"
	"chartseal/registry"
	"chartseal/watch"
)

// The ledger's own segments are kept as long as what they speak of, and longer by the time
// in which an accounting that was asked for on the last day may still be given (45 CFR
// 164.528(c)(1)). They go only when an approver names a year: a ledger that is kept for ever
// proves more, and costs a kilobyte for each entry.
const accountingTime = accounting.Days + accounting.MoreDays // days

// YearPurge asks which segments of the ledger have been kept long enough.
type YearPurge struct {
	Decider // By "": they are only shown

	Through string `json:"through,omitempty"` // the year of the last one to go; "": all are shown
}

// States is what a signed statement says of it.
func (q YearPurge) States() (what, why string) {
	return statesPurge + q.Through, "kept as long as 45 CFR 164.530(j)(2) asks"
}

// KeptYear is a segment of the ledger.
type KeptYear struct {
	ledger.Segment

	Until   string   `json:"keep_until"`       // YYYY-MM-DD, the last day on which it must be there
	Needed  []string `json:"needed,omitempty"` // why it must be kept whatever the day
	Removed bool     `json:"removed,omitempty"`

	of map[string]string // its orders, by reference, as staff call them
}

// Year is its year.
func (y *KeptYear) Year() string { return strings.TrimSuffix(y.File, ".jsonl") }

func (y *KeptYear) due(today time.Time) bool {
	return len(y.Needed) == 0 && y.Until < today.Format(time.DateOnly)
}

// maxNeeded bounds how many reasons of one segment are told.
const maxNeeded = 5

func (y *KeptYear) need(format string, args ...any) {
	if len(y.Needed) < maxNeeded {
		y.Needed = append(y.Needed, fmt.Sprintf(format, args...))
	}
}

// ErrNoYear says that the ledger has no segment of a year.
var ErrNoYear = fmt.Errorf("%w: the ledger has no such year", ErrConfig)

// PurgeLedger removes the segments of the ledger up to a year, if each of them has been kept
// long enough and nothing in it is needed, or only tells until when they must be kept. The
// chain goes on from a line that says what was removed. It returns a *Held and removes none
// otherwise.
func (p *Practice) PurgeLedger(ctx context.Context, q YearPurge) ([]KeptYear, error) {
	today, err := p.agreedDay(ctx)
	if err != nil {
		return nil, err
	}
	return p.purgeLedger(ctx, q, today)
}

func (p *Practice) purgeLedger(ctx context.Context, q YearPurge, today time.Time) ([]KeptYear, error) {
	years, err := p.keptYears(ctx, today)
	if err != nil || q.Through == "" {
		return years, err
	}
	n := slices.IndexFunc(years, func(y KeptYear) bool { return y.Year() == q.Through }) + 1
	if n == 0 {
		return nil, ErrNoYear
	}
	years = years[:n]
	var early []order.Reason
	for i := range years {
		if !years[i].due(today) {
			early = append(early, years[i].reason(today))
		}
	}
	if len(early) > 0 {
		return years, &Held{early}
	}
	if strings.TrimSpace(q.By) == "" {
		return years, nil
	}
	return years, p.removeYears(ctx, q, years, today)
}

// removeYears compares the ledger with all that is known of it, for the last time as to what
// goes, and removes it.
func (p *Practice) removeYears(ctx context.Context, q YearPurge, years []KeptYear, today time.Time) error {
	last := &years[len(years)-1]
	line := ledger.Entry{Version: p.opts.Version}
	what, why := q.States()
	if _, err := p.decided(q.Decider, what, why, &line); err != nil {
		return err
	}
	line.Decisions = []ledger.Decision{{Rule: "R26", Decision: "remove", By: line.Approver, On: today.Format(time.DateOnly), Reason: why}}
	if p.ledgerBroken.Load() {
		return errDistrusted
	}
	if p.opts.Now().After(today.AddDate(0, 0, 1)) {
		return fmt.Errorf("%w: the clock of this computer is more than a day ahead of the store's, and the ledger would say a wrong day. Nothing was removed; set the clock first", ErrConfig)
	}
	asked, err := p.verifyLedger(ctx)
	if err != nil {
		return err
	}
	if !asked {
		return errors.New("the ledger could not be compared with its signed heads in the store and in a shared database, which cannot be done any more when a part of it is gone. Nothing was removed; try again")
	}
	err = p.withLedger(func(l *ledger.Ledger) error {
		_, err := l.Purge(ctx, last.File, line)
		return err
	})
	if err != nil {
		return fmt.Errorf("purge ledger: %w", err)
	}
	for i := range years {
		years[i].Removed = true
	}
	p.heads.nudge()
	p.mirror.everything()
	p.log.Warn("segments of the ledger were removed after their time", slog.String("stage", "purge"), slog.Uint64("last_entry", last.To))
	return nil
}

// keptYears tells of each segment until when it must be kept, and what it is needed for.
func (p *Practice) keptYears(ctx context.Context, today time.Time) ([]KeptYear, error) {
	var years []KeptYear
	var own []string               // the last day of each segment's own lines
	var patients []map[string]bool // whose disclosures are in each
	var asked []map[string]string  // the requests in each, by reference, as staff call them
	open := newRequests()
	said, segments, err := p.documented(ctx, today.Location(), func(i int, e *ledger.Entry) {
		if i == len(years) {
			years, own, patients = append(years, KeptYear{of: map[string]string{}}), append(own, ""), append(patients, map[string]bool{})
			asked = append(asked, map[string]string{})
		}
		open.note(*e)
		if ref := requestOf(e); ref == unnumbered {
			asked[i][e.Reference] = e.Order
		} else if ref != "" {
			asked[i][ref] = e.Order
		}
		own[i] = max(own[i], e.At.In(today.Location()).Format(time.DateOnly))
		if ref := ofOrder(e); ref != "" {
			years[i].of[ref] = e.Order
		}
		patients[i][e.Patient] = true
	})
	if err != nil {
		return nil, err
	}
	for i := range years {
		y := &years[i]
		y.Segment = segments[i]
		last := own[i]
		for _, ref := range sortedKeys(y.of) {
			d := said.orders[ref]
			if d == nil {
				continue
			}
			if last = max(last, d.last); d.why != "" {
				y.need("order %s: %s; if it has ended, say when: --ended", y.of[ref], d.why)
			}
		}
		if t, err := time.Parse(time.DateOnly, keptTill(last, p.cfg.Retention.Years)); err == nil {
			y.Until = t.AddDate(0, 0, accountingTime).Format(time.DateOnly)
		}
	}
	return years, errors.Join(p.needRequests(years, asked, open.snapshot()), p.needAnswers(years), p.needReleases(years, today), p.needSuspended(years, patients, today))
}

// needRequests keeps what is said of requests that have no final answer yet, held or extended:
// who asked, when, and what the patient was told, is in effect until they have (45 CFR
// 164.524(e), 164.530(j)(2)).
func (p *Practice) needRequests(years []KeptYear, asked []map[string]string, open map[string]request) error {
	files, err := p.box.Unanswered()
	if err != nil {
		return err
	}
	unread := map[string]bool{}
	for _, u := range files {
		unread[u.Release] = true
	}
	for i := range years {
		for _, ref := range sortedKeys(asked[i]) {
			if r, is := open[ref]; is && r.held {
				years[i].need("order %s: it is held and has no final answer; send it, deny it, or delete its folder in held if the request was taken back", asked[i][ref])
			} else if is {
				years[i].need("order %s: the patient was told that it takes longer, and it has no final answer; send it, or deny it", asked[i][ref])
			} else if unread[ref] {
				years[i].need("%s: this file lies in the outbox's held folder and could not be read; drop it again as an order, or delete its folder", asked[i][ref])
			}
		}
	}
	return nil
}

// needAnswers keeps what documents in the outbox stand on.
func (p *Practice) needAnswers(years []KeptYear) error {
	answers, err := p.box.KeptAnswers()
	if err != nil {
		return err
	}
	needed(years, func(y *KeptYear) {
		for _, a := range answers {
			ref, _, _ := strings.Cut(a.Release, watch.Apart)
			if ref, _ = registry.SplitID(ref); y.of[ref] != "" {
				y.need("order %s: its documents still lie in the outbox's %s folder; purge those first", a.Order, a.Kind)
			}
		}
	})
	return nil
}

// needReleases keeps what is not over: a release under way, and one whose bundle or page is
// still in the store.
func (p *Practice) needReleases(years []KeptYear, today time.Time) error {
	ids, err := p.state.releaseIDs()
	if err != nil {
		return err
	}
	for _, id := range ids {
		r, err := p.state.load(id)
		if err != nil {
			return err
		}
		ref, _ := registry.SplitID(id)
		needed(years, func(y *KeptYear) {
			if y.of[ref] != "" && (!r.spent() || r.Links != nil && r.aliveUntil().After(today) && !r.Revoked) {
				y.need("order %s: it is not over, or its records are still in the store", y.of[ref])
			}
		})
	}
	return nil
}

// needSuspended keeps what an official's statement still keeps out of accountings: the
// patient may ask for it afterwards (45 CFR 164.528(a)(2)).
func (p *Practice) needSuspended(years []KeptYear, patients []map[string]bool, today time.Time) error {
	limits, err := loadRestrictions(p.cfg.Restrictions)
	if err != nil {
		return err
	}
	for i := range years {
		for _, patient := range sortedKeys(patients[i]) {
			for _, s := range suspensions(limits.Suspended(patient), nil, today.Location()) {
				if patient != "" && !s.Ends().AddDate(0, 0, accountingTime).Before(today) {
					years[i].need("an accounting of disclosures to %s is suspended until %s, and may be asked for afterwards", s.For, s.Ends().Format("January 2, 2006"))
				}
			}
		}
	}
	return nil
}

func needed(years []KeptYear, ask func(*KeptYear)) {
	for i := range years {
		ask(&years[i])
	}
}

// reason says in words why a segment stays.
func (y *KeptYear) reason(today time.Time) order.Reason {
	r := order.Reason{Rule: "R26", Outcome: order.Refuse, Citation: "45 CFR 164.530(j)(2)"}
	words := slices.Clone(y.Needed)
	if t, err := time.Parse(time.DateOnly, y.Until); err == nil && y.Until >= today.Format(time.DateOnly) {
		words = append(words, "what it speaks of was in effect so late that it must be kept until "+t.Format("January 2, 2006"))
	}
	r.Message = fmt.Sprintf("The ledger's year %s must be kept: %s. Nothing was removed.", y.Year(), strings.Join(words, "; "))
	return r
}

// EndedPermission states the day on which the event came to pass that a permission ends with.
type EndedPermission struct {
	Decider

	Order string     `json:"order"`
	On    order.Date `json:"on"`
}

// States is what a signed statement says of it.
func (q EndedPermission) States() (what, why string) {
	return statesEnded + q.Order + " " + q.On.String(), "the event came to pass that it ends with"
}

// Errors of a permission's end.
var (
	ErrNoOrder  = fmt.Errorf("%w: the ledger has no order of this number", ErrConfig)
	ErrKnownEnd = fmt.Errorf("%w: the ledger knows already until when the order's authorization, consent or agreement held", ErrConfig)
	ErrWrongDay = fmt.Errorf("%w: the day is in the future, or before the order was answered, and what had ended by then could not have been answered", ErrConfig)
)

// EndPermission records when the permission of an order ended that ends with an event, so
// that its documents need not be kept for ever (45 CFR 164.530(j)(2): six years from when it
// last was in effect).
func (p *Practice) EndPermission(ctx context.Context, q EndedPermission) (ledger.Entry, error) {
	today, err := p.agreedDay(ctx)
	if err != nil {
		return ledger.Entry{}, err
	}
	return p.endPermission(ctx, q, today)
}

func (p *Practice) endPermission(ctx context.Context, q EndedPermission, today time.Time) (ledger.Entry, error) {
	said, _, err := p.documented(ctx, today.Location(), nil)
	if err != nil {
		return ledger.Entry{}, err
	}
	d := said.orders[order.Reference(q.Order)]
	switch {
	case d == nil:
		return ledger.Entry{}, ErrNoOrder
	case d.line == nil:
		return ledger.Entry{}, ErrKnownEnd
	case q.On.IsZero() || q.On.After(order.DateOf(today)) || q.On.Before(order.DateOf(d.line.At.In(today.Location()))):
		return ledger.Entry{}, ErrWrongDay
	}
	line := p.of(d.line, ledger.Concluded, fmt.Sprintf("%s/concluded/%s/%d", d.line.Reference, q.On, d.line.Seq))
	line.Ended = q.On.String()
	line.SignatureSum, line.SignatureKey = "", "" // of the order
	what, why := q.States()
	if _, err := p.decided(q.Decider, what, why, &line); err != nil {
		return line, err
	}
	rec, err := p.enter(ctx, line)
	line.Seq, line.Hash = rec.Seq, rec.Hash
	return line, err
}
