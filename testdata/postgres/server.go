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
	if s.port, err = freePort(ctx); err != nil {
		return nil, err
	}
	if _, err := s.tool("initdb", "-D", s.data, "-U", o.User, "--auth=scram-sha-256", "--pwfile="+word, "-E", "UTF8", "--no-locale", "--no-sync"); err != nil {
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

func freePort(ctx context.Context) (port string, err error) {
	for range 100 {
		port = strconv.Itoa(firstPort + rand.IntN(ports))
		var l net.Listener
		if l, err = (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:"+port); err == nil {
			return port, l.Close()
		}
	}
	return "", err
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

// up starts the server and waits until it answers.
func (s *Server) up(ctx context.Context) error {
	if err := s.launch(); err != nil {
		return err
	}
	for range 300 {
		conn, err := pgx.Connect(ctx, s.Address("postgres"))
		if err == nil {
			_ = conn.Close(ctx)
			return nil
		}
		select {
		case <-ctx.Done():
			s.Kill()
			return ctx.Err()
		case <-s.exited: // children of one that was killed were not all gone, and kept port or memory
			if err := s.launch(); err != nil {
				return err
			}
		case <-time.After(100 * time.Millisecond):
		}
	}
	s.Kill()
	return errors.New("PostgreSQL does not answer")
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
