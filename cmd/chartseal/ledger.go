package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"chartseal"
	"chartseal/config"
	"chartseal/heads"
	"chartseal/ledger"
)

func ledgerCmd(a *app) *cobra.Command {
	c := &cobra.Command{Use: "ledger", Short: "The record of every release"}
	group(c)
	c.AddCommand(
		ledgerVerifyCmd(a),
		&cobra.Command{
			Use: "show", Short: "Print the entries, oldest first", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return a.ledgerShow(cmd) },
		},
		ledgerReportCmd(a), ledgerExposureCmd(a), ledgerAcceptCmd(a), ledgerPurgeCmd(a),
	)
	return c
}

func ledgerVerifyCmd(a *app) *cobra.Command {
	var all bool
	var trust []string
	c := &cobra.Command{
		Use: "verify", Short: "Check the whole ledger against its signed heads, here and in the store", Args: cobra.NoArgs,
		Long: `Checks the hash of every entry and that each follows the one before, that the signed
head beside the ledger is in it, and that the signed heads in the store and in a shared
database are. So an edit, a deletion, an insertion, another order, a cut end and an older
copy are found. In a bucket that keeps versions, heads that somebody deleted or replaced are
read, too. Exit code 4: the ledger does not hold, and the entry is named; or it holds, and
somebody hid its heads in the store.

With --all-sites it checks the ledgers of all sites that share the database, as they are
mirrored there: number, hash and signed head of every entry. A site's first key is
believed and remembered here; compare it with the one that the site prints on its letters.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(trust) > 0 && !all {
				return usage(errors.New("--trust belongs to --all-sites"))
			}
			if all {
				return a.ledgerVerifyAll(cmd, trust)
			}
			return a.ledgerVerify(cmd)
		},
	}
	c.Flags().BoolVar(&all, "all-sites", false, "check the ledgers of all sites, in the shared database")
	c.Flags().StringArrayVar(&trust, "trust", nil, "public key of a site that began anew, with --all-sites")
	return c
}

func (a *app) ledgerVerify(cmd *cobra.Command) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	rep, err := chartseal.VerifyLedger(cmd.Context(), cfg, a.options(nil))
	if errors.Is(err, ledger.ErrBroken) {
		return &exitError{exitUnverified, err}
	}
	if err != nil {
		return err
	}
	p := &printer{w: cmd.OutOrStdout()}
	if a.json {
		p.err = printJSON(cmd.OutOrStdout(), rep)
	} else {
		printVerified(p, rep)
	}
	if p.err == nil && len(rep.Altered) > 0 { // nobody has such a right
		return &exitError{exitUnverified, errAltered}
	}
	return p.err
}

var errAltered = errors.New("the ledger is whole, and its signed heads in the store were tampered with: delete there, with an administrator's key, what hides them, and find out who put it there")

func printVerified(p *printer, r chartseal.LedgerReport) {
	p.f("The ledger is whole: %d entries.\n", r.Entries)
	if r.Purged > 0 {
		p.f("Of these, entries 1 to %d were purged when their time was over: it verifies from entry %d on.\n", r.Purged, r.Purged+1)
	}
	if r.Signed != nil {
		p.f("Its head was signed at entry %d, on %s.\n", r.Signed.Seq, r.Signed.At.Local().Format(minute))
	}
	if r.Torn > 0 {
		p.f("After it are %d bytes of an entry that is being written, or that a crash left: the daemon moves them aside when it starts.\n", r.Torn)
	}
	switch {
	case r.Alone != "":
		p.f("It could not be compared with the heads in the store: %s.\n", strings.TrimSuffix(r.Alone, "."))
	case r.Emptied > 0:
		p.f("The store had its head of entry %d and has it no more: SOMEBODY DELETED IT THERE. Find out who can delete in the store; the daemon copies the head anew.\n", r.Emptied)
	case r.Copies > 0:
		p.f("It agrees with %d signed heads in the store.\n", r.Copies)
	case r.Entries > 0:
		p.f("The store has no copy of its head yet.\n")
	}
	switch {
	case r.Unshared != "":
		p.f("It could not be compared with the shared database: %s.\n", strings.TrimSuffix(r.Unshared, "."))
	case r.Rows > 0:
		p.f("It agrees with %d entries in the shared database.\n", r.Rows)
	}
	printAltered(p, r.Altered)
	if r.Unseen != "" {
		p.f("Not all versions of the heads in the store were compared: %s.\n", r.Unseen)
	}
	if r.Foreign > 0 {
		p.f("%d heads that are kept elsewhere are not signed by this practice's key.\n", r.Foreign)
	}
	printRestored(p, r.Restored)
}

// printAltered names the heads in the store that somebody hid.
func printAltered(p *printer, all []heads.Altered) {
	for _, a := range all {
		what := "STORED SOMETHING ELSE OVER IT"
		if a.Deleted {
			what = "DELETED IT THERE"
		}
		p.f("The store still has its signed head of entry %d, but on %s SOMEBODY %s. It was compared all the same.\n", a.Seq, a.At.Local().Format(minute), what)
	}
}

// printRestored names the places where the ledger lacks entries.
func printRestored(p *printer, all []ledger.Entry) {
	for _, e := range all {
		p.f("Entry %d: %s went on with an older copy on %s%s. %s\n", e.Seq, e.Approver, e.At.Local().Format(minute), lostWords(e.Lost), strings.Join(e.Notices, "; "))
	}
}

// toldFrom verifies the ledger before a command tells what is in it, and says on standard
// error what it is known to lack: an output for programs stays as it is.
func toldFrom(cmd *cobra.Command, cfg *config.Config) error {
	rep, err := chartseal.SignedLedger(cmd.Context(), cfg)
	if errors.Is(err, ledger.ErrBroken) {
		return &exitError{exitUnverified, err}
	}
	gaps := slices.DeleteFunc(rep.Restored, func(e ledger.Entry) bool { return e.Lost == nil })
	p := &printer{w: cmd.ErrOrStderr()}
	if err == nil && rep.Begins.Seq > 0 {
		p.f("Entries 1 to %d were purged when their time was over, so this does not tell of them.\n", rep.Begins.Seq)
	}
	if err != nil || len(gaps) == 0 {
		return errors.Join(err, p.err)
	}
	p.f("THE LEDGER LACKS ENTRIES, so this may lack some, too. What was sent then is named by the receipts in the outbox's sent folder.\n")
	printRestored(p, gaps)
	return p.err
}

const minute = "2006-01-02 15:04"

// lostWords says what an older copy lacks.
func lostWords(l *ledger.Loss) string {
	if l == nil {
		return ""
	}
	if l.Key != "" {
		return fmt.Sprintf(", without the ledger of before, by the key %s, of %d entries (until %s)", l.Key, l.To, l.At.Local().Format(minute))
	}
	return fmt.Sprintf(", without the former entries %d to %d (until %s)", l.From, l.To, l.At.Local().Format(minute))
}

func (a *app) ledgerShow(cmd *cobra.Command) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	if err := toldFrom(cmd, cfg); err != nil {
		return err
	}
	p := &printer{w: cmd.OutOrStdout()}
	enc := json.NewEncoder(cmd.OutOrStdout())
	enc.SetEscapeHTML(false)
	for e, err := range ledger.Entries(cmd.Context(), filepath.Join(cfg.State, "ledger")) {
		switch {
		case errors.Is(err, ledger.ErrBroken):
			return &exitError{exitUnverified, err}
		case err != nil:
			return err
		case a.json:
			if err := enc.Encode(e); err != nil {
				return err
			}
		default:
			to := ""
			if e.Recipient != nil {
				to = e.Recipient.Name
			}
			p.f("%6d  %s  %-9s  %-20s  %s  %s\n", e.Seq, e.At.Local().Format(minute), e.Event, e.Order, to, whatOf(&e))
		}
	}
	return p.err
}

// whatOf says what an entry is about, besides its order.
func whatOf(e *ledger.Entry) string {
	switch {
	case e.Event == ledger.Override && len(e.Decisions) == 1:
		d := e.Decisions[0]
		return fmt.Sprintf("%s: %s, decided by %s on %s: %s", d.Rule, d.Decision, d.By, d.On, d.Reason)
	case e.Event == ledger.Fetched:
		return "first fetched " + e.FetchedAt.Local().Format(minute)
	case e.Event == ledger.Restored:
		return e.Approver + " went on with an older copy" + lostWords(e.Lost)
	}
	return e.Information
}

func ledgerAcceptCmd(a *app) *cobra.Command {
	var q chartseal.Acceptance
	var keyFile string
	c := &cobra.Command{
		Use:   "accept --by NAME --reason TEXT",
		Short: "Go on with a ledger that was brought back from a backup or lost, and record it",
		Long: `When an older copy of the state folder was restored, the ledger lacks the entries made
since, its signed heads in the store show it, and nothing is sent. The same holds when the
state folder was lost as a whole and a new ledger begins. This writes an entry that says
which entries are missing, who accepted that, and why; then orders go on. What was sent
meanwhile is named by the receipts in the outbox's sent folder: enter it by hand where an
accounting of disclosures needs it. An order that is dropped again and was approved by the
day of the last missing entry may be among those: it is held (R34) until an approver has
decided that it was not.

Who decides is one of the approvers in chartseal.yaml; where approval is by signature, the
statement is signed with that person's key (--key), and the entry keeps it.

A ledger that was edited is not accepted: restore its files from the backup first.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if q.Decider, err = a.decider(cmd.Context(), q.By, keyFile, q.Accepts(), q.Reason); err != nil {
				return err
			}
			e, err := acceptLedger(cmd.Context(), a, q)
			if errors.Is(err, ledger.ErrBroken) {
				return &exitError{exitUnverified, err}
			}
			if err != nil {
				return err
			}
			if a.json {
				return printJSON(cmd.OutOrStdout(), e)
			}
			p := &printer{w: cmd.OutOrStdout()}
			p.f("Recorded as entry %d%s. Orders go on.\n", e.Seq, lostWords(e.Lost))
			if e.Lost != nil {
				p.f("Orders that were approved by that day and that the ledger does not know are held (R34) until an approver has decided: they may have been sent.\n")
			}
			return p.err
		},
	}
	c.Flags().StringVar(&q.By, "by", "", "who decides: an approver")
	c.Flags().StringVarP(&keyFile, "key", "k", "", "the approver's private key, where approval is by signature")
	c.Flags().StringVar(&q.Reason, "reason", "", "why the entries are missing")
	for _, f := range []string{"by", "reason"} {
		_ = c.MarkFlagRequired(f) // it exists
	}
	return c
}

// acceptLedger works on the state folder itself, or asks the daemon that does.
func acceptLedger(ctx context.Context, a *app, q chartseal.Acceptance) (ledger.Entry, error) {
	cfg, err := a.load()
	if err != nil {
		return ledger.Entry{}, err
	}
	e, err := chartseal.AcceptLedger(ctx, cfg, a.options(nil), q)
	if errors.Is(err, chartseal.ErrLocked) {
		return askDaemon(ctx, cfg.State, acceptQuestion, question{Accept: &q})
	}
	return e, err
}

func accept(ctx context.Context, p *chartseal.Practice, q question) (ledger.Entry, error) {
	if q.Accept == nil {
		return ledger.Entry{}, usage(errors.New("who accepts the ledger, and why, must be said"))
	}
	return p.AcceptLedger(ctx, *q.Accept)
}
