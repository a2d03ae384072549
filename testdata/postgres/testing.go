//go:build interop && unix

package postgres

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// What must not show up in any log.
const (
	User     = "sealuser-q7"
	Password = "geheim-q7"
	Database = "sealdb-q7"
)

// Start makes and starts a server under the temporary folder; it is removed when the test
// ends. A missing PostgreSQL fails the test.
func Start(t *testing.T) *Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "chartseal-pg-")
	must(t, err)
	must(t, os.Chmod(dir, 0o711)) // the server's account goes through it
	s, err := New(t.Context(), Options{
		Dir: filepath.Join(dir, "server"), User: User, Password: Password, Settings: []string{"shared_buffers=16MB", "max_connections=60"},
	})
	t.Cleanup(func() {
		if s != nil {
			s.Kill()
		}
		_ = os.RemoveAll(dir)
	})
	must(t, err)
	_, err = s.Copy(t.Context(), Database, "template0")
	must(t, err)
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Up starts the server again and waits until it answers.
func (s *Server) Up(t *testing.T) {
	t.Helper()
	must(t, s.up(t.Context()))
}

// Cut ends every connection of other programs; the server goes on.
func (s *Server) Cut(t *testing.T) {
	t.Helper()
	conn := s.Connect(t, Database)
	_, err := conn.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid<>pg_backend_pid() AND usename=$1", User)
	must(t, err)
	must(t, conn.Close(t.Context()))
}

// Freeze stops the server with all its children in their tracks until it is thawed:
// connections stay open and nothing answers.
func (s *Server) Freeze(t *testing.T, frozen bool) {
	t.Helper()
	sig := syscall.SIGCONT
	if frozen {
		sig = syscall.SIGSTOP
	}
	all, err := s.Processes()
	must(t, err)
	for _, pid := range append(all[1:], all[0]) {
		must(t, syscall.Kill(pid, sig))
	}
}

// URL is the address of the database for chartseal.yaml.
func (s *Server) URL() string { return s.Address(Database) }

// Connect opens a connection of the test's own.
func (s *Server) Connect(t *testing.T, database string) *pgx.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.Address(database))
	must(t, err)
	return conn
}

// Dump is every row of every table of a database as pg_dump writes it.
func (s *Server) Dump(t *testing.T, database string) []byte {
	t.Helper()
	out, err := s.tool("pg_dump", "-h", "127.0.0.1", "-p", s.port, "-U", User, "--inserts", database)
	must(t, err)
	return out
}
