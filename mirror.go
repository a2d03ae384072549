package chartseal

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"sync"

	"aead.dev/minisign"

	"chartseal/heads"
	"chartseal/ledger"
	"chartseal/ledger/group"
	"chartseal/registry"
)

// Sites that share a database see each other's ledgers there: a row for every entry, with
// its number, its hash and its head, signed by the site's key (docs/ledger.md). What an
// entry says stays at its site, for it is of a patient.

const (
	mirrorState = "mirror.json"
	mirrorPass  = 20_000 // rows that are collected before they are written
	maxPending  = 1000   // entries that wait in memory; more are found by reading the ledger
	maxOddRows  = 1000   // rows that the ledger does not have, of which the signatures are read
)

// mirrored are the rows of one ledger in the database.
type mirrored struct {
	registry.Mirror

	site string
}

func mirroredIn(d *registry.Database, site, number string) mirrored {
	return mirrored{d.Mirror(site, number), site}
}

// rows are the ledger's rows in their order.
func (m mirrored) rows(ctx context.Context) iter.Seq2[group.Row, error] {
	return func(yield func(group.Row, error) bool) {
		for h, err := range m.Heads(ctx) {
			if !yield(group.Row{Head: ledger.Head{Seq: h.Seq, Hash: h.Hash}, Signed: h.Signed}, err) {
				return
			}
		}
	}
}

// others are the newest heads of the site's ledgers by other keys.
func (m mirrored) others(ctx context.Context) (out []heads.Other, err error) {
	all, err := m.Others(ctx)
	for _, o := range all {
		if h, ok := ledger.Unproven(o.Signed); ok && h.Site == m.site {
			out = append(out, heads.Other{Key: o.Number, Head: h})
		}
	}
	return out, err
}

// unlike is what a mirror has and lacks of a ledger.
type unlike struct {
	odd     []ledger.SignedHead // rows by the site's key that the ledger does not have
	foreign int                 // rows that the key did not sign
	lacks   []ledger.Mark       // entries without a row, or with one that has to be signed anew; the first of them
	more    bool                // there are more of those
	holes   int                 // entries without a row before one that has a row: somebody took rows away
	rows    int
	last    uint64 // entry of the ledger
}

// sideBySide goes through the mirror and the ledger side by side.
func (m mirrored) sideBySide(ctx context.Context, dir string, by minisign.PublicKey) (u unlike, err error) {
	losses, err := lossesIn(ctx, dir)
	if err != nil {
		return u, err
	}
	next, stop := iter.Pull2(m.rows(ctx))
	defer stop()
	row, rerr, more := next()
	advance := func() { u.rows++; row, rerr, more = next() }
	without, begun := 0, false
	for mark, err := range ledger.Marks(ctx, dir) {
		if err != nil {
			return u, err
		}
		if !begun {
			begun = true
			for more && rerr == nil && precedes(row.Head, mark) {
				advance()
			}
		}
		there := false
		for more && rerr == nil && row.Seq <= mark.Seq {
			if row.Head != mark.Head {
				u.oddRow(row, by)
			} else if there = true; mistaken(row, losses) {
				u.lack(mark)
			}
			advance()
		}
		if rerr != nil {
			return u, rerr
		}
		if u.last = mark.Seq; there {
			u.holes, without = u.holes+without, 0
		} else {
			without++
			u.lack(mark)
		}
	}
	for more && rerr == nil {
		u.oddRow(row, by)
		advance()
	}
	return u, rerr
}

// precedes says that a row is of an entry that was purged; first is the first that is there.
func precedes(row ledger.Head, first ledger.Mark) bool {
	return row.Seq+1 < first.Seq || row.Seq+1 == first.Seq && row.Hash == first.Prev
}

// lossesIn are the entries of a ledger with which persons went on with an older copy.
func lossesIn(ctx context.Context, dir string) (all []ledger.Loss, err error) {
	for m, err := range ledger.Marks(ctx, dir) {
		if err != nil {
			return nil, err
		}
		if m.Lost != nil && m.Lost.Key == "" {
			all = append(all, *m.Lost)
		}
	}
	return all, nil
}

// mistaken says that a row would be taken for one of the entries that are lost: it was
// written before a person said which these are.
func mistaken(r group.Row, losses []ledger.Loss) bool {
	return len(losses) > 0 && slices.ContainsFunc(losses, func(l ledger.Loss) bool {
		h, ok := ledger.Unproven(r.Signed)
		return ok && l.Covers(h)
	})
}

func (u *unlike) lack(m ledger.Mark) {
	if u.more = len(u.lacks) == mirrorPass; !u.more {
		u.lacks = append(u.lacks, m)
	}
}

func (u *unlike) oddRow(r group.Row, by minisign.PublicKey) {
	h, err := ledger.ParseHead(r.Signed, by)
	switch {
	case err != nil || h.Head != r.Head:
		u.foreign++
	case len(u.odd) < maxOddRows:
		u.odd = append(u.odd, h)
	default: // the first and the last say what is lost
		u.odd[maxOddRows-1] = h
	}
}

// mirror keeps the rows of this site's ledger up to date. A database that is away holds
// nothing up: what is missing is written when it is back.
type mirror struct {
	*follower
	mirrored

	db     *registry.Database
	by     minisign.PublicKey
	signer ledger.Signer
	dir    string

	pendingMu sync.Mutex
	pending   []ledger.Mark
	all       bool // more than what is pending may be missing
}

// mirrorOf are the rows of this site's own ledger.
func (p *Practice) mirrorOf(d *registry.Database) mirrored {
	return mirroredIn(d, p.cfg.Site, ledger.KeyName(p.state.pub))
}

func (p *Practice) newMirror(d *registry.Database) *mirror {
	m := &mirror{
		follower: p.newFollower(mirrorState, "shared database"),
		mirrored: p.mirrorOf(d), db: d, by: p.state.pub, signer: p.signer(), dir: p.state.path("ledger"), all: true,
	}
	m.copy = m.update
	return m
}

// entered says that the ledger has an entry.
func (m *mirror) entered(r ledger.Receipt, e *ledger.Entry) {
	if m == nil {
		return
	}
	mark := ledger.Mark{Head: r}
	if e.Lost != nil {
		mark.Lost = e.LostUntil()
	}
	m.pendingMu.Lock()
	if len(m.pending) < maxPending {
		m.pending = append(m.pending, mark)
	} else {
		m.all = true
	}
	m.pendingMu.Unlock()
	m.nudge()
}

// everything makes the next update read the whole ledger.
func (m *mirror) everything() {
	if m == nil {
		return
	}
	m.pendingMu.Lock()
	m.all = true
	m.pendingMu.Unlock()
	m.nudge()
}

// update brings the mirror up to date.
func (m *mirror) update(ctx context.Context) error {
	m.pendingMu.Lock()
	pending, all := m.pending, m.all
	m.pendingMu.Unlock()
	var err error
	last := m.known().Seq
	if all {
		last, err = m.catchUp(ctx)
	} else if len(pending) > 0 {
		err = m.Write(ctx, m.sign(pending))
		last = pending[len(pending)-1].Seq
	}
	if err != nil {
		return m.note(ctx, err)
	}
	m.pendingMu.Lock()
	m.pending = m.pending[len(pending):]
	if all {
		m.all = false
	}
	m.pendingMu.Unlock()
	if was := m.known(); was.Seq == last && was.Trouble == "" {
		return nil
	}
	return m.keep(HeadCopy{Seq: last, At: m.now().UTC()})
}

// catchUp writes what the mirror lacks of the whole ledger. A ledger that does not hold,
// or that lacks what the mirror knows, is not mirrored: that would cover up the proof.
func (m *mirror) catchUp(ctx context.Context) (last uint64, err error) {
	if err := m.Introduce(ctx, m.by.String()); err != nil {
		return 0, err
	}
	for {
		u, err := m.sideBySide(ctx, m.dir, m.by)
		if err != nil {
			return 0, err
		}
		if len(u.odd) > 0 {
			if _, err := ledger.VerifySigned(ctx, m.dir, m.by, u.odd...); err != nil {
				return 0, err
			}
		}
		if u.holes > 0 {
			m.log.Warn("rows of the ledger were taken out of the shared database; they are written again", slog.String("stage", "ledger"), slog.String("alert", "mirror"), slog.Int("rows", u.holes))
		}
		if err := m.Write(ctx, m.sign(u.lacks)); err != nil || !u.more {
			return u.last, err
		}
	}
}

// sign makes rows of entries.
func (m *mirror) sign(marks []ledger.Mark) []registry.Head {
	rows := make([]registry.Head, len(marks))
	for i, k := range marks {
		rows[i] = registry.Head{Seq: k.Seq, Hash: k.Hash, Signed: m.signer.SignMark(k, m.now())}
	}
	return rows
}

// mirrorHeads are the rows by the site's key that the ledger does not have: of a ledger
// that was cut or written anew.
func (p *Practice) mirrorHeads(ctx context.Context, d *registry.Database, by minisign.PublicKey) (e heads.Elsewhere, err error) {
	m := mirroredIn(d, p.cfg.Site, ledger.KeyName(by))
	u, err := m.sideBySide(ctx, p.state.path("ledger"), by)
	if err != nil {
		return e, err
	}
	e.Heads, e.Foreign, e.Rows = u.odd, u.foreign, u.rows
	e.Others, err = m.others(ctx)
	return e, err
}

// compareMirror compares the ledger with the mirror before anything is sent, and makes
// ready to keep it. A ledger that does not hold is judged; orders are refused then.
func (p *Practice) compareMirror(ctx context.Context, d *registry.Database) error {
	if !d.Shared {
		return nil
	}
	e, err := p.mirrorHeads(ctx, d, p.state.pub)
	if err == nil {
		err = p.judgeAgainst(ctx, p.state.pub, e)
	}
	if err != nil && !errors.Is(err, ledger.ErrBroken) {
		return err
	}
	p.mirror = p.newMirror(d)
	return nil
}
