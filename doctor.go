package chartseal

import (
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"runtime"
	"strings"

	"chartseal/config"
	"chartseal/registry"
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
	ctx, cancel := context.WithTimeout(ctx, registry.ConnectTimeout)
	defer cancel()
	examineAddress(cfg, add)
	version, err := registry.Probe(ctx, cfg)
	one, few := errors.AsType[*registry.OneConnectionError](err)
	switch {
	case few:
		add("database", transport.Problem, "The shared database allows one connection only; a site needs %d: %v", one.Needs, one.Err)
	case errors.Is(err, registry.ErrPooled):
		add("database", transport.Problem, "The shared database cannot be used: %v.", registry.ErrPooled)
	case err != nil:
		add("database", transport.Problem, "The shared database cannot be used: %v", err)
	case version/10000 < oldestPostgres:
		add("database", transport.Warning, "PostgreSQL %d is no longer looked after by its makers; use %d or newer.", version/10000, oldestPostgres)
	default:
		add("database", transport.OK, "The shared database answers (PostgreSQL %d), and its locks hold.", version/10000)
	}
}

// examineAddress judges the address itself. Nothing of it is shown.
func examineAddress(cfg *config.Config, add finder) {
	host := registry.Host(cfg)
	if host == "" {
		return // reported when it is used
	}
	u, err := url.Parse(cfg.Database.Reveal())
	if err != nil {
		return
	}
	if mode := u.Query().Get("sslmode"); mode != "verify-full" && !near(host) {
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
