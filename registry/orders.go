package registry

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// State is how far an order has come: what the registry says of it.
type State string

// The states. Who commits to an order has it Recording until it is answered.
const (
	Working   State = "working"
	Recording State = "recording" // it will be sent, and by the site that has it
	Held      State = "held"
	Sent      State = "sent"
	Denied    State = "denied"
	Extended  State = "extended"  // the patient was told that it takes longer: the order stays open
	Delivered State = "delivered" // staff carry it out themselves: recorded
	Taken     State = "taken"     // another site took the order over: the one that had it sends nothing
)

// UnderWay says that an order is being worked on.
func (s State) UnderWay() bool { return s == Working || s == Recording }

// Final says that an order is answered for good; open ones may be dropped again.
func (s State) Final() bool { return s == Sent || s == Denied || s == Delivered }

// Open says that an order may be dropped again under its number.
func (s State) Open() bool { return s == Held || s == Taken || s == Extended }

// Ended says that nobody works on it.
func (s State) Ended() bool { return s.Final() || s.Open() }

// Orders is the table of all orders ever taken in, by release reference: the
// place where an order is accepted once and only once (DESIGN invariant 2), by
// whatever site. One site asks it and works on its own.
type Orders struct {
	*Database

	site, executor string // this daemon
	now            func() time.Time
}

// Orders are the orders as a site sees them; executor is the site's name for the fence
// between sites, which is its own for as long as its state folder lives.
func (d *Database) Orders(site, executor string, now func() time.Time) *Orders {
	return &Orders{Database: d, site: site, executor: executor, now: now}
}

// Entry is one order.
type Entry struct {
	Ref      string
	Attempt  int // 1 for the first drop; an order that comes back counts on
	SHA256   string
	Claim    string
	State    State
	Site     string // who has it or had it
	Executor string
	Stage    string
	Waiting  string // class of the trouble being waited out
	Since    string // RFC 3339
	Extended string // id of the attempt that told of a longer time, "" if none did
}

// ID is the id of the release of this attempt.
func (e Entry) ID() string {
	if e.Attempt == 1 {
		return e.Ref
	}
	return e.Ref + "." + strconv.Itoa(e.Attempt)
}

// SplitID undoes [Entry.ID].
func SplitID(id string) (ref string, attempt int) {
	ref, n, ok := strings.Cut(id, ".")
	if !ok {
		return ref, 1
	}
	attempt, err := strconv.Atoi(n)
	if err != nil {
		return ref, 1
	}
	return ref, attempt
}

// ErrNoOrder says that an order was never taken in.
var ErrNoOrder = sql.ErrNoRows

// ErrTaken says that another site has the order now: this one is fenced off.
var ErrTaken = errors.New("the order was taken over by another site")

// exec runs a statement and returns how many rows it changed.
func (r *Orders) exec(ctx context.Context, query string, args ...any) (int64, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	res, err := r.db.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, r.Scrub(err)
	}
	return res.RowsAffected()
}

func (r *Orders) stamp() string { return r.now().UTC().Format(time.RFC3339) }

// Mine says that this site has an order, or had it last.
func (r *Orders) Mine(e Entry) bool { return e.Executor == r.executor }

// Admit takes in the order unless it was taken in before. It returns the
// order's entry and whether this claim is the one to work on; if not, the
// entry tells what became of the earlier one.
//
// Every step is one statement that succeeds for one site only, whatever the
// isolation of the database.
func (r *Orders) Admit(ctx context.Context, ref, sha, claim string) (e Entry, mine bool, err error) {
	for {
		e = Entry{Ref: ref, Attempt: 1, SHA256: sha, Claim: claim, State: Working, Site: r.site, Executor: r.executor, Since: r.stamp()}
		n, err := r.exec(ctx, `INSERT INTO chartseal_orders (ref, attempt, sha256, claim, state, site, executor, since)
			VALUES ($1,$2,$3,$4,$5,$6,$7,$8) ON CONFLICT (ref) DO NOTHING`,
			e.Ref, e.Attempt, e.SHA256, e.Claim, e.State, e.Site, e.Executor, e.Since)
		if err != nil || n == 1 {
			return e, n == 1, wrap("admit order", err)
		}
		was, err := r.Find(ctx, ref)
		switch {
		case err != nil:
			return was, false, err
		case was.Claim == claim && was.Executor == r.executor:
			return was, true, nil // taken in before a crash
		case !was.State.Open():
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

const entryColumns = `ref, attempt, sha256, claim, state, site, executor, stage, waiting, since, extended`

func (e *Entry) fields() []any {
	return []any{&e.Ref, &e.Attempt, &e.SHA256, &e.Claim, &e.State, &e.Site, &e.Executor, &e.Stage, &e.Waiting, &e.Since, &e.Extended}
}

// Find returns the entry of an order; the error wraps [ErrNoOrder] when
// it was never taken in.
func (r *Orders) Find(ctx context.Context, ref string) (e Entry, err error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	err = r.db.QueryRowContext(ctx, `SELECT `+entryColumns+` FROM chartseal_orders WHERE ref=$1`, ref).Scan(e.fields()...)
	return e, wrap("find order", r.Scrub(err))
}

// Has reports whether this site still has the attempt; ErrTaken if not.
func (r *Orders) Has(ctx context.Context, id string) error {
	ref, attempt := SplitID(id)
	e, err := r.Find(ctx, ref)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return ErrTaken
	case err != nil:
		return err
	case e.Attempt != attempt || e.Executor != r.executor || e.State == Taken:
		return ErrTaken
	}
	return nil
}

// Commit is the point of no return: after it the order counts as sent by this
// site and cannot be taken over, before it this site has done nothing that
// cannot be undone. ErrTaken says that another site was faster. It may be repeated.
func (r *Orders) Commit(ctx context.Context, id string) error {
	ref, attempt := SplitID(id)
	n, err := r.exec(ctx, `UPDATE chartseal_orders SET state=$1, since=$2, stage='record', waiting=''
		WHERE ref=$3 AND attempt=$4 AND executor=$5 AND state=$6`, Recording, r.stamp(), ref, attempt, r.executor, Working)
	if err != nil || n == 1 {
		return wrap("commit order", err)
	}
	e, err := r.Find(ctx, ref)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return ErrTaken
	case err != nil:
		return err
	case e.Attempt == attempt && e.Executor == r.executor && (e.State == Recording || e.State.Final()):
		return nil // committed before a crash
	}
	return ErrTaken
}

// Extend records that the attempt tells of a longer time. It may be repeated; no
// other attempt of the order can do it any more.
func (r *Orders) Extend(ctx context.Context, id string) error {
	ref, attempt := SplitID(id)
	n, err := r.exec(ctx, `UPDATE chartseal_orders SET extended=$1
		WHERE ref=$2 AND attempt=$3 AND executor=$4 AND extended IN ('', $1)`, id, ref, attempt, r.executor)
	if err == nil && n != 1 {
		err = ErrTaken
	}
	return wrap("extend order", err)
}

// Settle records how an attempt ended, unless another site has the order now.
func (r *Orders) Settle(ctx context.Context, id string, end State) error {
	ref, attempt := SplitID(id)
	_, err := r.exec(ctx, `UPDATE chartseal_orders SET state=$1, since=$2, stage='', waiting=''
		WHERE ref=$3 AND attempt=$4 AND executor=$5 AND state IN ('working', 'recording')`, end, r.stamp(), ref, attempt, r.executor)
	return wrap("settle order", err)
}

// Note tells the other sites what an order waits for; "" when it goes on. It is
// news, not state: a failure is for the caller to log.
func (r *Orders) Note(ctx context.Context, id, stage, class, since string) error {
	ctx, cancel := context.WithTimeout(ctx, noteTimeout)
	defer cancel()
	ref, attempt := SplitID(id)
	_, err := r.exec(ctx, `UPDATE chartseal_orders SET stage=$1, waiting=$2, since=$3
		WHERE ref=$4 AND attempt=$5 AND executor=$6 AND state IN ('working', 'recording')`, stage, class, since, ref, attempt, r.executor)
	return wrap("note order", err)
}

const noteTimeout = 3 * time.Second

// UnderWay counts this site's orders that are being worked on.
func (r *Orders) UnderWay(ctx context.Context) (n int, err error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	err = r.db.QueryRowContext(ctx, `SELECT COUNT(*) FROM chartseal_orders WHERE executor=$1 AND state IN ('working', 'recording')`, r.executor).Scan(&n)
	return n, wrap("count orders", r.Scrub(err))
}

// maxListed bounds what a status shows of a shared database.
const maxListed = 10_000

// allQuery reads the newest orders of all sites by indexes: a group has millions.
const allQuery = `SELECT * FROM (SELECT ` + entryColumns + ` FROM chartseal_orders WHERE state IN ('working', 'recording') ORDER BY since DESC LIMIT $1) AS open
	UNION ALL SELECT * FROM (SELECT ` + entryColumns + ` FROM chartseal_orders WHERE state NOT IN ('working', 'recording') ORDER BY since DESC LIMIT $1) AS ended`

// All lists the orders of all sites, those under way first, newest first, 10,000 at most.
func (d *Database) All(ctx context.Context) ([]Entry, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	all, err := d.entries(ctx, allQuery, maxListed)
	slices.SortStableFunc(all, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(b.State.rank(), a.State.rank()), cmp.Compare(b.Since, a.Since))
	})
	return all[:min(len(all), maxListed)], err
}

// rank is 1 for an order that is being worked on.
func (s State) rank() int {
	if s.UnderWay() {
		return 1
	}
	return 0
}

// entries reads the rows of a statement that returns entryColumns.
func (d *Database) entries(ctx context.Context, query string, args ...any) ([]Entry, error) {
	rows, err := d.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, d.Scrub(err)
	}
	defer func() { _ = rows.Close() }()
	var out []Entry
	for rows.Next() {
		var e Entry
		if err := rows.Scan(e.fields()...); err != nil {
			return nil, d.Scrub(err)
		}
		out = append(out, e)
	}
	return out, d.Scrub(rows.Err())
}

// ownQuery reads the orders of one site, by chartseal_orders_executor.
const ownQuery = `SELECT ` + entryColumns + ` FROM chartseal_orders WHERE executor=$1`

// Own are this site's orders by their references.
func (r *Orders) Own(ctx context.Context) (map[string]Entry, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	all, err := r.entries(ctx, ownQuery, r.executor)
	if err != nil {
		return nil, wrap("read orders", err)
	}
	known := make(map[string]Entry, len(all))
	for _, e := range all {
		known[e.Ref] = e
	}
	return known, nil
}

// Working are this site's orders that are [Working].
func (r *Orders) Working(ctx context.Context) ([]Entry, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	all, err := r.entries(ctx, ownQuery+` AND state='working'`, r.executor)
	return all, wrap("read orders", err)
}

// Learn writes an order of this site that the table does not have, or has in an
// earlier state. What another site knows about it stands. It returns 1 if there was
// something to learn.
func (r *Orders) Learn(ctx context.Context, e Entry) (int64, error) {
	n, err := r.exec(ctx, `INSERT INTO chartseal_orders (ref, attempt, sha256, claim, state, site, executor, since)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8)
		ON CONFLICT (ref) DO UPDATE SET attempt=excluded.attempt, sha256=excluded.sha256, claim=excluded.claim, state=excluded.state, since=excluded.since, stage='', waiting=''
		WHERE chartseal_orders.executor=excluded.executor AND (chartseal_orders.attempt<excluded.attempt
			OR chartseal_orders.attempt=excluded.attempt AND chartseal_orders.state IN ('working', 'recording'))`,
		e.Ref, e.Attempt, e.SHA256, e.Claim, e.State, r.site, r.executor, e.Since)
	return n, wrap("learn order", err)
}
