package registry

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"chartseal/config"
)

// The brake counts the releases of 24 hours in the registry, so of all sites that share it and
// over every restart. What counts is let through to the upload and not held
// since; the same order counts once.

// brakeWindow is how far back releases count, in seconds.
const brakeWindow = 24 * 60 * 60

// brakeLock is the advisory lock under which one site at a time counts and lets
// through: "chartbrk" in ASCII.
const brakeLock = 0x636861727462726b

// Tags are who a release is for and who approved it, as the registry knows them (see
// [Database.Tag]). A recipient has several, as one for the name and one for the e-mail
// address: releases that share one of them are to the same recipient.
type Tags struct {
	Recipient []string
	Approver  string
}

// Passage is how an order comes to the brake.
type Passage int

// The ways to come to it.
const (
	OnlyLook   Passage = iota // takes no place
	UpToLimits                // takes a place if there is one
	InAnyCase                 // takes a place
)

// Excess is a limit that is reached.
type Excess struct {
	Of    string // day, recipient or approver
	Limit int    // releases in 24 hours
}

// letThroughCount counts where the rows are: a group's day is thousands of them. It
// reads those of the window only, by chartseal_orders_let_at.
func letThroughCount(recipientTags int) string {
	same := make([]string, recipientTags)
	for i := range same {
		same[i] = fmt.Sprintf("' ' || recipient_tag || ' ' LIKE $%d", i+4)
	}
	return `SELECT COUNT(*), COUNT(CASE WHEN ` + strings.Join(append(same, "1=0"), " OR ") + ` THEN 1 END), COUNT(CASE WHEN approver_tag=$3 THEN 1 END)
	FROM chartseal_orders WHERE let_at>$1 AND ref<>$2 AND state IN ('working', 'recording', 'sent')`
}

// LetThrough counts and takes a place in one transaction, one site at a time, or tells which
// limits are reached. Who only looks, or has a place, waits for nobody. now is in seconds since
// 1970; on a shared database its own clock counts instead.
func (r *Orders) LetThrough(ctx context.Context, id string, t Tags, limits config.Brake, how Passage, now int64) (over []Excess, err error) {
	defer func() {
		if err != nil {
			err = wrap("count releases", r.Scrub(err))
		}
	}()
	ctx, cancel := bounded(ctx)
	defer cancel()
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }()
	ref, attempt := SplitID(id)
	var has int
	if err = tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM chartseal_orders WHERE ref=$1 AND attempt=$2 AND let_at>0`, ref, attempt).Scan(&has); err != nil || has > 0 {
		return nil, err // it has its place from before a crash
	}
	if r.Shared { // its own clock, the same for all sites; it is that of the transaction's beginning
		if err := tx.QueryRowContext(ctx, `SELECT `+r.epoch).Scan(&now); err != nil {
			return nil, err
		}
	}
	if r.Shared && how != OnlyLook { // last: all sites wait for who has it
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(brakeLock)); err != nil {
			return nil, err
		}
	}
	day, recipient, approver, err := countLet(ctx, tx, ref, t, now-brakeWindow)
	if err != nil {
		return nil, err
	}
	if how != InAnyCase {
		over = excess(limits, day, recipient, approver)
	}
	if how == OnlyLook || len(over) > 0 {
		return over, nil
	}
	_, err = tx.ExecContext(ctx, `UPDATE chartseal_orders SET let_at=$1, recipient_tag=$2, approver_tag=$3
		WHERE ref=$4 AND attempt=$5 AND executor=$6 AND let_at=0`, now, strings.Join(t.Recipient, " "), t.Approver, ref, attempt, r.executor)
	if err != nil {
		return nil, err
	}
	return nil, tx.Commit()
}

// countLet counts the releases, but for one, that were let through since a time: all,
// those to a recipient and those of an approver.
func countLet(ctx context.Context, tx *sql.Tx, but string, t Tags, since int64) (day, recipient, approver int, err error) {
	args := []any{since, but, t.Approver}
	for _, tag := range t.Recipient { // letters and digits only
		args = append(args, "% "+tag+" %")
	}
	err = tx.QueryRowContext(ctx, letThroughCount(len(t.Recipient)), args...).Scan(&day, &recipient, &approver)
	return day, recipient, approver, err
}

func excess(limits config.Brake, day, recipient, approver int) (over []Excess) {
	for _, x := range []struct {
		of       string
		limit, n int
	}{{"day", limits.PerDay, day}, {"recipient", limits.PerRecipient, recipient}, {"approver", limits.PerApprover, approver}} {
		if x.limit > 0 && x.n >= x.limit {
			over = append(over, Excess{Of: x.of, Limit: x.limit})
		}
	}
	return over
}
