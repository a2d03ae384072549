package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"chartseal"
)

func statusCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Orders, stages and live links",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.load()
			if err != nil {
				return err
			}
			st, err := chartseal.ReadStatus(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			st.Withdrawn = slices.DeleteFunc(st.Withdrawn, func(l chartseal.LiveLink) bool { return !l.Folder && !l.Expires.After(time.Now()) })
			if a.json {
				return printJSON(cmd.OutOrStdout(), st)
			}
			return printStatus(&printer{w: cmd.OutOrStdout()}, st, time.Now())
		},
	}
}

// printDue lists the orders that have no final answer.
func printDue(p *printer, open []chartseal.Due) {
	if len(open) > 0 {
		p.f("orders without an outcome: %d\n", len(open))
	}
	for _, d := range open {
		when := "no legal date"
		switch {
		case d.DaysLeft != nil && *d.DaysLeft < 0:
			when = fmt.Sprintf("due %s, %d days overdue", d.Due, -*d.DaysLeft)
		case d.DaysLeft != nil:
			when = fmt.Sprintf("due %s, %d days left", d.Due, *d.DaysLeft)
		case d.Received == "":
			when = "date unknown"
		}
		p.f("  %-32s %-8s %s\n", when, d.Place, d.Order)
	}
}

// downloadWords say whether somebody has fetched what went out by link.
func downloadWords(r chartseal.Standing) string {
	switch r.Download {
	case chartseal.DownloadFetched:
		return "; first fetched " + r.Fetched.Local().Format(minute)
	case chartseal.DownloadUnseen:
		return strings.TrimSuffix("; not fetched yet ("+r.DownloadNote+")", " ()")
	case chartseal.DownloadUnknown:
		return "; whether it was fetched is unknown: " + r.DownloadNote
	}
	return ""
}

func printStatus(p *printer, st *chartseal.Status, now time.Time) error {
	if d := st.Daemon; d.Running {
		p.f("the daemon runs since %s\n", d.Started.Local().Format(minute))
	}
	if st.Daemon.Message != "" {
		p.f("%s\n", st.Daemon.Message)
	}
	for _, f := range st.Pending {
		p.f("waiting in the outbox: %s\n", f)
	}
	for _, d := range st.Delayed {
		p.f("  %s %s, since %s\n", d.Name, d.Why, d.Since.Local().Format(minute))
	}
	for _, l := range st.Left {
		p.f("left alone in the outbox: %s (%s)\n", l.Name, l.Why)
	}
	if st.Outbox != "" {
		p.f("%s\n", st.Outbox)
	}
	if st.Database != "" {
		p.f("%s\n", st.Database)
	}
	if st.Ledger != "" {
		p.f("THE LEDGER DOES NOT VERIFY, and nothing is sent: %s. What follows is told without what comes after that place: chartseal ledger verify\n", st.Ledger)
	}
	for _, l := range st.Withdrawn {
		if l.Excluded && l.Folder {
			p.f("FILES TO DECIDE ABOUT: the patient has asked since that the recipient of order %s not get these records, and its encrypted files still lie in the export folder; hand nothing over before the person who looks after privacy has decided\n", l.Order)
			continue
		}
		if l.Excluded {
			p.f("LINK TO DECIDE ABOUT: the patient has asked since that the recipient of order %s not get these records, and its link is alive until %s; ask the person who looks after privacy, and to end it: chartseal revoke %s\n",
				l.Order, l.Expires.Local().Format("2006-01-02 15:04"), l.Order)
			continue
		}
		if l.Folder {
			p.f("FILES TO DELETE: the patient withdrew the permission of order %s on %s, and its encrypted files still lie in the export folder; delete them there and hand nothing over\n", l.Order, l.Withdrawn)
			continue
		}
		p.f("LINK TO WITHDRAW: the patient withdrew the permission of order %s on %s, and its link is alive until %s; the daemon revokes it, or: chartseal revoke %s\n",
			l.Order, l.Withdrawn, l.Expires.Local().Format("2006-01-02 15:04"), l.Order)
	}
	for _, r := range st.Releases {
		if r.Site != "" {
			p.f("%-12s ", r.Site)
		}
		switch {
		case r.Waiting != "":
			p.f("%s  %-8s %s  waits since %s: %s\n", r.Release, r.State, r.Order, r.Since, strings.TrimPrefix(r.Stage+", "+r.Waiting, ", "))
		case !r.Expires.IsZero() && r.Expires.After(now):
			p.f("%s  %-8s %s  link until %s%s\n", r.Release, r.State, r.Order, r.Expires.Local().Format(minute), downloadWords(r))
		default:
			p.f("%s  %-8s %s%s\n", r.Release, r.State, r.Order, downloadWords(r))
		}
	}
	printDue(p, st.Due)
	p.f("%d ledger entries%s\n", st.Head, copyWords(st.Copy))
	return p.err
}

// copyWords tells how far the ledger's signed head was copied to the store.
func copyWords(c chartseal.HeadCopy) string {
	switch {
	case c.Trouble != "":
		return fmt.Sprintf("; the signed head is not copied to the store since %s: %s", c.Since.Local().Format(minute), c.Trouble)
	case c.Seq > 0:
		return fmt.Sprintf("; signed head of entry %d copied to the store on %s", c.Seq, c.At.Local().Format(minute))
	}
	return ""
}
