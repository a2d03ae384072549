package dicomfile

import (
	"bytes"
	"context"
	"sync"

	"chartseal/redact"
)

// guard compares the pixels that leave with those of the source, byte by byte
// and read anew by their place there, without the layout that the output is
// made of. It is the last check: bytes that differ are not handed out.
type guard struct {
	src redact.Source
	out pixelRange      // in the output
	at  int64           // where the pixels begin in the source
	ctx context.Context //nolint:containedctx // bounds the reading, as in body
	// mask blacks out what is blacked out in the output; nil: nothing is.
	mask *paint
}

// viewer is a source that is in memory: use sees n bytes of it from off on, and keeps
// none of them. It returns false, and has not called use, if they are not.
type viewer interface {
	View(off, n int64, use func(b []byte)) bool
}

var guardBuffers = sync.Pool{New: func() any { b := make([]byte, windowSize); return &b }}

// check compares the part of p, at off in the output, that is pixels.
func (g *guard) check(p []byte, off int64) error {
	from, to := max(off, g.out.off), min(off+int64(len(p)), g.out.end)
	if from >= to {
		return nil
	}
	if v, ok := g.src.(viewer); ok && g.mask == nil {
		same := false
		if v.View(g.at+from-g.out.off, to-from, func(b []byte) { same = bytes.Equal(b, p[from-off:to-off]) }) {
			if !same {
				return errUnverified
			}
			return nil
		}
	}
	buf := guardBuffers.Get().(*[]byte)
	defer guardBuffers.Put(buf)
	for from < to {
		if err := g.ctx.Err(); err != nil {
			return err
		}
		want := (*buf)[:min(int64(len(*buf)), to-from)]
		if err := readFull(g.src, want, g.at+from-g.out.off); err != nil {
			return err
		}
		if g.mask != nil {
			g.mask.blacken(want, from-g.out.off)
		}
		if !bytes.Equal(want, p[from-off:][:len(want)]) {
			return errUnverified
		}
		from += int64(len(want))
	}
	return nil
}

// blacken blacks out the masked runs of b, which is at off in the picture.
func (p *paint) blacken(b []byte, off int64) {
	rows := int64(len(p.rows))
	end := off + int64(len(b))
	for line := off / p.row; line < rows*int64(p.planes) && line*p.row < end; line++ {
		black := p.black[line/rows%int64(len(p.black))]
		for _, r := range p.rows[line%rows] {
			from, to := max(line*p.row+r.from, off), min(line*p.row+r.to, end)
			if from < to {
				copy(b[from-off:to-off], black[from-line*p.row:])
			}
		}
	}
}
