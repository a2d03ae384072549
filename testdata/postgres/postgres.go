//go:build interop && unix

// Package postgres runs a real PostgreSQL server for tests: its own data folder
// under the temporary folder, its own port on loopback, a password.
package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
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

// Server is a running, stopped or frozen server.
type Server struct {
	bin, data, port string
	as              *syscall.Credential
	proc            *exec.Cmd
	exited          chan error
}

// Start makes and starts a server; it is removed when the test ends. A missing
// PostgreSQL fails the test.
func Start(t *testing.T) *Server {
	t.Helper()
	bins, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	if len(bins) == 0 {
		t.Fatal("postgresql is not installed: in the interop suite that is a failure")
	}
	dir, err := os.MkdirTemp("", "chartseal-pg-")
	must(t, err)
	s := &Server{bin: bins[len(bins)-1], data: filepath.Join(dir, "data"), port: freePort(t), as: account(t)}
	if s.as != nil {
		must(t, os.Chown(dir, int(s.as.Uid), int(s.as.Gid)))
	}
	t.Cleanup(func() {
		s.Kill()
		_ = os.RemoveAll(dir)
	})
	pass := filepath.Join(dir, "pw")
	must(t, os.WriteFile(pass, []byte(Password), 0o644))
	s.tool(t, "initdb", "-D", s.data, "-U", User, "--auth=scram-sha-256", "--pwfile="+pass, "-E", "UTF8", "--no-locale", "--no-sync")
	s.Up(t)
	conn := s.Connect(t, "postgres")
	_, err = conn.Exec(t.Context(), "CREATE DATABASE "+pgx.Identifier{Database}.Sanitize())
	must(t, err)
	must(t, conn.Close(t.Context()))
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// account is whom the server runs as: it refuses to run as root.
func account(t *testing.T) *syscall.Credential {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		must(t, errors.Join(err1, err2))
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	t.Fatal("no account to run postgresql as")
	return nil
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	must(t, l.Close())
	return port
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir = filepath.Dir(s.data)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as, Setpgid: true}
	cmd.Env = append(os.Environ(), "PGPASSWORD="+Password)
	return cmd
}

func (s *Server) tool(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	cmd := s.command(name, args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, errs.Bytes())
	}
	return out
}

// Up starts the server and waits until it answers.
func (s *Server) Up(t *testing.T) {
	t.Helper()
	s.launch(t)
	for range 300 {
		conn, err := pgx.Connect(t.Context(), s.urlOf("postgres"))
		if err == nil {
			_ = conn.Close(t.Context())
			return
		}
		select {
		case <-s.exited: // children of one that was killed were not all gone, and kept port or memory
			s.launch(t)
		case <-time.After(100 * time.Millisecond):
		}
	}
	t.Fatal("postgresql does not answer")
}

func (s *Server) launch(t *testing.T) {
	t.Helper()
	s.proc = s.command("postgres", "-D", s.data, "-p", s.port, "-k", filepath.Dir(s.data), "-c", "listen_addresses=127.0.0.1",
		"-c", "logging_collector=off", "-c", "shared_buffers=16MB", "-c", "max_connections=60")
	s.proc.Stderr = nil
	must(t, s.proc.Start())
	ended := make(chan error, 1)
	s.exited = ended
	go func(proc *exec.Cmd) { ended <- proc.Wait() }(s.proc)
}

// Down ends all connections and stops the server in good order.
func (s *Server) Down() { s.end(syscall.SIGINT) }

// Kill ends the server and its children without a word, as a power cut would.
func (s *Server) Kill() {
	if s.proc == nil {
		return
	}
	_ = syscall.Kill(-s.proc.Process.Pid, syscall.SIGCONT)
	_ = syscall.Kill(-s.proc.Process.Pid, syscall.SIGKILL)
	s.end(syscall.SIGKILL)
	_ = os.Remove(filepath.Join(s.data, "postmaster.pid"))
}

func (s *Server) end(sig syscall.Signal) {
	if s.proc == nil {
		return
	}
	_ = s.proc.Process.Signal(sig)
	<-s.exited
	s.proc = nil
}

// Cut ends every connection of other programs; the server goes on.
func (s *Server) Cut(t *testing.T) {
	t.Helper()
	conn := s.Connect(t, Database)
	_, err := conn.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid<>pg_backend_pid() AND usename=$1", User)
	must(t, err)
	must(t, conn.Close(t.Context()))
}

// Freeze stops the server with all its children in their tracks until Thaw:
// connections stay open and nothing answers.
func (s *Server) Freeze(t *testing.T, frozen bool) {
	t.Helper()
	sig := syscall.SIGCONT
	if frozen {
		sig = syscall.SIGSTOP
	}
	for _, pid := range append(s.children(t), s.proc.Process.Pid) {
		must(t, syscall.Kill(pid, sig))
	}
}

// children are the server's backends; each is a process group of its own.
func (s *Server) children(t *testing.T) (pids []int) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", s.proc.Process.Pid, s.proc.Process.Pid))
	must(t, err)
	for _, f := range strings.Fields(string(b)) {
		pid, err := strconv.Atoi(f)
		must(t, err)
		pids = append(pids, pid)
	}
	return pids
}

// URL is the address of the database for chartseal.yaml.
func (s *Server) URL() string { return s.urlOf(Database) }

func (s *Server) urlOf(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(User, Password), Host: net.JoinHostPort("127.0.0.1", s.port),
		Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Connect opens a connection of the test's own.
func (s *Server) Connect(t *testing.T, database string) *pgx.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.urlOf(database))
	must(t, err)
	return conn
}

// Copy makes a database like another, to which nobody may be connected, and
// returns its address. An empty one is made like template0.
func (s *Server) Copy(ctx context.Context, name, template string) (address string, err error) {
	conn, err := pgx.Connect(ctx, s.urlOf("postgres"))
	if err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()+" TEMPLATE "+pgx.Identifier{template}.Sanitize())
	return s.urlOf(name), errors.Join(err, conn.Close(ctx))
}

// Dump is every row of every table of a database as pg_dump writes it.
func (s *Server) Dump(t *testing.T, database string) []byte {
	t.Helper()
	return s.tool(t, "pg_dump", "-h", "127.0.0.1", "-p", s.port, "-U", User, "--inserts", database)
}
