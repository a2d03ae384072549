package chartseal

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"chartseal/config"
	"chartseal/order"
)

// The brake: more releases in 24 hours than the practice expects wait for a
// person. They are counted in the registry, so by all sites that share it and
// over every restart. What counts is let through to the upload and not held
// since; the same order counts once.

// brakeWindow is how far back releases count, in seconds.
const brakeWindow = 24 * 60 * 60

// brakeRule is the rule that holds what the brake stops.
const brakeRule = "B1"

// brakeLock is the advisory lock under which one site at a time counts and lets
// through: "chartbrk" in ASCII.
const brakeLock = 0x636861727462726b

// tags are who a release is for and who approved it, as the registry knows them. A
// recipient has a tag for the name and one for the e-mail address: releases that
// share one of them are to the same recipient.
type tags struct {
	recipient []string
	approver  string
}

// tagsOf makes the tags of an order. They are short digests, for names must not
// reach the registry (DESIGN invariant 8).
func (r *registry) tagsOf(o *order.Order, to order.Recipient) tags {
	t := tags{approver: r.tag("approver " + o.Approved.By)}
	for _, mark := range to.Marks() {
		t.recipient = append(t.recipient, r.tag("recipient "+mark))
	}
	return t
}

func (r *registry) tag(s string) string {
	sum := sha256.Sum256([]byte(r.id + " " + strings.ToLower(strings.Join(strings.Fields(s), " "))))
	return hex.EncodeToString(sum[:8])
}

// braked tells which limits an order would exceed, without taking a place.
func (p *Practice) braked(ctx context.Context, r *release, o *order.Order, to order.Recipient) ([]order.Excess, error) {
	if p.cfg.Brake == (config.Brake{}) || r.Way != byLink && r.Way != byFolder {
		return nil, nil // of what sends nothing IT must not be told that it was stopped
	}
	over, err := p.orders.letThrough(ctx, r.ID, p.orders.tagsOf(o, to), p.cfg.Brake, onlyLook, p.steady.now(p.opts.Now()))
	p.alert(r, over)
	return over, err
}

// pass takes a place for a release that is about to be uploaded, or tells which
// limits are reached. A valid decision on B1 lets it through all the same.
func (p *Practice) pass(ctx context.Context, r *release, o *order.Order, f order.Facts) ([]order.Excess, error) {
	if p.cfg.Brake == (config.Brake{}) {
		return nil, nil
	}
	how := upToLimits
	if slices.ContainsFunc(order.Valid(o, f), func(d order.Ruling) bool { return d.Rule == brakeRule && d.Decision == order.ReleaseItem }) {
		how = inAnyCase
	}
	over, err := p.orders.letThrough(ctx, r.ID, p.orders.tagsOf(o, f.Recipient), p.cfg.Brake, how, p.steady.now(p.opts.Now()))
	p.alert(r, over)
	return over, err
}

// alert tells IT, once for each limit that stops a release.
func (p *Practice) alert(r *release, over []order.Excess) {
	for _, e := range over {
		p.log.Warn("brake: more releases than configured", slog.String("alert", "brake"), slog.String("release", r.ID),
			slog.String("per", e.Of), slog.Int("limit", e.Limit))
	}
}

// passage is how an order comes to the brake.
type passage int

const (
	onlyLook   passage = iota // takes no place
	upToLimits                // takes a place if there is one
	inAnyCase                 // takes a place
)

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

// letThrough counts and takes a place in one transaction, one site at a time. Who only
// looks, or has a place, waits for nobody.
func (r *registry) letThrough(ctx context.Context, id string, t tags, limits config.Brake, how passage, now int64) (over []order.Excess, err error) {
	defer func() {
		if err != nil {
			err = wrap("count releases", r.fail(err))
		}
	}()
	ctx, cancel := bounded(ctx)
	defer cancel()
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }()
	ref, attempt := splitID(id)
	var has int
	if err = tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM chartseal_orders WHERE ref=$1 AND attempt=$2 AND let_at>0`, ref, attempt).Scan(&has); err != nil || has > 0 {
		return nil, err // it has its place from before a crash
	}
	if r.shared { // its own clock, the same for all sites; it is that of the transaction's beginning
		if err := tx.QueryRowContext(ctx, `SELECT `+r.epoch).Scan(&now); err != nil {
			return nil, err
		}
	}
	if r.shared && how != onlyLook { // last: all sites wait for who has it
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(brakeLock)); err != nil {
			return nil, err
		}
	}
	day, recipient, approver, err := countLet(ctx, tx, ref, t, now-brakeWindow)
	if err != nil {
		return nil, err
	}
	if how != inAnyCase {
		over = excess(limits, day, recipient, approver)
	}
	if how == onlyLook || len(over) > 0 {
		return over, nil
	}
	_, err = tx.ExecContext(ctx, `UPDATE chartseal_orders SET let_at=$1, recipient_tag=$2, approver_tag=$3
		WHERE ref=$4 AND attempt=$5 AND executor=$6 AND let_at=0`, now, strings.Join(t.recipient, " "), t.approver, ref, attempt, r.executor)
	if err != nil {
		return nil, err
	}
	return nil, tx.Commit()
}

// countLet counts the releases, but for one, that were let through since a time: all,
// those to a recipient and those of an approver.
func countLet(ctx context.Context, tx *sql.Tx, but string, t tags, since int64) (day, recipient, approver int, err error) {
	args := []any{since, but, t.approver}
	for _, tag := range t.recipient { // letters and digits only
		args = append(args, "% "+tag+" %")
	}
	err = tx.QueryRowContext(ctx, letThroughCount(len(t.recipient)), args...).Scan(&day, &recipient, &approver)
	return day, recipient, approver, err
}

func excess(limits config.Brake, day, recipient, approver int) (over []order.Excess) {
	for _, x := range []struct {
		of       string
		limit, n int
	}{{"day", limits.PerDay, day}, {"recipient", limits.PerRecipient, recipient}, {"approver", limits.PerApprover, approver}} {
		if x.limit > 0 && x.n >= x.limit {
			over = append(over, order.Excess{Of: x.of, Limit: x.limit})
		}
	}
	return over
}

// steadyClock is a clock that nobody can set while the daemon runs: a jump of the
// system's clock must not end the 24 hours early.
type steadyClock struct {
	wall  time.Time // at the start
	start time.Time // the same moment, with the monotonic reading
}

// maxDrift is what a clock may be corrected by without being called a jump.
const maxDrift = 10 * time.Minute

func newSteadyClock(now time.Time) steadyClock {
	return steadyClock{wall: now.Round(0), start: time.Now()} //nolint:forbidigo // its monotonic reading, which nobody can set
}

// now is the time of a reading of the system's clock, in seconds since 1970, or
// what it would be without a jump since the start.
func (c steadyClock) now(reading time.Time) int64 {
	expected := c.wall.Add(time.Since(c.start)) //nolint:forbidigo // monotonic
	if reading.Round(0).Sub(expected).Abs() > maxDrift {
		return expected.Unix()
	}
	return reading.Unix()
}
