package chartseal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
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
	return ledger.Open(p.state.path("ledger"), p.opts.Now, ledger.Signed(p.signer()))
}

func (p *Practice) signer() ledger.Signer { return ledger.Signer{Site: p.cfg.Site, Key: p.state.key} }

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
	var e elsewhere
	asked = true
	add := func(where string, more elsewhere, err error) {
		if e.and(more); err != nil && !errors.Is(err, ledger.ErrBroken) { // which is found below, too
			asked = false
			p.log.Warn("the ledger cannot be compared with its heads elsewhere", slog.String("stage", "ledger"), slog.String("in", where), slog.String("class", classOf(err)))
		}
	}
	if p.copies != nil {
		more, err := headsElsewhere(ctx, p.copies, headPlace(p.cfg, by), dir, by)
		add("store", more, err)
		if err == nil {
			p.warnOfEmptied(by, more)
		}
	}
	if p.mirror != nil {
		more, err := p.mirrorHeads(ctx, p.mirror.database, by)
		add("shared database", more, err)
	}
	return asked, p.against(ctx, by, e)
}

// warnOfEmptied tells IT when the store has lost the head that it had. The ledger may be
// as it was, so orders go on: what is remembered of that head it must still have.
func (p *Practice) warnOfEmptied(by minisign.PublicKey, e elsewhere) {
	if was := p.state.emptied(p.cfg, by, e); was > 0 && p.heads != nil && p.heads.forget() {
		p.log.Warn("the store had the ledger's signed head and has it no more: somebody deleted it there. It is copied anew", slog.String("stage", "ledger"), slog.String("alert", "heads"), slog.Uint64("entry", was))
	}
}

// against verifies the ledger against what other places, and the state folder, know of it.
func (p *Practice) against(ctx context.Context, by minisign.PublicKey, e elsewhere) error {
	dir := p.state.path("ledger")
	e.and(p.state.remembered(by))
	if _, err := ledger.VerifySigned(ctx, dir, by, e.heads...); err != nil {
		return err
	}
	return begunAnew(ctx, dir, e.others)
}

// judgeAgainst does it, and judges the ledger if it does not hold.
func (p *Practice) judgeAgainst(ctx context.Context, by minisign.PublicKey, e elsewhere) error {
	if e.foreign > 0 {
		p.log.Warn("there are heads of the ledger that the practice did not sign", slog.String("stage", "ledger"), slog.Int("heads", e.foreign))
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
	e, err := headsElsewhere(ctx, p.copies, headPlace(p.cfg, p.state.pub), p.state.path("ledger"), p.state.pub)
	if err != nil {
		return err
	}
	p.warnOfEmptied(p.state.pub, e)
	return p.judgeAgainst(ctx, p.state.pub, e)
}

// judgeLedger keeps what a look at the ledger said: staff and IT are told once.
func (p *Practice) judgeLedger(err error) {
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

// LedgerReport is what a look at the whole ledger saw.
type LedgerReport struct {
	Entries  uint64             `json:"entries"`
	Purged   uint64             `json:"purged,omitempty"` // of these: the first ones, whose time was over
	Hash     string             `json:"hash"` // of the last one
	Segments []string           `json:"segments"`
	Torn     int64              `json:"torn_bytes,omitempty"`       // of an entry that is being written, or was when the power went
	Signed   *ledger.SignedHead `json:"signed_head"`                // null: there is none
	Copies   int                `json:"copies"`                     // signed heads in the store that were compared
	Emptied  uint64             `json:"deleted_in_store,omitempty"` // the entry whose head the store had, and has no more
	Foreign  int                `json:"foreign,omitempty"`          // heads there that the practice did not sign
	Alone    string             `json:"not_compared,omitempty"`
	Rows     int                `json:"mirrored,omitempty"` // entries in the shared database that were compared
	Unshared string             `json:"not_compared_with_database,omitempty"`
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
		return r, errors.New("there is no ledger yet: chartseal has not run on the folder that 'state' in chartseal.yaml names")
	}
	if err != nil {
		return r, err
	}
	var emptied uint64
	e, err := p.askElsewhere(ctx, by)
	if err == nil {
		emptied = p.state.emptied(cfg, by, e)
	}
	if err != nil {
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		r.Alone = err.Error()
	}
	copies := len(e.heads)
	shared, err := p.askShared(ctx, by)
	if e.and(shared); err != nil && !errors.Is(err, ledger.ErrBroken) {
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		r.Unshared = err.Error()
	}
	e.and(p.state.remembered(by))
	rep, err := ledger.VerifySigned(ctx, dir, by, e.heads...)
	if err == nil {
		err = begunAnew(ctx, dir, e.others)
	}
	alone, unshared := r.Alone, r.Unshared
	r = reportOf(rep)
	r.Alone, r.Unshared, r.Copies, r.Rows, r.Foreign, r.Emptied = alone, unshared, copies, e.rows, e.foreign, emptied
	return r, err
}

// askShared reads what a shared database knows, for a process that only looks.
func (p *Practice) askShared(ctx context.Context, by minisign.PublicKey) (e elsewhere, err error) {
	if p.cfg.Database.Reveal() == "" {
		return e, nil
	}
	d, err := openShared(ctx, p.cfg, true)
	if err != nil {
		return e, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return p.mirrorHeads(ctx, d, by)
}

func reportOf(rep ledger.Report) LedgerReport {
	return LedgerReport{
		Entries: rep.Head.Seq, Purged: rep.Begins.Seq, Hash: rep.Head.Hash, Segments: append([]string{}, rep.Segments...), Torn: rep.Torn,
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
// fs.ErrNotExist before the first start. That the key is missing, or is not the one that
// the practice signs with, is ledger.ErrBroken: a ledger written anew would pass without.
func (s *state) public() (pub minisign.PublicKey, err error) {
	if s.lock != nil {
		return s.pub, nil
	}
	secret := &state{dir: s.dir}
	_, err = os.Stat(s.path("keys", "practice.key"))
	if err == nil {
		err = secret.readKey()
	}
	hasSecret := err == nil
	b, err := os.ReadFile(s.path("keys", "practice.pub"))
	switch {
	case errors.Is(err, fs.ErrNotExist) && hasSecret:
		return secret.pub, nil
	case errors.Is(err, fs.ErrNotExist) && s.begun():
		return pub, fmt.Errorf("%w: keys/practice.pub in the state folder is missing, so nobody can tell who signed it; restore it from the backup", ledger.ErrBroken)
	case err != nil:
		return pub, fmt.Errorf("read public key: %w", watch.Scrub(err))
	}
	if err := pub.UnmarshalText([]byte(strings.TrimSpace(string(b)))); err != nil {
		return pub, fmt.Errorf("%w: keys/practice.pub in the state folder is damaged; restore it from the backup", ledger.ErrBroken)
	}
	if hasSecret && !pub.Equal(secret.pub) {
		return pub, fmt.Errorf("%w: keys/practice.pub in the state folder is not the public half of practice.key beside it; restore both from the backup", ledger.ErrBroken)
	}
	return pub, nil
}

// begun says that a ledger was begun here, or a key made for one.
func (s *state) begun() bool {
	if _, err := os.Stat(s.path("keys", "practice.key")); err == nil {
		return true
	}
	files, err := os.ReadDir(s.path("ledger"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return true // who knows
	}
	return readHeadCopy(s).Seq > 0 || slices.ContainsFunc(files, func(f fs.DirEntry) bool {
		return f.Name() == "head" || filepath.Ext(f.Name()) == ".jsonl"
	})
}

// verifyHere verifies the ledger of a state folder against what is in that folder.
func (s *state) verifyHere(ctx context.Context) (rep ledger.Report, err error) {
	by, err := s.public()
	if err != nil {
		return rep, err
	}
	return ledger.VerifySigned(ctx, s.path("ledger"), by, s.remembered(by).heads...)
}

// examineLedger looks at the ledger, its signed head and the copies of it.
func examineLedger(ctx context.Context, cfg *config.Config, now time.Time, add addFinding) {
	s := &state{dir: cfg.State}
	rep, err := s.verifyHere(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && rep.Head.Seq == 0:
		add("ledger", transport.OK, "The ledger is empty.")
		return
	case err != nil:
		add("ledger", transport.Problem, "The ledger does not verify: %v. Nothing is sent until this is cleared up: chartseal ledger verify", err)
		return
	}
	add("ledger", transport.OK, "The ledger is whole: %d entries.", rep.Head.Seq)
	c := readHeadCopy(s)
	if m := readCopy(s, mirrorState); cfg.Database.Reveal() != "" && m.Trouble != "" {
		add("ledger", transport.Warning, "The ledger has not been mirrored in the shared database since %s: %s.", m.Since.In(now.Location()).Format("2006-01-02 15:04"), m.Trouble)
	}
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
