package registry

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// Seat is a site's place at a shared database: its name in the table of sites
// and an advisory lock on its executor, held by a connection of its own for as
// long as the daemon runs. Who holds the lock is alive; who lost it must take
// its work up anew, because the engine may have lost track of some of it.
type Seat struct {
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

// TakeSeat locks the executor and registers the site with the program's version. On the
// embedded database the lock on the state folder is enough. The error may be [ErrSiteTaken]
// or [ErrSiteRunning], the latter after up to 90 seconds.
func (d *Database) TakeSeat(ctx context.Context, site, executor, version string) (*Seat, error) {
	s := &Seat{executor: executor, site: site, stop: func() {}}
	if d.Shared {
		if err := s.lock(ctx, d); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	if err := s.register(ctx, d, version); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// lock takes the advisory lock of the executor.
func (s *Seat) lock(ctx context.Context, d *Database) (err error) {
	if s.conn, err = d.connect(ctx); err != nil {
		return err
	}
	_, err = s.conn.Exec(ctx, "SET tcp_keepalives_idle = 20; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 4")
	if err != nil {
		return Scrub(err)
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
			return Scrub(err)
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
func (s *Seat) sign(ctx context.Context) error {
	return Scrub(s.conn.QueryRow(ctx, `SELECT pg_backend_pid() FROM set_config('chartseal.seat', $1, false)`, s.executor).Scan(&s.pid))
}

// seen is when the executor was last alive, in seconds of the database's clock.
func (s *Seat) seen(ctx context.Context) (sec int64, err error) {
	err = s.conn.QueryRow(ctx, `SELECT COALESCE(MAX(seen_at), 0) FROM chartseal_sites WHERE executor=$1`, s.executor).Scan(&sec)
	return sec, Scrub(err)
}

// lockKey is the advisory lock of an executor.
func lockKey(executor string) int64 {
	sum := sha256.Sum256([]byte("chartseal executor " + executor))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// register writes the site's row. A name that belongs to another executor is
// refused, unless that one was taken over or the database is of this site alone. A
// site that was renamed takes its orders along.
func (s *Seat) register(ctx context.Context, d *Database, version string) (err error) {
	defer func() {
		if err != nil && !errors.Is(err, ErrSiteTaken) {
			err = fmt.Errorf("register site: %w", d.Scrub(err))
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
		WHERE chartseal_sites.executor IN (excluded.executor, '') OR $4`, s.site, s.executor, version, !d.Shared))
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
	if !d.Shared { // rows of versions that knew no sites, or of a lost executor file
		if _, err := tx.ExecContext(ctx, `UPDATE chartseal_orders SET executor=$1, site=$2 WHERE executor<>$1`, s.executor, s.site); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// Keep beats until the seat is given up; lost is called once when the lock, or
// the name, is no longer ours, or with the error of ask, which is asked at every beat.
func (s *Seat) Keep(ctx context.Context, lost func(error), ask func(context.Context) error) {
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

func (s *Seat) beatAndAsk(ctx context.Context, ask func(context.Context) error) error {
	if err := s.rest(ctx); err != nil {
		return err
	}
	if err := s.beatOnce(ctx); err != nil {
		return err
	}
	return ask(ctx)
}

// askAlone only asks: no other site can take this one's place.
func askAlone(ctx context.Context, ask func(context.Context) error) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(beatAlone):
	}
	return ask(ctx)
}

// rest waits for the next beat. Waiting for a notification, which never comes,
// it notices at once when the server closes the connection.
func (s *Seat) rest(ctx context.Context) error {
	wait, cancel := context.WithTimeout(ctx, beat)
	defer cancel()
	_, err := s.conn.WaitForNotification(wait)
	if err == nil || wait.Err() != nil {
		return ctx.Err()
	}
	return Scrub(err)
}

// lookAtLocks is how often a beat looks for the lock itself. The server goes through the
// locks of all sites then, and keeps everybody from taking one.
const lookAtLocks = 60

// beatOnce refreshes seen_at if the lock is still held by this very session; a
// pooler between us and the server may have given it to somebody else.
func (s *Seat) beatOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*beat)
	defer cancel()
	query, args := beatQuery, []any{s.site, s.executor, s.pid}
	if s.beats++; s.beats%lookAtLocks == 1 {
		query, args = beatQuery+` AND EXISTS (SELECT 1 FROM pg_locks WHERE locktype='advisory' AND pid=pg_backend_pid() AND granted AND `+isLock("$4")+`)`, append(args, lockKey(s.executor))
	}
	tag, err := s.conn.Exec(ctx, query, args...)
	if err != nil {
		return Scrub(err)
	}
	if tag.RowsAffected() == 0 {
		return ErrSiteTaken
	}
	return nil
}

const beatQuery = `UPDATE chartseal_sites SET seen_at=` + postgresEpoch + `
	WHERE site=$1 AND executor=$2 AND pg_backend_pid()=$3 AND current_setting('chartseal.seat', true)=$2`

// isLock is the condition under which a row of pg_locks is the advisory lock of
// a bigint key (PostgreSQL documentation, pg_locks).
func isLock(arg string) string {
	return `database=(SELECT oid FROM pg_database WHERE datname=current_database())
		AND classid::bigint=((` + arg + `::bigint >> 32) & 4294967295) AND objid::bigint=(` + arg + `::bigint & 4294967295) AND objsubid=1`
}

// Close gives up the seat.
func (s *Seat) Close() error {
	s.stop()
	s.done.Wait()
	if s.conn == nil {
		return nil
	}
	return hangUp(s.conn)
}
