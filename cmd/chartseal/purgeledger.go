package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"chartseal"
	"chartseal/ledger"
	"chartseal/order"
)

// purgeFlags are what can be asked of the purge command beside orders.
type purgeFlags struct{ by, key, year, ended string }

// purgeLedger removes years of the ledger itself, or tells until when they must be kept.
func (a *app) purgeLedger(cmd *cobra.Command, f purgeFlags) error {
	q := chartseal.YearPurge{Through: f.year}
	what, why := q.States()
	var err error
	if q.Decider, err = a.decider(cmd.Context(), f.by, f.key, what, why); err != nil {
		return err
	}
	out, err := ask(cmd.Context(), a, yearsQuestion, question{Years: &q})
	if err != nil {
		return err
	}
	if a.json {
		return printJSON(cmd.OutOrStdout(), out)
	}
	p := &printer{w: cmd.OutOrStdout()}
	for _, y := range out {
		did := "may go"
		if y.Removed {
			did = "removed"
		}
		p.f("%s, entries %d to %d: %s; it had to be kept until %s.\n", y.Year(), y.From, y.To, did, y.Until)
	}
	if f.by == "" {
		p.f("Nothing was removed. With --by NAME it is, and only a backup brings it back.\n")
	}
	return p.err
}

// permissionEnded records when a permission ended that ends with an event.
func (a *app) permissionEnded(cmd *cobra.Command, f purgeFlags) error {
	id, day, ok := strings.Cut(f.ended, "=")
	on, err := order.ParseDate(day)
	if !ok || err != nil || f.by == "" {
		return usage(errors.New("state the day as --ended ORDER=YYYY-MM-DD, and who states it with --by NAME"))
	}
	q := chartseal.EndedPermission{Order: id, On: on}
	what, why := q.States()
	if q.Decider, err = a.decider(cmd.Context(), f.by, f.key, what, why); err != nil {
		return err
	}
	e, err := ask(cmd.Context(), a, endedQuestion, question{Ended: &q})
	if err != nil {
		return err
	}
	if a.json {
		return printJSON(cmd.OutOrStdout(), e)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "Recorded as entry %d. Nothing was removed: 'chartseal ledger purge' shows until when the documents must be kept.\n", e.Seq)
	return err
}

func purgeYears(ctx context.Context, p *chartseal.Practice, q question) ([]chartseal.KeptYear, error) {
	if q.Years == nil {
		return nil, usage(errors.New("what is to be removed must be said"))
	}
	out, err := p.PurgeLedger(ctx, *q.Years)
	return out, mustStay(err)
}

func ended(ctx context.Context, p *chartseal.Practice, q question) (ledger.Entry, error) {
	if q.Ended == nil {
		return ledger.Entry{}, usage(errors.New("what has ended must be said"))
	}
	return p.EndPermission(ctx, *q.Ended)
}

// mustStay puts into words what must still be kept.
func mustStay(err error) error {
	held, ok := errors.AsType[*chartseal.Held](err)
	if !ok {
		return err
	}
	texts := make([]string, len(held.Reasons))
	for i, r := range held.Reasons {
		texts[i] = r.Message + " (" + r.Citation + ")"
	}
	return &exitError{exitHeld, errors.New(strings.Join(texts, "\n"))}
}
