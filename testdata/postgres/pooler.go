//go:build unix

package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
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
	s     *Server
	port  string
	holds net.PacketConn // the port
	proc  *exec.Cmd
}

// Pooler starts PgBouncer before the server, in a mode of its pool_mode: session or
// transaction. It runs until Close.
func (s *Server) Pooler(ctx context.Context, mode string) (*Pooler, error) {
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		return nil, err
	}
	p := &Pooler{s: s}
	if p.port, p.holds, err = freePort(ctx); err != nil {
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
	if err := p.answers(ctx); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// answers waits until the pooler does.
func (p *Pooler) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, p.Address("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("PgBouncer does not answer: %w", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
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
	_ = p.holds.Close()
}
