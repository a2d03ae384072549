package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"chartseal"
)

func ledgerPurgeCmd(a *app) *cobra.Command {
	var f purgeFlags
	c := &cobra.Command{
		Use:   "purge [ORDER…]",
		Short: "What has been kept long enough; with --by it is removed",
		Long: `What documents an answered order lies in the outbox's sent and denied folders: the order
with its authorization, the receipts, the letters. It must be kept for six years from the
day it was made or last was in effect, whichever is later (45 CFR 164.530(j)(2)), or
longer where retention.years in chartseal.yaml says so. This shows until when; with --by
it removes what is older, and the ledger says so. Orders that are named and must still be
kept are refused (exit code 3).

An authorization that ends with an event, such as the end of a case, ends on no day that the
program knows. When it has come to pass, state the day: --ended ORDER=YYYY-MM-DD --by NAME.

The ledger itself is kept for ever unless an approver names a year: --ledger YEAR tells
whether that year and those before it may go, or until when they must be kept and what they
are needed for (exit code 3); with --by it removes them. A line stays that says what was
removed, from which the ledger still verifies. Kept for ever it proves more, and costs a
kilobyte for each entry.

Who decides is one of the approvers in chartseal.yaml; where approval is by signature, the
decision is signed: --key FILE. The practice's own folder of signed forms is never touched.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case f.year != "" && f.ended != "" || len(args) > 0 && f.year+f.ended != "":
				return usage(errors.New("name orders, or --ledger, or --ended"))
			case f.ended != "":
				return a.permissionEnded(cmd, f)
			case f.year != "":
				return a.purgeLedger(cmd, f)
			}
			return a.purgeAnswers(cmd, chartseal.PurgeRequest{Orders: args}, f)
		},
	}
	c.Flags().StringVar(&f.by, "by", "", "remove what may be removed; who decides")
	c.Flags().StringVar(&f.year, "ledger", "", "the ledger's own entries, of this year and before")
	c.Flags().StringVar(&f.ended, "ended", "", "ORDER=YYYY-MM-DD: the day on which its authorization, consent or agreement ended")
	c.Flags().StringVarP(&f.key, "key", "k", "", "the approver's private key, where approval is by signature")
	return c
}

func (a *app) purgeAnswers(cmd *cobra.Command, q chartseal.PurgeRequest, f purgeFlags) error {
	what, why := q.States()
	var err error
	if q.Decider, err = a.decider(cmd.Context(), f.by, f.key, what, why); err != nil {
		return err
	}
	out, err := ask(cmd.Context(), a, purgeQuestion, question{Purge: &q})
	if err != nil {
		return err
	}
	if a.json {
		return printJSON(cmd.OutOrStdout(), out)
	}
	p := &printer{w: cmd.OutOrStdout()}
	printKept(p, out, q.By != "")
	return p.err
}

func purge(ctx context.Context, p *chartseal.Practice, q question) ([]chartseal.KeptOrder, error) {
	if q.Purge == nil {
		return nil, usage(errors.New("what is to be removed must be said"))
	}
	out, err := p.Purge(ctx, *q.Purge)
	return out, mustStay(err)
}

func printKept(p *printer, all []chartseal.KeptOrder, remove bool) {
	removed := 0
	for _, k := range all {
		switch {
		case k.Removed:
			removed++
			p.f("%s (%s): removed; it had to be kept until %s.\n", k.Order, k.Kind, k.Until)
		case k.Until == "":
			p.f("%s (%s): stays: %s.\n", k.Order, k.Kind, k.Why)
		default:
			p.f("%s (%s): must be kept until %s.\n", k.Order, k.Kind, k.Until)
		}
	}
	switch {
	case len(all) == 0:
		p.f("There are no answers in the outbox.\n")
	case remove:
		p.f("%d of %d answers were removed.\n", removed, len(all))
	default:
		p.f("Nothing was removed. With --by NAME those go whose day is over (45 CFR 164.530(j)(2)).\n")
	}
}
