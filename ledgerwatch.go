package chartseal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"aead.dev/minisign"

	"chartseal/heads"
	"chartseal/ledger"
	"chartseal/watch"
	"chartseal/watch/notice"
)

// openLedger opens the ledger against its signed head.
func (p *Practice) openLedger() (*ledger.Ledger, error) {
	return ledger.Open(p.state.path("ledger"), p.opts.Now, ledger.Signed(p.signer()))
}

func (p *Practice) signer() ledger.Signer { return ledger.Signer{Site: p.cfg.Site, Key: p.state.key} }

// beginLedger opens the ledger at the start. One whose chain does not hold keeps nobody from
// starting: the practice stands as after a daily look that found it so, tells staff and IT,
// sends nothing, and goes on by itself when the ledger is in order again.
func (p *Practice) beginLedger(ctx context.Context) (err error) {
	p.requests = newRequests()
	if p.ledger, err = p.openLedger(); errors.Is(err, ledger.ErrBroken) {
		p.ledger = nil // and opened when it is needed
		p.judgeLedger(err)
		_ = p.requests.reread(ctx, p.state.path("ledger")) // as far as it holds
		return nil
	}
	if err != nil {
		return fmt.Errorf("open ledger: %w", err)
	}
	return p.requests.reread(ctx, p.state.path("ledger"))
}

// The time between two looks at the whole ledger (rule R31): while it holds, and while it
// is not trusted, for its files may have been restored.
const (
	ledgerPause = 24 * time.Hour
	ledgerAgain = time.Minute
)

// watchLedger verifies the ledger once a day while the daemon runs: opening it did at
// the start. A chain that does not hold stops every release until it does.
func (p *Practice) watchLedger(ctx context.Context) {
	daily, soon := time.NewTicker(ledgerPause), time.NewTicker(ledgerAgain)
	defer daily.Stop()
	defer soon.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-daily.C:
		case <-soon.C:
			if !p.ledgerBroken.Load() {
				continue
			}
		}
		p.lookAtLedger(ctx)
	}
}

// errDistrusted says that something waits until the ledger is in order again: nothing is
// taken in, sent or recorded meanwhile.
var errDistrusted = fmt.Errorf("%w: nothing is sent or recorded until it is in order; run 'chartseal ledger verify'", ledger.ErrBroken)

// trustPause is the time between two looks whether a release may go on.
const trustPause = time.Second

// whenTrusted waits while the ledger is not trusted. A release that is held for it could
// not go on by itself; one that waits does.
func (p *Practice) whenTrusted(ctx context.Context, id, stage string) error {
	for told := false; p.ledgerBroken.Load(); told = true {
		if !told {
			r, err := p.state.load(id)
			if err != nil {
				r = nil // it is told without
			}
			p.trouble(ctx, r, id, stage, errDistrusted)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(trustPause):
		}
	}
	return nil
}

// lookAtLedger verifies the ledger; a fault of the disk says nothing about it. That it
// is whole is believed only when all who know of it were asked.
func (p *Practice) lookAtLedger(ctx context.Context) {
	asked, err := p.verifyLedger(ctx)
	if errors.Is(err, ledger.ErrBroken) || err == nil && (asked || !p.ledgerBroken.Load()) {
		p.judgeLedger(err)
	}
	if !p.ledgerBroken.Load() {
		p.mirror.everything()
	}
}

// verifyLedger compares the ledger with its signed head, and with what the store and a
// shared database know of it, as far as they can be asked. Before the first start of a
// practice there is no key.
func (p *Practice) verifyLedger(ctx context.Context) (asked bool, err error) {
	dir := p.state.path("ledger")
	by, err := p.state.public()
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	var e heads.Elsewhere
	asked = true
	add := func(where string, more heads.Elsewhere, err error) {
		if e.And(more); err != nil && !errors.Is(err, ledger.ErrBroken) { // which is found below, too
			asked = false
			p.log.Warn("the ledger cannot be compared with its heads elsewhere", slog.String("stage", "ledger"), slog.String("in", where), slog.String("class", classOf(err)))
		}
	}
	if p.copies != nil {
		more, err := heads.Look(ctx, p.copies, headPlace(p.cfg, by), dir, by)
		add("store", more, err)
		if err == nil {
			p.warnOfStore(by, more)
		}
	}
	if p.mirror != nil {
		more, err := p.mirrorHeads(ctx, p.mirror.db, by)
		add("shared database", more, err)
	}
	return asked, p.against(ctx, by, e)
}

// warnOfStore tells IT when somebody has meddled with the heads in the store, or when not
// all of them could be looked at. The ledger may be as it was, so orders go on: what is
// remembered of a head that is gone, and what is hidden, it must still have.
func (p *Practice) warnOfStore(by minisign.PublicKey, e heads.Elsewhere) {
	if was := p.state.emptied(p.cfg, by, e); was > 0 && p.heads != nil && p.heads.forget() {
		p.log.Warn("the store had the ledger's signed head and has it no more: somebody deleted it there. It is copied anew", slog.String("stage", "ledger"), slog.String("alert", "heads"), slog.Uint64("entry", was))
	}
	if !p.heads.isNews(fmt.Sprint(e.Altered, e.Blind, e.More)) {
		return
	}
	for i, a := range e.Altered {
		if i == mostTold {
			break
		}
		p.log.Error("somebody hid the ledger's signed head in the store; the ledger was compared with it all the same. Find out who can write there: 'chartseal ledger verify'",
			slog.String("stage", "ledger"), slog.String("alert", "heads"), slog.Uint64("entry", a.Seq), slog.Bool("deleted", a.Deleted), slog.Time("at", a.At), slog.Int("heads", len(e.Altered)))
	}
	if why := e.Unseen(); why != "" {
		p.log.Warn("the ledger was not compared with all versions of its heads in the store", slog.String("stage", "ledger"), slog.String("why", why))
	}
}

// mostTold bounds how many hidden heads are told of one by one.
const mostTold = 5

// against verifies the ledger against what other places, and the state folder, know of it.
func (p *Practice) against(ctx context.Context, by minisign.PublicKey, e heads.Elsewhere) error {
	dir := p.state.path("ledger")
	e.And(p.state.remembered(by))
	rep, err := ledger.VerifySigned(ctx, dir, by, e.Heads...)
	if err == nil {
		err = rep.Begins.Ahead(p.opts.Now())
	}
	if err != nil {
		return err
	}
	if err := heads.BegunAnew(ctx, dir, e.Others); err != nil {
		return err
	}
	return e.Enough()
}

// judgeAgainst does it, and judges the ledger if it does not hold.
func (p *Practice) judgeAgainst(ctx context.Context, by minisign.PublicKey, e heads.Elsewhere) error {
	if e.Foreign > 0 {
		p.log.Warn("there are heads of the ledger that the practice did not sign", slog.String("stage", "ledger"), slog.Int("heads", e.Foreign))
	}
	err := p.against(ctx, by, e)
	if errors.Is(err, ledger.ErrBroken) {
		p.judgeLedger(err)
	}
	return err
}

// compareHeads compares the ledger with the heads in the store. The error is what kept
// it from that, or ledger.ErrBroken.
func (p *Practice) compareHeads(ctx context.Context) error {
	e, err := heads.Look(ctx, p.copies, headPlace(p.cfg, p.state.pub), p.state.path("ledger"), p.state.pub)
	if err != nil {
		return err
	}
	p.warnOfStore(p.state.pub, e)
	return p.judgeAgainst(ctx, p.state.pub, e)
}

// judgeLedger keeps what a look at the ledger said: staff and IT are told once.
func (p *Practice) judgeLedger(err error) {
	if err == nil && p.ledgerBroken.Load() {
		if err := p.catchUp(context.Background()); err != nil { // the next look tries again
			p.log.Warn("the ledger holds again, and cannot be read yet", slog.String("stage", "ledger"), slog.String("class", classOf(err)))
			return
		}
	}
	class := LedgerClass(err)
	p.pulse.ledger.Store(&class)
	was := p.ledgerBroken.Swap(err != nil)
	switch {
	case err != nil && !was:
		p.sayBroken(err)
	case err == nil:
		p.sayWhole()
	}
}

// sayBroken tells IT by a line of the log, and staff by a note in the outbox.
func (p *Practice) sayBroken(err error) {
	text := err.Error()
	if broken, ok := errors.AsType[*ledger.BrokenError](err); ok {
		text = broken.Error()
	}
	p.log.Error("the ledger was changed outside the program, is an older copy, or was begun anew: nothing is sent. Run 'chartseal ledger verify'", slog.String("alert", "ledger"), slog.String("error", text))
	if !p.writes() {
		return
	}
	note, err := notice.Stopped(p.who())
	if err == nil {
		err = watch.PlaceStopped(p.cfg.Outbox, note)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.log.Warn("staff cannot be told in the outbox", slog.String("stage", "ledger"), slog.String("class", classOf(err)))
	}
}

// sayWhole takes that note away.
func (p *Practice) sayWhole() {
	if !p.writes() {
		return
	}
	if err := watch.RemoveStopped(p.cfg.Outbox); err != nil {
		p.log.Warn("the note in the outbox cannot be taken away", slog.String("stage", "ledger"), slog.String("class", classOf(err)))
	}
}

// writes says that this process works on the practice, and does not only look at it.
func (p *Practice) writes() bool { return p.state.lock != nil }
