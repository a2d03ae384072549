package chartseal

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"aead.dev/minisign"

	"chartseal/config"
	"chartseal/heads"
	"chartseal/ledger"
)

// LedgerReport is what a look at the whole ledger saw.
type LedgerReport struct {
	Entries  uint64             `json:"entries"`
	Purged   uint64             `json:"purged,omitempty"` // of these: the first ones, whose time was over
	Hash     string             `json:"hash"`             // of the last one
	Segments []string           `json:"segments"`
	Torn     int64              `json:"torn_bytes,omitempty"`            // of an entry that is being written, or was when the power went
	Signed   *ledger.SignedHead `json:"signed_head"`                     // null: there is none
	Copies   int                `json:"copies"`                          // signed heads in the store that were compared
	Emptied  uint64             `json:"deleted_in_store,omitempty"`      // the entry whose head the store had, and has no more
	Altered  []heads.Altered    `json:"altered_in_store,omitempty"`      // heads there that somebody hid
	Foreign  int                `json:"foreign,omitempty"`               // heads there that the practice did not sign
	Unseen   string             `json:"versions_not_compared,omitempty"` // why older versions of the heads in the store were not
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
	copies := len(e.Heads)
	shared, err := p.askShared(ctx, by)
	if e.And(shared); err != nil && !errors.Is(err, ledger.ErrBroken) {
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		r.Unshared = err.Error()
	}
	e.And(p.state.remembered(by))
	rep, err := ledger.VerifySigned(ctx, dir, by, e.Heads...)
	if err == nil {
		err = rep.Begins.Ahead(opts.Now())
	}
	if err == nil {
		err = heads.BegunAnew(ctx, dir, e.Others)
	}
	if err == nil {
		err = e.Enough()
	}
	alone, unshared := r.Alone, r.Unshared
	r = reportOf(rep)
	r.Alone, r.Unshared, r.Copies, r.Rows, r.Foreign, r.Emptied = alone, unshared, copies, e.Rows, e.Foreign, emptied
	r.Altered, r.Unseen = e.Altered, e.Unseen()
	return r, err
}

// askShared reads what a shared database knows, for a process that only looks.
func (p *Practice) askShared(ctx context.Context, by minisign.PublicKey) (e heads.Elsewhere, err error) {
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
func (p *Practice) askElsewhere(ctx context.Context, by minisign.PublicKey) (e heads.Elsewhere, err error) {
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
	return heads.Look(ctx, p.copies, headPlace(p.cfg, by), p.state.path("ledger"), by)
}
