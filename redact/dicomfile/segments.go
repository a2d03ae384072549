package dicomfile

import (
	"context"
	"errors"
	"io"
	"sort"
	"sync"
	"sync/atomic"

	"chartseal/redact"
)

// Bounds of a plan's memory.
const (
	maxSegments = 400_000
	maxLiterals = 8 << 20
	copyBuffer  = 512 << 10
)

// segment is a run of the output. Its length is the distance to the next one.
type segment struct {
	out int64 // offset in the output
	src int64 // offset in the source; if negative, ^src is an offset in the literals
}

// layout is the output as a list of source ranges and literal bytes.
type layout struct {
	segs []segment
	lits []byte
	size int64
}

type mark struct {
	segs, lits int
	size       int64
}

func (l *layout) mark() mark { return mark{len(l.segs), len(l.lits), l.size} }

func (l *layout) rollback(m mark) {
	l.segs, l.lits, l.size = l.segs[:m.segs], l.lits[:m.lits], m.size
}

// source appends source bytes [off,end), joining neighbours.
func (l *layout) source(off, end int64) {
	if off == end {
		return
	}
	if n := len(l.segs); n > 0 {
		last := l.segs[n-1]
		if last.src >= 0 && last.src+l.size-last.out == off {
			l.size += end - off
			return
		}
	}
	l.segs = append(l.segs, segment{out: l.size, src: off})
	l.size += end - off
}

// literal appends bytes that do not come from the source.
func (l *layout) literal(b []byte) {
	if len(b) == 0 {
		return
	}
	joined := false
	if n := len(l.segs); n > 0 {
		last := l.segs[n-1]
		joined = last.src < 0 && ^last.src+l.size-last.out == int64(len(l.lits))
	}
	if !joined {
		l.segs = append(l.segs, segment{out: l.size, src: ^int64(len(l.lits))})
	}
	l.lits = append(l.lits, b...)
	l.size += int64(len(b))
}

func (l *layout) fits() error {
	if len(l.segs) > maxSegments || len(l.lits) > maxLiterals {
		return redact.Refuse(redact.TooLarge, "the file needs more changes than fit in memory")
	}
	return nil
}

// end is where segment i ends in the output.
func (l *layout) end(i int) int64 {
	if i+1 < len(l.segs) {
		return l.segs[i+1].out
	}
	return l.size
}

// find is the index of the segment that holds output offset off.
func (l *layout) find(off int64) int {
	return sort.Search(len(l.segs), func(i int) bool { return l.segs[i].out > off }) - 1
}

// body is a cleaned file: a redact.Source over the layout, and a stream.
type body struct {
	ctx context.Context //nolint:containedctx // bounds the reading, see redact.Cleaner
	src redact.Source
	l   *layout
	doc *document // nil: none
	pos int64

	pixels *guard // nil: no pixels, or not verified yet
	closed atomic.Bool
}

var errClosed = errors.New("read cleaned record: closed")

// Size is the exact length in bytes.
func (b *body) Size() int64 { return b.l.size }

// ReadAt reads the cleaned file at random; it may be called concurrently.
func (b *body) ReadAt(p []byte, off int64) (int, error) {
	if b.closed.Load() {
		return 0, errClosed
	}
	if off < 0 || off >= b.l.size {
		return 0, io.EOF
	}
	short := int64(len(p)) > b.l.size-off
	if short {
		p = p[:b.l.size-off]
	}
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := b.fill(p, off)
	if err == nil && b.pixels != nil {
		err = b.pixels.check(p, off)
	}
	if err != nil {
		return 0, err
	}
	if short {
		err = io.EOF
	}
	return n, err
}

// fill reads across segments. Short ones that follow each other in the source
// share one read.
func (b *body) fill(p []byte, off int64) (int, error) {
	var win window
	defer win.close()
	n := 0
	for i := b.l.find(off); n < len(p); i++ {
		seg := b.l.segs[i]
		skip := off + int64(n) - seg.out
		dst := p[n:min(int64(len(p)), int64(n)+b.l.end(i)-seg.out-skip)]
		var err error
		switch {
		case seg.src < 0:
			copy(dst, b.l.lits[^seg.src+skip:])
		case len(dst) < probeSize && len(dst) < len(p) && seg.src < documentAt:
			err = b.small(&win, dst, seg.src+skip)
		default:
			err = readFull(b.src, dst, seg.src+skip)
		}
		if err != nil {
			return n, err
		}
		n += len(dst)
	}
	return n, nil
}

func (b *body) small(win *window, dst []byte, off int64) error {
	if win.buf == nil {
		win.open(b.src, b.src.Size())
	}
	got, err := win.bytes(off, len(dst))
	copy(dst, got)
	return err
}

func readFull(src io.ReaderAt, dst []byte, off int64) error {
	if got, err := src.ReadAt(dst, off); got < len(dst) {
		return readFault(err)
	}
	return nil
}

// Read streams the cleaned file.
func (b *body) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := b.ReadAt(p, b.pos)
	b.pos += int64(n)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

var copyBuffers = sync.Pool{New: func() any { buf := make([]byte, copyBuffer); return &buf }}

// WriteTo streams the rest of the cleaned file in large pieces.
func (b *body) WriteTo(w io.Writer) (int64, error) {
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	var total int64
	for {
		n, err := b.Read(*buf)
		if n > 0 {
			m, werr := w.Write((*buf)[:n])
			total += int64(m)
			if werr != nil {
				return total, werr
			}
		}
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// Close ends the reading and the cleaner of a document; the source stays open.
func (b *body) Close() error {
	b.closed.Store(true)
	return b.doc.Close()
}

// prepend puts literal bytes in front of everything.
func (l *layout) prepend(b []byte) {
	at := int64(len(l.lits))
	l.lits = append(l.lits, b...)
	l.segs = append(l.segs, segment{})
	copy(l.segs[1:], l.segs)
	for i := range l.segs[1:] {
		l.segs[i+1].out += int64(len(b))
	}
	l.segs[0] = segment{out: 0, src: ^at}
	l.size += int64(len(b))
}
