package watch

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"
)

// Patience with files that look unfinished although they do not change.
const (
	emptyPatience  = time.Minute // a cloud client's placeholder has no bytes yet
	orphanPatience = time.Minute // a signature that arrived before its order
	lockedPatience = time.Minute // a signature that another program keeps open
	slowAfter      = time.Minute // a file still being written is then worth a word

	firstBackOff = time.Second // between two attempts at a locked file, doubled
	lastBackOff  = 2 * time.Minute
)

// sighting is what earlier scans saw of a file, by our own clock: the time of
// a file server may differ or jump.
type sighting struct {
	size  int64
	mtime time.Time
	first time.Time // when it was seen for the first time
	since time.Time // since when size and mtime are unchanged

	blocked time.Time     // since when it cannot be claimed; zero if nothing is wrong
	next    time.Time     // not tried again before
	backOff time.Duration // until next
}

// scan looks at every name in the outbox once.
func (o *Outbox) scan() (Survey, error) {
	entries, err := fs.ReadDir(o.root().FS(), ".")
	if err != nil {
		return Survey{}, fmt.Errorf("scan outbox: %w", Scrub(err))
	}
	now := o.opts.Now()
	var s Survey
	present := make(map[string]fs.FileInfo, len(entries))
	for _, e := range entries {
		if ours(e.Name()) {
			continue
		}
		info, err := o.root().Lstat(e.Name())
		switch {
		case errors.Is(err, fs.ErrNotExist): // gone between the two looks
		case err != nil: // locked by another program
			o.block(e.Name(), now)
			s.wait(o.seen[e.Name()].next)
			s.delay(e.Name(), Locked, o.seen[e.Name()].blocked)
			present[e.Name()] = nil
		case untouched(e.Name(), info) != "":
			s.Left = append(s.Left, Left{e.Name(), untouched(e.Name(), info)})
		default:
			present[e.Name()] = info
			o.sight(e.Name(), info, now)
		}
	}
	for name := range o.seen {
		if _, ok := present[name]; !ok {
			delete(o.seen, name)
		}
	}
	o.pair(present)
	for _, e := range entries {
		if info := present[e.Name()]; info != nil {
			o.judge(e.Name(), now, &s)
		}
	}
	slices.SortStableFunc(s.Ready, func(a, b string) int { return o.seen[a].first.Compare(o.seen[b].first) })
	return s, nil
}

// wait counts a file that is not claimed yet, and when to look again.
func (s *Survey) wait(due time.Time) {
	s.Waiting++
	if s.due.IsZero() || due.Before(s.due) {
		s.due = due
	}
}

func (s *Survey) delay(name string, why Why, since time.Time) {
	s.Delayed = append(s.Delayed, Delay{name, why, since.Round(0)})
}

// pair finds the signature beside each order. The names may differ in case, or
// in the form of their accents, where the share or staff see none.
func (o *Outbox) pair(present map[string]fs.FileInfo) {
	o.pairs, o.paired = map[string]string{}, map[string]bool{}
	var odd []string
	for name := range present {
		order, ok := cutSignature(name)
		if !ok {
			continue
		}
		if _, there := present[order]; there && name == order+SignatureSuffix {
			o.pairs[order], o.paired[name] = name, true
		} else {
			odd = append(odd, name)
		}
	}
	if len(odd) == 0 {
		return
	}
	folded := make(map[string]string, len(present))
	for name := range present {
		if _, ok := cutSignature(name); !ok {
			folded[fold(name)] = name
		}
	}
	slices.Sort(odd)
	for _, name := range odd {
		order, _ := cutSignature(name)
		if at, ok := folded[fold(order)]; ok && o.pairs[at] == "" {
			o.pairs[at], o.paired[name] = name, true
		}
	}
}

// judge decides whether a file can be claimed now.
func (o *Outbox) judge(name string, now time.Time, s *Survey) {
	if o.paired[name] {
		return // goes with its order
	}
	_, isSig := cutSignature(name)
	was := o.seen[name]
	sig := o.pairs[name]
	need, why := o.patience(was, isSig, sig)
	ready := was.since.Add(need)
	if sig != "" { // both must have settled
		of := o.seen[sig]
		sigNeed, _ := o.patience(of, false, sig)
		if due := of.since.Add(sigNeed); due.After(ready) {
			ready = due
		}
	}
	switch {
	case now.Before(ready):
		s.wait(ready)
		if why != Growing && was.since.Before(now) || now.Sub(was.first) >= slowAfter {
			s.delay(name, why, was.first)
		}
	case !was.blocked.IsZero() && now.Before(was.next):
		s.wait(was.next)
		s.delay(name, Locked, was.blocked)
	default:
		s.Ready = append(s.Ready, name)
	}
}

// patience is how long a file must lie unchanged, and what it waits for.
func (o *Outbox) patience(was sighting, lonely bool, sig string) (time.Duration, Why) {
	switch {
	case was.size == 0:
		return max(emptyPatience, o.opts.Settle), Empty
	case lonely:
		return max(orphanPatience, o.opts.Settle), Lonely
	case sig == "" && o.opts.AwaitSignature > o.opts.Settle:
		return o.opts.AwaitSignature, Unsigned
	default:
		return o.opts.Settle, Growing
	}
}

// sight remembers the file; a change, and a clock that was set back, begin anew.
func (o *Outbox) sight(name string, info fs.FileInfo, now time.Time) {
	was, known := o.seen[name]
	if known && was.size == info.Size() && was.mtime.Equal(info.ModTime()) && !now.Before(was.since) && was.next.Sub(now) <= lastBackOff {
		return
	}
	first := now
	if known && was.first.Before(now) && !was.first.IsZero() {
		first = was.first
	}
	o.seen[name] = sighting{size: info.Size(), mtime: info.ModTime(), first: first, since: now}
}

// block puts off the next attempt at a file, longer each time.
func (o *Outbox) block(name string, now time.Time) {
	was := o.seen[name]
	if was.first.IsZero() {
		was.first, was.since = now, now
	}
	if was.blocked.IsZero() || now.Before(was.blocked) {
		was.blocked, was.backOff = now, firstBackOff/2
	}
	was.backOff = min(2*was.backOff, lastBackOff)
	was.next = now.Add(was.backOff)
	o.seen[name] = was
}

// peek opens a settled file just before it is claimed, and reports whether it
// can be: one that cannot be read, or whose bytes have not arrived, is better
// waited for where staff dropped it.
func (o *Outbox) peek(name string, s *Survey) bool {
	was, now := o.seen[name], o.opts.Now()
	info, err := o.root().Lstat(name)
	if err == nil && cloudOnly(info) {
		s.wait(now.Add(o.opts.Scan)) // to read it could block for as long as the network does
		s.delay(name, CloudOnly, was.first)
		return false
	}
	hollow := false
	if err == nil {
		hollow, err = o.hollow(name, was)
	}
	switch {
	case errors.Is(err, errLinked): // only seen here on Windows
		s.Left = append(s.Left, Left{name, hardLink})
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, errChanged):
		s.wait(now.Add(o.opts.Settle))
	case err != nil:
		o.block(name, now)
		s.wait(o.seen[name].next)
		s.delay(name, Locked, o.seen[name].blocked)
	case hollow && now.Sub(was.since) < max(emptyPatience, o.opts.Settle):
		s.wait(now.Add(max(o.opts.Settle, firstBackOff)))
		s.delay(name, Growing, was.first)
	default:
		return true
	}
	return false
}

var (
	errChanged = errors.New("file changed")
	errLinked  = errors.New("file has two names")
)

// hollow reports whether the file ends in a zero byte: copy programs that
// reserve the whole size first leave such files, and no order ends so.
func (o *Outbox) hollow(name string, was sighting) (bool, error) {
	f, err := o.root().OpenFile(name, os.O_RDONLY|nonBlock, 0)
	if err != nil {
		return false, Scrub(err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return false, Scrub(err)
	}
	n, err := linksOpen(f)
	if err != nil {
		return false, Scrub(err)
	}
	if n > 1 {
		return false, errLinked
	}
	if !info.Mode().IsRegular() || info.Size() != was.size || !info.ModTime().Equal(was.mtime) {
		return false, errChanged
	}
	if was.size == 0 {
		return false, nil
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, was.size-1); err != nil && !errors.Is(err, io.EOF) {
		return false, Scrub(err)
	}
	return last[0] == 0, nil
}
