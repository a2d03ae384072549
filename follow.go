package chartseal

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"chartseal/durable"
	"chartseal/ledger"
	"chartseal/transport"
)

// follower brings what another place keeps of the ledger up to date, after every entry
// and daily, in a goroutine of its own: no release waits for it.
type follower struct {
	state  *state
	file   string // under state, which remembers what is there
	where  string // for the log
	now    func() time.Time
	log    *slog.Logger
	first  time.Duration // the pause after a failure, which doubles up to most
	most   time.Duration
	every  time.Duration // it is brought up to date that often, also without entries
	mu     sync.Mutex
	copied HeadCopy
	told   string // what IT was told last of that place

	compare func(context.Context) error // what must have succeeded first; nil: it has
	copy    func(context.Context) error

	wake chan struct{}
	stop context.CancelFunc
	done chan struct{}
}

func (p *Practice) newFollower(file, where string) *follower {
	return &follower{
		state: p.state, file: file, where: where, now: p.opts.Now, log: p.log,
		first: firstWait, most: maxWait, every: 24 * time.Hour, copied: readCopy(p.state, file), wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
}

// HeadCopy is what is known of the copies of the signed head in another place.
type HeadCopy struct {
	Seq     uint64    `json:"seq"`                // of the entry that the newest copy names; 0: there is none
	Hash    string    `json:"hash,omitempty"`     // of that entry
	Key     string    `json:"key,omitempty"`      // number of the key that signed it
	Store   string    `json:"store,omitempty"`    // which store it is in, as a digest
	At      time.Time `json:"copied_at,omitzero"` // when it was stored
	Day     string    `json:"day,omitempty"`      // YYYY-MM-DD, of the newest copy that stays
	Kept    string    `json:"kept,omitempty"`     // hash of the entry that one is of
	Hourly  string    `json:"hourly,omitempty"`   // hash of the entry that the newest one is of which stays for some time, or for good
	HourAt  time.Time `json:"hour_at,omitzero"`   // when that one was stored
	Locked  bool      `json:"locked"`             // that copy is under object lock
	Trouble string    `json:"trouble,omitempty"`  // class of what keeps newer heads from being copied
	Since   time.Time `json:"since,omitzero"`     // of the trouble

	// Missing are heads of entries that a restored ledger lacks, until the next copy: nothing
	// is copied before a person accepts that, or restores another one.
	Missing []ledger.SignedHead `json:"missing,omitempty"`
}

func readCopy(s *state, file string) (c HeadCopy) {
	if b, err := os.ReadFile(s.path(file)); err != nil || json.Unmarshal(b, &c) != nil {
		return HeadCopy{} // it is made anew with the next copy
	}
	return c
}

// start follows from now on, until close.
func (f *follower) start(ctx context.Context) {
	own, stop := context.WithCancel(context.WithoutCancel(ctx))
	f.stop = stop
	f.nudge()
	go f.run(own)
}

// nudge says that there may be a newer head.
func (f *follower) nudge() {
	if f == nil {
		return
	}
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// close ends it, after one last copy where the other place answered until now.
func (f *follower) close() {
	if f == nil || f.stop == nil {
		return
	}
	f.stop()
	<-f.done
	f.mu.Lock()
	calm := f.copied.Trouble == ""
	f.mu.Unlock()
	if calm && f.compare == nil {
		ctx, cancel := context.WithTimeout(context.Background(), lastCopy)
		defer cancel()
		_ = f.copy(ctx) // at the next start otherwise
	}
}

func (f *follower) run(ctx context.Context) {
	defer close(f.done)
	again := time.NewTicker(f.every)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.wake:
		case <-again.C:
		}
		for wait := f.first; ; wait = min(2*wait, f.most) {
			err := f.compared(ctx)
			if err == nil {
				err = f.copy(ctx)
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

// compared makes sure that the other place has no head that the ledger lacks.
func (f *follower) compared(ctx context.Context) error {
	if f.compare == nil {
		return nil
	}
	if err := f.compare(ctx); err != nil {
		return f.note(ctx, err)
	}
	f.compare = nil
	return nil
}

// known is what was last noted.
func (f *follower) known() HeadCopy {
	if f == nil {
		return HeadCopy{}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.copied
}

// forget says that nothing is there any more: all is copied anew. It is news only once.
func (f *follower) forget() (news bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	news = f.copied.Store != ""
	f.copied.Day, f.copied.Store = "", ""
	f.nudge()
	return news
}

// isNews says whether IT was told something else before.
func (f *follower) isNews(text string) bool {
	if f == nil {
		return true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	news := f.told != text
	f.told = text
	return news
}

// keep notes what is there now.
func (f *follower) keep(c HeadCopy) error {
	f.mu.Lock()
	f.copied = c
	f.mu.Unlock()
	return f.save()
}

// note keeps what went wrong for status and check, and logs its beginning.
func (f *follower) note(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	class := classOf(err)
	f.mu.Lock()
	begins := f.copied.Trouble != class
	if begins {
		f.copied.Trouble, f.copied.Since = class, f.now().UTC()
	}
	f.mu.Unlock()
	if begins {
		f.log.Warn("the ledger's signed head cannot be copied; it is tried again", slog.String("stage", "ledger"), slog.String("to", f.where), slog.String("class", class))
		return errors.Join(err, f.save())
	}
	return err
}

func (f *follower) save() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, err := json.Marshal(f.copied)
	if err != nil {
		return err
	}
	return durable.Write(f.state.path(f.file), b, 0o600)
}
