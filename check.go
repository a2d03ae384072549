package chartseal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"chartseal/config"
	"chartseal/ledger"
	"chartseal/order"
	"chartseal/packager"
	"chartseal/packager/gather"
	"chartseal/redact"
	"chartseal/transport"
)

// Examine looks at everything a release needs: folders, keys, ledger, store. It
// sends nothing; the store is asked to keep and delete one empty probe. Messages are
// for the administrator and may name folders.
func Examine(ctx context.Context, cfg *config.Config, opts Options) []transport.Finding {
	var fs []transport.Finding
	add := func(check string, level transport.Level, format string, args ...any) {
		fs = append(fs, transport.Finding{Check: check, Level: level, Message: fmt.Sprintf(format, args...)})
	}
	checkFolders(cfg, add)
	examineBook(cfg, add)
	examineRules(cfg, add)
	if _, err := DICOMRules(cfg); err != nil {
		add("dicom", transport.Problem, "The practice's own rules for DICOM files cannot be used: %v", err)
	}
	if d := cfg.DICOM.Dates; d == "shift" || d == "keep" {
		add("dicom", transport.Warning, "With dicom.dates: %s a de-identified set needs an expert's determination (45 CFR 164.514(b)(1)); it does not meet the safe harbor.", d)
	}
	rep, err := ledger.Verify(ctx, filepath.Join(cfg.State, "ledger"))
	switch {
	case errors.Is(err, os.ErrNotExist):
		add("ledger", transport.OK, "The ledger is empty.")
	case err != nil:
		add("ledger", transport.Problem, "The ledger does not verify: %v. Nothing is sent until this is cleared up.", err)
	default:
		add("ledger", transport.OK, "The ledger is whole: %d entries.", rep.Head.Seq)
	}
	examineDatabase(ctx, cfg, add)
	return append(fs, examineStore(ctx, cfg, opts)...)
}

type addFinding func(check string, level transport.Level, format string, args ...any)

func examineBook(cfg *config.Config, add addFinding) {
	switch book, err := loadBook(cfg); {
	case err != nil:
		add("recipients", transport.Problem, "The recipient book cannot be used: %v", err)
	case book.unsigned:
		add("recipients", transport.Problem, "The recipient book is not signed by an approver, or was changed after it was signed: nothing goes to anybody in it. An approver must look at it and sign it: chartseal approve --book")
	default:
		add("recipients", transport.OK, "The recipient book can be read.")
	}
	if _, err := loadRestrictions(cfg.Restrictions); err != nil {
		add("restrictions", transport.Problem, "The list of what patients asked for cannot be used, and every order is held until it can: %v", err)
	}
}

// examineRules shows what the practice has changed about the rules.
func examineRules(cfg *config.Config, add addFinding) {
	if err := CheckRules(cfg); err != nil {
		add("rules", transport.Problem, "%v", err)
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

func checkFolders(cfg *config.Config, add func(string, transport.Level, string, ...any)) {
	for name, dir := range map[string]string{"outbox": cfg.Outbox, "state": cfg.State} {
		if err := tryWrite(dir); err != nil {
			add(name, transport.Problem, "The folder %s cannot be written: %v. Make it, and give chartseal's account the right to change it.", dir, scrub(err))
		} else {
			add(name, transport.OK, "The folder %s can be written.", dir)
		}
	}
	if info, err := os.Stat(cfg.State); err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		add("state", transport.Warning, "Others can read the state folder, which holds the signing key: chmod 700 %s", cfg.State)
	}
	for i, s := range cfg.Sources {
		src := gather.Source{Kind: s.Kind, Path: s.Path, Match: string(s.Match)}
		if err := gather.CheckFolder(i+1, src); err != nil {
			add("sources", transport.Problem, "The records cannot be found: %v (%s)", err, s.Path)
			continue
		}
		add("sources", transport.OK, "Source %d (%s) can be read.", i+1, s.Kind)
	}
}

func tryWrite(dir string) error {
	f, err := os.CreateTemp(dir, ".check-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
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
		return []transport.Finding{{Check: "store", Level: transport.Problem, Message: "The store cannot be used: " + err.Error()}}
	}
	if p.local != nil {
		defer func() {
			if err := p.local.Close(); err != nil {
				p.log.Warn("embedded store does not stop", slog.String("class", classOf(err)))
			}
		}()
	}
	return p.store.Check(ctx)
}

// Preview is what would become of an order. It is patient data.
type Preview struct {
	Order   string          `json:"order"`
	Rules   []RuleOutcome   `json:"rules"`
	Held    []order.Reason  `json:"held,omitempty"` // what stops it, records included
	Records []RecordPreview `json:"records"`
	Notices []string        `json:"notices,omitempty"`
}

// RuleOutcome is one rule and what it says.
type RuleOutcome struct {
	Rule     string   `json:"rule"`
	Title    string   `json:"title"`
	Citation string   `json:"citation"`
	Outcome  string   `json:"outcome"` // pass, off, refuse, hold, answered or warn
	Messages []string `json:"messages,omitempty"`
}

// RecordPreview is one record that would go, and what would be removed from it.
type RecordPreview struct {
	Path    string           `json:"path"`
	Kind    string           `json:"kind"`
	Date    string           `json:"date,omitempty"`
	Bytes   int64            `json:"bytes"`
	Removed []redact.Removal `json:"removed,omitempty"`
	Notices []string         `json:"notices,omitempty"`
	Refused string           `json:"refused,omitempty"`
}

// Look judges an order and cleans its records without keeping anything; it
// sends nothing and writes nothing, so it may run beside a daemon.
func Look(ctx context.Context, cfg *config.Config, opts Options, name string, data, signature []byte) (*Preview, error) {
	p := &Practice{cfg: cfg, opts: opts, log: opts.Log, state: &state{dir: cfg.State}}
	var err error
	if err = CheckRules(cfg); err != nil {
		return nil, err
	}
	if p.book, err = loadBook(cfg); err != nil {
		return nil, err
	}
	if p.restrictions, err = loadRestrictions(cfg.Restrictions); err != nil {
		return nil, err
	}
	if p.dicom, err = DICOMRules(cfg); err != nil {
		return nil, err
	}
	o, err := parseOrder(name, data)
	if bad, ok := errors.AsType[*order.ParseError](err); ok {
		return &Preview{Order: bad.ID, Held: parseReasons(bad), Rules: []RuleOutcome{}, Records: []RecordPreview{}}, nil
	}
	if err != nil {
		return nil, err
	}
	facts := p.Facts(o, order.AtIntake)
	facts.ApprovalSigned, facts.SignatureFails = p.signed(o, data, signature)
	reasons := order.Evaluate(o, facts)
	v := &Preview{Order: o.ID, Rules: outcomes(reasons, facts.Off), Records: []RecordPreview{}}
	v.Held = append(order.Stopping(reasons), p.unbuilt(o)...)
	return v, p.lookAtRecords(ctx, o, facts, v)
}

func (p *Practice) lookAtRecords(ctx context.Context, o *order.Order, facts order.Facts, v *Preview) error {
	plan := p.gathering(o)
	plan.Facts = facts
	seen, err := packager.Preview(ctx, plan)
	if err != nil {
		return err
	}
	v.Held = append(v.Held, seen.Held...)
	v.Notices = seen.Notices
	for _, r := range seen.Records {
		x := RecordPreview{Path: r.Item.Path, Kind: r.Item.Kind, Date: r.Item.Date, Bytes: r.Item.Bytes, Removed: r.Report.Removed, Notices: r.Report.Notices}
		if r.Refusal != nil {
			x.Refused = r.Refusal.Reason
		}
		v.Records = append(v.Records, x)
	}
	return nil
}

// outcomes lists every rule with what it says about the order.
func outcomes(reasons []order.Reason, off []string) []RuleOutcome {
	var out []RuleOutcome
	for _, rule := range order.Rules() {
		o := RuleOutcome{Rule: rule.ID, Title: rule.Title, Citation: rule.Citation, Outcome: "pass"}
		for _, id := range off {
			if id == rule.ID && !rule.Fixed {
				o.Outcome = "off"
			}
		}
		for _, r := range reasons {
			if r.Rule != rule.ID {
				continue
			}
			o.Messages = append(o.Messages, r.Message)
			o.Outcome = string(r.Outcome)
			if r.Outcome == order.Hold && !r.Stops() {
				o.Outcome = "answered"
			}
		}
		out = append(out, o)
	}
	return out
}
