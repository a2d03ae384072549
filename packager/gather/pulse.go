package gather

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// Pulse shows from outside whether the file system answers a search: the folder of a
// share that is away may keep a call for ever, and nothing ends such a call. Put it
// into the context with [WithPulse]. A nil Pulse shows nothing.
type Pulse struct {
	mu     sync.Mutex
	folder string // of the source that is searched
	asks   bool   // the index
	calls  map[int]call
	next   int
}

// call is one that has not returned.
type call struct {
	folder string
	since  time.Time
}

type pulseKey struct{}

// WithPulse makes what reads under the context show its calls.
func WithPulse(ctx context.Context, p *Pulse) context.Context {
	return context.WithValue(ctx, pulseKey{}, p)
}

// PulseOf is the Pulse of a context; nil if it has none.
func PulseOf(ctx context.Context) *Pulse {
	p, _ := ctx.Value(pulseKey{}).(*Pulse)
	return p
}

// Oldest tells for how long the oldest call has not returned, and the source's folder
// that it reads, which is private; zero if there is none.
func (p *Pulse) Oldest() (time.Duration, string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var longest time.Duration
	folder := ""
	for _, c := range p.calls {
		if waits := time.Since(c.since); waits >= longest { //nolint:forbidigo // monotonic
			longest, folder = waits, c.folder
		}
	}
	return longest, folder
}

// at says which source's folder the calls from here on read in.
func (p *Pulse) at(folder string) {
	if p != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.folder = folder
	}
}

// ask says that the index is asked from here on, which may wait for another's pass;
// what it returns, that it has answered.
func (p *Pulse) ask() (end func()) {
	set := func(asks bool) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.asks = asks
	}
	if p == nil {
		return func() {}
	}
	set(true)
	return func() { set(false) }
}

// Asks reports whether the index is being asked.
func (p *Pulse) Asks() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asks
}

// Begin notes a call of the file system that reads in a folder; what it returns, that
// it is back.
func (p *Pulse) Begin(folder string) (end func()) {
	if p == nil {
		return func() {}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.note(folder)
}

// begin is Begin for the folder of the source that is searched.
func (p *Pulse) begin() (end func()) {
	if p == nil {
		return func() {}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.note(p.folder)
}

// note is called with the lock held.
func (p *Pulse) note(folder string) (end func()) {
	if p.calls == nil {
		p.calls = map[int]call{}
	}
	p.next++
	n := p.next
	p.calls[n] = call{folder, time.Now()} //nolint:forbidigo // monotonic
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.calls, n)
	}
}

// Folders are the folders that sources of some kinds start from, each once: what must
// answer before an order's records can be gathered.
func Folders(sources []Source, kinds []string) []string {
	var out []string
	for _, s := range sources {
		if at, err := parseSource(s); err == nil && asksFor(kinds, s.Kind) && !slices.Contains(out, at.root) {
			out = append(out, at.root)
		}
	}
	slices.SortFunc(out, strings.Compare)
	return out
}
