package chartseal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"aead.dev/minisign"

	"chartseal/config"
	"chartseal/ledger"
	"chartseal/transport"
	"chartseal/watch"
	"chartseal/watch/notice"
)

// openLedger opens the ledger against its signed head.
func (p *Practice) openLedger() (*ledger.Ledger, error) {
	l, err := ledger.Open(p.state.path("ledger"), p.opts.Now, ledger.Signed(p.signer()))
	if err == nil && l.HeadWasMissing() {
		p.log.Warn("the ledger had no signed head and has one now: it is of an earlier version, or the file was deleted", slog.String("stage", "ledger"))
	}
	return l, err
}

func (p *Practice) signer() ledger.Signer { return ledger.Signer{Site: p.cfg.Site, Key: p.state.key} }

// ledgerPause is the time between two looks at the whole ledger (rule R31).
const ledgerPause = 24 * time.Hour

// watchLedger verifies the ledger once a day while the daemon runs: opening it did at
// the start. A chain that does not hold stops every release.
func (p *Practice) watchLedger(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(ledgerPause):
		}
		p.lookAtLedger(ctx)
	}
}

// lookAtLedger verifies the ledger; a fault of the disk says nothing about it.
func (p *Practice) lookAtLedger(ctx context.Context) {
	err := p.verifyLedger(ctx)
	if errors.Is(err, ledger.ErrBroken) || err == nil {
		p.judgeLedger(err)
	}
}

// verifyLedger compares the ledger with its signed head, and with those in the store
// where it can be asked. Before the first start of a practice there is no key.
func (p *Practice) verifyLedger(ctx context.Context) error {
	dir := p.state.path("ledger")
	by, err := p.state.public()
	if errors.Is(err, fs.ErrNotExist) {
		_, err = ledger.Verify(ctx, dir)
		return err
	}
	if err != nil {
		return err
	}
	var e elsewhere
	if p.copies != nil {
		if e, err = headsElsewhere(ctx, p.copies, headPlace(p.cfg, by), dir, by); err != nil {
			p.log.Warn("the ledger cannot be compared with its heads in the store", slog.String("stage", "ledger"), slog.String("class", classOf(err)))
		}
	}
	_, err = ledger.VerifySigned(ctx, dir, by, e.heads...)
	return err
}

// compareHeads compares the ledger with the heads in the store. The error is what kept
// it from that, or ledger.ErrBroken.
func (p *Practice) compareHeads(ctx context.Context) error {
	dir := p.state.path("ledger")
	e, err := headsElsewhere(ctx, p.copies, headPlace(p.cfg, p.state.pub), dir, p.state.pub)
	if err != nil {
		return err
	}
	if e.foreign > 0 {
		p.log.Warn("the store has heads of the ledger that the practice did not sign", slog.String("stage", "ledger"), slog.Int("heads", e.foreign))
	}
	if _, err = ledger.VerifySigned(ctx, dir, p.state.pub, e.heads...); errors.Is(err, ledger.ErrBroken) {
		p.judgeLedger(err)
	}
	return err
}

// judgeLedger keeps what a look at the ledger said: staff and IT are told once.
func (p *Practice) judgeLedger(err error) {
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
	p.log.Error("the ledger was changed outside the program, or is an older copy: nothing is sent. Run 'chartseal ledger verify'", slog.String("alert", "ledger"), slog.String("error", text))
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

// LedgerReport is what a look at the whole ledger saw.
type LedgerReport struct {
	Entries  uint64             `json:"entries"`
	Hash     string             `json:"hash"` // of the last one
	Segments []string           `json:"segments"`
	Torn     int64              `json:"torn_bytes,omitempty"` // of an entry that is being written, or was when the power went
	Signed   *ledger.SignedHead `json:"signed_head"`          // null: there is none
	Copies   int                `json:"copies"`               // signed heads in the store that were compared
	Foreign  int                `json:"foreign,omitempty"`    // heads there that the practice did not sign
	Alone    string             `json:"not_compared,omitempty"`
	Restored []ledger.Entry     `json:"restored,omitempty"` // where persons went on with an older copy
}

// VerifyLedger verifies the ledger against its signed head and against those in the store,
// if it can be asked. It may run beside the daemon. The error is a *ledger.BrokenError
// when the ledger does not hold.
func VerifyLedger(ctx context.Context, cfg *config.Config, opts Options) (r LedgerReport, err error) {
	p := &Practice{cfg: cfg, opts: opts, log: opts.Log, state: &state{dir: cfg.State}}
	dir := p.state.path("ledger")
	by, err := p.state.public()
	if errors.Is(err, fs.ErrNotExist) {
		rep, err := ledger.Verify(ctx, dir)
		return reportOf(rep), err
	}
	if err != nil {
		return r, err
	}
	e, err := p.askElsewhere(ctx, by)
	if err != nil {
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		r.Alone = err.Error()
	}
	rep, err := ledger.VerifySigned(ctx, dir, by, e.heads...)
	alone := r.Alone
	r = reportOf(rep)
	r.Alone, r.Copies, r.Foreign = alone, len(e.heads), e.foreign
	return r, err
}

func reportOf(rep ledger.Report) LedgerReport {
	return LedgerReport{
		Entries: rep.Head.Seq, Hash: rep.Head.Hash, Segments: append([]string{}, rep.Segments...), Torn: rep.Torn,
		Signed: rep.Signed, Restored: rep.Restored,
	}
}

// askElsewhere reads the heads in the store for a process that only looks.
func (p *Practice) askElsewhere(ctx context.Context, by minisign.PublicKey) (e elsewhere, err error) {
	if p.cfg.Store.Kind == config.StoreLocal {
		if _, err := os.Stat(p.state.path("store")); err != nil {
			return e, errors.New("the embedded store has no copies yet")
		}
		lock, err := openState(p.cfg.State)
		if errors.Is(err, ErrLocked) {
			return e, errors.New("the daemon is running and keeps the embedded store; it compares by itself when it starts, and daily")
		}
		if err != nil {
			return e, err
		}
		p.state = lock
		defer func() { _ = lock.close() }() // at the latest with the process
	}
	ctx, cancel := context.WithTimeout(ctx, 3*headTimeout)
	defer cancel()
	if err := p.openStore(ctx); err != nil {
		return e, err
	}
	if p.local != nil {
		defer func() { _ = p.local.Close() }() // it was only asked
	}
	return headsElsewhere(ctx, p.copies, headPlace(p.cfg, by), p.state.path("ledger"), by)
}

// public is the practice's public key, also where the state folder is only looked at;
// fs.ErrNotExist before the first start.
func (s *state) public() (pub minisign.PublicKey, err error) {
	if s.lock != nil {
		return s.pub, nil
	}
	b, err := os.ReadFile(s.path("keys", "practice.pub"))
	if err != nil {
		return pub, fmt.Errorf("read public key: %w", watch.Scrub(err))
	}
	if err := pub.UnmarshalText([]byte(strings.TrimSpace(string(b)))); err != nil {
		return pub, errors.New("read public key: keys/practice.pub in the state folder is damaged; restore it from the backup")
	}
	return pub, nil
}

// ErrNothingLost says that there is no gap in a ledger to be accepted.
var ErrNothingLost = errors.New("the ledger agrees with its signed heads: there is nothing to accept")

// Acceptance is a person's decision to go on with a ledger that lacks entries, such as
// after a backup was restored.
type Acceptance struct {
	By     string `json:"by"`
	Reason string `json:"reason"`
}

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
	if err := p.ledger.Close(); err != nil {
		p.log.Warn("ledger does not close", slog.String("class", classOf(err)))
	}
	e, err = p.accept(ctx, a)
	again, oerr := p.openLedger()
	if oerr != nil { // p.ledger stays closed: it is opened again when it is needed
		return e, errors.Join(err, oerr)
	}
	p.ledger = again
	if err == nil {
		p.judgeLedger(nil)
		p.heads.nudge()
	}
	return e, err
}

// accept appends the entry that explains the gap.
func (p *Practice) accept(ctx context.Context, a Acceptance) (e ledger.Entry, err error) {
	if strings.TrimSpace(a.By) == "" || strings.TrimSpace(a.Reason) == "" {
		return e, fmt.Errorf("%w: who accepts the ledger, and why, must be said", ErrConfig)
	}
	dir := p.state.path("ledger")
	var heads []ledger.SignedHead
	if p.copies != nil {
		quick, cancel := context.WithTimeout(ctx, headTimeout)
		there, err := headsElsewhere(quick, p.copies, headPlace(p.cfg, p.state.pub), dir, p.state.pub)
		cancel()
		if err != nil {
			p.log.Warn("the store cannot be asked for heads", slog.String("stage", "ledger"), slog.String("class", classOf(err)))
		}
		heads = there.heads
	}
	if b, err := ledger.HeadFile(dir); err == nil {
		if own, err := ledger.ParseHead(b, p.state.pub); err == nil {
			heads = append(heads, own)
		}
	}
	l, err := ledger.Open(dir, p.opts.Now, ledger.Signed(p.signer()), ledger.DespiteHead())
	if err != nil {
		return e, fmt.Errorf("open ledger: %w", err)
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	lost, err := ledger.Lacks(ctx, dir, heads...)
	if err != nil {
		return e, err
	}
	if lost == nil && l.HeadFault() == nil {
		return e, ErrNothingLost
	}
	e = ledger.Entry{
		Key: fmt.Sprintf("restored/%d", p.opts.Now().UnixMilli()), Event: ledger.Restored, Order: "(ledger)",
		Approver: a.By, Lost: lost, Notices: []string{"reason: " + a.Reason}, Version: p.opts.Version,
	}
	if fault := l.HeadFault(); fault != nil {
		e.Notices = append(e.Notices, "found: "+fault.Error())
	}
	rec, err := l.Append(ctx, e)
	e.Seq, e.Hash = rec.Seq, rec.Hash
	return e, err
}

// examineLedger looks at the ledger, its signed head and the copies of it.
func examineLedger(ctx context.Context, cfg *config.Config, now time.Time, add addFinding) {
	s := &state{dir: cfg.State}
	dir := filepath.Join(cfg.State, "ledger")
	by, err := s.public()
	var rep ledger.Report
	if err == nil {
		rep, err = ledger.VerifySigned(ctx, dir, by)
	} else if errors.Is(err, fs.ErrNotExist) {
		rep, err = ledger.Verify(ctx, dir)
	}
	switch {
	case errors.Is(err, os.ErrNotExist):
		add("ledger", transport.OK, "The ledger is empty.")
		return
	case err != nil:
		add("ledger", transport.Problem, "The ledger does not verify: %v. Nothing is sent until this is cleared up: chartseal ledger verify", err)
		return
	}
	add("ledger", transport.OK, "The ledger is whole: %d entries.", rep.Head.Seq)
	if rep.Head.Seq == 0 {
		return
	}
	if rep.Signed == nil {
		add("ledger", transport.Notice, "The ledger has no signed head yet: the daemon makes it when it starts.")
	}
	c := readHeadCopy(s)
	switch {
	case cfg.Store.Kind == config.StoreLocal:
		add("ledger", transport.Notice, "The store is on this computer, so no copy of the ledger's signed head is kept elsewhere: back up the state folder to another place.")
	case c.Trouble != "":
		add("ledger", transport.Warning, "The ledger's signed head has not been copied to the store since %s: %s.", c.Since.In(now.Location()).Format("2006-01-02 15:04"), c.Trouble)
	case c.Seq == 0:
		add("ledger", transport.Notice, "The ledger's signed head has not been copied to the store yet: the daemon does it.")
	case c.Locked:
		add("ledger", transport.OK, "The ledger's signed head was copied to the store on %s (entry %d); object lock keeps the daily copies.", c.At.In(now.Location()).Format("2006-01-02 15:04"), c.Seq)
	default:
		add("ledger", transport.OK, "The ledger's signed head was copied to the store on %s (entry %d). The bucket has no object lock: who holds its key can replace the copies.", c.At.In(now.Location()).Format("2006-01-02 15:04"), c.Seq)
	}
}
