package chartseal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"aead.dev/minisign"

	"chartseal/config"
	"chartseal/heads"
	"chartseal/ledger"
)

// Who can write the state folder can write its ledger anew, signed head and all. So the
// signed heads are copied to the store: the newest after every entry, and one an hour
// under a name of its own, of which a bucket with object lock keeps one a day unchanged
// as long as the law wants the ledger kept, and the others until no weekend or holiday can
// keep the next daily one away. They name a site, a number and a digest: no patient.

// headStore is what copying heads needs of the store.
type headStore interface {
	heads.Store
	PutKept(ctx context.Context, key, contentType string, content []byte, until time.Time) (locked bool, err error)
}

const (
	headType    = "text/plain; charset=utf-8"
	headsState  = "heads.json"
	headTimeout = 10 * time.Second // of one comparison when the practice opens
	lastCopy    = 2 * time.Second  // for the last one when it closes

	// keepYears is how long a day's head is locked.
	keepYears = config.KeepYears

	// hourHead is the time between two heads that are locked; hourDays is how long those are
	// that are no day's, and latestDays how long each version of the newest head is. What
	// they cost is bounded: a name for each hour with an entry, for a month and what the
	// store's own rule waits, and a kilobyte for each entry of some days.
	hourHead   = time.Hour
	hourDays   = 31
	latestDays = 8
)

// headPlace is where the store keeps the heads of this site's ledger by a key.
func headPlace(cfg *config.Config, by minisign.PublicKey) string {
	return heads.Place(cfg.Store.Prefix, cfg.Site, ledger.KeyName(by))
}

func readHeadCopy(s *state) HeadCopy { return readCopy(s, headsState) }

// headCopier copies the signed head to the store.
type headCopier struct {
	*follower

	store headStore
	place string
	which string // store
}

// startHeads compares the ledger with the heads in the store and begins to copy.
func (p *Practice) startHeads(ctx context.Context) {
	p.openHeads(ctx)
	p.heads.start(ctx)
}

// openHeads compares, and makes ready to copy. A store that does not answer is asked
// again: no head is copied before, for the copy would go over the proof that the ledger
// lacks something.
func (p *Practice) openHeads(ctx context.Context) {
	c := &headCopier{
		follower: p.newFollower(headsState, "store"),
		store:    p.copies, place: headPlace(p.cfg, p.state.pub), which: storeOf(p.cfg),
	}
	c.every = hourHead
	c.copy = func(ctx context.Context) error {
		if p.ledgerBroken.Load() { // the copies are the proof
			return nil
		}
		return c.copyHead(ctx)
	}
	p.heads = c.follower
	quick, cancel := context.WithTimeout(ctx, headTimeout)
	err := p.compareHeads(quick)
	cancel()
	if err != nil { // it is tried again, and told
		c.compare = p.compareHeads
		if err = p.judgeAgainst(ctx, p.state.pub, heads.Elsewhere{}); err != nil && !errors.Is(err, ledger.ErrBroken) {
			p.log.Warn("the ledger cannot be compared with its last copy", slog.String("stage", "ledger"), slog.String("class", classOf(err)))
		}
	}
	if !p.ledgerBroken.Load() { // of an earlier run
		p.sayWhole()
	}
}

// copyHead brings the store up to date.
func (c *headCopier) copyHead(ctx context.Context) error {
	data, err := ledger.HeadFile(c.state.path("ledger"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no entry yet
	}
	if err != nil {
		return c.note(ctx, fmt.Errorf("read signed head: %w", err))
	}
	h, err := ledger.ParseHead(data, c.state.pub)
	if err != nil {
		return c.note(ctx, err)
	}
	now := c.now().UTC()
	day := now.Format(time.DateOnly)
	was := c.known()
	key := ledger.KeyName(c.state.pub)
	elsewhere := was.Key != key || was.Store != c.which
	if elsewhere {
		was.Kept, was.Hourly = "", ""
	}
	until := lockedUntil(&was, h, now)
	if was.Seq == h.Seq && was.Hash == h.Hash && !elsewhere && was.Day == day && was.Trouble == "" && until.IsZero() {
		return nil
	}
	if !until.IsZero() { // first: it stays, whatever becomes of the newest
		if was.Locked, err = c.store.PutKept(ctx, c.place+heads.Day(h.Head), headType, data, until); err != nil {
			return c.note(ctx, err)
		}
		if was.Kept == "" || was.Day != day {
			was.Kept = h.Hash
		}
		was.Hourly, was.HourAt = h.Hash, now
	}
	if _, err := c.store.PutKept(ctx, c.place+heads.Latest, headType, data, now.AddDate(0, 0, latestDays)); err != nil {
		return c.note(ctx, err)
	}
	was.Seq, was.Hash, was.Key, was.Store, was.At, was.Day = h.Seq, h.Hash, key, c.which, now, day
	was.Trouble, was.Since, was.Missing = "", time.Time{}, nil
	return c.keep(was)
}

// lockedUntil is until when a head must be under lock that is not yet; zero if it is, or
// need not be yet.
func lockedUntil(was *HeadCopy, h ledger.SignedHead, now time.Time) time.Time {
	switch {
	case was.Kept == h.Hash:
	case was.Kept == "" || was.Day != now.Format(time.DateOnly):
		return now.AddDate(keepYears, 0, 0)
	case was.Hourly != h.Hash && (now.Sub(was.HourAt) >= hourHead || now.Before(was.HourAt)):
		return now.AddDate(0, 0, hourDays)
	}
	return time.Time{}
}

// storeOf tells stores apart, for what is remembered of one says nothing of another.
func storeOf(cfg *config.Config) string {
	s := cfg.Store
	return digest([]byte(strings.Join([]string{string(s.Kind), s.Endpoint, s.Bucket, s.Prefix, cfg.Site}, "\n")))[:16]
}

// remembered is what the state folder remembers of the last copy, as a place of its own:
// it is there also when the ledger's folder is not, or the store's heads are gone.
func (s *state) remembered(by minisign.PublicKey) (e heads.Elsewhere) {
	c := readHeadCopy(s)
	if c.Seq == 0 || c.Hash == "" {
		return e
	}
	h := ledger.SignedHead{Head: ledger.Head{Seq: c.Seq, Hash: c.Hash}, At: c.At}
	if c.Key == ledger.KeyName(by) {
		e.Heads = append(append(e.Heads, h), c.Missing...)
	}
	return e
}

// emptied is the entry whose head this store had and has no more; 0 if it is as it was.
func (s *state) emptied(cfg *config.Config, by minisign.PublicKey, e heads.Elsewhere) uint64 {
	c := readHeadCopy(s)
	if e.Newest || c.Key != ledger.KeyName(by) || c.Store != storeOf(cfg) {
		return 0
	}
	return c.Seq
}
