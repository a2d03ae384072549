package chartseal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"aead.dev/minisign"

	"chartseal/config"
	"chartseal/ledger"
	"chartseal/transport"
)

// Who can write the state folder can write its ledger anew, signed head and all. So the
// signed heads are copied to the store: the newest after every entry, and one a day
// under a name of its own, which a bucket with object lock keeps unchanged as long as
// the law wants the ledger kept. They name a site, a number and a digest: no patient.

// headStore is what copying heads needs of the store.
type headStore interface {
	Put(ctx context.Context, key, contentType string, content []byte) (transport.Object, error)
	PutKept(ctx context.Context, key, contentType string, content []byte, until time.Time) (locked bool, err error)
	Get(ctx context.Context, key string, most int64) ([]byte, error)
	Keys(ctx context.Context, prefix string, most int) ([]string, error)
}

const (
	latestHead  = "latest"
	headType    = "text/plain; charset=utf-8"
	maxHead     = 4 << 10 // bytes
	maxHeads    = 4000    // listed: one a day for ten years
	maxOdd      = 100     // read, the newest ones: of those that the ledger does not have
	headsState  = "heads.json"
	headTimeout = 10 * time.Second // of one comparison when the practice opens
	lastCopy    = 2 * time.Second  // for the last one when it closes

	// keepYears is how long documentation is kept (45 CFR 164.316(b)(2)(i), 164.530(j)(2)).
	keepYears = 6
)

// headPlace is where the store keeps the heads of a ledger: by site and by key, for a
// state folder that was made anew begins another ledger.
func headPlace(cfg *config.Config, by minisign.PublicKey) string {
	return cfg.Store.Prefix + "heads/" + cfg.Site + "/" + ledger.KeyName(by) + "/"
}

// dayHead is the name of a day's head. It holds the entry and its hash, so that heads
// of two ledgers never replace each other.
func dayHead(h ledger.SignedHead) string { return fmt.Sprintf("%012d-%s", h.Seq, h.Hash) }

// headIn undoes dayHead; what is named otherwise is no head.
func headIn(name string) (h ledger.Head, ok bool) {
	seq, hash, ok := strings.Cut(name, "-")
	n, err := strconv.ParseUint(seq, 10, 64)
	return ledger.Head{Seq: n, Hash: hash}, ok && err == nil && len(seq) == 12 && len(hash) == 64
}

// HeadCopy is what is known of the copies of the signed head in the store.
type HeadCopy struct {
	Seq     uint64    `json:"seq"`                // of the entry that the newest copy names; 0: there is none
	At      time.Time `json:"copied_at,omitzero"` // when it was stored
	Day     string    `json:"day,omitempty"`      // YYYY-MM-DD, of the newest copy that stays
	Locked  bool      `json:"locked"`             // that copy is under object lock
	Trouble string    `json:"trouble,omitempty"`  // class of what keeps newer heads from being copied
	Since   time.Time `json:"since,omitzero"`     // of the trouble
}

func readHeadCopy(s *state) (c HeadCopy) {
	if b, err := os.ReadFile(s.path(headsState)); err != nil || json.Unmarshal(b, &c) != nil {
		return HeadCopy{} // it is made anew with the next copy
	}
	return c
}

// headCopier copies the signed head after every entry, in a goroutine of its own: no
// release waits for it.
type headCopier struct {
	store  headStore
	state  *state
	place  string
	now    func() time.Time
	log    *slog.Logger
	first  time.Duration // the pause after a failure, which doubles up to most
	most   time.Duration
	mu     sync.Mutex
	copied HeadCopy

	compare func(context.Context) error // what must have succeeded first; nil: it has

	wake chan struct{}
	stop context.CancelFunc
	done chan struct{}
}

// startHeads compares the ledger with the heads in the store and begins to copy. A
// store that does not answer is asked again: no head is copied before, for the copy
// would go over the proof that the ledger lacks something.
func (p *Practice) startHeads(ctx context.Context) {
	c := &headCopier{
		store: p.copies, state: p.state, place: headPlace(p.cfg, p.state.pub), now: p.opts.Now, log: p.log,
		first: firstWait, most: maxWait, copied: readHeadCopy(p.state), compare: p.compareHeads,
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	quick, cancel := context.WithTimeout(ctx, headTimeout)
	err := c.compare(quick)
	cancel()
	if err == nil { // else it is tried again, and told
		c.compare = nil
	}
	if !p.ledgerBroken.Load() { // of an earlier run
		p.sayWhole()
	}
	own, stop := context.WithCancel(context.WithoutCancel(ctx))
	c.stop, p.heads = stop, c
	c.nudge()
	go c.run(own)
}

// nudge says that there may be a newer head.
func (c *headCopier) nudge() {
	if c == nil {
		return
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// close ends copying, after one last head where the store answered until now.
func (c *headCopier) close() {
	if c == nil {
		return
	}
	c.stop()
	<-c.done
	c.mu.Lock()
	calm := c.copied.Trouble == ""
	c.mu.Unlock()
	if calm && c.compare == nil {
		ctx, cancel := context.WithTimeout(context.Background(), lastCopy)
		defer cancel()
		_ = c.copy(ctx) // at the next start otherwise
	}
}

func (c *headCopier) run(ctx context.Context) {
	defer close(c.done)
	daily := time.NewTicker(24 * time.Hour) // the newest copy is renewed also without entries
	defer daily.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		case <-daily.C:
		}
		for wait := c.first; ; wait = min(2*wait, c.most) {
			err := c.compared(ctx)
			if err == nil {
				err = c.copy(ctx)
			}
			if ctx.Err() != nil || err == nil || errors.Is(err, ledger.ErrBroken) {
				break
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(max(wait, transport.RetryAfter(err))):
			}
		}
	}
}

// compared makes sure that the store has no head that the ledger lacks.
func (c *headCopier) compared(ctx context.Context) error {
	if c.compare == nil {
		return nil
	}
	if err := c.compare(ctx); err != nil {
		return c.note(ctx, err)
	}
	c.compare = nil
	return nil
}

// copy brings the store up to date.
func (c *headCopier) copy(ctx context.Context) error {
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
	c.mu.Lock()
	was := c.copied
	c.mu.Unlock()
	if was.Seq == h.Seq && was.Day == day && was.Trouble == "" {
		return nil
	}
	if was.Day != day { // first: it stays, whatever becomes of the newest
		if was.Locked, err = c.store.PutKept(ctx, c.place+dayHead(h), headType, data, now.AddDate(keepYears, 0, 0)); err != nil {
			return c.note(ctx, err)
		}
	}
	if _, err := c.store.Put(ctx, c.place+latestHead, headType, data); err != nil {
		return c.note(ctx, err)
	}
	c.mu.Lock()
	c.copied = HeadCopy{Seq: h.Seq, At: now, Day: day, Locked: was.Locked}
	c.mu.Unlock()
	return c.save()
}

// note keeps what went wrong for status and check, and logs its beginning.
func (c *headCopier) note(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	class := classOf(err)
	c.mu.Lock()
	begins := c.copied.Trouble != class
	if begins {
		c.copied.Trouble, c.copied.Since = class, c.now().UTC()
	}
	c.mu.Unlock()
	if begins {
		c.log.Warn("the ledger's signed head cannot be copied to the store; it is tried again", slog.String("stage", "ledger"), slog.String("class", class))
		return errors.Join(err, c.save())
	}
	return err
}

func (c *headCopier) save() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	b, err := json.Marshal(c.copied)
	if err != nil {
		return fmt.Errorf("note copied head: %w", err)
	}
	return durable(c.state.path(headsState), b, 0o600)
}

// elsewhere are the signed heads that a store keeps.
type elsewhere struct {
	heads   []ledger.SignedHead
	foreign int // objects that are not signed by the practice's key
}

// headsElsewhere reads the newest head, and of the others those that the ledger does not
// have: their names say which entry they are of.
func headsElsewhere(ctx context.Context, store headStore, place, dir string, by minisign.PublicKey) (e elsewhere, err error) {
	keys, err := store.Keys(ctx, place, maxHeads)
	if err != nil {
		return e, err
	}
	named := map[string]ledger.Head{}
	for _, key := range keys {
		if h, ok := headIn(strings.TrimPrefix(key, place)); ok {
			named[key] = h
		}
	}
	have, err := ledger.Has(ctx, dir, slices.Collect(maps.Values(named)))
	if err != nil {
		return e, err
	}
	for _, h := range have { // they are in the chain: nothing hangs on their signatures
		e.heads = append(e.heads, ledger.SignedHead{Head: h})
	}
	odd := slices.DeleteFunc(keys, func(key string) bool {
		h, ok := named[key]
		return !ok || slices.Contains(have, h)
	})
	for _, key := range append(odd[max(0, len(odd)-maxOdd):], place+latestHead) {
		if err := e.read(ctx, store, key, by); err != nil {
			return e, err
		}
	}
	return e, nil
}

// read adds one head, if the practice signed it.
func (e *elsewhere) read(ctx context.Context, store headStore, key string, by minisign.PublicKey) error {
	data, err := store.Get(ctx, key, maxHead)
	if errors.Is(err, transport.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	h, err := ledger.ParseHead(data, by)
	if err != nil {
		e.foreign++
		return nil
	}
	e.heads = append(e.heads, h)
	return nil
}
