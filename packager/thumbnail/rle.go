package thumbnail

import (
	"bufio"
	"encoding/binary"
	"io"

	"chartseal/redact/dicomfile"
)

// rle decodes RLE Lossless (PS3.5 annex G): a segment for each byte of the
// samples, the highest first, all decoded side by side. When a row is asked for
// again, dst still holds it.
type rle struct {
	p        *dicomfile.Picture
	segments []*packBits
	next     int
	buf      []byte
}

const rleHeader = 64

func newRLE(f *frame, p *dicomfile.Picture) (rows, error) {
	var head [rleHeader]byte
	if err := readAt(f, head[:], 0); err != nil {
		return nil, err
	}
	n := p.Samples * p.BitsAllocated / 8
	if binary.LittleEndian.Uint32(head[:]) != uint32(n) {
		return nil, errDamaged
	}
	r := &rle{p: p, buf: make([]byte, p.Columns)}
	for i := range n {
		from, to := int64(binary.LittleEndian.Uint32(head[4+4*i:])), f.size
		if i+1 < n {
			to = int64(binary.LittleEndian.Uint32(head[8+4*i:]))
		}
		if from < rleHeader || from > to || to > f.size {
			return nil, errDamaged
		}
		r.segments = append(r.segments, &packBits{r: bufio.NewReaderSize(f.reader(from, to), 16<<10)})
	}
	return r, nil
}

func (r *rle) row(y int, at []int, dst []uint16) error {
	for ; r.next <= y; r.next++ {
		for i, s := range r.segments {
			if err := s.read(r.buf); err != nil {
				return err
			}
			if r.next == y {
				r.place(i, at, dst)
			}
		}
	}
	return nil
}

// place puts a row of segment i where its bytes belong.
func (r *rle) place(i int, at []int, dst []uint16) {
	perSample := r.p.BitsAllocated / 8
	sample, low := i/perSample, i%perSample == perSample-1
	for k, x := range at {
		to, b := &dst[k*r.p.Samples+sample], uint16(r.buf[x])
		switch {
		case perSample == 1:
			*to = b
		case low:
			*to |= b
		default:
			*to = b << 8
		}
	}
}

// packBits decodes one segment (PS3.5 section G.3). Runs may cross rows.
type packBits struct {
	r       *bufio.Reader
	literal int
	repeat  int
	value   byte
}

func (d *packBits) read(dst []byte) error {
	for len(dst) > 0 {
		switch {
		case d.literal > 0:
			n := min(d.literal, len(dst))
			if _, err := io.ReadFull(d.r, dst[:n]); err != nil {
				return errDamaged
			}
			d.literal -= n
			dst = dst[n:]
		case d.repeat > 0:
			n := min(d.repeat, len(dst))
			for i := range n {
				dst[i] = d.value
			}
			d.repeat -= n
			dst = dst[n:]
		default:
			if err := d.control(); err != nil {
				return err
			}
		}
	}
	return nil
}

// control reads the byte that says what follows.
func (d *packBits) control() error {
	n, err := d.r.ReadByte()
	if err != nil {
		return errDamaged
	}
	switch {
	case n < 128:
		d.literal = int(n) + 1
	case n > 128:
		d.repeat = 257 - int(n)
		if d.value, err = d.r.ReadByte(); err != nil {
			return errDamaged
		}
	}
	return nil
}
