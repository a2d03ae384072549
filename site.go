package chartseal

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"chartseal/config"
)

// seat is a site's place at a shared database: its name in the table of sites
// and an advisory lock on its executor, held by a connection of its own for as
// long as the daemon runs. Who holds the lock is alive; who lost it must take
// its work up anew, because the engine may have lost track of some of it.
type seat struct {
	conn     *pgx.Conn
	executor string
	site     string
	pid      int64 // the server's process that holds the lock
	beats    int
	stop     context.CancelFunc
	done     sync.WaitGroup
}

// The beat of a site. A daemon whose machine lost its power leaves a lock that
// the server drops when its keep-alive probes stay without an answer (see lock): a
// new start waits for that, unless the site is seen to be alive.
const (
	beat      = 5 * time.Second
	beatAlone = time.Minute // on the embedded database
	lockWait  = 90 * time.Second
)

// Errors of a site that cannot take its place; they are for the administrator.
var (
	ErrSiteTaken   = errors.New("another daemon already works under this site name on the shared database. Give each its own 'site:' in chartseal.yaml; if this computer replaces the other one, run 'chartseal site takeover' for the name from another site first, or restore the old state folder here")
	ErrSiteRunning = errors.New("another chartseal with a copy of this state folder is running on the shared database. Two of them would send orders twice: stop one, and give it a state folder of its own")
)

// takeSeat locks the executor and registers the site. On the embedded database
// the lock on the state folder is enough.
func takeSeat(ctx context.Context, d *database, cfg *config.Config, executor, version string) (*seat, error) {
	s := &seat{executor: executor, site: cfg.Site, stop: func() {}}
	if d.shared {
		if err := s.lock(ctx, d, cfg); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	if err := s.register(ctx, d, version); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// lock takes the advisory lock of the executor.
func (s *seat) lock(ctx context.Context, d *database, cfg *config.Config) (err error) {
	if s.conn, err = connect(ctx, cfg, d.wires); err != nil {
		return err
	}
	_, err = s.conn.Exec(ctx, "SET tcp_keepalives_idle = 20; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 4")
	if err != nil {
		return databaseError(err)
	}
	first, err := s.seen(ctx)
	if err != nil {
		return err
	}
	deadline := time.NewTimer(lockWait)
	defer deadline.Stop()
	for {
		var got bool
		if err := s.conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, lockKey(s.executor)).Scan(&got); err != nil {
			return databaseError(err)
		}
		if got {
			return s.sign(ctx)
		}
		now, err := s.seen(ctx)
		if err != nil {
			return err
		}
		if now > first { // somebody else's heart beats
			return ErrSiteRunning
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return ErrSiteRunning
		case <-time.After(time.Second):
		}
	}
}

// sign marks the session that holds the lock. Who is given another one, or this one after
// it was reset, does not find the mark.
func (s *seat) sign(ctx context.Context) error {
	return databaseError(s.conn.QueryRow(ctx, `SELECT pg_backend_pid() FROM set_config('chartseal.seat', $1, false)`, s.executor).Scan(&s.pid))
}

// unpooled makes sure that a session at the shared database is ours alone: with
// a pooler that shares it, the lock would hold nothing.
func (d *database) unpooled(ctx context.Context, cfg *config.Config) error {
	if !d.shared {
		return nil
	}
	one, err := connect(ctx, cfg, d.wires)
	if err != nil {
		return err
	}
	defer func() { _ = hangUp(one) }()
	two, err := connect(ctx, cfg, d.wires)
	if err != nil {
		return err
	}
	defer func() { _ = hangUp(two) }()
	if _, err = examineServer(ctx, one, two); errors.Is(err, ErrPooled) {
		return err
	}
	return databaseError(err)
}

// connect opens a connection outside the pool.
func connect(ctx context.Context, cfg *config.Config, w *wires) (*pgx.Conn, error) {
	c, err := pgx.ParseConfig(cfg.Database.Reveal())
	if err != nil { // its text shows parts of the address
		return nil, fmt.Errorf("%w: database: it is not an address PostgreSQL understands", ErrConfig)
	}
	maps.DeleteFunc(c.RuntimeParams, func(name, _ string) bool { return strings.HasPrefix(name, "pool_") }) // the pool's (pgxpool.ParseConfig)
	tuneConn(c, cfg.Site, w)
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return nil, databaseError(err)
	}
	if err := prepareSession(ctx, conn, false); err != nil {
		return nil, errors.Join(databaseError(err), hangUp(conn))
	}
	return conn, nil
}

func hangUp(conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_ = conn.Close(ctx) // the server drops it in any case
	return nil
}

// seen is when the executor was last alive, in seconds of the database's clock.
func (s *seat) seen(ctx context.Context) (sec int64, err error) {
	err = s.conn.QueryRow(ctx, `SELECT COALESCE(MAX(seen_at), 0) FROM chartseal_sites WHERE executor=$1`, s.executor).Scan(&sec)
	return sec, databaseError(err)
}

// lockKey is the advisory lock of an executor.
func lockKey(executor string) int64 {
	sum := sha256.Sum256([]byte("chartseal executor " + executor))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// register writes the site's row. A name that belongs to another executor is
// refused, unless that one was taken over or the database is of this site alone. A
// site that was renamed takes its orders along.
func (s *seat) register(ctx context.Context, d *database, version string) (err error) {
	defer func() {
		if err != nil && !errors.Is(err, ErrSiteTaken) {
			err = fmt.Errorf("register site: %w", d.fail(err))
		}
	}()
	ctx, cancel := bounded(ctx)
	defer cancel()
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	n, err := affected(tx.ExecContext(ctx, `INSERT INTO chartseal_sites (site, executor, seen_at, version) VALUES ($1, $2, `+d.epoch+`, $3)
		ON CONFLICT (site) DO UPDATE SET executor=excluded.executor, seen_at=excluded.seen_at, version=excluded.version
		WHERE chartseal_sites.executor IN (excluded.executor, '') OR $4`, s.site, s.executor, version, !d.shared))
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrSiteTaken
	}
	for _, q := range []string{
		`DELETE FROM chartseal_sites WHERE executor=$1 AND site<>$2`,
		`UPDATE chartseal_orders SET site=$2 WHERE executor=$1 AND site<>$2`,
	} {
		if _, err := tx.ExecContext(ctx, q, s.executor, s.site); err != nil {
			return err
		}
	}
	if !d.shared { // rows of versions that knew no sites, or of a lost executor file
		if _, err := tx.ExecContext(ctx, `UPDATE chartseal_orders SET executor=$1, site=$2 WHERE executor<>$1`, s.executor, s.site); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func affected(res sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// keep beats until the seat is given up; lost is called once when the lock, or
// the name, is no longer ours, or when ask finds that the engine lost track.
func (s *seat) keep(ctx context.Context, lost func(error), ask func(context.Context) error) {
	ctx, s.stop = context.WithCancel(ctx)
	next := s.beatAndAsk
	if s.conn == nil { // the embedded database
		next = askAlone
	}
	s.done.Go(func() {
		for {
			err := next(ctx, ask)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				lost(err)
				return
			}
		}
	})
}

func (s *seat) beatAndAsk(ctx context.Context, ask func(context.Context) error) error {
	if err := s.rest(ctx); err != nil {
		return err
	}
	if err := s.beatOnce(ctx); err != nil {
		return err
	}
	return ask(ctx)
}

// askAlone only asks: no other site can take this one's place. An answer that cannot be had
// is no news.
func askAlone(ctx context.Context, ask func(context.Context) error) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(beatAlone):
	}
	if err := ask(ctx); errors.Is(err, ErrEngine) {
		return err
	}
	return nil
}

// rest waits for the next beat. Waiting for a notification, which never comes,
// it notices at once when the server closes the connection.
func (s *seat) rest(ctx context.Context) error {
	wait, cancel := context.WithTimeout(ctx, beat)
	defer cancel()
	_, err := s.conn.WaitForNotification(wait)
	if err == nil || wait.Err() != nil {
		return ctx.Err()
	}
	return databaseError(err)
}

// lookAtLocks is how often a beat looks for the lock itself. The server goes through the
// locks of all sites then, and keeps everybody from taking one.
const lookAtLocks = 60

// beatOnce refreshes seen_at if the lock is still held by this very session; a
// pooler between us and the server may have given it to somebody else.
func (s *seat) beatOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*beat)
	defer cancel()
	query, args := beatQuery, []any{s.site, s.executor, s.pid}
	if s.beats++; s.beats%lookAtLocks == 1 {
		query, args = beatQuery+` AND EXISTS (SELECT 1 FROM pg_locks WHERE locktype='advisory' AND pid=pg_backend_pid() AND granted AND `+isLock("$4")+`)`, append(args, lockKey(s.executor))
	}
	tag, err := s.conn.Exec(ctx, query, args...)
	if err != nil {
		return databaseError(err)
	}
	if tag.RowsAffected() == 0 {
		return ErrSiteTaken
	}
	return nil
}

var beatQuery = `UPDATE chartseal_sites SET seen_at=` + postgresDialect.epoch + `
	WHERE site=$1 AND executor=$2 AND pg_backend_pid()=$3 AND current_setting('chartseal.seat', true)=$2`

// isLock is the condition under which a row of pg_locks is the advisory lock of
// a bigint key (PostgreSQL documentation, pg_locks).
func isLock(arg string) string {
	return `database=(SELECT oid FROM pg_database WHERE datname=current_database())
		AND classid::bigint=((` + arg + `::bigint >> 32) & 4294967295) AND objid::bigint=(` + arg + `::bigint & 4294967295) AND objsubid=1`
}

// close gives up the seat.
func (s *seat) close() error {
	s.stop()
	s.done.Wait()
	if s.conn == nil {
		return nil
	}
	return hangUp(s.conn)
}
