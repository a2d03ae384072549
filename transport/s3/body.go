package s3

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

// meter adds up what the store has taken and tells the caller, never going
// backwards: a part that is sent again is not counted twice.
type meter struct {
	mu       sync.Mutex
	sent     int64
	told     int64
	progress func(int64)
}

func (m *meter) add(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.addLocked(n)
}

func (m *meter) addLocked(n int64) {
	m.sent += n
	if m.sent > m.told {
		m.told = m.sent
		if m.progress != nil {
			m.progress(m.told)
		}
	}
}

// watch cancels a request whose body is not being taken.
type watch struct {
	timer *time.Timer
	after time.Duration
}

// watched returns a context that ends with errStalled once nothing called
// alive for s.stall. stop must be called.
func (s *Store) watched(ctx context.Context) (wctx context.Context, w *watch, stop func()) {
	wctx, cancel := context.WithCancelCause(ctx)
	w = &watch{after: s.stall}
	w.timer = time.AfterFunc(s.stall, func() { cancel(errStalled) })
	return wctx, w, func() {
		w.timer.Stop()
		cancel(nil)
	}
}

func (w *watch) alive() { w.timer.Reset(w.after) }

// sent is for when the body is out of our hands: some megabytes of it may still
// lie in the system's buffers before a slow line, and the store has to answer.
func (w *watch) sent() { w.timer.Reset(3 * w.after) }

// body is one part on its way: rewindable for the SDK's retries, counted, and
// watched. The HTTP client may read on for a moment after it has given up.
type body struct {
	r     *io.SectionReader
	meter *meter
	watch *watch

	// Guarded by meter.mu.
	pos     int64
	counted int64
	over    bool
}

func newBody(src io.ReaderAt, off, size int64, m *meter, w *watch) *body {
	return &body{r: io.NewSectionReader(src, off, size), meter: m, watch: w}
}

// Read reads, counts and keeps the watch awake.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.count(int64(n)) {
		b.watch.sent()
	} else {
		b.watch.alive()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = errSource
	}
	return n, err
}

// count reports whether all of the body has been read.
func (b *body) count(n int64) bool {
	b.meter.mu.Lock()
	defer b.meter.mu.Unlock()
	if b.over {
		return true
	}
	b.pos += n
	b.meter.addLocked(b.pos - b.counted)
	b.counted = b.pos
	return b.pos >= b.r.Size()
}

// Seek goes back to the start when the SDK tries again.
func (b *body) Seek(offset int64, whence int) (int64, error) {
	pos, err := b.r.Seek(offset, whence)
	b.meter.mu.Lock()
	defer b.meter.mu.Unlock()
	b.pos = pos
	return pos, err
}

// settle makes the count what it has to be: all of it, or nothing.
func (b *body) settle(ok bool) {
	b.meter.mu.Lock()
	defer b.meter.mu.Unlock()
	want := int64(0)
	if ok {
		want = b.r.Size()
	}
	b.meter.addLocked(want - b.counted)
	b.counted, b.over = want, true
}
