package thumbnail

import (
	"errors"
	"io"

	"chartseal/redact/dicomfile"
)

// native reads uncompressed pixels (PS3.5 section 8.1.1, PS3.3 section
// C.7.6.3.1.3): only the rows that are asked for, or, where those are most, some
// at a time.
type native struct {
	f      *frame
	p      *dicomfile.Picture
	bytes  int      // of a sample
	low    int      // the place of a sample's low byte, 0 or 1
	planes []*plane // one, or one for each color
}

// plane is a part of the frame whose rows follow each other.
type plane struct {
	off         int64
	row, rows   int // bytes of a row; rows in all
	first, have int // rows in buf
	buf         []byte
}

// readSize is how much is read at a time where most rows are needed.
const readSize = 64 << 10

func newNative(f *frame, p *dicomfile.Picture) (rows, error) {
	n := &native{f: f, p: p, bytes: p.BitsAllocated / 8}
	if p.BigEndian {
		if n.bytes == 1 {
			return nil, errUnfit // pairs of bytes may be swapped
		}
		n.low = 1
	}
	count, row := 1, p.Columns*p.Samples*n.bytes
	switch {
	case p.Photometric == "YBR_FULL_422":
		if n.bytes != 1 || p.Samples != 3 || p.Planar != 0 || p.Columns%2 != 0 {
			return nil, errUnfit
		}
		row = 2 * p.Columns
	case p.Planar == 1 && p.Samples > 1:
		count, row = p.Samples, p.Columns*n.bytes
	}
	_, h := shape(p)
	together := 1
	if p.Rows < 2*taps*h {
		together = max(1, readSize/row)
	}
	for i := range count {
		n.planes = append(n.planes, &plane{
			off: int64(i) * int64(row) * int64(p.Rows), row: row, rows: p.Rows, buf: make([]byte, min(together, p.Rows)*row),
		})
	}
	return n, nil
}

// at gives row y of a plane.
func (l *plane) at(f *frame, y int) ([]byte, error) {
	if y < l.first || y >= l.first+l.have {
		n := min(len(l.buf)/l.row, l.rows-y)
		l.first, l.have = y, 0
		if err := readAt(f, l.buf[:n*l.row], l.off+int64(y)*int64(l.row)); err != nil {
			return nil, err
		}
		l.have = n
	}
	return l.buf[(y-l.first)*l.row:][:l.row], nil
}

func (n *native) row(y int, at []int, dst []uint16) error {
	for i, l := range n.planes {
		b, err := l.at(n.f, y)
		switch {
		case err != nil:
			return err
		case n.p.Photometric == "YBR_FULL_422":
			halved(b, at, dst)
		case len(n.planes) > 1:
			n.spread(b, at, dst[i:], 1, n.p.Samples)
		default:
			n.spread(b, at, dst, n.p.Samples, n.p.Samples)
		}
	}
	return nil
}

// spread takes per samples of each pixel and puts pixels step places apart.
func (n *native) spread(b []byte, at []int, dst []uint16, per, step int) {
	for i, x := range at {
		to, k := dst[i*step:], x*per*n.bytes
		for s := range per {
			if n.bytes == 1 {
				to[s] = uint16(b[k+s])
			} else {
				to[s] = uint16(b[k+2*s+n.low]) | uint16(b[k+2*s+1-n.low])<<8
			}
		}
	}
}

// halved reads a row in which two pixels share their color differences: Y Y CB
// CR.
func halved(b []byte, at []int, dst []uint16) {
	for i, x := range at {
		four := b[x/2*4:][:4]
		dst[3*i], dst[3*i+1], dst[3*i+2] = uint16(four[x%2]), uint16(four[2]), uint16(four[3])
	}
}

// readAt fills b.
func readAt(r io.ReaderAt, b []byte, off int64) error {
	n, err := r.ReadAt(b, off)
	switch {
	case n == len(b):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return errDamaged
	}
	return err
}
