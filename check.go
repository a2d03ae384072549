package chartseal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"chartseal/computer"
	"chartseal/config"
	"chartseal/order"
	"chartseal/transport"
	"chartseal/transport/localstore"
	"chartseal/transport/s3"
)

// Examine looks at everything a release needs: folders, keys, ledger, store. It
// sends nothing; the store is asked to keep and delete one empty probe. Messages are
// for the administrator and may name folders.
func Examine(ctx context.Context, cfg *config.Config, opts Options) []transport.Finding {
	var found transport.Findings
	add := found.Add
	closed := computer.IsClosed(cfg.State)
	if closed {
		add("state", transport.Problem, "This account cannot read the state folder %s: the ledger, the keys and all else in it were not looked at, and the rest is as this account sees it. Give the command as chartseal's own account, or as administrator.", cfg.State)
	} else {
		examineDaemon(cfg, opts.Now(), add)
	}
	found = append(found, computer.Examine(cfg, closed)...)
	examineApproval(cfg, add)
	examineBook(cfg, add)
	examineEscrow(cfg, add)
	examineRules(cfg, add)
	examineDeadlines(cfg, add)
	if _, err := DICOMRules(cfg); err != nil {
		add("dicom", transport.Problem, "The practice's own rules for DICOM files cannot be used: %v", err)
	}
	if d := cfg.DICOM.Dates; d == "shift" || d == "keep" {
		add("dicom", transport.Warning, "With dicom.dates: %s a de-identified set needs an expert's determination (45 CFR 164.514(b)(1)); it does not meet the safe harbor.", d)
	}
	examineDatabase(ctx, cfg, add)
	examineAgreement(cfg, opts.Now(), add)
	if !closed {
		examineLedger(ctx, cfg, opts.Now(), add)
		examineWithdrawn(ctx, cfg, opts, add)
		examineEngine(ctx, cfg, add)
		examineBackup(cfg, opts.Now(), add)
	}
	if closed && cfg.Store.Kind == config.StoreLocal { // which lies in it
		return found
	}
	return append(found, examineStore(ctx, cfg, opts)...)
}

func examineBook(cfg *config.Config, add transport.AddFinding) {
	switch book, err := loadBook(cfg); {
	case err != nil:
		add("recipients", transport.Problem, "The recipient book cannot be used: %v", err)
	case book.unsigned:
		add("recipients", transport.Problem, "The recipient book is not signed by an approver, or was changed after it was signed: nothing goes to anybody in it. An approver must look at it and sign it: chartseal approve --book")
	default:
		add("recipients", transport.OK, "The recipient book can be read.")
		examineRecipients(book.book, add)
	}
	if _, err := loadRestrictions(cfg.Restrictions); err != nil {
		add("restrictions", transport.Problem, "The list of what patients asked for cannot be used, and every order is held until it can: %v", err)
	}
}

// examineWithdrawn names no order: findings may end in a log.
func examineWithdrawn(ctx context.Context, cfg *config.Config, opts Options, add transport.AddFinding) {
	links, err := withdrawnLinks(ctx, cfg, opts.Now())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return // the list, the book or the ledger has its own finding
	}
	for _, l := range links {
		if l.Excluded {
			add("excluded", transport.Warning, "Release %s: the patient has asked since that this recipient not get these records, and they can still be had. Let the person who looks after privacy decide; to end it: chartseal revoke ORDER, or delete the files in the export folder (chartseal status names the order).", l.Release)
			continue
		}
		if l.Folder {
			add("withdrawn", transport.Warning, "Release %s: the patient withdrew the permission on %s, and its encrypted files still lie in the export folder. Delete them there and hand nothing over (chartseal status names the order).", l.Release, l.Withdrawn)
			continue
		}
		add("withdrawn", transport.Warning, "Release %s: the patient withdrew the permission on %s, and its link is still alive. The daemon revokes it as soon as it runs and the store answers; or revoke it now: chartseal revoke ORDER (chartseal status names the order).", l.Release, l.Withdrawn)
	}
}

// examineRules shows what the practice has changed about the rules.
func examineRules(cfg *config.Config, add transport.AddFinding) {
	if err := CheckRules(cfg); err != nil {
		add("rules", transport.Problem, "%v", err)
	}
	if n := cfg.Rules.IdentityDays; n > 0 && !slices.Contains(cfg.Rules.Off, "R1") {
		add("rules", transport.OK, "Rule R1 is stricter than by itself: who asks must have been checked at most %d days before the request.", n)
	}
	for _, r := range order.Rules() {
		if slices.Contains(cfg.Rules.Off, r.ID) && !r.Fixed {
			add("rules", transport.Warning, "Rule %s is switched off in the configuration: %s (%s).", r.ID, r.Title, r.Citation)
		}
		if to := cfg.Rules.Tighten[r.ID]; to != "" {
			add("rules", transport.OK, "Rule %s is stricter than by itself (%s): %s (%s).", r.ID, to, r.Title, r.Citation)
		}
	}
}

// examineDeadlines shows which times are counted, so that nobody takes the federal one
// for the state's.
func examineDeadlines(cfg *config.Config, add transport.AddFinding) {
	state := cfg.Practice.State
	switch words := timesOf(cfg).Words(state); {
	case state == "":
		add("deadlines", transport.Warning, "No state is named (practice.state), so that only the federal 30 days are counted (45 CFR 164.524(b)(2)). Many states ask for less.")
	case words == "":
		add("deadlines", transport.Warning, "No time of %s is known here, so that only the federal 30 days are counted (45 CFR 164.524(b)(2)). If the state asks for less, write it under deadlines.states.", state)
	default:
		add("deadlines", transport.OK, "%s; at most the federal 30 days (45 CFR 164.524(b)(2)).", words)
	}
}

// storeAdvice is what is wrong with the store, and what to do.
func storeAdvice(cfg *config.Config, err error) string {
	if errors.Is(err, localstore.ErrPortTaken) {
		return fmt.Sprintf("%v. Stop that program; or, if the links that were given out need not go on working, delete %s, and the daemon takes another port.", err, filepath.Join(cfg.State, "store", "store.json"))
	}
	return err.Error()
}

func examineStore(ctx context.Context, cfg *config.Config, opts Options) []transport.Finding {
	p := &Practice{cfg: cfg, opts: opts, log: opts.Log, state: &state{dir: cfg.State}}
	if cfg.Store.Kind == config.StoreLocal {
		lock, err := openState(cfg.State)
		if errors.Is(err, ErrLocked) {
			return []transport.Finding{{Check: "store", Level: transport.OK, Message: "The daemon is running and keeps the embedded store."}}
		}
		if err != nil {
			return []transport.Finding{{Check: "state", Level: transport.Problem, Message: err.Error()}}
		}
		p.state = lock
		defer func() {
			if err := lock.close(); err != nil {
				p.log.Warn("cannot unlock", slog.String("class", classOf(err)))
			}
		}()
	}
	if err := p.openStore(ctx); err != nil {
		return []transport.Finding{{Check: "store", Level: transport.Problem, Message: "The store cannot be used: " + storeAdvice(cfg, err)}}
	}
	if p.local != nil {
		defer func() {
			if err := p.local.Close(); err != nil {
				p.log.Warn("embedded store does not stop", slog.String("class", classOf(err)))
			}
		}()
	}
	findings := transport.Findings(p.store.Check(ctx))
	for i, f := range findings {
		if f.Check == s3.AccessLogCheck && p.local != nil {
			findings[i].Level, findings[i].Message = transport.OK, "The embedded store notes when a bundle is first fetched."
		}
	}
	p.examineHeads(ctx, findings.Add)
	return findings
}
