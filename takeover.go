package chartseal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"chartseal/config"
	"chartseal/watch"
)

// Site is one daemon on a shared database.
type Site struct {
	Site      string    `json:"site"`
	Running   bool      `json:"running"` // holds its lock right now
	Seen      time.Time `json:"seen"`
	Version   string    `json:"version"`
	Working   int       `json:"working"`   // orders that another site could take over
	Recording int       `json:"recording"` // orders that only this site can finish
	Own       bool      `json:"own,omitempty"`

	executor string
}

// Errors of the commands about sites.
var (
	ErrOneSite     = errors.New("this practice has no shared database: 'database:' in chartseal.yaml is empty")
	ErrNoSite      = errors.New("there is no site of this name on the shared database")
	ErrOwnSite     = errors.New("this is the site of this very configuration; start it instead")
	ErrSiteIsAlive = errors.New("it is running; stop it there first")
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

// Sites lists the daemons on the shared database.
func Sites(ctx context.Context, cfg *config.Config) (sites []Site, err error) {
	d, err := openShared(ctx, cfg, true)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return d.sites(ctx, cfg)
}

func openShared(ctx context.Context, cfg *config.Config, readOnly bool) (*database, error) {
	if cfg.Database.Reveal() == "" {
		return nil, ErrOneSite
	}
	return openPostgres(ctx, cfg, readOnly)
}

func (d *database) sites(ctx context.Context, cfg *config.Config) ([]Site, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	rows, err := d.db.QueryContext(ctx, `SELECT s.site, s.executor, s.seen_at, s.version,
			COUNT(CASE WHEN o.state='working' THEN 1 END), COUNT(CASE WHEN o.state='recording' THEN 1 END)
		FROM chartseal_sites s LEFT JOIN chartseal_orders o ON o.executor=s.executor AND s.executor<>'' AND o.state IN ('working', 'recording')
		GROUP BY s.site, s.executor, s.seen_at, s.version ORDER BY s.site`)
	if err != nil {
		return nil, d.fail(err)
	}
	defer func() { _ = rows.Close() }()
	var out []Site
	for rows.Next() {
		var s Site
		var seen int64
		if err := rows.Scan(&s.Site, &s.executor, &seen, &s.Version, &s.Working, &s.Recording); err != nil {
			return nil, d.fail(err)
		}
		s.Seen, s.Own = time.Unix(seen, 0), s.Site == cfg.Site
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		return nil, d.fail(err)
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

// held are the advisory locks of this database, in one look, for the server goes through
// all locks at each.
func (d *database) held(ctx context.Context) (map[int64]bool, error) {
	rows, err := d.db.QueryContext(ctx, `SELECT classid::bigint << 32 | objid::bigint FROM pg_locks
		WHERE locktype='advisory' AND granted AND objsubid=1 AND database=(SELECT oid FROM pg_database WHERE datname=current_database())`)
	if err != nil {
		return nil, d.fail(err)
	}
	defer func() { _ = rows.Close() }()
	held := map[int64]bool{}
	for rows.Next() {
		var key int64
		if err := rows.Scan(&key); err != nil {
			return nil, d.fail(err)
		}
		held[key] = true
	}
	return held, d.fail(rows.Err())
}

// holds reports whether the executor's lock is held; it looks, and does not try
// to take it, so that it never stands in the way of a daemon that starts.
func (d *database) holds(ctx context.Context, executor string) (held bool, err error) {
	if executor == "" {
		return false, nil
	}
	err = d.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype='advisory' AND granted AND `+isLock("$1")+`)`, lockKey(executor)).Scan(&held)
	return held, d.fail(err)
}

// Takeover is what came of taking over a site. Releases are named by their
// references.
type Takeover struct {
	Moved     []string `json:"moved"`      // free to be dropped again anywhere
	Recording []string `json:"recording"`  // stay: sent or not, only the site's own state folder can tell
	GivenBack int      `json:"given_back"` // order files put back into this outbox, which the dead site shared
}

// TakeOver frees the orders of a site that will not come back by itself, so
// that they can be dropped again at any other. Should the site come back all the
// same, it finds them gone before it has shown a link and sends nothing.
//
// It is refused while the site runs, and with a [SeenLatelyError] when it was
// seen lately unless force is set. It may be repeated.
func TakeOver(ctx context.Context, cfg *config.Config, site string, force bool, log *slog.Logger) (t *Takeover, err error) {
	d, err := openShared(ctx, cfg, false)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	executor, err := d.dead(ctx, cfg, site, force)
	if err != nil {
		return nil, err
	}
	t = &Takeover{Moved: []string{}, Recording: []string{}}
	if executor == "" {
		return t, nil // taken over before
	}
	hold, err := d.barLock(ctx, cfg, executor)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, hangUp(hold)) }()
	stay, err := d.moveOrders(ctx, executor, t)
	if err != nil {
		return nil, err
	}
	if t.GivenBack, err = giveBack(ctx, cfg, executor, stay); err != nil {
		return nil, err
	}
	if len(t.Recording) == 0 { // a new computer may use the name
		ctx, cancel := bounded(ctx)
		defer cancel()
		if _, err := d.db.ExecContext(ctx, `UPDATE chartseal_sites SET executor='' WHERE site=$1 AND executor=$2`, site, executor); err != nil {
			return nil, d.fail(err)
		}
	}
	for _, id := range t.Moved {
		log.Info("taken over", slog.String("release", id), slog.String("stage", "takeover"))
	}
	return t, nil
}

// dead finds the executor of a site that may be taken over.
func (d *database) dead(ctx context.Context, cfg *config.Config, site string, force bool) (executor string, err error) {
	if site == cfg.Site {
		return "", ErrOwnSite
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	var away int64
	err = d.db.QueryRowContext(ctx, `SELECT executor, `+d.epoch+` - seen_at FROM chartseal_sites WHERE site=$1`, site).Scan(&executor, &away)
	if errors.Is(err, sql.ErrNoRows) {
		return "", ErrNoSite
	}
	if err != nil {
		return "", d.fail(err)
	}
	running, err := d.holds(ctx, executor)
	switch ago := time.Duration(away) * time.Second; {
	case err != nil:
		return "", err
	case running:
		return "", ErrSiteIsAlive
	case executor != "" && ago < lately && !force:
		return "", &SeenLatelyError{ago}
	}
	return executor, nil
}

// barLock takes the dead site's lock, so that it cannot start meanwhile.
func (d *database) barLock(ctx context.Context, cfg *config.Config, executor string) (*pgx.Conn, error) {
	conn, err := connect(ctx, cfg, d.wires)
	if err != nil {
		return nil, err
	}
	var got bool
	err = databaseError(conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, lockKey(executor)).Scan(&got))
	if err == nil && !got {
		err = ErrSiteIsAlive
	}
	if err != nil {
		return nil, errors.Join(err, hangUp(conn))
	}
	return conn, nil
}

// moveOrders frees the orders that the site has not committed to, in one
// statement, and returns the claims of those that must stay.
func (d *database) moveOrders(ctx context.Context, executor string, t *Takeover) (stay map[string]bool, err error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	moved, err := d.entries(ctx, `UPDATE chartseal_orders SET state='taken', stage='', waiting='' WHERE executor=$1 AND state='working' RETURNING `+entryColumns, executor)
	if err != nil {
		return nil, err
	}
	for _, e := range moved {
		t.Moved = append(t.Moved, e.id())
	}
	left, err := d.entries(ctx, `SELECT `+entryColumns+` FROM chartseal_orders WHERE executor=$1 AND state='recording'`, executor)
	if err != nil {
		return nil, err
	}
	stay = map[string]bool{}
	for _, e := range left {
		t.Recording = append(t.Recording, e.id())
		stay[e.Claim] = true
	}
	return stay, nil
}

// giveBack puts what the site had claimed in this outbox, if both share it, back
// for whoever works there now.
func giveBack(ctx context.Context, cfg *config.Config, executor string, stay map[string]bool) (int, error) {
	box, err := watch.Open(cfg.Outbox, watch.Options{})
	if err != nil {
		return 0, err
	}
	n, err := box.GiveBack(ctx, executor, func(claim string) bool { return stay[claim] })
	return n, errors.Join(err, box.Close())
}

// executorOf reads the executor of a state folder; "" if it has none yet.
func executorOf(dir string) string {
	b, err := os.ReadFile((&state{dir: dir}).path("executor"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// AdoptOutbox makes the outbox this practice's own, although it belonged to a
// daemon that is gone for good (from, as [watch.OwnedError] names it), or although
// its folder was replaced (from is empty). The daemon must not be running.
func AdoptOutbox(cfg *config.Config, from string) (err error) {
	s, err := openState(cfg.State)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if from == "" {
		return watch.Adopt(cfg.Outbox, watch.Options{Memory: s.path(outboxMemory)})
	}
	p := &Practice{cfg: cfg, state: s}
	me, err := p.executor()
	if err != nil {
		return err
	}
	return watch.TakeOver(cfg.Outbox, watch.Options{Owner: me}, from)
}
