//go:build unix

// Package postgres runs a real PostgreSQL server, for tests and measurements: its own data
// folder, its own port on loopback, a password.
package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Options of a server.
type Options struct {
	Bin            string // folder with initdb and postgres; "": the newest that is installed
	Dir            string // a new folder for its files
	User, Password string
	Settings       []string // as in postgresql.conf: "shared_buffers=16MB"
}

// Server is a running, stopped or frozen server.
type Server struct {
	o      Options
	data   string
	port   string
	holds  net.PacketConn // the port, as long as the server may come up on it
	as     *syscall.Credential
	proc   *exec.Cmd
	exited chan struct{} // closed when the process has ended
}

// ErrMissing says that PostgreSQL's programs are not there.
var ErrMissing = errors.New("PostgreSQL is not installed")

// New makes a server with PostgreSQL's own settings but for those of the options, and
// starts it. It runs until Down or Kill, or, on Linux, until this process ends.
func New(ctx context.Context, o Options) (s *Server, err error) {
	if o.Bin == "" {
		bins, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
		if len(bins) == 0 {
			return nil, ErrMissing
		}
		o.Bin = bins[len(bins)-1]
	}
	s = &Server{o: o, data: filepath.Join(o.Dir, "data")}
	if s.as, err = account(); err != nil {
		return nil, err
	}
	if err := os.Mkdir(o.Dir, 0o700); err != nil {
		return nil, err
	}
	word := filepath.Join(o.Dir, "word")
	if err := os.WriteFile(word, []byte(o.Password), 0o644); err != nil { // in a folder of the server's account
		return nil, err
	}
	if s.as != nil {
		if err := os.Chown(o.Dir, int(s.as.Uid), int(s.as.Gid)); err != nil {
			return nil, err
		}
	}
	if _, err := s.tool("initdb", "-D", s.data, "-U", o.User, "--auth=scram-sha-256", "--pwfile="+word, "-E", "UTF8", "--no-locale", "--no-sync"); err != nil {
		return nil, err
	}
	if s.port, s.holds, err = freePort(ctx); err != nil {
		return nil, err
	}
	return s, s.up(ctx)
}

// account is whom the server runs as: it refuses to run as root.
func account() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(err1, err2)
	}
	return nil, errors.New("no account to run PostgreSQL as")
}

// Ports that neither the system gives to connections nor the embedded store chooses: a
// server that was down must find its own free.
const (
	firstPort = 30000
	ports     = 2700
)

// freePort is a port that nobody listens on, nor will: the UDP port of the same number is held,
// so that a server which starts or is down loses its own to none of another process. The
// system gives that back by itself when this process ends.
func freePort(ctx context.Context) (port string, holds net.PacketConn, err error) {
	var lc net.ListenConfig
	for range 100 {
		port = strconv.Itoa(firstPort + rand.IntN(ports))
		if holds, err = lc.ListenPacket(ctx, "udp4", "127.0.0.1:"+port); err != nil {
			continue
		}
		var l net.Listener
		if l, err = lc.Listen(ctx, "tcp4", "127.0.0.1:"+port); err == nil {
			return port, holds, l.Close()
		}
		_ = holds.Close()
	}
	return "", nil, err
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), filepath.Join(s.o.Bin, name), args...) // until Down or Kill
	cmd.Dir = s.o.Dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as, Setpgid: true}
	endWithParent(cmd.SysProcAttr)
	cmd.Env = append(os.Environ(), "PGPASSWORD="+s.o.Password)
	return cmd
}

func (s *Server) tool(name string, args ...string) ([]byte, error) {
	cmd := s.command(name, args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", name, err, errs.Bytes())
	}
	return out, nil
}

// patience is for a server that never answers: after a kill it writes all its files to the
// disk first, and how long that takes is the disk's affair.
const patience = 8 * time.Minute

// launches bounds the starts of a server that ends by itself.
const launches = 100

// up starts the server and waits until it answers.
func (s *Server) up(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for range launches { // children of one that was killed are not all gone at once, and keep port or memory
		if err := s.launch(); err != nil {
			return err
		}
		if answers, err := s.answers(ctx); answers || err != nil {
			return err
		}
	}
	return errors.New("PostgreSQL ends as soon as it has started")
}

// answers waits until the server does, or has ended.
func (s *Server) answers(ctx context.Context) (bool, error) {
	for {
		conn, err := pgx.Connect(ctx, s.Address("postgres"))
		if err == nil {
			_ = conn.Close(ctx)
			return true, nil
		}
		select {
		case <-s.exited:
			return false, nil
		case <-ctx.Done():
			s.Kill()
			return false, fmt.Errorf("PostgreSQL does not answer: %w", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (s *Server) launch() error {
	args := []string{"-D", s.data, "-p", s.port, "-k", s.o.Dir, "-c", "listen_addresses=127.0.0.1", "-c", "logging_collector=off"}
	for _, set := range s.o.Settings {
		args = append(args, "-c", set)
	}
	proc := s.command("postgres", args...)
	if err := proc.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	s.proc, s.exited = proc, ended
	go func() { _ = proc.Wait(); close(ended) }()
	return nil
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

// Processes are the server's first process and its children (proc(5)); each of these is a
// process group of its own.
func (s *Server) Processes() ([]int, error) {
	pid := s.proc.Process.Pid
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	all := []int{pid}
	for f := range strings.FieldsSeq(string(b)) {
		child, cerr := strconv.Atoi(f)
		all, err = append(all, child), errors.Join(err, cerr)
	}
	return all, err
}

// Address is the address of a database for chartseal.yaml.
func (s *Server) Address(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(s.o.User, s.o.Password), Host: net.JoinHostPort("127.0.0.1", s.port),
		Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Port is where it listens on loopback.
func (s *Server) Port() string { return s.port }

// Copy makes a database like another, to which nobody may be connected, and
// returns its address. An empty one is made like template0.
func (s *Server) Copy(ctx context.Context, name, template string) (address string, err error) {
	conn, err := pgx.Connect(ctx, s.Address("postgres"))
	if err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()+" TEMPLATE "+pgx.Identifier{template}.Sanitize())
	return s.Address(name), errors.Join(err, conn.Close(ctx))
}
