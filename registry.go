package chartseal

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// registry is the table of all orders ever taken in, by release reference: the
// place where an order is accepted once and only once (DESIGN invariant 2), by
// whatever site. It shares the engine's database.
type registry struct {
	*database
	site, executor string // this daemon
	now            func() time.Time
}

// entry is one order. State is working until its outcome is certain, recording
// from there until it is answered.
type entry struct {
	Ref      string
	Attempt  int // 1 for the first drop; an order that comes back counts on
	SHA256   string
	Claim    string
	State    verdict
	Site     string // who has it or had it
	Executor string
	Stage    string
	Waiting  string // class of the trouble being waited out
	Since    string // RFC 3339
	Extended string // id of the attempt that told of a longer time, "" if none did
}

// id is the workflow id of this attempt.
func (e entry) id() string {
	if e.Attempt == 1 {
		return e.Ref
	}
	return e.Ref + "." + strconv.Itoa(e.Attempt)
}

// errTaken says that another site has the order now: this one is fenced off.
var errTaken = errors.New("the order was taken over by another site")

// bounded limits a statement in time: a database that hangs is one that is away.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, queryTimeout)
}

// exec runs a statement and returns how many rows it changed.
func (r *registry) exec(ctx context.Context, query string, args ...any) (int64, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	res, err := r.db.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, r.fail(err)
	}
	return res.RowsAffected()
}

func (r *registry) stamp() string { return r.now().UTC().Format(time.RFC3339) }

// admit takes in the order unless it was taken in before. It returns the
// order's entry and whether this claim is the one to work on; if not, the
// entry tells what became of the earlier one.
//
// Every step is one statement that succeeds for one site only, whatever the
// isolation of the database.
func (r *registry) admit(ctx context.Context, ref, sha, claim string) (e entry, mine bool, err error) {
	for {
		e = entry{Ref: ref, Attempt: 1, SHA256: sha, Claim: claim, State: working, Site: r.site, Executor: r.executor, Since: r.stamp()}
		n, err := r.exec(ctx, `INSERT INTO chartseal_orders (ref, attempt, sha256, claim, state, site, executor, since)
			VALUES ($1,$2,$3,$4,$5,$6,$7,$8) ON CONFLICT (ref) DO NOTHING`,
			e.Ref, e.Attempt, e.SHA256, e.Claim, e.State, e.Site, e.Executor, e.Since)
		if err != nil || n == 1 {
			return e, n == 1, wrap("admit order", err)
		}
		was, err := r.find(ctx, ref)
		switch {
		case err != nil:
			return was, false, err
		case was.Claim == claim && was.Executor == r.executor:
			return was, true, nil // taken in before a crash
		case !was.State.open():
			return was, false, nil
		}
		e.Attempt, e.Extended = was.Attempt+1, was.Extended
		n, err = r.exec(ctx, `UPDATE chartseal_orders SET attempt=$1, sha256=$2, claim=$3, state=$4, site=$5, executor=$6, since=$7, stage='', waiting='', let_at=0, likeness=''
			WHERE ref=$8 AND attempt=$9 AND state=$10`,
			e.Attempt, e.SHA256, e.Claim, e.State, e.Site, e.Executor, e.Since, ref, was.Attempt, was.State)
		if err != nil || n == 1 {
			return e, n == 1, wrap("admit order", err)
		}
		// Another site was faster: look again.
	}
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

const entryColumns = `ref, attempt, sha256, claim, state, site, executor, stage, waiting, since, extended`

func (e *entry) fields() []any {
	return []any{&e.Ref, &e.Attempt, &e.SHA256, &e.Claim, &e.State, &e.Site, &e.Executor, &e.Stage, &e.Waiting, &e.Since, &e.Extended}
}

// find returns the entry of an order; the error wraps sql.ErrNoRows when
// it was never taken in.
func (r *registry) find(ctx context.Context, ref string) (e entry, err error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	err = r.db.QueryRowContext(ctx, `SELECT `+entryColumns+` FROM chartseal_orders WHERE ref=$1`, ref).Scan(e.fields()...)
	return e, wrap("find order", r.fail(err))
}

// has reports whether this site still has the attempt; errTaken if not.
func (r *registry) has(ctx context.Context, id string) error {
	ref, attempt := splitID(id)
	e, err := r.find(ctx, ref)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return errTaken
	case err != nil:
		return err
	case e.Attempt != attempt || e.Executor != r.executor || e.State == taken:
		return errTaken
	}
	return nil
}

// commit is the point of no return: after it the order counts as sent by this
// site and cannot be taken over, before it this site has done nothing that
// cannot be undone. errTaken says that another site was faster. It may be repeated.
func (r *registry) commit(ctx context.Context, id string) error {
	ref, attempt := splitID(id)
	n, err := r.exec(ctx, `UPDATE chartseal_orders SET state=$1, since=$2, stage='record', waiting=''
		WHERE ref=$3 AND attempt=$4 AND executor=$5 AND state=$6`, recording, r.stamp(), ref, attempt, r.executor, working)
	if err != nil || n == 1 {
		return wrap("commit order", err)
	}
	e, err := r.find(ctx, ref)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return errTaken
	case err != nil:
		return err
	case e.Attempt == attempt && e.Executor == r.executor && (e.State == recording || e.State.final()):
		return nil // committed before a crash
	}
	return errTaken
}

// extend records that the attempt tells of a longer time. It may be repeated; no
// other attempt of the order can do it any more.
func (r *registry) extend(ctx context.Context, id string) error {
	ref, attempt := splitID(id)
	n, err := r.exec(ctx, `UPDATE chartseal_orders SET extended=$1
		WHERE ref=$2 AND attempt=$3 AND executor=$4 AND extended IN ('', $1)`, id, ref, attempt, r.executor)
	if err == nil && n != 1 {
		err = errTaken
	}
	return wrap("extend order", err)
}

// settle records how an attempt ended, unless another site has the order now.
func (r *registry) settle(ctx context.Context, id string, v verdict) error {
	ref, attempt := splitID(id)
	_, err := r.exec(ctx, `UPDATE chartseal_orders SET state=$1, since=$2, stage='', waiting=''
		WHERE ref=$3 AND attempt=$4 AND executor=$5 AND state IN ('working', 'recording')`, v, r.stamp(), ref, attempt, r.executor)
	return wrap("settle order", err)
}

// note tells the other sites what an order waits for; "" when it goes on. It is
// news, not state: a failure is for the caller to log.
func (r *registry) note(ctx context.Context, id, stage, class, since string) error {
	ctx, cancel := context.WithTimeout(ctx, noteTimeout)
	defer cancel()
	ref, attempt := splitID(id)
	_, err := r.exec(ctx, `UPDATE chartseal_orders SET stage=$1, waiting=$2, since=$3
		WHERE ref=$4 AND attempt=$5 AND executor=$6 AND state IN ('working', 'recording')`, stage, class, since, ref, attempt, r.executor)
	return wrap("note order", err)
}

const noteTimeout = 3 * time.Second

// open counts this site's orders that are being worked on.
func (r *registry) open(ctx context.Context) (n int, err error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	err = r.db.QueryRowContext(ctx, `SELECT COUNT(*) FROM chartseal_orders WHERE executor=$1 AND state IN ('working', 'recording')`, r.executor).Scan(&n)
	return n, wrap("count orders", r.fail(err))
}

// maxListed bounds what a status shows of a shared database.
const maxListed = 10_000

// allQuery reads the newest orders of all sites by indexes: a group has millions.
const allQuery = `SELECT * FROM (SELECT ` + entryColumns + ` FROM chartseal_orders WHERE state IN ('working', 'recording') ORDER BY since DESC LIMIT $1) AS open
	UNION ALL SELECT * FROM (SELECT ` + entryColumns + ` FROM chartseal_orders WHERE state NOT IN ('working', 'recording') ORDER BY since DESC LIMIT $1) AS ended`

// all lists the orders of all sites, open ones first, newest first.
func (d *database) all(ctx context.Context) ([]entry, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	all, err := d.entries(ctx, allQuery, maxListed)
	slices.SortStableFunc(all, func(a, b entry) int {
		return cmp.Or(cmp.Compare(b.underWay(), a.underWay()), cmp.Compare(b.Since, a.Since))
	})
	return all[:min(len(all), maxListed)], err
}

// underWay is 1 for an order that is being worked on.
func (e entry) underWay() int {
	if e.State == working || e.State == recording {
		return 1
	}
	return 0
}

// entries reads the rows of a statement that returns entryColumns.
func (d *database) entries(ctx context.Context, query string, args ...any) ([]entry, error) {
	rows, err := d.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, d.fail(err)
	}
	defer func() { _ = rows.Close() }()
	var out []entry
	for rows.Next() {
		var e entry
		if err := rows.Scan(e.fields()...); err != nil {
			return nil, d.fail(err)
		}
		out = append(out, e)
	}
	return out, d.fail(rows.Err())
}
