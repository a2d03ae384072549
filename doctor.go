package chartseal

import (
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"runtime"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"chartseal/config"
	"chartseal/transport"
)

type finder = func(check string, level transport.Level, format string, args ...any)

// oldestPostgres is the oldest major version that is still looked after by its
// makers (postgresql.org, versioning policy, November 2026).
const oldestPostgres = 14

// examineDatabase looks at a shared database: whether it answers, how old it
// is, whether the way to it is protected and a pooler on it does no harm.
func examineDatabase(ctx context.Context, cfg *config.Config, add finder) {
	if cfg.Database.Reveal() == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	examineAddress(cfg, add)
	one, err := connect(ctx, cfg, &wires{})
	if err != nil {
		add("database", transport.Problem, "The shared database cannot be used: %v", err)
		return
	}
	defer func() { _ = hangUp(one) }()
	two, err := connect(ctx, cfg, &wires{})
	if err != nil {
		add("database", transport.Problem, "The shared database allows one connection only; a site needs %d: %v", maxConns+1, err)
		return
	}
	defer func() { _ = hangUp(two) }()
	version, err := examineServer(ctx, one, two)
	switch {
	case errors.Is(err, ErrPooled):
		add("database", transport.Problem, "The shared database cannot be used: %v.", ErrPooled)
	case err != nil:
		add("database", transport.Problem, "The shared database cannot be used: %v", databaseError(err))
	case version/10000 < oldestPostgres:
		add("database", transport.Warning, "PostgreSQL %d is no longer looked after by its makers; use %d or newer.", version/10000, oldestPostgres)
	default:
		add("database", transport.OK, "The shared database answers (PostgreSQL %d), and its locks hold.", version/10000)
	}
}

// ErrPooled says that several sessions share one connection to the server.
var ErrPooled = errors.New("a connection pooler before it shares one server connection among several sessions (transaction pooling), and locks do not work through it; connect to PostgreSQL itself, or set the pooler to session pooling")

// throughPooler is how often sessions are tried that a pooler answers: one that serves many
// gives the same session the same connection now and then. One try in five was seen to miss
// it.
const throughPooler = 12

// examineServer tells the version of the server, in PostgreSQL's own numbers, and whether
// two sessions at it are what they seem: ErrPooled if not.
func examineServer(ctx context.Context, one, two *pgx.Conn) (version int, err error) {
	var pid uint32
	if err := one.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, pg_backend_pid()`, plain).Scan(&version, &pid); err != nil {
		return 0, err
	}
	tries := 1
	if pid != one.PgConn().PID() { // the one that the connection began with is the pooler's
		tries = throughPooler
	}
	for range tries {
		if err := ownSessions(ctx, one, two); err != nil {
			return 0, err
		}
	}
	return version, nil
}

// plain keeps from prepared statements, which behind a pooler would fail in their own way.
const plain = pgx.QueryExecModeSimpleProtocol

// ownSessions makes sure that a session keeps its connection and its locks while another
// one is in a transaction.
func ownSessions(ctx context.Context, one, two *pgx.Conn) error {
	const key = int64(migrateLock + 1)
	var pid, again, other int
	var got, released, gotOther bool
	if err := one.QueryRow(ctx, `SELECT pg_backend_pid(), pg_try_advisory_lock($1)`, plain, key).Scan(&pid, &got); err != nil {
		return err
	}
	tx, err := two.Begin(ctx)
	if pe, ok := errors.AsType[*pgconn.PgError](err); ok && pe.Code == "08P01" { // PgBouncer's answer in statement mode
		return ErrPooled
	}
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if err := tx.QueryRow(ctx, `SELECT pg_backend_pid(), pg_try_advisory_xact_lock($1)`, plain, key).Scan(&other, &gotOther); err != nil {
		return err
	}
	if err := one.QueryRow(ctx, `SELECT pg_backend_pid(), pg_advisory_unlock($1)`, plain, key).Scan(&again, &released); err != nil {
		return err
	}
	if pid == other || pid != again || got != released || got && gotOther {
		return ErrPooled
	}
	return nil
}

// examineAddress judges the address itself. Nothing of it is shown.
func examineAddress(cfg *config.Config, add finder) {
	c, err := pgx.ParseConfig(cfg.Database.Reveal())
	if err != nil {
		return // reported when it is used
	}
	u, err := url.Parse(cfg.Database.Reveal())
	if err != nil {
		return
	}
	if mode := u.Query().Get("sslmode"); mode != "verify-full" && !near(c.Host) {
		add("database", transport.Warning, "The connection to the shared database does not make sure that it talks to the right server: add sslmode=verify-full to its address.")
	}
	if _, set := u.User.Password(); !set || runtime.GOOS == "windows" {
		return
	}
	if info, err := os.Stat(cfg.File); err == nil && info.Mode().Perm()&0o007 != 0 {
		add("database", transport.Warning, "Everybody on this computer can read the database's password in the configuration: chmod o-rwx it, or keep the password in a PostgreSQL password file (PGPASSFILE).")
	}
}

// near reports whether a host is this computer.
func near(host string) bool {
	if strings.HasPrefix(host, "/") || host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
