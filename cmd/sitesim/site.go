//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"chartseal"
	"chartseal/config"
	"chartseal/ledger"
	"chartseal/packager/seal"
	"chartseal/testdata/practice"
	"chartseal/transport/localstore"
)

// group is what all sites share.
type group struct {
	dir, database string
	store         *bucket
	log           io.Writer
	say           func(string)            // how far it is
	fail          context.CancelCauseFunc // ends the step
	answered      sync.Map                // order → struct{}: one that is told twice counts once
	sent, other   atomic.Int64            // orders answered
	reopened      atomic.Int64            // sites, after their engine lost track
	waiting       atomic.Int64            // times that one waited for something
}

// prepare writes what the sites only read: a photograph for each patient, and the
// recipient book. The recipient has a key, so that no passphrase worker is measured.
func (g *group) prepare() error {
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, image.NewGray(image.Rect(0, 0, 48, 48)), nil); err != nil {
		return err
	}
	for _, p := range practice.People() {
		dir := filepath.Join(g.dir, "records", p.ID, "photos")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "2026-11-09 smile.jpg"), photo.Bytes(), 0o600); err != nil {
			return err
		}
	}
	key, err := seal.GenerateKey(false)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(g.dir, "recipients.yaml"), fmt.Appendf(nil,
		"dr-chen: {name: Dr. Chen Endodontics, kind: provider, address: 22 Elm Street, email: office@chen-endo.example, keys: [%s]}\n", key.Public), 0o600)
}

// site is one daemon.
type site struct {
	name string
	cfg  *config.Config
	p    *chartseal.Practice
	stop context.CancelFunc
	done chan error
}

func siteName(n int) string { return fmt.Sprintf("site-%04d", n) }

// config makes the site's folder and its configuration. Every limit of the brake and the
// rule on repeated orders are on, for they ask the database; how long a file must rest is of
// no matter to it.
func (g *group) config(n int) (*config.Config, error) {
	name := siteName(n)
	dir := filepath.Join(g.dir, name)
	if err := os.MkdirAll(filepath.Join(dir, "outbox"), 0o700); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "chartseal.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, `practice: {name: Lakeside Dental, state: NY, address: 1 Main Street, contact: {name: Privacy Officer, phone: "+1 518 555 0100"}}
database: %q
site: %s
recipients: ../recipients.yaml
sources: [{kind: photo, path: "../records/{patient.id}/photos/**"}]
approval: {require: name, approvers: {dr-lee: ""}}
brake: {per_day: 10000000, per_recipient: 10000000, per_approver: 10000000}
rules: {repeat: 30d}
watch: {settle: 100ms}
store: {kind: s3, bucket: %s, region: %s, endpoint: %q, path_style: true, prefix: group/}
`, g.database, name, localstore.Bucket, localstore.Region, g.store.address), 0o600); err != nil {
		return nil, err
	}
	return config.Load(file)
}

// open opens the site's practice, as `chartseal run` does.
func (g *group) open(ctx context.Context, n int) (*site, error) {
	cfg, err := g.config(n)
	if err != nil {
		return nil, err
	}
	s := &site{name: siteName(n), cfg: cfg, done: make(chan error, 1)}
	s.p, err = chartseal.Open(ctx, cfg, g.options())
	return s, err
}

func (g *group) options() chartseal.Options {
	return chartseal.Options{
		Log: slog.New(slog.NewTextHandler(g.log, &slog.HandlerOptions{Level: slog.LevelWarn})), Now: time.Now, Self: self, Version: "sitesim", Patient: true,
		Watch: func(e chartseal.Event) {
			switch {
			case e.Waiting != nil:
				g.waiting.Add(1)
			case e.Outcome == "":
			case e.Outcome != "sent":
				g.other.Add(1)
			default:
				if _, twice := g.answered.LoadOrStore(e.Order, struct{}{}); !twice {
					g.sent.Add(1)
				}
			}
		},
	}
}

// run lets the daemon work until end. One whose engine lost track is opened again, as
// `chartseal run` does. Any other failure ends the step.
func (s *site) run(ctx context.Context, g *group) {
	ctx, s.stop = context.WithCancel(ctx)
	go func() {
		err := s.p.Run(ctx, false)
		for errors.Is(err, chartseal.ErrEngine) && ctx.Err() == nil {
			g.reopened.Add(1)
			if err = s.p.Close(); err != nil {
				break
			}
			if s.p, err = chartseal.Open(ctx, s.cfg, g.options()); err == nil {
				err = s.p.Run(ctx, false)
			}
		}
		if err != nil && ctx.Err() == nil {
			g.fail(fmt.Errorf("%s: %w", s.name, err))
		}
		s.done <- err
	}()
}

func (s *site) end() error {
	var err error
	if s.stop != nil {
		s.stop()
		if err = <-s.done; errors.Is(err, context.Canceled) {
			err = nil
		}
	}
	if s.p == nil {
		return err
	}
	return errors.Join(err, s.p.Close())
}

// drop puts an order into the outbox. number is its own in the whole group, so that no
// order repeats another (rule R34).
func (s *site) drop(number int) error {
	now := time.Now()
	id := fmt.Sprintf("R-%s-%d", s.name, number)
	o := practice.OrderFor(practice.People()[0], id, practice.OrderOptions{
		Now: now, Kinds: []string{"photo"}, From: time.Date(2026, 1, -number, 0, 0, 0, 0, time.UTC).Format(time.DateOnly),
	})
	file := filepath.Join(s.cfg.Outbox, id+".yaml")
	if err := os.WriteFile(file+".tmp", o, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".tmp", file)
}

// lines counts the lines of the site's ledger that tell of a release.
func (s *site) lines(ctx context.Context) (n int, err error) {
	for e, err := range ledger.Entries(ctx, filepath.Join(s.cfg.State, "ledger")) {
		if err != nil {
			return n, err
		}
		if e.Event == ledger.Sent {
			n++
		}
	}
	return n, nil
}
