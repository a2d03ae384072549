//go:build linux

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// server is a PostgreSQL of our own, on loopback, that ends with us.
type server struct {
	port, secret string
	proc         *exec.Cmd
}

// connectionsOfSite is more than a site opens: its pool, the one that holds its lock, and
// the two that look for a pooler when it starts.
const connectionsOfSite = 9

// startServer makes a server with PostgreSQL's own settings, but for the number of
// connections and the counting of statements.
func startServer(ctx context.Context, p plan, dir string) (*server, error) {
	if p.bin == "" {
		bins, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
		if len(bins) == 0 {
			return nil, errors.New("PostgreSQL is not installed; give --postgres or --database")
		}
		p.bin = bins[len(bins)-1]
	}
	as, err := account()
	if err != nil {
		return nil, err
	}
	home := filepath.Join(dir, "postgres")
	if err := os.Mkdir(home, 0o700); err != nil {
		return nil, err
	}
	if as != nil { // it must be able to go through the folder above
		if err := errors.Join(os.Chmod(dir, 0o711), os.Chown(home, int(as.Uid), int(as.Gid))); err != nil {
			return nil, err
		}
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	s := &server{port: port, secret: rand.Text()}
	word := filepath.Join(home, "word")
	if err := os.WriteFile(word, []byte(s.secret), 0o644); err != nil { // in a folder of the server's account
		return nil, err
	}
	start := func(name string, args ...string) *exec.Cmd {
		c := exec.CommandContext(ctx, filepath.Join(p.bin, name), args...) //nolint:gosec // PostgreSQL's own programs
		c.Dir, c.SysProcAttr = home, &syscall.SysProcAttr{Credential: as, Pdeathsig: syscall.SIGTERM, Setpgid: true}
		c.Cancel = func() error { return c.Process.Signal(syscall.SIGINT) }
		return c
	}
	data := filepath.Join(home, "data")
	if out, err := start("initdb", "-D", data, "-U", "postgres", "--auth=scram-sha-256", "--pwfile="+word, "-E", "UTF8", "--no-locale", "--no-sync").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	s.proc = start("postgres", "-D", data, "-p", s.port, "-k", home, "-c", "listen_addresses=127.0.0.1", "-c", "logging_collector=off",
		"-c", "shared_preload_libraries=pg_stat_statements", "-c", "pg_stat_statements.max=10000",
		"-c", "max_connections="+strconv.Itoa(connectionsOfSite*min(p.running, slices.Max(p.sites))+20))
	if err := s.proc.Start(); err != nil {
		return nil, err
	}
	for range 100 {
		var conn *pgx.Conn
		if conn, err = pgx.Connect(ctx, s.address("postgres")); err == nil {
			return s, conn.Close(ctx)
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.stop()
	return nil, err
}

// account is whom the server runs as: it refuses to run as root.
func account() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(err1, err2)
}

func freePort(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port, l.Close()
}

func (s *server) address(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword("postgres", s.secret), Host: net.JoinHostPort("127.0.0.1", s.port),
		Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// create makes an empty database and returns its address.
func (s *server) create(ctx context.Context, name string) (string, error) {
	conn, err := pgx.Connect(ctx, s.address("postgres"))
	if err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	if err = errors.Join(err, conn.Close(ctx)); err != nil {
		return "", err
	}
	if conn, err = pgx.Connect(ctx, s.address(name)); err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, "CREATE EXTENSION pg_stat_statements")
	return s.address(name), errors.Join(err, conn.Close(ctx))
}

func (s *server) stop() {
	_ = s.proc.Process.Signal(syscall.SIGINT)
	_ = s.proc.Wait()
}

// work is the processor time of the server and its processes, in seconds (proc(5), stat:
// 14 to 17, in hundredths); those that ended are counted by their parent.
func (s *server) work() (sec float64) {
	if s == nil {
		return 0
	}
	for i, pid := range s.processes() {
		fields := 2
		if i == 0 {
			fields = 4
		}
		sec += ticks(pid, fields)
	}
	return sec
}

// memory is what the server's processes have for themselves, in bytes (proc(5), status:
// RssAnon).
func (s *server) memory() (bytes int64) {
	if s == nil {
		return 0
	}
	for _, pid := range s.processes() {
		bytes += anonymous(strconv.Itoa(pid))
	}
	return bytes
}

func anonymous(pid string) int64 {
	b, _ := os.ReadFile("/proc/" + pid + "/status")
	_, rest, _ := strings.Cut(string(b), "RssAnon:")
	kB, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, _ := strconv.ParseInt(kB, 10, 64)
	return n << 10
}

// processes are the server's first process and its children.
func (s *server) processes() []int {
	pid := s.proc.Process.Pid
	all := []int{pid}
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for f := range strings.FieldsSeq(string(b)) {
		if child, err := strconv.Atoi(f); err == nil {
			all = append(all, child)
		}
	}
	return all
}

func ticks(pid, fields int) (sec float64) {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(rest)
	if len(f) < 11+fields {
		return 0
	}
	for _, x := range f[11 : 11+fields] {
		n, _ := strconv.ParseFloat(x, 64)
		sec += n / 100
	}
	return sec
}
