package chartseal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"chartseal/config"
	"chartseal/heads"
	"chartseal/ledger"
)

// ErrNothingLost says that there is no gap in a ledger to be accepted.
var ErrNothingLost = errors.New("the ledger agrees with its signed heads: there is nothing to accept")

// Acceptance is a person's decision to go on with a ledger that lacks entries, such as
// after a backup was restored.
type Acceptance struct {
	Decider

	Reason string `json:"reason"`
}

// Accepts is what a signed statement says of it.
func (a Acceptance) Accepts() string { return statesAccept }

// AcceptLedger records in the ledger that a person goes on although it lacks entries
// that its signed heads know of, and says which. A chain that is broken in itself is
// not accepted: its files have to be restored first. The daemon must not be running;
// see [Practice.AcceptLedger].
func AcceptLedger(ctx context.Context, cfg *config.Config, opts Options, a Acceptance) (e ledger.Entry, err error) {
	s, err := openState(cfg.State)
	if err != nil {
		return e, err
	}
	p := &Practice{cfg: cfg, opts: opts, log: opts.Log, state: s}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := p.openStore(ctx); err != nil {
		p.log.Warn("the store cannot be asked for heads", slog.String("stage", "ledger"), slog.String("class", classOf(err)))
	}
	if p.local != nil {
		defer func() { err = errors.Join(err, p.local.Close()) }()
	}
	if e, err = p.accept(ctx, a); err == nil {
		p.sayWhole()
	}
	return e, err
}

// AcceptLedger does it in the running daemon, which sends again from then on.
func (p *Practice) AcceptLedger(ctx context.Context, a Acceptance) (e ledger.Entry, err error) {
	p.ledgerMu.Lock()
	defer p.ledgerMu.Unlock()
	p.closeLedger()
	e, err = p.accept(ctx, a)
	again, oerr := p.openLedger()
	if oerr != nil { // p.ledger stays closed: it is opened again when it is needed
		return e, errors.Join(err, oerr)
	}
	p.ledger = again
	switch {
	case err == nil:
		p.judgeLedger(nil)
		p.heads.nudge()
		p.mirror.everything()
	case errors.Is(err, ErrNothingLost): // it may have been restored since
		p.lookAtLedger(ctx)
	case errors.Is(err, ledger.ErrBroken):
		p.judgeLedger(err)
	}
	return e, err
}

// accept appends the entries that explain the gap: one for what this ledger lacks, and one
// for each ledger of before that is lost as a whole. It returns the first.
func (p *Practice) accept(ctx context.Context, a Acceptance) (e ledger.Entry, err error) {
	line := ledger.Entry{
		Key: fmt.Sprintf("restored/%d", p.opts.Now().UnixMilli()), Event: ledger.Restored, Order: "(ledger)",
		Notices: []string{"reason: " + a.Reason}, Version: p.opts.Version,
	}
	if strings.TrimSpace(a.Reason) == "" {
		return e, fmt.Errorf("%w: who accepts the ledger, and why, must be said", ErrConfig)
	}
	seen, err := p.decided(a.Decider, a.Accepts(), a.Reason, &line)
	if err != nil {
		return e, err
	}
	dir := p.state.path("ledger")
	there := p.allKnown(ctx)
	if err := there.Enough(); err != nil { // what is missing would be accepted unseen
		return e, err
	}
	l, err := ledger.Open(dir, p.opts.Now, ledger.Signed(p.signer()), ledger.DespiteHead())
	if err != nil {
		return e, fmt.Errorf("open ledger: %w", err)
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if err := fresh(&line, seen, l.Head()); err != nil {
		return e, err
	}
	lost, err := ledger.Lacks(ctx, dir, there.Heads...)
	if err != nil {
		return e, err
	}
	before, err := heads.Lost(ctx, dir, there.Others)
	if err != nil {
		return e, err
	}
	var lines []ledger.Entry
	line.Lost = lost
	if fault := l.HeadFault(); lost != nil || fault != nil {
		own := line
		if fault != nil {
			own.Notices = append(slices.Clone(own.Notices), "found: "+fault.Error())
		}
		lines = append(lines, own)
	}
	for _, o := range before {
		other := line
		other.Key, other.Lost = line.Key+"/"+o.Key, o.Loss()
		lines = append(lines, other)
	}
	if len(lines) == 0 {
		return e, ErrNothingLost
	}
	for i, line := range lines {
		rec, err := l.Append(ctx, line)
		if err != nil {
			return e, err
		}
		if p.requests != nil {
			p.requests.noteLoss(&line)
		}
		if line.Seq, line.Hash = rec.Seq, rec.Hash; i == 0 {
			e = line
		}
	}
	p.log.Warn("a person went on with a ledger that lacks entries", slog.String("alert", "ledger accepted"), slog.String("stage", "ledger"), slog.Uint64("entry", e.Seq))
	return e, p.against(ctx, p.state.pub, there) // whether that explains all
}

// allKnown is what the signed head beside the ledger, the store and a shared database know
// of it, as far as they can be asked.
func (p *Practice) allKnown(ctx context.Context) (all heads.Elsewhere) {
	dir := p.state.path("ledger")
	quick, cancel := context.WithTimeout(ctx, headTimeout)
	defer cancel()
	add := func(more heads.Elsewhere, err error) {
		if all.And(more); err != nil {
			p.log.Warn("what is known of the ledger elsewhere cannot be asked", slog.String("stage", "ledger"), slog.String("class", classOf(err)))
		}
	}
	if p.copies != nil {
		add(heads.Look(quick, p.copies, headPlace(p.cfg, p.state.pub), dir, p.state.pub))
	}
	if p.mirror != nil {
		add(p.mirrorHeads(quick, p.mirror.db, p.state.pub))
	} else {
		add(p.askShared(quick, p.state.pub))
	}
	if b, err := ledger.HeadFile(dir); err == nil {
		if own, err := ledger.ParseHead(b, p.state.pub); err == nil {
			all.Heads = append(all.Heads, own)
		}
	}
	all.And(p.state.remembered(p.state.pub))
	return all
}
