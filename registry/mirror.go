package registry

import (
	"context"
	"iter"
	"slices"
)

// mirrorBatch is how many rows of a mirror one transaction writes.
const mirrorBatch = 200

// Mirror are the rows of one ledger of a site: one for every entry.
type Mirror struct {
	db           *Database
	site, number string
}

// Mirror are the rows of a site's ledger, which goes by the number of its key.
func (d *Database) Mirror(site, number string) Mirror { return Mirror{d, site, number} }

// Head is an entry's row: its number, its hash, and its head as the site has signed it
// (docs/ledger.md). Who may write into the database may have written anything.
type Head struct {
	Seq    uint64
	Hash   string
	Signed []byte
}

// Heads are the rows in the order of the entries; the query is without a time limit of its
// own, for it may be long. It ends with the first error.
func (m Mirror) Heads(ctx context.Context) iter.Seq2[Head, error] {
	return func(yield func(Head, error) bool) {
		rows, err := m.db.db.QueryContext(ctx, `SELECT seq, hash, head FROM chartseal_heads WHERE site=$1 AND ledger=$2 ORDER BY seq`, m.site, m.number)
		if err != nil {
			yield(Head{}, m.db.Scrub(err))
			return
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var h Head
			err := rows.Scan(&h.Seq, &h.Hash, &h.Signed)
			if !yield(h, m.db.Scrub(err)) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(Head{}, m.db.Scrub(err))
		}
	}
}

// Write adds rows, and signs anew those that are there.
func (m Mirror) Write(ctx context.Context, heads []Head) error {
	for batch := range slices.Chunk(heads, mirrorBatch) {
		if err := m.db.Scrub(m.writeBatch(ctx, batch)); err != nil {
			return err
		}
	}
	return nil
}

func (m Mirror) writeBatch(ctx context.Context, heads []Head) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	tx, err := m.db.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for _, h := range heads {
		if _, err := tx.ExecContext(ctx, `INSERT INTO chartseal_heads (site, ledger, seq, hash, head) VALUES ($1,$2,$3,$4,$5)
			ON CONFLICT (site, ledger, seq, hash) DO UPDATE SET head=excluded.head`, m.site, m.number, h.Seq, h.Hash, string(h.Signed)); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// Introduce writes the ledger's public key, which the other sites check it with.
func (m Mirror) Introduce(ctx context.Context, key string) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	_, err := m.db.db.ExecContext(ctx, `INSERT INTO chartseal_ledgers (site, ledger, public_key) VALUES ($1,$2,$3)
		ON CONFLICT (site, ledger) DO NOTHING`, m.site, m.number, key)
	return m.db.Scrub(err)
}

// OtherHead is the newest head of a ledger of the same site by another key.
type OtherHead struct {
	Number string // of its key
	Signed []byte
}

// Others are the newest heads of the site's ledgers by other keys.
func (m Mirror) Others(ctx context.Context) ([]OtherHead, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	rows, err := m.db.db.QueryContext(ctx, `SELECT h.ledger, h.head FROM chartseal_heads h
		JOIN (SELECT ledger, MAX(seq) AS seq FROM chartseal_heads WHERE site=$1 AND ledger<>$2 GROUP BY ledger) last
		ON h.ledger=last.ledger AND h.seq=last.seq WHERE h.site=$1 ORDER BY h.ledger, h.hash`, m.site, m.number)
	if err != nil {
		return nil, m.db.Scrub(err)
	}
	defer func() { _ = rows.Close() }()
	var out []OtherHead
	for rows.Next() {
		var h OtherHead
		if err := rows.Scan(&h.Number, &h.Signed); err != nil {
			return nil, m.db.Scrub(err)
		}
		out = append(out, h)
	}
	return out, m.db.Scrub(rows.Err())
}

// Ledger is a ledger that the database mirrors.
type Ledger struct {
	Site   string
	Number string // of its key
	Key    string // the public key itself; "" where it is gone
}

// Ledgers are the ledgers that the database mirrors.
func (d *Database) Ledgers(ctx context.Context) ([]Ledger, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	rows, err := d.db.QueryContext(ctx, `SELECT site, ledger, public_key FROM chartseal_ledgers
		UNION ALL SELECT DISTINCT site, ledger, '' FROM chartseal_heads h
		WHERE NOT EXISTS (SELECT 1 FROM chartseal_ledgers l WHERE l.site=h.site AND l.ledger=h.ledger)`)
	if err != nil {
		return nil, d.Scrub(err)
	}
	defer func() { _ = rows.Close() }()
	var out []Ledger
	for rows.Next() {
		var l Ledger
		if err := rows.Scan(&l.Site, &l.Number, &l.Key); err != nil {
			return nil, d.Scrub(err)
		}
		out = append(out, l)
	}
	return out, d.Scrub(rows.Err())
}
