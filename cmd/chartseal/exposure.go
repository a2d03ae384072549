package main

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"chartseal/ledger"
	"chartseal/ledger/exposure"
)

func ledgerExposureCmd(a *app) *cobra.Command {
	var q exposure.Query
	var from, to, csv string
	c := &cobra.Command{
		Use:   "exposure",
		Short: "Who could have downloaded what, and until when: for a breach assessment",
		Long: `Lists releases with the time in which each link could really be used: until it ran out,
or its records were deleted. Name a release, an object of the store, an order, a
recipient, or the time in question; without any, all are listed.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if q.From, err = momentOf("from", from, false); err == nil {
				q.To, err = momentOf("to", to, true)
			}
			if err == nil && !q.From.IsZero() && !q.To.IsZero() && q.To.Before(q.From) {
				err = errors.New("--to is before --from")
			}
			if err != nil {
				return usage(err)
			}
			return a.exposure(cmd, q, csv)
		},
	}
	c.Flags().StringVar(&q.Release, "release", "", "a release reference, as logs and receipts show it")
	c.Flags().StringVar(&q.ObjectKey, "key", "", "a link, or an object of the store as in a link's path: of a page or a bundle")
	c.Flags().StringVar(&q.Order, "order", "", "an order's number")
	c.Flags().StringVar(&q.Recipient, "recipient", "", "words of a recipient's name, or the e-mail address")
	c.Flags().StringVar(&from, "from", "", "since this day or moment: 2026-11-18, or 2026-11-18T14:05:00Z")
	c.Flags().StringVar(&to, "to", "", "until this day, its end included, or moment")
	c.Flags().StringVar(&csv, "csv", "", "also write the list to this new file")
	return c
}

// momentOf reads a day, of whose two ends one is meant, or a moment.
func momentOf(flag, text string, end bool) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, time.Local); err == nil {
		if end {
			t = t.AddDate(0, 0, 1)
		}
		return t, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("--%s is a day such as 2026-11-18, or a moment such as 2026-11-18T14:05:00Z", flag)
	}
	return t, nil
}

func (a *app) exposure(cmd *cobra.Command, q exposure.Query, csv string) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	if err := toldFrom(cmd, cfg); err != nil {
		return err
	}
	q.Now = time.Now()
	found, err := exposure.Find(ledger.Entries(cmd.Context(), filepath.Join(cfg.State, "ledger")), q)
	if errors.Is(err, ledger.ErrBroken) {
		return &exitError{exitUnverified, err}
	}
	if err != nil {
		return err
	}
	if q.ObjectKey != "" && len(found.Releases) == 0 && found.PagesUnknown > 0 {
		note := &printer{w: cmd.ErrOrStderr()}
		note.f("%s from an older version that did not record the pages: what was asked for may be one of these pages. receipt.json in the outbox's sent folder has the page of each release.\n", plural(found.PagesUnknown, "link"))
	}
	if csv != "" {
		var b bytes.Buffer
		if err := exposure.CSV(&b, found.Releases); err != nil {
			return err
		}
		if err := writePrivate(csv, b.Bytes()); err != nil {
			return err
		}
	}
	if a.json {
		return printJSON(cmd.OutOrStdout(), found.Releases)
	}
	p := &printer{w: cmd.OutOrStdout()}
	for _, x := range found.Releases {
		printExposed(p, x)
	}
	p.f("%s\n", plural(len(found.Releases), "release"))
	return p.err
}

var endsOf = map[exposure.End]string{
	exposure.Open:    "alive now, until %s",
	exposure.Ran:     "ran out on %s",
	exposure.Revoked: "revoked on %s",
	exposure.Deleted: "deleted on %s",
}

func printExposed(p *printer, x exposure.Exposed) {
	p.f("%s  order %s, patient %s\n    to:   %s\n    what: %s\n", x.Release, x.Order, x.Patient, x.Recipient.Name, x.Information)
	for _, w := range x.Windows {
		if w.End == exposure.NeverEnds {
			p.f("    handed over (%s) on %s: it cannot be called back\n", x.Delivery, w.Opened.Local().Format(minute))
			continue
		}
		p.f("    link from %s, "+endsOf[w.End]+"\n", w.Opened.Local().Format(minute), w.Closed.Local().Format(minute))
	}
	for _, at := range x.Fetched {
		p.f("    downloaded on %s\n", at.Local().Format(minute))
	}
}
