package logfile

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strconv"
	"sync"
)

// Journal writes lines for the journal of systemd: each begins with its priority
// (sd-daemon(3), SD_WARNING and the like), and has no time, for the journal has its own.
type Journal struct {
	level slog.Level
	mu    *sync.Mutex
	w     io.Writer
	text  slog.Handler // writes into line
	line  *bytes.Buffer
}

// NewJournal writes lines of a level and above.
func NewJournal(w io.Writer, level slog.Level) *Journal {
	line := &bytes.Buffer{}
	text := slog.NewTextHandler(line, &slog.HandlerOptions{Level: level, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
			return slog.Attr{}
		}
		return a
	}})
	return &Journal{level: level, mu: &sync.Mutex{}, w: w, text: text, line: line}
}

// Enabled reports whether a line is worth writing.
func (j *Journal) Enabled(_ context.Context, l slog.Level) bool { return l >= j.level }

// Handle writes one line.
func (j *Journal) Handle(ctx context.Context, r slog.Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.line.Reset()
	j.line.WriteString("<" + strconv.Itoa(priority(r.Level)) + ">")
	if err := j.text.Handle(ctx, r); err != nil {
		return err
	}
	_, err := j.w.Write(j.line.Bytes())
	return err
}

// WithAttrs adds to every line.
func (j *Journal) WithAttrs(a []slog.Attr) slog.Handler {
	c := *j
	c.text = j.text.WithAttrs(a)
	return &c
}

// WithGroup puts what follows into a group.
func (j *Journal) WithGroup(name string) slog.Handler {
	c := *j
	c.text = j.text.WithGroup(name)
	return &c
}

// priority is the syslog severity of a level (RFC 5424, section 6.2.1).
func priority(l slog.Level) int {
	switch {
	case l >= slog.LevelError:
		return 3
	case l >= slog.LevelWarn:
		return 4
	case l >= slog.LevelInfo:
		return 6
	}
	return 7
}
