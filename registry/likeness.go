package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// Tag is a short digest of a text, without regard to capitals and spaces, as names must
// not reach the registry. Another database has another one for it.
func (d *Database) Tag(s string) string {
	sum := sha256.Sum256([]byte(d.ID + " " + strings.ToLower(strings.Join(strings.Fields(s), " "))))
	return hex.EncodeToString(sum[:8])
}

// Liken notes what an order is like: a tag.
func (r *Orders) Liken(ctx context.Context, id, likeness string) error {
	ref, attempt := SplitID(id)
	_, err := r.exec(ctx, `UPDATE chartseal_orders SET likeness=$1 WHERE ref=$2 AND attempt=$3 AND executor=$4`, likeness, ref, attempt, r.executor)
	return wrap("note order", err)
}

// alikeQuery names the condition of chartseal_orders_like, without which SQLite would
// not use it (sqlite.org, Partial Indexes).
const alikeQuery = `SELECT ` + entryColumns + ` FROM chartseal_orders
	WHERE likeness<>'' AND likeness=$1 AND ref<>$2 AND since>=$3 AND state IN ('working', 'recording', 'sent') ORDER BY since DESC LIMIT 1`

// Alike finds the newest other order of a likeness that was sent, or is about to
// be, since a time; the error wraps [ErrNoOrder] when there is none.
func (r *Orders) Alike(ctx context.Context, id, likeness string, since time.Time) (e Entry, err error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	ref, _ := SplitID(id)
	err = r.db.QueryRowContext(ctx, alikeQuery,
		likeness, ref, since.UTC().Format(time.RFC3339)).Scan(e.fields()...)
	return e, wrap("find order", r.Scrub(err))
}
