// Package readings runs what reads the folders with records, of which one may never answer.
package readings

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"chartseal/packager/gather"
)

// ErrSilent says that a folder with records neither answers nor fails, as one of an NFS
// share that is mounted hard does while its server is away.
var ErrSilent = errors.New("a folder with records does not answer")

// LastCall is the patience with a reading that ends because the daemon does.
const LastCall = 5 * time.Second

const (
	readPatience = time.Minute // with one call of the file system
	maxSilent    = 4           // readings that hang in one folder; with so many no other is begun there
)

// Readings runs what reads the folders with records. A call that hangs cannot be ended:
// its reading is given up, so that the release waits without a slot while others go
// on, and left to end by itself when the folder answers; what it does then counts
// for nothing. Until it has ended its release begins no other.
type Readings struct {
	Index gather.Pulse // of the image index's own passes

	patience time.Duration

	mu     sync.Mutex
	silent map[string]*reading // given up and not ended, by release
}

// reading is one of them.
type reading struct {
	pulse   gather.Pulse
	folders []string
	done    chan struct{}
	err     error
}

// New has none under way.
func New() *Readings { return &Readings{patience: readPatience, silent: map[string]*reading{}} }

// Run reads for a release in some folders. It returns ErrSilent when one of them does
// not answer for too long; read may go on then, under a context that has ended. Another error
// is read's own, or that of ctx.
func (rs *Readings) Run(ctx context.Context, id string, folders []string, read func(context.Context) error) error {
	if rs.hangs(id, folders) {
		return ErrSilent
	}
	x := &reading{folders: folders, done: make(chan struct{})}
	under, cancel := context.WithCancel(gather.WithPulse(ctx, &x.pulse))
	defer cancel()
	go func() {
		x.err = read(under)
		rs.mu.Lock()
		defer rs.mu.Unlock()
		if rs.silent[id] == x {
			delete(rs.silent, id)
		}
		close(x.done)
	}()
	return rs.watch(ctx, id, x)
}

// watch waits for the end of a reading, and gives it up if it hangs.
func (rs *Readings) watch(ctx context.Context, id string, x *reading) error {
	tick := time.NewTicker(rs.patience / 8)
	defer tick.Stop()
	for {
		select {
		case <-x.done:
			return x.err
		case <-ctx.Done():
			select {
			case <-x.done:
				return x.err
			case <-time.After(LastCall):
				rs.giveUp(id, x)
				return ctx.Err()
			}
		case <-tick.C:
			if rs.isSilent(x) && rs.giveUp(id, x) {
				return ErrSilent
			}
		}
	}
}

// isSilent reports a reading that hangs, or that waits for a pass of the index that
// does; in a folder where another hangs already it is believed sooner.
func (rs *Readings) isSilent(x *reading) bool {
	waits, folder := x.pulse.Oldest()
	if x.pulse.Asks() && rs.indexHangs(x.folders) {
		return true
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.count(folder) > 0 {
		waits *= 4
	}
	return waits >= rs.patience
}

// count is how many readings hang in a folder.
func (rs *Readings) count(folder string) (n int) {
	for _, x := range rs.silent {
		if _, at := x.pulse.Oldest(); at == folder {
			n++
		}
	}
	return n
}

// giveUp reports whether the reading has not ended in this very moment.
func (rs *Readings) giveUp(id string, x *reading) bool {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	select {
	case <-x.done:
		return false
	default:
		rs.silent[id] = x
		return true
	}
}

// hangs reports whether nothing can be read for a release now: an earlier reading has
// not ended, or too many hang in one of its folders, or the index waits for it.
func (rs *Readings) hangs(id string, folders []string) bool {
	if rs.indexHangs(folders) {
		return true
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.silent[id] != nil || slices.ContainsFunc(folders, func(folder string) bool { return rs.count(folder) >= maxSilent })
}

// indexHangs reports whether a pass of the index hangs in one of some folders.
func (rs *Readings) indexHangs(folders []string) bool {
	waits, folder := rs.Index.Oldest()
	return waits >= rs.patience && slices.Contains(folders, folder)
}
