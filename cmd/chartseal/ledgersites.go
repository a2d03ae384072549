package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"chartseal"
)

// ledgerVerifyAll checks the ledgers of all sites in the shared database.
func (a *app) ledgerVerifyAll(cmd *cobra.Command, trust []string) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	all, err := chartseal.VerifyAllSites(cmd.Context(), cfg, a.options(nil), trust)
	if errors.Is(err, chartseal.ErrOneSite) {
		return usage(err)
	}
	if err != nil {
		return err
	}
	if a.json {
		err = printJSON(cmd.OutOrStdout(), all)
	} else {
		p := &printer{w: cmd.OutOrStdout()}
		for _, l := range all {
			printSite(p, l)
		}
		err = p.err
	}
	return errors.Join(err, faulty(all))
}

// faulty is the error for the first ledger that does not hold.
func faulty(all []chartseal.SiteLedger) error {
	for _, l := range all {
		if l.Fault != "" {
			return &exitError{exitUnverified, fmt.Errorf("site %s: %s", l.Site, l.Fault)}
		}
	}
	return nil
}

func printSite(p *printer, l chartseal.SiteLedger) {
	switch {
	case l.Fault != "":
		p.f("%s: DOES NOT HOLD: %s\n", l.Site, l.Fault)
	case l.Entries == 0:
		p.f("%s: nothing is mirrored yet.\n", l.Site)
	default:
		p.f("%s: whole, %d entries, the last one signed on %s.\n", l.Site, l.Entries, l.At.Local().Format(minute))
	}
	if l.Key != "" {
		note := ""
		if l.New {
			note = ", seen here for the first time: compare it with the site's letters"
		}
		p.f("  its key: %s%s\n", l.Key, note)
	}
	switch {
	case l.Fault != "":
	case l.Alone != "":
		p.f("  not compared with heads in the store: %s\n", l.Alone)
	case l.Copies > 0:
		p.f("  agrees with %d signed heads in the store\n", l.Copies)
	case l.Entries > 0:
		p.f("  the store has no heads of it\n")
	}
	if l.Purged > 0 && l.Fault == "" {
		p.f("  entries 1 to %d were purged when their time was over, before they could be mirrored there\n", l.Purged)
	}
	for _, lost := range l.Lost {
		p.f("  without the former entries %d to %d: somebody went on with an older copy on %s\n", lost.From, lost.To, lost.Said.Local().Format(minute))
	}
	if l.Behind > 0 {
		p.f("  %d entries of this site are not mirrored yet\n", l.Behind)
	}
}
