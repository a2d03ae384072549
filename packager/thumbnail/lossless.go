package thumbnail

import (
	"bufio"

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
