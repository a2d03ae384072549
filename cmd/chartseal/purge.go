package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"chartseal"
)

func ledgerPurgeCmd(a *app) *cobra.Command {
	var q chartseal.PurgeRequest
	var year string
	c := &cobra.Command{
		Use:   "purge [ORDER…]",
		Short: "Which answers have been kept long enough; with --by they are removed",
		Long: `What documents an answered order lies in the outbox's sent and denied folders: the order
with its authorization, the receipts, the letters. It must be kept for six years from the
day it was made or last was in effect, whichever is later (45 CFR 164.530(j)(2)), or
longer where retention.years in chartseal.yaml says so. This shows until when; with --by
it removes what is older, and the ledger says so. Orders that are named and must still be
kept are refused (exit code 3).

The ledger itself is never shortened, and the practice's own folder of signed forms is
never touched.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if year != "" {
				return &exitError{exitHeld, errors.New("the ledger is never shortened: each entry proves the ones before it, and the accounting of disclosures looks back six years (45 CFR 164.528(a)(1), 164.530(j)(2)). Nothing was removed")}
			}
			q.Orders = args
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
		},
	}
	c.Flags().StringVar(&q.By, "by", "", "remove what may be removed; who decides")
	c.Flags().StringVar(&year, "ledger", "", "a year of the ledger, which is refused")
	return c
}

func purge(ctx context.Context, p *chartseal.Practice, q question) ([]chartseal.KeptOrder, error) {
	if q.Purge == nil {
		return nil, usage(errors.New("what is to be removed must be said"))
	}
	out, err := p.Purge(ctx, *q.Purge)
	if held, ok := errors.AsType[*chartseal.Held](err); ok {
		texts := make([]string, len(held.Reasons))
		for i, r := range held.Reasons {
			texts[i] = r.Message + " (" + r.Citation + ")"
		}
		return nil, &exitError{exitHeld, errors.New(strings.Join(texts, "\n"))}
	}
	return out, err
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
