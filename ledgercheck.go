package chartseal

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"chartseal/config"
	"chartseal/heads"
	"chartseal/ledger"
	"chartseal/transport"
)

// examineLedger looks at the ledger, its signed head and the copies of it.
func examineLedger(ctx context.Context, cfg *config.Config, now time.Time, add transport.AddFinding) {
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
		add("ledger", transport.OK, "The ledger's signed head was copied to the store on %s (entry %d); object lock keeps the copies.", c.At.In(now.Location()).Format("2006-01-02 15:04"), c.Seq)
	default:
		add("ledger", transport.OK, "The ledger's signed head was copied to the store on %s (entry %d). The bucket has no object lock: who holds its key can replace the copies.", c.At.In(now.Location()).Format("2006-01-02 15:04"), c.Seq)
	}
}

// examineHeads compares the ledger with its signed heads in the store. Where there is no
// ledger it finds out whether there was one: the state folder may be lost, or be another.
func (p *Practice) examineHeads(ctx context.Context, add transport.AddFinding) {
	by, err := p.state.public()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return // examineLedger tells
	}
	if _, err := p.state.verifyHere(ctx); errors.Is(err, ledger.ErrBroken) {
		return // likewise
	}
	e, err := heads.Look(ctx, p.copies, headPlace(p.cfg, by), p.state.path("ledger"), by)
	if err != nil {
		add("ledger", transport.Warning, "The ledger could not be compared with its signed heads in the store: %v.", err)
		return
	}
	switch err := p.against(ctx, by, e); {
	case errors.Is(err, ledger.ErrBroken):
		add("ledger", transport.Problem, "The ledger does not agree with the signed heads in the store: %v. Nothing is sent until this is cleared up.", err)
	case err != nil:
		add("ledger", transport.Warning, "The ledger could not be compared with its signed heads in the store: %v.", err)
	case len(e.Heads) > 0:
		add("ledger", transport.OK, "The ledger agrees with %d signed heads in the store.", len(e.Heads))
	default:
		add("ledger", transport.OK, "The store has no signed heads of a ledger that was lost.")
	}
	if n := len(e.Altered); n > 0 {
		add("ledger", transport.Problem, "Somebody deleted or replaced %d of the ledger's signed heads in the store: chartseal ledger verify names them. Find out who can write there.", n)
	}
	if why := e.Unseen(); why != "" {
		add("ledger", transport.Warning, "Signed heads that somebody hid in the store would not all be found: %s.", why)
	}
}
