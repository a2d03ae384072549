package chartseal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
)

// registry is the table of all orders ever taken in, by release reference: the
// place where an order is accepted once and only once (DESIGN invariant 2). It
// shares the engine's database.
type registry struct{ db *sql.DB }

// entry is one order. State is working until it is answered.
type entry struct {
	Ref     string
	Attempt int // 1 for the first drop; a held order that comes back counts on
	SHA256  string
	Claim   string
	State   verdict
}

// id is the workflow id of this attempt.
func (e entry) id() string {
	if e.Attempt == 1 {
		return e.Ref
	}
	return e.Ref + "." + strconv.Itoa(e.Attempt)
}

const schema = `CREATE TABLE IF NOT EXISTS chartseal_orders (
	ref     TEXT PRIMARY KEY,
	attempt INTEGER NOT NULL,
	sha256  TEXT NOT NULL,
	claim   TEXT NOT NULL,
	state   TEXT NOT NULL
)`

func openRegistry(ctx context.Context, db *sql.DB) (*registry, error) {
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, fmt.Errorf("open order registry: %w", err)
	}
	return &registry{db}, nil
}

// admit takes in the order unless it was taken in before. It returns the
// order's entry and whether this claim is the one to work on; if not, the
// entry tells what became of the earlier one.
func (r *registry) admit(ctx context.Context, ref, sha, claim string) (e entry, mine bool, err error) {
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return e, false, fmt.Errorf("admit order: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	e, err = find(ctx, tx, ref)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		e = entry{Ref: ref}
	case err != nil:
		return e, false, fmt.Errorf("admit order: %w", err)
	case e.Claim == claim:
		return e, true, nil // taken in before a crash
	case e.State != hold:
		return e, false, nil
	}
	e = entry{Ref: ref, Attempt: e.Attempt + 1, SHA256: sha, Claim: claim, State: working}
	_, err = tx.ExecContext(ctx, `INSERT INTO chartseal_orders (ref, attempt, sha256, claim, state) VALUES (?,?,?,?,?)
		ON CONFLICT (ref) DO UPDATE SET attempt=excluded.attempt, sha256=excluded.sha256, claim=excluded.claim, state=excluded.state`,
		e.Ref, e.Attempt, e.SHA256, e.Claim, e.State)
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		return e, false, fmt.Errorf("admit order: %w", err)
	}
	return e, true, nil
}

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func find(ctx context.Context, q querier, ref string) (e entry, err error) {
	err = q.QueryRowContext(ctx, `SELECT ref, attempt, sha256, claim, state FROM chartseal_orders WHERE ref=?`, ref).
		Scan(&e.Ref, &e.Attempt, &e.SHA256, &e.Claim, &e.State)
	return e, err
}

// find returns the entry of an order; the error wraps sql.ErrNoRows when
// it was never taken in.
func (r *registry) find(ctx context.Context, ref string) (entry, error) {
	e, err := find(ctx, r.db, ref)
	if err != nil {
		return e, fmt.Errorf("find order: %w", err)
	}
	return e, nil
}

// settle records how an attempt ended.
func (r *registry) settle(ctx context.Context, id string, v verdict) error {
	ref, attempt := splitID(id)
	_, err := r.db.ExecContext(ctx, `UPDATE chartseal_orders SET state=? WHERE ref=? AND attempt=?`, v, ref, attempt)
	if err != nil {
		return fmt.Errorf("settle order: %w", err)
	}
	return nil
}

// open counts the orders that are being worked on.
func (r *registry) open(ctx context.Context) (n int, err error) {
	err = r.db.QueryRowContext(ctx, `SELECT COUNT(*) FROM chartseal_orders WHERE state=?`, working).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count orders: %w", err)
	}
	return n, nil
}
