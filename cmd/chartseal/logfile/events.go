package logfile

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
)

// EventWriter is the Event Log of Windows.
type EventWriter interface {
	Info(id uint32, text string) error
	Warning(id uint32, text string) error
	Error(id uint32, text string) error
}

// Numbers of the entries in the Event Log, which monitors look for: they are described in
// docs/it-setup.md, and none ever gets another meaning. The texts of a source that
// is made with EventCreate have numbers from 1 to 1000.
const (
	EventStarted = 1
	EventStopped = 2
	EventFailed  = 3

	eventOver    = 9
	eventHeld    = 20
	eventWaits   = 21
	eventWarning = 40
	eventError   = 41
)

// eventOf are the numbers by the field alert of a line: the classes of trouble, and what
// else a line calls people for.
var eventOf = map[string]uint32{
	"stuck": 10, "failing": 11, "overdue": 12, "credentials": 13, "ledger": 14, "rolled back": 15, "disk": 16, "brake": 17, "changed": 18,
	"book": 30, "restrictions": 31, "config": 32, "withdrawn": 33, "mirror": 34, "ledger accepted": 35, "restored": 36, "heads": 37, "excluded": 38,
}

// Events writes warnings, errors and holds into the Event Log. Everybody on the computer
// may read that: of a line's fields only those of a known name go there, and never what a
// system said.
type Events struct {
	w    EventWriter
	with event
}

// NewEvents writes into w.
func NewEvents(w EventWriter) *Events { return &Events{w: w} }

// event is a line as it goes there.
type event struct {
	Line
	phase, rules string
}

// Enabled reports whether a line may go there.
func (*Events) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }

// Handle writes a line, if it is one that people should see. Who cannot be told that the
// Event Log fails is told by the other logs what this line says.
func (e *Events) Handle(_ context.Context, r slog.Record) error {
	l := e.with
	r.Attrs(func(a slog.Attr) bool {
		l.take(a)
		return true
	})
	held := r.Message == "held"
	if r.Level < slog.LevelWarn && !held && l.phase == "" {
		return nil
	}
	text := l.text(r.Message)
	switch {
	case r.Level >= slog.LevelError:
		_ = e.w.Error(l.number(r.Message, eventError), text)
	case r.Level >= slog.LevelWarn || held:
		_ = e.w.Warning(l.number(r.Message, eventWarning), text)
	default:
		_ = e.w.Info(eventOver, text)
	}
	return nil
}

func (l *event) take(a slog.Attr) {
	switch a.Key {
	case "phase":
		l.phase = a.Value.String()
	case "rules":
		l.rules = fmt.Sprint(a.Value.Any())
	default:
		l.Line.take(a)
	}
}

// number is the entry's number.
func (l *event) number(message string, otherwise uint32) uint32 {
	if id, known := eventOf[l.Alert]; known {
		return id
	}
	switch message {
	case "held":
		return eventHeld
	case "waiting":
		return eventWaits
	}
	return otherwise
}

// text is the line in words, with the fields that are known.
func (l *event) text(message string) string {
	switch message {
	case "held":
		message = "An order is on hold: nothing was sent for it. WHY-HELD.txt in the outbox says why."
	case "waiting":
		message = "A release waits, and goes on by itself once the cause is gone."
	}
	var fields []string
	for _, f := range [][2]string{{"release", l.Release}, {"stage", l.Stage}, {"class", l.Class}, {"rules", l.rules}, {"alert", l.Alert}, {"", l.phase}} {
		if f[1] != "" {
			fields = append(fields, strings.TrimSpace(f[0]+" "+f[1]))
		}
	}
	if len(fields) == 0 {
		return message
	}
	return message + "\r\n(" + strings.Join(fields, ", ") + ")"
}

// WithAttrs remembers the fields of all lines to come.
func (e *Events) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *e
	for _, a := range attrs {
		c.with.take(a)
	}
	return &c
}

// WithGroup knows no groups: their fields are left out.
func (e *Events) WithGroup(string) slog.Handler { return &Events{w: e.w} }
