package thumbnail

import (
	"bufio"
	"encoding/binary"

	"chartseal/redact/dicomfile"
)

// lossless decodes JPEG lossless, Huffman coded (ISO/IEC 10918-1, annex H), row
// by row.
type lossless struct {
	bits       bitReader
	tables     [4]*huffman
	size       jpegSize
	coder      [3]*huffman // of each component
	predictor  int
	shift      int // point transform
	interval   int // pixels between restarts; 0: none
	untilReset int
	fresh      bool // the row is coded like the first one
	above, now []uint16
	next       int
}

func newLossless(f *frame, p *dicomfile.Picture) (rows, error) {
	d := &lossless{bits: bitReader{r: bufio.NewReaderSize(f.reader(0, f.size), 32<<10)}}
	for range maxSegments {
		m, err := nextMarker(d.bits.r)
		switch {
		case err != nil:
			return nil, err
		case m == markSOI:
			continue
		case m == markEOI:
			return nil, errDamaged
		}
		b, err := segment(d.bits.r)
		if err != nil {
			return nil, err
		}
		if m == markSOS {
			return d, d.begin(b, p)
		}
		if err := d.prepare(m, b); err != nil {
			return nil, err
		}
	}
	return nil, errDamaged
}

// prepare reads a segment before the scan.
func (d *lossless) prepare(m byte, b []byte) (err error) {
	switch {
	case m == markDHT:
		return d.readTables(b)
	case m == markDRI && len(b) >= 2:
		d.interval = int(b[0])<<8 | int(b[1])
	case m == markSOF3:
		d.size, err = parseSize(b)
	case isFrame(m):
		return errUnfit
	}
	return err
}

// begin reads the scan header (B.2.3): one scan with all components.
func (d *lossless) begin(b []byte, p *dicomfile.Picture) error {
	n := p.Samples
	if !d.size.fits(p) || d.size.precision < 2 || d.size.precision > p.BitsAllocated || len(b) < 4+2*n || int(b[0]) != n {
		return errUnfit
	}
	for i, c := range d.size.components {
		table := d.tables[b[2+2*i]>>4&3]
		if int(b[1+2*i]) != c.id || c.across != 1 || c.down != 1 || table == nil {
			return errUnfit
		}
		d.coder[i] = table
	}
	d.predictor, d.shift = int(b[1+2*n]), int(b[3+2*n]&15)
	if d.predictor < 1 || d.predictor > 7 || d.shift >= d.size.precision || d.interval%p.Columns != 0 {
		return errUnfit
	}
	d.above, d.now = make([]uint16, n*p.Columns), make([]uint16, n*p.Columns)
	d.untilReset, d.fresh = d.interval, true
	return nil
}

func (d *lossless) row(y int, at []int, dst []uint16) error {
	for ; d.next <= y; d.next++ {
		if d.interval > 0 && d.untilReset == 0 {
			if err := d.restart(); err != nil {
				return err
			}
		}
		d.above, d.now = d.now, d.above
		if err := d.decode(); err != nil {
			return err
		}
		d.fresh = false
		d.untilReset -= d.size.width
	}
	n := len(d.size.components)
	for i, x := range at {
		for s := range n {
			dst[i*n+s] = d.now[x*n+s] << d.shift
		}
	}
	return nil
}

// restart looks for the marker between two intervals (F.1.1.5).
func (d *lossless) restart() error {
	m, err := d.bits.marker()
	if err != nil || m < markRST0 || m > markRST0+7 {
		return errDamaged
	}
	d.untilReset, d.fresh = d.interval, true
	return nil
}

// decode reads one row of differences and adds them to what is predicted
// (H.1.2, table H.1).
func (d *lossless) decode() error {
	n := len(d.size.components)
	for i := range d.now {
		diff, err := d.coder[i%n].difference(&d.bits)
		if err != nil {
			return err
		}
		var predicted uint16
		switch {
		case i < n && d.fresh:
			predicted = 1 << (d.size.precision - d.shift - 1)
		case d.fresh:
			predicted = d.now[i-n]
		case i < n:
			predicted = d.above[i]
		default:
			predicted = predict(d.predictor, int(d.now[i-n]), int(d.above[i]), int(d.above[i-n]))
		}
		d.now[i] = predicted + diff
	}
	return nil
}

// predict is table H.1: a is to the left, b above, c above and to the left.
func predict(n, a, b, c int) uint16 {
	switch n {
	case 1:
		return uint16(a)
	case 2:
		return uint16(b)
	case 3:
		return uint16(c)
	case 4:
		return uint16(a + b - c)
	case 5:
		return uint16(a + (b-c)>>1)
	case 6:
		return uint16(b + (a-c)>>1)
	}
	return uint16((a + b) >> 1)
}

// huffman is a table of codes (annex C) for numbers of bits, 0 to 16.
type huffman struct {
	fast   [256]uint16 // by the next 8 bits: length and value; 0: longer
	last   [17]int     // the largest code of each length, -1 if there is none
	offset [17]int     // of a code's value, from the code
	values []byte
}

func (d *lossless) readTables(b []byte) error {
	for len(b) > 0 {
		if len(b) < 17 {
			return errDamaged
		}
		h := &huffman{}
		total := 0
		for _, n := range b[1:17] {
			total += int(n)
		}
		if total > 256 || len(b) < 17+total {
			return errDamaged
		}
		h.values = append(h.values, b[17:17+total]...)
		if err := h.build(b[1:17]); err != nil {
			return err
		}
		d.tables[b[0]&3] = h
		b = b[17+total:]
	}
	return nil
}

func (h *huffman) build(counts []byte) error {
	code, k := 0, 0
	for length := 1; length <= 16; length++ {
		n := int(counts[length-1])
		h.offset[length], h.last[length] = k-code, -1
		if code+n > 1<<length {
			return errDamaged
		}
		for range n {
			if h.values[k] > 16 {
				return errDamaged
			}
			if length <= 8 {
				for i := range 1 << (8 - length) {
					h.fast[code<<(8-length)|i] = uint16(length)<<8 | uint16(h.values[k])
				}
			}
			h.last[length] = code
			code++
			k++
		}
		code <<= 1
	}
	return nil
}

// difference decodes one difference (H.1.2.2).
func (h *huffman) difference(r *bitReader) (uint16, error) {
	size, err := h.size(r)
	switch {
	case err != nil:
		return 0, err
	case size == 0:
		return 0, nil
	case size == 16:
		return 1 << 15, nil
	}
	v, err := r.take(size)
	if v < 1<<(size-1) {
		v -= 1<<size - 1
	}
	return uint16(v), err
}

func (h *huffman) size(r *bitReader) (int, error) {
	r.fill()
	if f := h.fast[r.bits>>56]; f != 0 && int(f>>8) <= r.n {
		r.drop(int(f >> 8))
		return int(f & 0xFF), nil
	}
	for length := 1; length <= min(16, r.n); length++ {
		code := int(r.bits >> (64 - length))
		if code <= h.last[length] {
			r.drop(length)
			return int(h.values[code+h.offset[length]]), nil
		}
	}
	return 0, errDamaged
}

// bitReader reads the bits of a scan (F.2.2.5), the highest first.
type bitReader struct {
	r    *bufio.Reader
	bits uint64
	n    int  // bits that are there, from the top
	mark byte // a marker that ended the scan or an interval
	end  bool
}

// fill makes at least 32 bits ready, or what is left.
func (r *bitReader) fill() {
	if r.n > 32 {
		return
	}
	if r.r.Buffered() >= 4 {
		if b, _ := r.r.Peek(4); b[0] != 0xFF && b[1] != 0xFF && b[2] != 0xFF && b[3] != 0xFF && r.mark == 0 {
			r.bits |= uint64(binary.BigEndian.Uint32(b)) << (32 - r.n)
			r.n += 32
			_, _ = r.r.Discard(4) // they are there
			return
		}
	}
	for r.n <= 32 && r.mark == 0 && !r.end {
		b, err := r.r.ReadByte()
		if err != nil {
			r.end = true
			return
		}
		if b == 0xFF && !r.stuffed() {
			return
		}
		r.bits |= uint64(b) << (56 - r.n)
		r.n += 8
	}
}

// stuffed reads what follows FF: a zero, or a marker.
func (r *bitReader) stuffed() bool {
	for {
		b, err := r.r.ReadByte()
		switch {
		case err != nil:
			r.end = true
			return false
		case b == 0:
			return true
		case b != 0xFF:
			r.mark = b
			return false
		}
	}
}

func (r *bitReader) drop(n int) { r.bits, r.n = r.bits<<n, r.n-n }

// take reads up to 15 bits.
func (r *bitReader) take(n int) (int, error) {
	r.fill()
	if r.n < n {
		return 0, errDamaged
	}
	v := int(r.bits >> (64 - n))
	r.drop(n)
	return v, nil
}

// marker drops what is left of an interval and gives the marker behind it.
func (r *bitReader) marker() (byte, error) {
	m := r.mark
	r.bits, r.n, r.mark = 0, 0, 0
	if m != 0 {
		return m, nil
	}
	if r.end {
		return 0, errDamaged
	}
	return nextMarker(r.r)
}
