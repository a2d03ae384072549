//go:build unix

package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Pooler is PgBouncer before a server.
type Pooler struct {
	s    *Server
	port string
	proc *exec.Cmd
}

// Pooler starts PgBouncer before the server, in a mode of its pool_mode: session or
// transaction. It runs until Close.
func (s *Server) Pooler(ctx context.Context, mode string) (*Pooler, error) {
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		return nil, err
	}
	p := &Pooler{s: s}
	if p.port, err = freePort(ctx); err != nil {
		return nil, err
	}
	users, file := filepath.Join(s.o.Dir, "users"), filepath.Join(s.o.Dir, "pgbouncer-"+mode)
	if err := errors.Join( // in a folder of the server's account
		os.WriteFile(users, fmt.Appendf(nil, "%q %q\n", s.o.User, s.o.Password), 0o644),
		os.WriteFile(file, fmt.Appendf(nil, `[databases]
* = host=127.0.0.1 port=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
unix_socket_dir =
auth_type = scram-sha-256
auth_file = %s
pool_mode = %s
max_client_conn = 10000
default_pool_size = 10000
`, s.port, p.port, users, mode), 0o644)); err != nil {
		return nil, err
	}
	p.proc = exec.CommandContext(context.WithoutCancel(ctx), program, "-q", file)
	p.proc.Dir = s.o.Dir
	p.proc.SysProcAttr = &syscall.SysProcAttr{Credential: s.as}
	endWithParent(p.proc.SysProcAttr)
	if err := p.proc.Start(); err != nil {
		return nil, err
	}
	for range 100 {
		var conn *pgx.Conn
		if conn, err = pgx.Connect(ctx, p.Address("postgres")); err == nil {
			return p, conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	p.Close()
	return nil, fmt.Errorf("PgBouncer does not answer: %w", err)
}

// Address is the address of a database through the pooler.
func (p *Pooler) Address(database string) string {
	u, _ := url.Parse(p.s.Address(database))
	u.Host = u.Hostname() + ":" + p.port
	return u.String()
}

// Close stops it.
func (p *Pooler) Close() {
	_ = p.proc.Process.Signal(syscall.SIGTERM)
	_ = p.proc.Wait()
}
