package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"chartseal"
	"chartseal/config"
	"chartseal/config/access"
	"chartseal/ledger"
	"chartseal/ledger/accounting"
	"chartseal/watch"
)

// reportFlags are those of `ledger report`.
type reportFlags struct {
	patient, on, from, to string
	by                    string
	all, confirmed        bool
	pdf, csv              string
}

func ledgerReportCmd(a *app) *cobra.Command {
	var f reportFlags
	c := &cobra.Command{
		Use:   "report --patient ID",
		Short: "The accounting of disclosures that a patient asked for",
		Long: `Lists to whom a patient's records went, as 45 CFR 164.528 asks: day, recipient with
address, what it was, and why, for the six years before the request. Releases for
treatment, payment and operations, to the patient, and under an authorization are left
out, or shown apart with --all. What a law enforcement official asked to keep back (the
list named by 'restrictions') is left out for as long as that lasts, on the day on which
the accounting is given.

Without --pdf or --csv it is only shown. With either the ledger records that the
accounting was given, by whom (--by), and the digest of each file, and the outbox keeps a
copy in accountings: the law wants it for six years. The first in twelve months is free.
Neither is written, without
--confirmed, when the ledger knows nothing of the number, or when an official's statement
names nobody who got records (exit code 3).

chartseal knows what it released itself. Add disclosures made in another way by hand.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.ledgerReport(cmd, f) },
	}
	c.Flags().StringVar(&f.patient, "patient", "", "the patient's number, as on the orders")
	c.Flags().StringVar(&f.on, "requested-on", "", "the day of the request, YYYY-MM-DD (default today)")
	c.Flags().StringVar(&f.from, "from", "", "the first day, YYYY-MM-DD (default six years before the request)")
	c.Flags().StringVar(&f.to, "to", "", "the last day, YYYY-MM-DD (default the day of the request)")
	c.Flags().BoolVar(&f.all, "all", false, "also show what the law does not ask to list, apart")
	c.Flags().StringVar(&f.pdf, "pdf", "", "write the letter to the patient to this new file")
	c.Flags().StringVar(&f.csv, "csv", "", "write the list to this new file")
	c.Flags().StringVar(&f.by, "by", "", "with --pdf or --csv: who gives it, the person or office responsible (default the practice's contact)")
	c.Flags().BoolVar(&f.confirmed, "confirmed", false, "give it although the number, or an official's name, fits nothing in the ledger: both were looked at")
	_ = c.MarkFlagRequired("patient") // it exists
	return c
}

func (f reportFlags) request(now time.Time) (q chartseal.AccountingRequest, err error) {
	q = chartseal.AccountingRequest{Patient: f.patient, On: now, All: f.all}
	var errs []error
	for _, d := range []struct {
		flag, text string
		into       *time.Time
	}{{"requested-on", f.on, &q.On}, {"from", f.from, &q.From}, {"to", f.to, &q.To}} {
		if d.text == "" {
			continue
		}
		t, err := time.ParseInLocation(time.DateOnly, d.text, now.Location())
		if err != nil {
			errs = append(errs, fmt.Errorf("--%s is a day, written like 2026-11-18", d.flag))
			continue
		}
		*d.into = t
	}
	switch {
	case q.On.After(now):
		errs = append(errs, errors.New("--requested-on is in the future"))
	case q.From.After(q.On):
		errs = append(errs, errors.New("--from is after the day of the request: an accounting looks back"))
	case !q.From.IsZero() && !q.To.IsZero() && q.To.Before(q.From):
		errs = append(errs, errors.New("--to is before --from"))
	}
	return q, errors.Join(errs...)
}

func (a *app) ledgerReport(cmd *cobra.Command, f reportFlags) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	if f.by = strings.TrimSpace(f.by); f.by == "" { // the law wants an office on record, 45 CFR 164.528(d)(3)
		f.by = cmp.Or(strings.TrimSpace(cfg.Practice.Contact.Name), cfg.Practice.Name)
	}
	now := time.Now()
	q, err := f.request(now)
	if err != nil {
		return usage(err)
	}
	r, err := chartseal.MakeAccounting(cmd.Context(), cfg, q, now)
	switch {
	case errors.Is(err, ledger.ErrBroken):
		return &exitError{exitUnverified, err}
	case errors.Is(err, accounting.ErrNoTime):
		return usage(err)
	case err != nil:
		return err
	}
	doubts := chartseal.AccountingDoubts(r)
	if f.gives() {
		if len(doubts) > 0 && !f.confirmed {
			return &exitError{exitHeld, errors.New(strings.Join(append(doubts, "Nothing was written or recorded. Correct what is wrong and run it again; if all is right as it is, run it again with --confirmed, which the ledger records."), "\n"))}
		}
		if err := a.give(cmd.Context(), cfg, f, q, r, now); err != nil {
			return err
		}
	}
	if a.json {
		return printJSON(cmd.OutOrStdout(), r)
	}
	p := &printer{w: cmd.OutOrStdout()}
	printAccounting(p, f, r, now)
	for _, text := range doubts {
		p.f("%s\n", text)
	}
	return p.err
}

// gives says that the accounting is for the patient, and not only shown.
func (f reportFlags) gives() bool { return f.pdf != "" || f.csv != "" }

// give records that the accounting is given and then writes it.
func (a *app) give(ctx context.Context, cfg *config.Config, f reportFlags, q chartseal.AccountingRequest, r *accounting.Report, now time.Time) error {
	files := map[string][]byte{}
	g := chartseal.Given(q, r, f.by)
	if f.pdf != "" {
		letter, err := chartseal.AccountingLetter(ctx, cfg, q, r, now)
		if err != nil {
			return err
		}
		files[f.pdf], g.Letter = letter, letter
	}
	if f.csv != "" {
		var b bytes.Buffer
		if err := r.CSV(&b); err != nil {
			return err
		}
		files[f.csv], g.List = b.Bytes(), b.Bytes()
	}
	for name := range files {
		if _, err := os.Lstat(name); err == nil {
			return usage(errors.New("there is a file of that name already; name a new one"))
		}
	}
	err := chartseal.RecordAccounting(ctx, cfg, a.options(nil), g)
	if errors.Is(err, chartseal.ErrLocked) {
		_, err = askDaemon(ctx, cfg.State, accountedQuestion, question{Accounted: &g})
	}
	for name, b := range files {
		if err == nil {
			err = writePrivate(name, b)
		}
	}
	return err
}

// writePrivate writes a file that holds patient data, and over none that is there.
func writePrivate(name string, b []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return usage(watch.Scrub(err))
	}
	if err = access.CloseFile(name); err == nil {
		_, err = f.Write(b)
	}
	return watch.Scrub(errors.Join(err, f.Close()))
}

// recorded says that the daemon has written an entry.
type recorded struct {
	Recorded bool `json:"recorded"`
}

func accounted(ctx context.Context, p *chartseal.Practice, q question) (recorded, error) {
	if q.Accounted == nil {
		return recorded{}, usage(chartseal.ErrNoPatient)
	}
	return recorded{true}, p.RecordAccounting(ctx, *q.Accounted)
}

// longDay is a day as people write it.
const longDay = "January 2, 2006"

func printAccounting(p *printer, f reportFlags, r *accounting.Report, now time.Time) {
	p.f("Accounting of disclosures, asked for on %s, from %s to %s\n\n", r.On.Format(longDay), r.From.Format(longDay), r.To.Format(longDay))
	if len(r.Lines) == 0 {
		p.f("Nothing that the law asks to list.\n")
	}
	for _, l := range r.Lines {
		printDisclosure(p, l)
	}
	if f.all {
		p.f("\nNot asked for by the law:\n\n")
		for _, l := range r.Exempt {
			printDisclosure(p, l)
			p.f("    left out because: %s\n", l.Why)
		}
		if len(r.Exempt) == 0 {
			p.f("Nothing.\n")
		}
	}
	p.f("\n")
	if r.Withheld > 0 {
		p.f("FOR STAFF ALONE: %d left out at the request of an official (see 'restrictions'), until %s. Do not tell the patient.\n", r.Withheld, r.WithheldUntil.Format(longDay))
	}
	if r.Lost > 0 {
		p.f("The ledger lacks entries, which 'chartseal ledger verify' names: look at the receipts in the outbox's sent folder.\n")
	}
	p.f("Due by %s (%s); with a letter that says why it takes longer, and until when, by %s.\n", r.Due.Format(longDay), daysTo(r.Due, now), r.DueLate.Format(longDay))
	if r.Free {
		p.f("It is free: there was none in the twelve months before.\n")
	} else {
		p.f("There was one on %s: a fee that covers the cost may be charged, if the patient was told beforehand.\n", r.Earlier.Format(longDay))
	}
	switch {
	case f.gives():
		p.f("Recorded in the ledger as given. A copy lies in the outbox's accountings folder: it must be kept for six years.\n")
	case r.Recorded:
		p.f("Recorded in the ledger as given before.\n")
	default:
		p.f("Only shown, not recorded. With --pdf FILE it becomes a letter to the patient.\n")
	}
	p.f("chartseal knows what it released itself: add by hand what was disclosed in another way.\n")
}

// daysTo says how many days are left until a day.
func daysTo(due, now time.Time) string {
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, due.Location())
	switch n := int(math.Round(due.Sub(today).Hours() / 24)); { // a day may have 23 or 25 hours
	case n < 0:
		return fmt.Sprintf("%d days late", -n)
	case n == 1:
		return "1 day left"
	default:
		return fmt.Sprintf("%d days left", n)
	}
}

func printDisclosure(p *printer, l accounting.Line) {
	when := l.First.Format(time.DateOnly)
	if l.Count > 1 {
		when = fmt.Sprintf("%s to %s, %d times", when, l.Last.Format(time.DateOnly), l.Count)
	}
	p.f("  %s\n    to:   %s", when, l.Recipient.Name)
	if where := accounting.Address(l.Recipient); where != "" {
		p.f(", %s", where)
	}
	p.f("\n    what: %s\n    why:  %s (%s)\n", l.Information, l.Purpose, l.Basis)
}
