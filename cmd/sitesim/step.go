//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"chartseal"
	"chartseal/transport/localstore"
	"chartseal/transport/s3"
)

// result is what one step measured.
type result struct {
	Sites, Running, Orders, Past int
	Entries                      uint64 // of all ledgers

	Start, Idle, Load, Verify change

	Mean, MeanLoad float64 // connections of all sites, while idle and under load
	Most           int64

	ServerMemory, Memory int64 // bytes of the server's processes, and of this one with all sites
}

// change is what happened between two looks.
type change struct {
	Seconds, Work float64 // Work: of the server's processors
	Calls, Rows   int64
	Begun, WAL    int64
	Inserted      int64 // rows that the tables have more
	Bytes         int64 // by which the tables have grown
	Requests      int
	Put           int64
	Statements    map[string]statement
	Tables        map[string]table
}

func between(a, b figures) change {
	c := change{
		Seconds: b.at.Sub(a.at).Seconds(), Work: b.work - a.work, Calls: b.calls - a.calls, Rows: b.rows - a.rows, Begun: b.begun - a.begun,
		WAL: b.wal - a.wal, Requests: b.requests - a.requests, Put: b.put - a.put, Statements: map[string]statement{}, Tables: map[string]table{},
	}
	for q, s := range b.statements {
		was := a.statements[q]
		if s.Calls > was.Calls {
			c.Statements[q] = statement{s.Calls - was.Calls, s.Rows - was.Rows, s.Seconds - was.Seconds}
		}
	}
	for name, t := range b.tables {
		was := a.tables[name]
		c.Tables[name] = table{t.Rows - was.Rows, t.Bytes - was.Bytes}
		c.Inserted, c.Bytes = c.Inserted+t.Rows-was.Rows, c.Bytes+t.Bytes-was.Bytes
	}
	return c
}

const (
	openAtOnce = 8
	settling   = 5 * time.Second // after the last site was opened
	patience   = 20 * time.Minute
)

// step measures so many sites: their start, their idling, some orders, and a look at all
// their ledgers.
func step(ctx context.Context, p plan, pg *server, dir string, sites int, say func(string)) (r result, err error) {
	running := min(sites, p.running)
	r = result{Sites: sites, Running: running, Orders: max(1, (p.orders+running-1)/running) * running, Past: p.past}
	g := &group{dir: filepath.Join(dir, fmt.Sprint("group-", sites)), database: p.database}
	if err := os.MkdirAll(g.dir, 0o700); err != nil {
		return r, err
	}
	log, err := os.Create(filepath.Join(g.dir, "log"))
	if err != nil {
		return r, err
	}
	defer func() { _ = log.Close() }()
	g.log = log
	if pg != nil {
		if g.database, err = pg.create(ctx, fmt.Sprint("group_", sites)); err != nil {
			return r, err
		}
	}
	plain := g.database
	if p.extra != "" {
		g.database += "&" + p.extra
	}
	if err := g.openBucket(ctx); err != nil {
		return r, err
	}
	defer g.store.close()
	if err := g.prepare(); err != nil {
		return r, err
	}
	w, err := newWatcher(ctx, pg, plain)
	if err != nil {
		return r, err
	}
	defer func() { _ = w.conn.Close(context.WithoutCancel(ctx)) }()
	if err := g.seed(ctx, w, p.past); err != nil {
		return r, err
	}
	all, err := g.measure(ctx, p, w, &r, say)
	for _, s := range all {
		err = errors.Join(err, s.end())
	}
	if err != nil {
		return r, err
	}
	if n := g.reopened.Load(); n > 0 {
		say(fmt.Sprintf("%d times a site lost its place and was opened again", n))
	}
	if said, err := os.ReadFile(log.Name()); err == nil && len(said) > 0 {
		say("the daemons' log: " + string(said[:min(len(said), 2000)]))
	}
	return r, os.RemoveAll(g.dir)
}

func (g *group) measure(ctx context.Context, p plan, w *watcher, r *result, say func(string)) (all []*site, err error) {
	_, err = g.openAll(ctx, 1, r.Sites-r.Running, (*site).end)
	if err != nil {
		return nil, err
	}
	before, err := w.look(ctx, g.store)
	if err != nil {
		return nil, err
	}
	if all, err = g.openAll(ctx, r.Sites-r.Running+1, r.Running, func(s *site) error { s.run(ctx, g); return nil }); err != nil {
		return all, err
	}
	after, err := w.look(ctx, g.store)
	if err != nil {
		return all, err
	}
	r.Start = between(before, after)
	say(fmt.Sprintf("%d of %d sites run after %.0f s", r.Running, r.Sites, r.Start.Seconds))
	if err := sleep(ctx, settling); err != nil {
		return all, err
	}
	if err := g.watched(ctx, w, &r.Idle, &r.Mean, &r.Most, func() error { return sleep(ctx, p.idle) }); err != nil {
		return all, err
	}
	r.ServerMemory, r.Memory = w.pg.memory(), anonymous("self")
	if err := g.watched(ctx, w, &r.Load, &r.MeanLoad, &r.Most, func() error { return g.work(ctx, all, 1, r.Orders, say) }); err != nil {
		return all, err
	}
	return all, g.verify(ctx, w, all, r)
}

// watched measures while do runs.
func (g *group) watched(ctx context.Context, w *watcher, c *change, mean *float64, most *int64, do func() error) error {
	connections, err := w.connections(ctx)
	if err != nil {
		return err
	}
	before, err := w.look(ctx, g.store)
	if err == nil {
		err = do()
	}
	m, n, cerr := connections()
	if err = errors.Join(err, cerr); err != nil {
		return err
	}
	after, err := w.look(ctx, g.store)
	*c, *mean, *most = between(before, after), m, max(*most, n)
	return err
}

// openBucket starts the store, and gives its key to the sites by the environment, as IT
// gives them a bucket's.
func (g *group) openBucket(ctx context.Context) (err error) {
	if g.store, err = startBucket(ctx, g.dir); err != nil {
		return err
	}
	key, secret := g.store.store.AccessKey(), g.store.store.SecretKey()
	if err := errors.Join(os.Setenv("AWS_ACCESS_KEY_ID", key), os.Setenv("AWS_SECRET_ACCESS_KEY", secret.Reveal())); err != nil {
		return err
	}
	s, err := s3.New(ctx, s3.Config{
		Bucket: localstore.Bucket, Region: localstore.Region, Endpoint: g.store.address, PathStyle: true, AccessKey: key, SecretKey: secret,
	})
	if err != nil {
		return err
	}
	return s.EnsureBucket(ctx)
}

// openAll opens sites, from number first on, and does something with each.
func (g *group) openAll(ctx context.Context, first, sites int, then func(*site) error) ([]*site, error) {
	all := make([]*site, sites)
	var some errgroup.Group
	some.SetLimit(openAtOnce)
	for n := range all {
		some.Go(func() error {
			s, err := g.open(ctx, first+n)
			if err != nil {
				return err
			}
			all[n] = s
			return then(s)
		})
	}
	err := some.Wait()
	return slices.DeleteFunc(all, func(s *site) bool { return s == nil }), err
}

// work drops the orders at once, the same number at every site, and waits for all answers.
// Their numbers begin with first.
func (g *group) work(ctx context.Context, all []*site, first, orders int, say func(string)) error {
	g.sent.Store(0)
	for n := range orders {
		if err := all[n%len(all)].drop(first + n); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for n := 0; g.sent.Load() < int64(orders); n++ {
		if other := g.other.Load(); other > 0 {
			return fmt.Errorf("%d orders were not sent", other)
		}
		if n%150 == 149 {
			say(fmt.Sprintf("%d of %d orders answered", g.sent.Load(), orders))
		}
		if err := sleep(ctx, 200*time.Millisecond); err != nil {
			return fmt.Errorf("%d of %d orders answered: %w", g.sent.Load(), orders, err)
		}
	}
	return sleep(ctx, 2*time.Second) // the mirror and the heads follow
}

// verify looks at all ledgers from one site and makes sure that every order is in one.
func (g *group) verify(ctx context.Context, w *watcher, all []*site, r *result) error {
	lines := 0
	for _, s := range all {
		n, err := s.lines(ctx)
		if err != nil {
			return err
		}
		lines += n
	}
	if lines != r.Orders {
		return fmt.Errorf("the ledgers have %d lines of releases, and %d orders were sent", lines, r.Orders)
	}
	before, err := w.look(ctx, g.store)
	if err != nil {
		return err
	}
	opts := g.options()
	seen, err := chartseal.VerifyAllSites(ctx, all[0].cfg, opts, nil)
	if err != nil {
		return err
	}
	for _, l := range seen {
		if l.Fault != "" {
			return fmt.Errorf("%s: %s", l.Site, l.Fault)
		}
		r.Entries += l.Entries
	}
	if r.Entries < uint64(r.Orders) {
		return fmt.Errorf("the mirror has %d entries, and %d orders were sent", r.Entries, r.Orders)
	}
	after, err := w.look(ctx, g.store)
	r.Verify = between(before, after)
	return err
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
