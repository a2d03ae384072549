// Package registry is what the sites of a practice know together: which orders were taken
// in and how they ended, who works at which site, what the brake counts, and the mirror of
// the ledgers. It lies in one database with the rows of the engine: a SQLite file of one
// site alone, or a PostgreSQL that several share. All SQL about it is here.
//
// It knows release references, digests, random names and classes of trouble, never an order
// or a patient (DESIGN invariant 8).
package registry

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"chartseal/config"
)

// Database is where the engine and the registry keep their rows: a SQLite file
// of this site alone, or a PostgreSQL that several sites share. Everything but
// the few words of its dialect is the same SQL.
type Database struct {
	ID     string // random, made with the tables; known once they are brought up to date
	Shared bool   // other sites may use the database too

	db    *sql.DB
	pool  *pgxpool.Pool   // nil on SQLite, as the next two
	alone *pgx.ConnConfig // of a connection outside the pool
	wires *wires
	epoch string // the database's own clock, in seconds since 1970
}

// The clocks of the two, in seconds since 1970.
const (
	sqliteEpoch   = "unixepoch()"
	postgresEpoch = "CAST(EXTRACT(EPOCH FROM now()) AS BIGINT)"
)

// Schemas of a shared database: the engine's tables and ours.
const (
	EngineSchema = "chartseal_engine"
	ownSchema    = "chartseal"
)

// ConnectTimeout bounds the making of a connection; who only looks waits no longer.
const ConnectTimeout = 10 * time.Second

// Bounds of the use of PostgreSQL by one site: maxConns, or as many as pool_max_conns in
// its address says, and one connection that holds the lock (see Seat). The engine listens
// on one of them for as long as it runs (docs/scale.md).
const (
	maxConns     = 6
	fewestConns  = 2
	queryTimeout = 30 * time.Second // of one statement of the registry
)

// OpenSQLite opens the engine's SQLite file with settings that survive a power
// cut: WAL and synchronous=FULL.
func OpenSQLite(file string) (*Database, error) {
	q := url.Values{"_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(5000)", "foreign_keys(1)"}, "_txlock": {"immediate"}}
	db, err := sql.Open("sqlite", sqliteName(file)+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("open engine database: %w", err)
	}
	db.SetMaxOpenConns(4)
	return &Database{db: db, epoch: sqliteEpoch}, nil
}

// sqliteName is a file's name as SQLite reads it (sqlite.org, "Uniform Resource Identifiers"),
// in which # and % have a meaning of their own: a folder may be called Suite #2.
func sqliteName(file string) string {
	return "file:" + (&url.URL{Path: filepath.ToSlash(file)}).EscapedPath()
}

// OpenPostgres makes a small pool for the engine and the registry together. It
// connects with the first query. The error is [config.ErrUnusable] if the address is none.
func OpenPostgres(ctx context.Context, cfg *config.Config, readOnly bool) (*Database, error) {
	c, err := pgxpool.ParseConfig(cfg.Database.Reveal())
	if err != nil { // its text shows parts of the address
		return nil, fmt.Errorf("%w: database: it is not an address PostgreSQL understands", config.ErrUnusable)
	}
	w := &wires{}
	if !strings.Contains(cfg.Database.Reveal(), "pool_max_conns=") { // pgxpool's own would depend on the processors
		c.MaxConns = maxConns
	}
	c.MaxConns = max(c.MaxConns, fewestConns)
	c.MinConns, c.MaxConnIdleTime, c.HealthCheckPeriod = 0, 20*time.Second, 10*time.Second
	tuneConn(c.ConnConfig, cfg.Site, w)
	alone := c.ConnConfig.Copy()
	c.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error { return prepareSession(ctx, conn, readOnly) }
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return nil, Scrub(err)
	}
	return &Database{Shared: true, db: stdlib.OpenDBFromPool(pool), pool: pool, alone: alone, wires: w, epoch: postgresEpoch}, nil
}

// tuneConn makes a dead peer show within a minute instead of hours.
func tuneConn(c *pgx.ConnConfig, site string, w *wires) {
	c.ConnectTimeout = ConnectTimeout
	d := &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 4}}
	c.DialFunc = w.dial(d.DialContext)
	c.RuntimeParams["application_name"] = "chartseal " + site
	c.OnNotice = func(*pgconn.PgConn, *pgconn.Notice) {}
}

// prepareSession points a new connection at our tables and keeps a frozen
// daemon from holding other sites' rows.
func prepareSession(ctx context.Context, conn *pgx.Conn, readOnly bool) error {
	set := "SET search_path TO " + ownSchema + "; SET idle_in_transaction_session_timeout = '60s'; SET lock_timeout = '30s'"
	if readOnly {
		set += "; SET default_transaction_read_only = on"
	}
	_, err := conn.Exec(ctx, set)
	return err
}

// connect opens a connection outside the pool.
func (d *Database) connect(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, d.alone.Copy())
	if err != nil {
		return nil, Scrub(err)
	}
	if err := prepareSession(ctx, conn, false); err != nil {
		return nil, errors.Join(Scrub(err), hangUp(conn))
	}
	return conn, nil
}

func hangUp(conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_ = conn.Close(ctx) // the server drops it in any case
	return nil
}

// Close closes the pool or the file.
func (d *Database) Close() error {
	err := d.db.Close()
	if d.pool != nil {
		d.pool.Close()
	}
	return err
}

// SQL is the database for the engine's own rows.
func (d *Database) SQL() *sql.DB { return d.db }

// Pool is the shared database for the engine's own rows; nil on SQLite.
func (d *Database) Pool() *pgxpool.Pool { return d.pool }

// Cut closes all connections to a shared database; what waits for an answer on one gets an
// error.
func (d *Database) Cut() { d.wires.cut() }

// bounded limits a statement in time: a database that hangs is one that is away.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, queryTimeout)
}

func affected(res sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// ErrAway says that the shared database does not answer.
var ErrAway = errors.New("the shared database cannot be reached; nothing is lost, and orders wait until it is back")

// ErrBusy says that the shared database answers, and that what others do there has kept it
// from this for as long as a daemon waits. Whoever waits out [ErrAway] waits this out as well.
var ErrBusy error = busyError{}

type busyError struct{}

func (busyError) Error() string {
	return "the shared database is busy with orders of other sites; nothing is lost, and orders wait until it is their turn"
}

// Is makes it a kind of [ErrAway].
func (busyError) Is(target error) bool { return target == ErrAway }

// lockNotAvailable is PostgreSQL's code for a lock_timeout that is over (appendix A).
const lockNotAvailable = "55P03"

// Scrub takes out of an error of a shared database what must not reach a
// log: host, user and name of the database. What stays is the kind of failure, most often
// [ErrAway], and PostgreSQL's code (PostgreSQL documentation, appendix A).
func Scrub(err error) error {
	if err == nil || errors.Is(err, sql.ErrNoRows) || errors.Is(err, ErrAway) || errors.Is(err, context.Canceled) {
		return err
	}
	if pe, ok := errors.AsType[*pgconn.PgError](err); ok {
		err := &codeError{pe.Code}
		if err.lasting() {
			return err
		}
		away := ErrAway
		if err.code == lockNotAvailable {
			away = ErrBusy
		}
		return fmt.Errorf("%w (%w)", away, err)
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return ErrAway
	}
	return ErrAway
}

// Scrub is [Scrub] on a shared database; errors of the embedded one name
// nothing.
func (d *Database) Scrub(err error) error {
	if !d.Shared {
		return err
	}
	return Scrub(err)
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// codeError is a PostgreSQL error code without its text.
type codeError struct{ code string }

func (e *codeError) Error() string { return "database: code " + e.code + e.hint() }

// lasting tells errors that do not go away by waiting: wrong password, missing
// database, missing rights, missing tables.
func (e *codeError) lasting() bool {
	switch {
	case strings.HasPrefix(e.code, "28"), strings.HasPrefix(e.code, "42"), strings.HasPrefix(e.code, "0A"),
		strings.HasPrefix(e.code, "22"), strings.HasPrefix(e.code, "23"), e.code == "3D000":
		return true
	}
	return false
}

func (e *codeError) hint() string {
	switch e.code {
	case "28P01", "28000":
		return ", the user or the password is refused"
	case "3D000":
		return ", there is no database of this name"
	case "42501":
		return ", the user may not make or change the tables; give it CREATE on the database"
	case "42P01", "3F000":
		return ", the tables are not there yet; start chartseal once"
	case "53300":
		return ", too many connections"
	}
	return ""
}

// wires knows the open connections, so that they can be cut when the server is
// frozen: the engine's own calls have no time limit.
type wires struct {
	mu   sync.Mutex
	open map[net.Conn]struct{}
}

type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

func (w *wires) dial(next dialFunc) dialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := next(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.open == nil {
			w.open = map[net.Conn]struct{}{}
		}
		k := &wire{Conn: c, from: w}
		w.open[k] = struct{}{}
		return k, nil
	}
}

func (w *wires) cut() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.open {
		_ = c.(*wire).Conn.Close()
	}
	w.open = nil
}

type wire struct {
	net.Conn
	from *wires
}

// Close forgets the connection.
func (c *wire) Close() error {
	c.from.mu.Lock()
	delete(c.from.open, c)
	c.from.mu.Unlock()
	return c.Conn.Close()
}
