package registry

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Site is one daemon at a shared database.
type Site struct {
	Name      string
	Running   bool // holds its lock right now
	Seen      time.Time
	Version   string // of its program
	Working   int    // orders that another site could take over
	Recording int    // orders that only this site can finish

	executor string
}

// Errors of who would take a site over.
var (
	ErrNoSite    = errors.New("there is no site of this name on the shared database")
	ErrSiteAlive = errors.New("it is running; stop it there first")
)

// SeenLatelyError says that a site was alive so short a time ago that it may only
// be restarting, or cut off from the database while it goes on.
type SeenLatelyError struct{ Ago time.Duration }

func (e *SeenLatelyError) Error() string {
	return fmt.Sprintf("it was running %s ago and may come back; wait until it has been away for %s, or make sure that it is off and say so with --yes",
		e.Ago.Round(time.Second), lately)
}

// lately is how long a site must have been away to be taken over without more ado.
const lately = 10 * time.Minute

// Sites lists the daemons at a shared database by their names.
func (d *Database) Sites(ctx context.Context) ([]Site, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	rows, err := d.db.QueryContext(ctx, `SELECT s.site, s.executor, s.seen_at, s.version,
			COUNT(CASE WHEN o.state='working' THEN 1 END), COUNT(CASE WHEN o.state='recording' THEN 1 END)
		FROM chartseal_sites s LEFT JOIN chartseal_orders o ON o.executor=s.executor AND s.executor<>'' AND o.state IN ('working', 'recording')
		GROUP BY s.site, s.executor, s.seen_at, s.version ORDER BY s.site`)
	if err != nil {
		return nil, d.Scrub(err)
	}
	defer func() { _ = rows.Close() }()
	var out []Site
	for rows.Next() {
		var s Site
		var seen int64
		if err := rows.Scan(&s.Name, &s.executor, &seen, &s.Version, &s.Working, &s.Recording); err != nil {
			return nil, d.Scrub(err)
		}
		s.Seen = time.Unix(seen, 0)
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		return nil, d.Scrub(err)
	}
	held, err := d.held(ctx)
	if err != nil {
		return nil, err
	}
	for i := range out {
		out[i].Running = out[i].executor != "" && held[lockKey(out[i].executor)]
	}
	return out, nil
}

// SiteNames are the sites that work at the database.
func (d *Database) SiteNames(ctx context.Context) (out []string, err error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	rows, err := d.db.QueryContext(ctx, `SELECT site FROM chartseal_sites ORDER BY site`)
	if err != nil {
		return nil, d.Scrub(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var site string
		if err := rows.Scan(&site); err != nil {
			return nil, d.Scrub(err)
		}
		out = append(out, site)
	}
	return out, d.Scrub(rows.Err())
}

// held are the advisory locks of this database, in one look, for the server goes through
// all locks at each.
func (d *Database) held(ctx context.Context) (map[int64]bool, error) {
	rows, err := d.db.QueryContext(ctx, `SELECT classid::bigint << 32 | objid::bigint FROM pg_locks
		WHERE locktype='advisory' AND granted AND objsubid=1 AND database=(SELECT oid FROM pg_database WHERE datname=current_database())`)
	if err != nil {
		return nil, d.Scrub(err)
	}
	defer func() { _ = rows.Close() }()
	held := map[int64]bool{}
	for rows.Next() {
		var key int64
		if err := rows.Scan(&key); err != nil {
			return nil, d.Scrub(err)
		}
		held[key] = true
	}
	return held, d.Scrub(rows.Err())
}

// holds reports whether the executor's lock is held; it looks, and does not try
// to take it, so that it never stands in the way of a daemon that starts.
func (d *Database) holds(ctx context.Context, executor string) (held bool, err error) {
	if executor == "" {
		return false, nil
	}
	err = d.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype='advisory' AND granted AND `+isLock("$1")+`)`, lockKey(executor)).Scan(&held)
	return held, d.Scrub(err)
}

// Dead finds the executor of a site that may be taken over; "" if it was before. The error
// is [ErrNoSite], [ErrSiteAlive], or a [*SeenLatelyError] unless force is set.
func (d *Database) Dead(ctx context.Context, site string, force bool) (executor string, err error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	var away int64
	err = d.db.QueryRowContext(ctx, `SELECT executor, `+d.epoch+` - seen_at FROM chartseal_sites WHERE site=$1`, site).Scan(&executor, &away)
	if errors.Is(err, sql.ErrNoRows) {
		return "", ErrNoSite
	}
	if err != nil {
		return "", d.Scrub(err)
	}
	running, err := d.holds(ctx, executor)
	switch ago := time.Duration(away) * time.Second; {
	case err != nil:
		return "", err
	case running:
		return "", ErrSiteAlive
	case executor != "" && ago < lately && !force:
		return "", &SeenLatelyError{ago}
	}
	return executor, nil
}

// Bar takes a dead site's lock, so that it cannot start until it is let go. The error is
// [ErrSiteAlive] if it has started.
func (d *Database) Bar(ctx context.Context, executor string) (letGo func() error, err error) {
	conn, err := d.connect(ctx)
	if err != nil {
		return nil, err
	}
	var got bool
	err = Scrub(conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, lockKey(executor)).Scan(&got))
	if err == nil && !got {
		err = ErrSiteAlive
	}
	if err != nil {
		return nil, errors.Join(err, hangUp(conn))
	}
	return func() error { return hangUp(conn) }, nil
}

// TakeOrders frees the orders of a site that it has not committed to, in one
// statement, and returns them and those that must stay. It may be repeated.
func (d *Database) TakeOrders(ctx context.Context, executor string) (moved, stay []Entry, err error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	moved, err = d.entries(ctx, `UPDATE chartseal_orders SET state='taken', stage='', waiting='' WHERE executor=$1 AND state='working' RETURNING `+entryColumns, executor)
	if err != nil {
		return nil, nil, err
	}
	stay, err = d.entries(ctx, ownQuery+` AND state='recording'`, executor)
	return moved, stay, err
}

// FreeName lets a new computer take the name of a site.
func (d *Database) FreeName(ctx context.Context, site, executor string) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	_, err := d.db.ExecContext(ctx, `UPDATE chartseal_sites SET executor='' WHERE site=$1 AND executor=$2`, site, executor)
	return d.Scrub(err)
}
