package alert

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	lookEvery = 30 * time.Second
	daily     = 24 * time.Hour

	// calm is how long a trouble must be gone to be over: what comes and goes is told
	// once.
	calm = 5 * time.Minute

	// Of what cannot be delivered.
	maxQueue   = 50 // notices for a channel; the oldest give way
	firstPause = 30 * time.Second
	maxPause   = 30 * time.Minute
	sendFor    = 30 * time.Second // one try
	staleAfter = 2 * daily        // then a notice says nothing any more

	// stateName is the file under state that remembers what was told, so that a restart
	// tells nothing twice.
	stateName = "alerts.json"
)

// Look tells what is wrong now, and whether that is all: what is not seen by a look that
// knew only a part may still be there.
type Look func(context.Context) (seen []Condition, all bool)

// Options are what a keeper needs.
type Options struct {
	Sender   Sender
	Channels []Channel
	Look     Look
	State    string // the private folder
	Now      func() time.Time
	Log      *slog.Logger

	Replace func(from, to string) error // renames a file in another's place
}

// Keeper remembers what was told. It is for one goroutine.
type Keeper struct {
	opts  Options
	told  map[string]*told
	lanes []*lane
	saved []byte
	lame  bool // the state could not be written; told once
}

// told is one trouble that IT knows of, or is being told of.
type told struct {
	Condition Condition `json:"condition"`
	At        time.Time `json:"told_at"`       // last
	Gone      time.Time `json:"gone,omitzero"` // not seen any more since
	Delivered bool      `json:"delivered"`     // by one channel at least
}

// lane is what waits for one channel.
type lane struct {
	channel Channel
	queue   []Notice
	next    time.Time
	pause   time.Duration
	failing string
}

// New reads what an earlier run has told.
func New(o Options) *Keeper {
	k := &Keeper{opts: o, told: map[string]*told{}}
	for _, c := range o.Channels {
		k.lanes = append(k.lanes, &lane{channel: c})
	}
	b, err := os.ReadFile(k.file())
	if err == nil && json.Unmarshal(b, &k.told) == nil {
		maps.DeleteFunc(k.told, func(_ string, t *told) bool { return t == nil || !t.Delivered }) // it begins anew
	} else {
		k.told = map[string]*told{}
	}
	return k
}

func (k *Keeper) file() string { return filepath.Join(k.opts.State, stateName) }

// Run looks and tells until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		k.Once(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Once looks once, and tries what is due.
func (k *Keeper) Once(ctx context.Context) {
	now := k.opts.Now()
	seen, all := k.opts.Look(ctx)
	if items := k.compare(seen, all, now); len(items) > 0 && ctx.Err() == nil {
		k.log(ctx, items)
		k.queue(Notice{Sender: k.opts.Sender, At: now, Items: items}.inWords(now.Location()))
	}
	k.deliver(ctx)
	k.save()
}

// log tells it in the log as well, which goes to the system's own; also where no channel
// leads to IT.
func (k *Keeper) log(ctx context.Context, items []Item) {
	for _, it := range items {
		level := slog.LevelError
		switch {
		case it.Phase == Over:
			level = slog.LevelInfo
		case it.Class == Failing, it.Class == Disk, it.Class == Brake, it.Class == Changed:
			level = slog.LevelWarn
		}
		attrs := []slog.Attr{slog.String("alert", string(it.Class)), slog.String("phase", string(it.Phase))}
		if it.Release != "" {
			attrs = append(attrs, slog.String("release", it.Release))
		}
		k.opts.Log.LogAttrs(ctx, level, it.title(), attrs...) //nolint:sloglint // one of a fixed set of titles
	}
}

// compare tells what has changed since the last look.
func (k *Keeper) compare(seen []Condition, all bool, now time.Time) (items []Item) {
	here := map[string]bool{}
	for _, c := range seen {
		key := c.key()
		here[key] = true
		t := k.told[key]
		switch {
		case t == nil:
			t = &told{At: now}
			k.told[key] = t
			items = append(items, Item{Condition: c, Phase: Begins})
		case now.Sub(t.At) >= daily || t.At.After(now): // or the clock was set back
			t.At = now
			items = append(items, Item{Condition: c, Phase: Lasts})
		}
		t.Condition, t.Gone = c, time.Time{}
	}
	for _, key := range slices.Sorted(maps.Keys(k.told)) {
		t := k.told[key]
		if here[key] || !all {
			continue
		}
		if t.Gone.IsZero() || t.Gone.After(now) {
			t.Gone = now
		}
		if now.Sub(t.Gone) >= calm {
			delete(k.told, key)
			items = append(items, Item{Condition: t.Condition, Phase: Over})
		}
	}
	return items
}

// queue gives a notice to every channel.
func (k *Keeper) queue(n Notice) {
	for _, l := range k.lanes {
		l.queue = append(l.queue, n)
		if more := len(l.queue) - maxQueue; more > 0 {
			l.queue = l.queue[more:]
			k.opts.Log.Warn("alerts were dropped: too many wait", slog.String("stage", "alert"), slog.String("channel", l.channel.Name()), slog.Int("notices", more))
		}
	}
}

// deliver tries what is due on every channel.
func (k *Keeper) deliver(ctx context.Context) {
	for _, l := range k.lanes {
		now := k.opts.Now()
		l.queue = slices.DeleteFunc(l.queue, func(n Notice) bool { return now.Sub(n.At) > staleAfter })
		for len(l.queue) > 0 && !now.Before(l.next) && ctx.Err() == nil {
			n := l.queue[0]
			if err := try(ctx, l.channel, n); err != nil {
				k.failed(ctx, l, err)
				break
			}
			if l.failing != "" {
				k.opts.Log.Warn("alerts go out again", slog.String("stage", "alert"), slog.String("channel", l.channel.Name()))
			}
			l.queue, l.pause, l.failing = l.queue[1:], 0, ""
			k.delivered(n)
		}
	}
}

func try(ctx context.Context, c Channel, n Notice) error {
	ctx, cancel := context.WithTimeout(ctx, sendFor)
	defer cancel()
	return c.Send(ctx, n)
}

func (k *Keeper) failed(ctx context.Context, l *lane, err error) {
	if ctx.Err() != nil {
		return // the daemon stops
	}
	l.pause = min(max(2*l.pause, firstPause), maxPause)
	l.next = k.opts.Now().Add(l.pause)
	if l.failing != err.Error() { // once, not at every try
		l.failing = err.Error()
		k.opts.Log.Warn("an alert cannot be sent; it is tried again", slog.String("stage", "alert"), slog.String("channel", l.channel.Name()), slog.String("error", err.Error()))
	}
}

func (k *Keeper) delivered(n Notice) {
	for _, it := range n.Items {
		if t := k.told[it.key()]; t != nil && it.Phase != Over {
			t.Delivered = true
		}
	}
}

// save keeps what was told, when that is news.
func (k *Keeper) save() {
	b, err := json.Marshal(k.told)
	if err == nil && string(b) == string(k.saved) {
		return
	}
	if err == nil {
		tmp := k.file() + ".tmp"
		if err = os.WriteFile(tmp, b, 0o600); err == nil {
			err = k.opts.Replace(tmp, k.file())
		}
	}
	if err == nil {
		k.saved, k.lame = b, false
		return
	}
	if !k.lame {
		k.lame = true
		k.opts.Log.Warn("what was told of trouble cannot be remembered: a restart tells it again", slog.String("stage", "alert"))
	}
}

// SendTest sends a test notice.
func SendTest(ctx context.Context, s Sender, now time.Time, c Channel) error {
	return try(ctx, c, TestNotice(s, now))
}

// errStatus is an answer that is no yes.
var errStatus = errors.New("the receiver refused it")
