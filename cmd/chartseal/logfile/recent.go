package logfile

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Line is one warning or error of the log, for people who look on.
type Line struct {
	At                           time.Time
	Level                        slog.Level
	Message                      string
	Release, Stage, Class, Alert string
}

// maxRecent is how many are kept.
const maxRecent = 30

// ring are the last lines, shared by a handler and those made from it.
type ring struct {
	mu    sync.Mutex
	lines []Line
}

// Recent keeps the last warnings and errors of a log.
type Recent struct {
	ring *ring
	with Line
}

// NewRecent begins with none.
func NewRecent() *Recent { return &Recent{ring: &ring{}} }

// Lines are the last ones, the newest first.
func (r *Recent) Lines() []Line {
	r.ring.mu.Lock()
	defer r.ring.mu.Unlock()
	out := slices.Clone(r.ring.lines)
	slices.Reverse(out)
	return out
}

// Enabled reports whether a line is kept.
func (*Recent) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

// Handle keeps a line. Of its fields only those of a known name: errors may quote what a
// system said.
func (r *Recent) Handle(_ context.Context, rec slog.Record) error {
	l := r.with
	l.At, l.Level, l.Message = rec.Time, rec.Level, rec.Message
	rec.Attrs(func(a slog.Attr) bool {
		l.take(a)
		return true
	})
	r.ring.mu.Lock()
	defer r.ring.mu.Unlock()
	r.ring.lines = append(r.ring.lines, l)
	if more := len(r.ring.lines) - maxRecent; more > 0 {
		r.ring.lines = slices.Delete(r.ring.lines, 0, more)
	}
	return nil
}

func (l *Line) take(a slog.Attr) {
	switch a.Key {
	case "release":
		l.Release = a.Value.String()
	case "stage":
		l.Stage = a.Value.String()
	case "class":
		l.Class = a.Value.String()
	case "alert":
		l.Alert = a.Value.String()
	}
}

// WithAttrs remembers the fields of all lines to come.
func (r *Recent) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *r
	for _, a := range attrs {
		c.with.take(a)
	}
	return &c
}

// WithGroup keeps no groups: their fields are not known.
func (r *Recent) WithGroup(string) slog.Handler { return &Recent{ring: r.ring} }
