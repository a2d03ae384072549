package chartseal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"chartseal/ledger"
	"chartseal/registry"
	"chartseal/watch"
)

// thin removes the files of releases that ended before a time and have nothing left in
// the store. What they knew is in the ledger, from which a table of orders that was
// lost learns it; see learnEnds.
func (p *Practice) thin(ctx context.Context, before time.Time) error {
	ids, err := p.state.releaseIDs()
	if err != nil {
		return err
	}
	removed := 0
	for _, id := range ids {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		info, err := os.Stat(p.state.releaseFile(id))
		if err != nil {
			return fmt.Errorf("read release: %w", scrub(err))
		}
		if !info.ModTime().Before(before) {
			continue
		}
		over, err := p.over(ctx, id)
		if err == nil && over {
			err = scrub(os.Remove(p.state.releaseFile(id)))
			removed++
		}
		if err != nil {
			return err
		}
	}
	if removed > 0 {
		p.log.Info("releases that ended long ago forgotten", slog.String("stage", "tidy"), slog.Int("releases", removed))
	}
	return nil
}

// over reports a release that nothing asks for any more: it has ended, in the ledger
// and in the table of orders too, and nothing of it is in the store.
func (p *Practice) over(ctx context.Context, id string) (bool, error) {
	r, err := p.state.load(id)
	if err != nil || !r.spent() {
		return false, err
	}
	ref, attempt := registry.SplitID(id)
	e, err := p.orders.Find(ctx, ref)
	if errors.Is(err, registry.ErrNoOrder) || err == nil && (e.Attempt < attempt || e.Attempt == attempt && !e.State.Ended()) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, end := range []verdict{r.Outcome, withdrawnEnd} {
		line, err := p.lineOf(r, end)
		if line != nil || err != nil {
			return err == nil, err
		}
	}
	return false, nil
}

// withdrawnEnd ends the ledger key of an order that was taken back; its Outcome is a hold.
const withdrawnEnd verdict = "withdrawn"

// spent reports a release that has ended and left nothing in the store.
func (r *release) spent() bool {
	switch r.Outcome { //nolint:exhaustive // the others never had anything there
	case sent:
		return r.Way == byFolder || (r.Revoked || r.Expired) && r.Kept == nil && r.PageStays.IsZero()
	case hold:
		return r.Ticket.Key == ""
	}
	return r.Outcome.Ended()
}

// learnEnds teaches the registry the ends that only the ledger knows any more: their
// releases' files are gone. known is what the registry has.
func (p *Practice) learnEnds(ctx context.Context, known map[string]registry.Entry) error {
	ends := map[string]registry.Entry{}
	for line, err := range ledger.Entries(ctx, p.state.path("ledger")) {
		if err != nil {
			return err
		}
		v := endIn(line.Event)
		if v == "" || strings.ContainsAny(line.Reference, "/"+watch.Apart) { // no order's own end
			continue
		}
		ref, attempt := registry.SplitID(line.Reference)
		was, ok := known[ref]
		if !ok {
			was, ok = ends[ref]
			ok = ok && was.Attempt > attempt
		} else {
			ok = was.Attempt > attempt || was.Attempt == attempt && was.State.Ended()
		}
		if !ok {
			ends[ref] = registry.Entry{Ref: ref, Attempt: attempt, SHA256: line.OrderSum, State: v, Since: line.At.UTC().Format(time.RFC3339)}
		}
	}
	for _, e := range ends {
		if _, err := os.Stat(p.state.releaseFile(e.ID())); err == nil {
			continue // it knows better
		}
		n, err := p.orders.Learn(ctx, e)
		if err != nil {
			return err
		}
		if n > 0 {
			p.log.Warn("the database is older than the ledger; it has been told", slog.String("release", e.ID()), slog.String("stage", "engine"))
		}
	}
	return nil
}

// endIn is the end of an order that an event stands for; "" if it is none.
func endIn(e ledger.Event) verdict {
	switch e { //nolint:exhaustive // the others come after an end
	case ledger.Sent, ledger.Denied, ledger.Delivered, ledger.Extended, ledger.Held:
		return verdict(e)
	case ledger.Withdrawn:
		return hold
	case ledger.TakenOver:
		return taken
	}
	return ""
}
