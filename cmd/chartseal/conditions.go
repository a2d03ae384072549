package main

import (
	"slices"
	"time"

	"chartseal"
	"chartseal/cmd/chartseal/alert"
)

// limits are from when on something is trouble that people are told of.
type limits struct {
	after time.Duration // what may pass by itself
	disk  int64         // bytes that should be free
}

const (
	// slow is how long an order may be in work without saying what it waits for: 8 GB
	// over a thin uplink take hours.
	slow = 8 * time.Hour

	// credentials that renew themselves have failed to when they end so soon; others
	// have to be replaced by hand.
	renewedBy  = 5 * time.Minute
	replacedBy = 72 * time.Hour
)

// conditions is what is wrong with a practice.
func conditions(v *chartseal.Vitals, l limits) (all []alert.Condition) {
	add := func(c alert.Class, detail string, t chartseal.Trouble) {
		all = append(all, alert.Condition{Class: c, Detail: detail, Count: t.Orders, Release: t.Release, Since: t.Since})
	}
	old := func(since time.Time, most time.Duration) bool { return !since.IsZero() && v.At.Sub(since) >= most }
	if v.Opening {
		if old(v.Awaits.Since, l.after) {
			add(alert.Failing, v.Awaits.Class, v.Awaits)
		}
		return all
	}
	switch v.Ledger {
	case "":
	case chartseal.LedgerCut:
		add(alert.RolledBack, "", chartseal.Trouble{})
	default:
		add(alert.Ledger, "", chartseal.Trouble{})
	}
	if v.Ill() == "stalled" {
		add(alert.Stuck, "scheduler", chartseal.Trouble{Since: v.Turned})
	}
	if v.Overdue > 0 {
		add(alert.Overdue, "", chartseal.Trouble{Orders: v.Overdue, Release: v.OverdueRelease})
	}
	if v.Braked > 0 {
		add(alert.Brake, "", chartseal.Trouble{Orders: v.Braked})
	}
	all = append(all, credentialConditions(v)...)
	if v.DiskFree >= 0 && v.DiskFree < l.disk {
		add(alert.Disk, "", chartseal.Trouble{})
	}
	for _, t := range v.Troubles {
		if old(t.Since, l.after) {
			add(alert.Failing, t.Class, t)
		}
	}
	if old(v.Outbox.Since, l.after) {
		add(alert.Failing, v.Outbox.Class, chartseal.Trouble{Since: v.Outbox.Since})
	}
	if v.Database != "" {
		add(alert.Failing, v.Database, chartseal.Trouble{})
	}
	if old(v.HeadCopy.Since, 4*l.after) {
		add(alert.Failing, "ledger copy", chartseal.Trouble{Since: v.HeadCopy.Since})
	}
	if old(v.Unpicked.Since, l.after) {
		add(alert.Stuck, "files", v.Unpicked)
	}
	if old(v.Working.Since, slow) && !slices.ContainsFunc(all, func(c alert.Condition) bool { return c.Class == alert.Failing }) {
		add(alert.Stuck, "orders", v.Working) // else they may wait for their turn
	}
	return merged(all)
}

// merged makes one of conditions that differ in their counts only.
func merged(all []alert.Condition) (out []alert.Condition) {
	for _, c := range all {
		i := slices.IndexFunc(out, func(o alert.Condition) bool { return o.Class == c.Class && o.Detail == c.Detail })
		if i < 0 {
			out = append(out, c)
			continue
		}
		out[i].Count += c.Count
		if out[i].Release == "" {
			out[i].Release = c.Release
		}
	}
	return out
}

func credentialConditions(v *chartseal.Vitals) []alert.Condition {
	c := alert.Condition{Class: alert.Credentials}
	left := v.Credentials.Ends.Sub(v.At)
	switch {
	case v.CredTrouble != "":
		c.Detail = "are missing"
	case v.Credentials.Unknown:
		c.Detail = "end, and nobody knows when"
	case v.Credentials.Ends.IsZero():
		return nil
	case left <= 0:
		c.Detail = "have ended"
	case v.Credentials.Renews && left > renewedBy, left > replacedBy:
		return nil
	default:
		c.Detail = "end soon"
	}
	return []alert.Condition{c}
}
