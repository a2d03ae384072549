package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// Patience with files that look unfinished although they do not change.
const (
	emptyPatience  = time.Minute // a cloud client's placeholder has no bytes yet
	orphanPatience = time.Minute // a signature that arrived before its order
)

// SignatureSuffix marks the minisign signature beside an order.
const SignatureSuffix = ".minisig"

// sighting is what an earlier scan saw of a file, by our own clock: the time
// of a file server may differ or jump.
type sighting struct {
	size  int64
	mtime time.Time
	first time.Time // when it was seen for the first time
	since time.Time // since when size and mtime are unchanged
}

// Survey is the outcome of one scan.
type Survey struct {
	Ready   []string // settled files, oldest sighting first
	Waiting int      // dropped files that have not settled
}

// scan looks at every name in the outbox once.
func (o *Outbox) scan() (Survey, error) {
	entries, err := fs.ReadDir(o.root().FS(), ".")
	if err != nil {
		return Survey{}, fmt.Errorf("scan outbox: %w", Scrub(err))
	}
	now := o.opts.Now()
	present := make(map[string]bool, len(entries))
	for _, e := range entries {
		present[e.Name()] = true
	}
	var s Survey
	for _, e := range entries {
		o.judge(e, present, now, &s)
	}
	for name := range o.seen {
		if !present[name] {
			delete(o.seen, name)
		}
	}
	slices.SortStableFunc(s.Ready, func(a, b string) int { return o.seen[a].first.Compare(o.seen[b].first) })
	return s, nil
}

func (o *Outbox) judge(e fs.DirEntry, present map[string]bool, now time.Time, s *Survey) {
	name := e.Name()
	if ours(name) {
		return
	}
	info, err := o.root().Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return // gone between the two looks
	}
	if err != nil {
		s.Waiting++ // locked by another program: look again
		return
	}
	if !info.Mode().IsRegular() || ignored(name) {
		return // folders, links, pipes, names of systems and editors
	}
	if order, ok := strings.CutSuffix(name, SignatureSuffix); ok && present[order] {
		return // goes with its order
	}
	if o.settled(name, info, now) {
		s.Ready = append(s.Ready, name)
		return
	}
	s.Waiting++
}

// settled reports whether the file has not changed for long enough.
func (o *Outbox) settled(name string, info fs.FileInfo, now time.Time) bool {
	was, known := o.seen[name]
	if !known || was.size != info.Size() || !was.mtime.Equal(info.ModTime()) {
		first := now
		if known {
			first = was.first
		}
		o.seen[name] = sighting{size: info.Size(), mtime: info.ModTime(), first: first, since: now}
		return false
	}
	quiet := now.Sub(was.since)
	switch {
	case info.Size() == 0:
		return quiet >= max(emptyPatience, o.opts.Settle)
	case strings.HasSuffix(name, SignatureSuffix):
		return quiet >= max(orphanPatience, o.opts.Settle)
	default:
		return quiet >= o.opts.Settle
	}
}

// ours reports the names chartseal itself keeps in the outbox.
func ours(name string) bool {
	switch name {
	case workingDir, heldDir, sentDir, deniedDir, "DUE-LIST.html":
		return true
	}
	return false
}

// ignored reports names that systems, editors and copy programs leave behind.
func ignored(name string) bool {
	lower := strings.ToLower(name)
	switch lower {
	case "thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r":
		return true
	}
	for _, p := range []string{".", "~", "#"} {
		if strings.HasPrefix(lower, p) {
			return true
		}
	}
	for _, s := range []string{"~", ".tmp", ".temp", ".part", ".partial", ".crdownload", ".download", ".swp", ".swx", ".bak", ".lock", ".lnk"} {
		if strings.HasSuffix(lower, s) {
			return true
		}
	}
	return false
}

// Droppable reports whether a file of this name is taken for an order.
func Droppable(name string) bool { return !ours(name) && !ignored(name) && fit(name) == name }

// Present is what lies in the outbox right now.
type Present struct {
	Pending []string // dropped files that are not claimed yet
	Ignored []string // left untouched
}

// Look lists the outbox without claiming anything or remembering what it saw;
// it may run beside Run.
func (o *Outbox) Look() (Present, error) {
	entries, err := fs.ReadDir(o.root().FS(), ".")
	if err != nil {
		return Present{}, fmt.Errorf("list outbox: %w", Scrub(err))
	}
	var p Present
	for _, e := range entries {
		switch {
		case ours(e.Name()):
		case !e.Type().IsRegular() || ignored(e.Name()):
			p.Ignored = append(p.Ignored, e.Name())
		default:
			p.Pending = append(p.Pending, e.Name())
		}
	}
	return p, nil
}
