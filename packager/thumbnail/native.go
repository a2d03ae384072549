package thumbnail

import (
	"encoding/binary"
	"errors"
	"io"

	"chartseal/redact/dicomfile"
)

// native reads uncompressed pixels (PS3.5 section 8.1.1, PS3.3 section
// C.7.6.3.1.3), only the rows that are asked for.
type native struct {
	f     *frame
	p     *dicomfile.Picture
	bytes int // of a sample
	buf   []byte
	order binary.ByteOrder
}

func newNative(f *frame, p *dicomfile.Picture) (rows, error) {
	n := &native{f: f, p: p, bytes: p.BitsAllocated / 8, order: binary.LittleEndian}
	if p.BigEndian {
		if n.bytes == 1 {
			return nil, errUnfit // pairs of bytes may be swapped
		}
		n.order = binary.BigEndian
	}
	switch {
	case p.Photometric != "YBR_FULL_422":
		n.buf = make([]byte, p.Columns*p.Samples*n.bytes)
	case n.bytes != 1 || p.Samples != 3 || p.Planar != 0 || p.Columns%2 != 0:
		return nil, errUnfit
	default:
		n.buf = make([]byte, 2*p.Columns)
	}
	return n, nil
}

func (n *native) row(y int, dst []uint16) error {
	switch {
	case n.p.Photometric == "YBR_FULL_422":
		return n.halved(y, dst)
	case n.p.Planar == 1 && n.p.Samples > 1:
		return n.planes(y, dst)
	}
	if err := readAt(n.f, n.buf, int64(y)*int64(len(n.buf))); err != nil {
		return err
	}
	n.samples(dst, n.buf, 1)
	return nil
}

// planes reads a row whose colors are stored apart.
func (n *native) planes(y int, dst []uint16) error {
	size := n.p.Columns * n.bytes
	for s := range n.p.Samples {
		b := n.buf[:size]
		if err := readAt(n.f, b, (int64(s)*int64(n.p.Rows)+int64(y))*int64(size)); err != nil {
			return err
		}
		n.samples(dst[s:], b, n.p.Samples)
	}
	return nil
}

// halved reads a row in which two pixels share their color differences: Y Y CB
// CR.
func (n *native) halved(y int, dst []uint16) error {
	if err := readAt(n.f, n.buf, int64(y)*int64(len(n.buf))); err != nil {
		return err
	}
	for i := 0; i+3 < len(n.buf); i += 4 {
		b, to := n.buf[i:], dst[i/4*6:]
		to[0], to[1], to[2] = uint16(b[0]), uint16(b[2]), uint16(b[3])
		to[3], to[4], to[5] = uint16(b[1]), uint16(b[2]), uint16(b[3])
	}
	return nil
}

// samples spreads the samples in b over every step-th place of dst.
func (n *native) samples(dst []uint16, b []byte, step int) {
	for i := range len(b) / n.bytes {
		if n.bytes == 1 {
			dst[i*step] = uint16(b[i])
		} else {
			dst[i*step] = n.order.Uint16(b[2*i:])
		}
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
