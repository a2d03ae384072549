//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"chartseal"
	"chartseal/transport/localstore"
	"chartseal/transport/s3"
)

// result is what one step measured.
type result struct {
	Sites, Running, Orders, Past int
	Entries                      uint64 // of all ledgers

	Start, Idle, Load, Verify change

	Most         int64 // connections of all sites
	ServerMemory int64 // bytes of the server's processes while sites idle
	Reopened     int64 // sites that lost their place
}

// step measures so many sites: their start, their idling, some orders, and a look at all
// their ledgers.
func step(ctx context.Context, p plan, pg *server, dir string, sites int, say func(string)) (r result, err error) {
	waves := (sites + p.running - 1) / p.running
	each := (p.orders + sites - 1) / sites
	r = result{Sites: sites, Running: (sites + waves - 1) / waves, Orders: max(1, each) * sites, Past: p.past}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	began := time.Now()
	g := &group{dir: filepath.Join(dir, fmt.Sprint("group-", sites)), database: p.database, fail: fail, say: func(text string) {
		say(fmt.Sprintf("%d sites, %4.0f s: %s", sites, time.Since(began).Seconds(), text))
	}}
	if err := os.MkdirAll(g.dir, 0o700); err != nil {
		return r, err
	}
	log, err := os.Create(filepath.Join(g.dir, "log"))
	if err != nil {
		return r, err
	}
	defer func() { _ = log.Close() }()
	g.log = log
	name := fmt.Sprint("group_", sites)
	if pg != nil {
		if g.database, err = pg.create(ctx, name); err != nil {
			return r, err
		}
	}
	w, err := newWatcher(ctx, pg, g.database)
	if err != nil {
		return r, err
	}
	if pg != nil {
		g.database = pg.forSites(name)
	}
	defer func() { _ = w.conn.Close(context.WithoutCancel(ctx)) }()
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
	if err := g.seed(ctx, w, p.past); err != nil {
		return r, fmt.Errorf("earlier orders: %w", err)
	}
	err = g.measure(ctx, p, w, &r, waves)
	if r.Reopened = g.reopened.Load(); r.Reopened > 0 {
		g.say(fmt.Sprintf("%d times a site lost its place and was opened again", r.Reopened))
	}
	if said, err := os.ReadFile(log.Name()); err == nil && len(said) > 0 {
		g.say("the daemons' log: " + string(said[:min(len(said), 2000)]))
	}
	return r, errors.Join(err, os.RemoveAll(g.dir))
}

// measure opens every site once, lets all of them run, one wave after the other, and looks
// at all ledgers.
func (g *group) measure(ctx context.Context, p plan, w *watcher, r *result, waves int) error {
	before, err := w.begin(ctx, g.store)
	if err != nil {
		return err
	}
	if _, err := g.openAll(ctx, 1, r.Sites, (*site).end); err != nil {
		return fmt.Errorf("open each once: %w", err)
	}
	after, err := w.end(ctx, g.store)
	if err != nil {
		return err
	}
	r.Start = between(before, after, 0)
	for n := range waves {
		first, last := r.Sites*n/waves, r.Sites*(n+1)/waves
		g.say(fmt.Sprintf("wave %d of %d, sites %d to %d", n+1, waves, first+1, last))
		if err := g.wave(ctx, p, w, r, first+1, last-first); err != nil {
			return fmt.Errorf("wave %d of %d: %w", n+1, waves, err)
		}
	}
	if err := g.verify(ctx, w, r); err != nil {
		return fmt.Errorf("verify all ledgers: %w", err)
	}
	return nil
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

// verify looks at all ledgers from one site, and makes sure that each is there, whole, and
// with the site's orders.
func (g *group) verify(ctx context.Context, w *watcher, r *result) error {
	cfg, err := g.config(1)
	if err != nil {
		return err
	}
	before, err := w.begin(ctx, g.store)
	if err != nil {
		return err
	}
	seen, err := chartseal.VerifyAllSites(ctx, cfg, g.options(), nil)
	if err != nil {
		return err
	}
	after, err := w.end(ctx, g.store)
	if err != nil {
		return err
	}
	r.Verify = between(before, after, 0)
	entries := map[string]uint64{}
	for _, l := range seen {
		if l.Fault != "" {
			return fmt.Errorf("%s: %s", l.Site, l.Fault)
		}
		entries[l.Site] += l.Entries
		r.Entries += l.Entries
	}
	for n := range r.Sites {
		if name := siteName(n + 1); entries[name] < uint64(r.Orders/r.Sites) {
			return fmt.Errorf("the mirror has %d entries of %s, which sent %d orders", entries[name], name, r.Orders/r.Sites)
		}
	}
	g.say(fmt.Sprintf("%d ledgers hold, looked at in %.0f s", len(seen), r.Verify.Seconds))
	return nil
}
