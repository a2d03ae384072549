//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"chartseal/testdata/postgres"
)

// server is a PostgreSQL of our own, on loopback, that ends with us.
type server struct {
	*postgres.Server

	pooler *postgres.Pooler // nil: the sites reach it themselves
}

// connectionsOfSite is more than a site opens: its pool, the one that holds its lock, and
// the two that look for a pooler when it starts.
const connectionsOfSite = 9

// startServer makes a server with PostgreSQL's own settings, but for the number of
// connections, the counting of statements, and what the plan says.
func startServer(ctx context.Context, p plan, dir string) (*server, error) {
	if err := os.Chmod(dir, 0o711); err != nil { // the server's account goes through it
		return nil, err
	}
	settings := []string{
		"shared_preload_libraries=pg_stat_statements", "pg_stat_statements.max=10000",
		"max_connections=" + strconv.Itoa(connectionsOfSite*min(p.running, slices.Max(p.sites))+20),
	}
	pg, err := postgres.New(ctx, postgres.Options{
		Bin: p.bin, Dir: filepath.Join(dir, "postgres"), User: "postgres", Password: rand.Text(), Settings: append(settings, p.settings...),
	})
	if errors.Is(err, postgres.ErrMissing) {
		err = fmt.Errorf("%w; give --postgres or --database", err)
	}
	if err != nil {
		return nil, err
	}
	s := &server{Server: pg}
	if p.pooler != "" {
		if s.pooler, err = pg.Pooler(ctx, p.pooler); err != nil {
			s.stop()
			return nil, err
		}
	}
	return s, nil
}

func (s *server) stop() {
	if s.pooler != nil {
		s.pooler.Close()
	}
	s.Kill() // its files go, too
}

// forSites is the address of a database as the sites reach it.
func (s *server) forSites(database string) string {
	if s.pooler != nil {
		return s.pooler.Address(database)
	}
	return s.Address(database)
}

// create makes an empty database and returns its address.
func (s *server) create(ctx context.Context, name string) (string, error) {
	address, err := s.Copy(ctx, name, "template0")
	if err != nil {
		return "", err
	}
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, "CREATE EXTENSION pg_stat_statements")
	return address, errors.Join(err, conn.Close(ctx))
}

// work is the processor time of the server and its processes, in seconds (proc(5), stat:
// 14 to 17, in hundredths); those that ended are counted by their parent.
func (s *server) work() (sec float64) {
	for i, pid := range s.processes() {
		fields := 2
		if i == 0 {
			fields = 4
		}
		sec += ticks(pid, fields)
	}
	return sec
}

// memory is what the server's processes take, in bytes: what several of them share is
// counted once (proc(5), smaps: Pss).
func (s *server) memory() (bytes int64) {
	for _, pid := range s.processes() {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid)) // it may have ended
		_, rest, _ := strings.Cut(string(b), "\nPss:")
		kB, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
		n, _ := strconv.ParseInt(kB, 10, 64)
		bytes += n << 10
	}
	return bytes
}

// processes are those of a server of our own.
func (s *server) processes() []int {
	if s == nil {
		return nil
	}
	all, _ := s.Processes()
	return all
}

func ticks(pid, fields int) (sec float64) {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := bytes.Cut(b, []byte(") "))
	f := strings.Fields(string(rest))
	if len(f) < 11+fields {
		return 0
	}
	for _, x := range f[11 : 11+fields] {
		n, _ := strconv.ParseFloat(x, 64)
		sec += n / 100
	}
	return sec
}
