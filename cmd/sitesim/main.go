//go:build linux

// Command sitesim measures what a dental group costs its PostgreSQL and its bucket:
// many sites, each the daemon's own code with its own outbox, state folder, ledger and
// database connections, in one process, on one database and one store.
//
//	go run ./cmd/sitesim --sites 1,10,100 --markdown table.md
//
// It is a command of its own and no part of the program, whose command line has no use
// for it, nor of the benchmarks, which compare one practice with other programs on one
// computer and need neither PostgreSQL nor minutes. docs/scale.md holds what it printed.
//
// The counts (statements, rows, bytes, connections, requests) do not depend on how busy
// the computer is; the times do, and so does how often sites ask that wait for a
// processor.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"chartseal/transport/localstore"
)

func main() {
	if child(os.Args[1:]) {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "sitesim:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

// child serves the store, if that is what this process was started for.
func child(args []string) bool {
	if len(args) != 1 || args[0] != "store" {
		return false
	}
	if err := localstore.Serve(context.Background(), os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

// plan is what the command line asks for.
type plan struct {
	sites    []int         // of each step
	running  int           // of them at most at a time: a wave
	orders   int           // of all sites together in a step; every site gets one at least
	idle     time.Duration // for which the sites of a wave are watched doing nothing
	past     int           // orders that the tables have from before
	database string        // "": a server of its own
	extra    string        // parameters for the address that the sites are given
	bin      string        // folder of PostgreSQL's programs
	settings []string      // of the server
	pooler   string        // mode of the PgBouncer before it; "": there is none
	dir      string        // for all files
	markdown string        // file
	top      int           // statements shown
}

func parse(args []string) (p plan, err error) {
	f := flag.NewFlagSet("sitesim", flag.ContinueOnError)
	list := f.String("sites", "1,10,100", "how many sites, one step after the other")
	f.IntVar(&p.running, "running", 100, "how many sites run at a time; where a step has more, they run in waves, one after the other")
	f.IntVar(&p.orders, "orders", 100, "orders of all sites together in a step; every site gets at least one")
	f.DurationVar(&p.idle, "idle", 20*time.Second, "how long the sites of each wave are watched doing nothing")
	f.IntVar(&p.past, "past", 0, "orders of earlier days that the tables hold when a step begins")
	f.StringVar(&p.database, "database", "", "address of an empty database to use (one step); default: a server that is started for this and removed")
	f.StringVar(&p.extra, "address", "", "more parameters of the database's address as the sites have it, such as pool_max_conns=3")
	f.Func("set", "a setting of the server that is started, such as shared_buffers=64MB; may be given several times", func(v string) error {
		p.settings = append(p.settings, v)
		return nil
	})
	f.StringVar(&p.pooler, "pooler", "", "put PgBouncer between the sites and the server that is started, in this mode: session or transaction")
	f.StringVar(&p.bin, "postgres", "", "folder with initdb and postgres; default: the newest installed")
	f.StringVar(&p.dir, "dir", "", "folder for all files, removed at the end; default: a temporary one")
	f.StringVar(&p.markdown, "markdown", "", "file to write the tables to")
	f.IntVar(&p.top, "top", 0, "show so many of the most frequent statements of the last step")
	if err := f.Parse(args); err != nil {
		return p, err
	}
	for n := range strings.SplitSeq(*list, ",") {
		sites, err := strconv.Atoi(strings.TrimSpace(n))
		if err != nil || sites < 1 {
			return p, fmt.Errorf("--sites: %q is no number of sites", n)
		}
		p.sites = append(p.sites, sites)
	}
	if p.running < 1 || p.idle <= 0 {
		return p, errors.New("--running and --idle must be more than nothing")
	}
	if p.database != "" && (len(p.sites) > 1 || p.pooler != "") {
		return p, errors.New("--database is for one step: give one number of sites, and no --pooler")
	}
	return p, nil
}

func run(ctx context.Context, args []string) (err error) {
	p, err := parse(args)
	if err != nil {
		return err
	}
	all, err := measure(ctx, p, func(text string) { fmt.Fprintln(os.Stderr, text) })
	if len(all) == 0 {
		return err
	}
	var out bytes.Buffer
	write(&out, all)
	writeTop(&out, all[len(all)-1], p.top)
	_, werr := os.Stdout.Write(out.Bytes())
	if p.markdown != "" {
		werr = errors.Join(werr, os.WriteFile(p.markdown, out.Bytes(), 0o644))
	}
	return errors.Join(err, werr)
}

// measure runs the steps, each on a database and in a bucket of its own.
func measure(ctx context.Context, p plan, say func(string)) (all []result, err error) {
	dir, err := os.MkdirTemp(p.dir, "sitesim-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var pg *server
	if p.database == "" {
		if pg, err = startServer(ctx, p, dir); err != nil {
			return nil, err
		}
		defer pg.stop()
	}
	for _, n := range p.sites {
		r, err := step(ctx, p, pg, dir, n, say)
		if err != nil {
			return all, fmt.Errorf("%d sites: %w", n, err)
		}
		all = append(all, r)
	}
	return all, nil
}
