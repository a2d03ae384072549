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

// examineServer returns the server's version number. Two sessions that get the
// same server process, or the same lock, are none.
func examineServer(ctx context.Context, one, two *pgx.Conn) (version int, err error) {
	const (
		key   = migrateLock + 1
		plain = pgx.QueryExecModeSimpleProtocol // prepared statements would fail in their own way
	)
	var pid1, pid2 int
	var got1, got2 bool
	if err := one.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, pg_backend_pid(), pg_try_advisory_lock($1)`, plain, int64(key)).Scan(&version, &pid1, &got1); err != nil {
		return 0, err
	}
	tx, err := two.Begin(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if err := tx.QueryRow(ctx, `SELECT pg_backend_pid(), pg_try_advisory_xact_lock($1)`, plain, int64(key)).Scan(&pid2, &got2); err != nil {
		return 0, err
	}
	if _, err := one.Exec(ctx, `SELECT pg_advisory_unlock($1)`, plain, int64(key)); err != nil {
		return 0, err
	}
	if pid1 == pid2 || got1 && got2 {
		return 0, ErrPooled
	}
	return version, nil
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
