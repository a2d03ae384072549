// Package splice builds a file out of another one: ranges of the source and
// literal bytes, one after the other, read as a stream or at random without
// ever holding the whole. A cleaner plans its output first, so the exact size
// is known before the first byte leaves, and memory does not depend on the
// size of the record.
package splice

import (
	"context"
	"errors"
	"io"
	"sort"
)

// ErrSegments is returned when a plan holds more pieces than [MaxSegments].
var ErrSegments = errors.New("too many pieces")

// MaxSegments bounds a plan. A piece costs about 60 bytes, so a full plan
// stays below 16 MiB.
const MaxSegments = 256 << 10

// A Plan is a list of pieces of a virtual file. The zero Plan is not usable;
// make one with New. It is not safe for concurrent use while it grows; once
// built it may be read from several goroutines.
type Plan struct {
	src    io.ReaderAt
	pieces []piece
	size   int64
}

// piece is a range of the source (lit == nil) or literal bytes, at start of
// the output.
type piece struct {
	start, n int64
	off      int64
	lit      []byte
}

// New returns an empty plan over src.
func New(src io.ReaderAt) *Plan { return &Plan{src: src} }

// Size returns the length of the output in bytes.
func (p *Plan) Size() int64 { return p.size }

// Range appends n bytes of the source from offset off. Adjacent ranges become
// one piece.
func (p *Plan) Range(off, n int64) {
	if n <= 0 {
		return
	}
	if last := len(p.pieces) - 1; last >= 0 {
		if l := &p.pieces[last]; l.lit == nil && l.off+l.n == off {
			l.n += n
			p.size += n
			return
		}
	}
	p.pieces = append(p.pieces, piece{start: p.size, n: n, off: off})
	p.size += n
}

// Literal appends b, which must not change afterwards.
func (p *Plan) Literal(b []byte) {
	if len(b) == 0 {
		return
	}
	p.pieces = append(p.pieces, piece{start: p.size, n: int64(len(b)), lit: b})
	p.size += int64(len(b))
}

// Append appends the pieces of q, which must be over the same source.
func (p *Plan) Append(q *Plan) {
	for _, pc := range q.pieces {
		if pc.lit != nil {
			p.Literal(pc.lit)
		} else {
			p.Range(pc.off, pc.n)
		}
	}
}

// Check returns ErrSegments when the plan has grown past its bound. Planners
// call it inside loops that the input drives.
func (p *Plan) Check() error {
	if len(p.pieces) > MaxSegments {
		return ErrSegments
	}
	return nil
}

// ReadAt implements io.ReaderAt on the output. A source that is shorter than
// the plan gives io.ErrUnexpectedEOF.
func (p *Plan) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("read planned file: negative offset")
	}
	if off >= p.size {
		return 0, io.EOF
	}
	i := sort.Search(len(p.pieces), func(i int) bool { return p.pieces[i].start+p.pieces[i].n > off })
	read := 0
	for ; i < len(p.pieces) && read < len(b); i++ {
		n, err := p.pieces[i].readAt(p.src, b[read:], off+int64(read))
		read += n
		if err != nil {
			return read, err
		}
	}
	if read < len(b) {
		return read, io.EOF
	}
	return read, nil
}

// readAt fills b from the piece, beginning at offset off of the output.
func (pc *piece) readAt(src io.ReaderAt, b []byte, off int64) (int, error) {
	within := off - pc.start
	if rest := pc.n - within; int64(len(b)) > rest {
		b = b[:rest]
	}
	if pc.lit != nil {
		return copy(b, pc.lit[within:]), nil
	}
	n, err := src.ReadAt(b, pc.off+within)
	switch {
	case n == len(b):
		return n, nil
	case err == nil || errors.Is(err, io.EOF):
		return n, io.ErrUnexpectedEOF
	}
	return n, err
}

// Body is a Plan read once from the start. It also offers ReadAt and Size of
// its plan.
type Body struct {
	*Plan
	ctx context.Context
	pos int64
}

// Body returns a reader of the whole output that stops with the error of ctx
// when ctx ends.
func (p *Plan) Body(ctx context.Context) *Body { return &Body{Plan: p, ctx: ctx} }

// Read implements io.Reader.
func (b *Body) Read(buf []byte) (int, error) {
	if b.ctx == nil {
		return 0, errors.New("read planned file: closed")
	}
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if b.pos >= b.size {
		return 0, io.EOF
	}
	n, err := b.ReadAt(buf, b.pos)
	b.pos += int64(n)
	if errors.Is(err, io.EOF) && n > 0 {
		err = nil
	}
	return n, err
}

// Close implements io.Closer. The source stays open: it is not ours.
func (b *Body) Close() error {
	b.ctx = nil
	return nil
}
