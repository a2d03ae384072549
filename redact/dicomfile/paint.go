package dicomfile

import (
	"bytes"
	"cmp"
	"slices"
)

// paint is a mask as it applies to one file: runs of bytes, row by row.
type paint struct {
	rows   [][]span // for every row of a plane, its runs in order and apart
	planes int      // of all frames; a plane is a picture, or one of its colors
	pixel  int64    // bytes
	row    int64    // bytes
	black  [][]byte
	total  int64 // masked bytes of all planes
}

// span is a piece of a row, in bytes from the row's beginning.
type span struct{ from, to int64 }

// newPaint prepares a mask for a picture; nil if it cannot be applied: then a
// person has to look. It can for the plain little
// endian pictures that devices with text in their pictures write (PS3.5
// section 8.1.1, PS3.3 section C.7.6.3.1.2).
func newPaint(m *Mask, f *facts, df *file) *paint {
	samples, frames := max(f.samples, 1), maskedFrames(f)
	plain := f.pixels.tag == tagPixelData && f.pixels.fragments < 0 && df.ts == nativeSyntax(df.syn) && !df.syn.big
	if !plain || f.bits != 8 && f.bits != 16 || frames == 0 || f.planar > 1 {
		return nil
	}
	if f.bitsStored == 0 {
		f.bitsStored, f.highBit = f.bits, f.bits-1
	}
	if f.bitsStored > f.bits || f.highBit != f.bitsStored-1 {
		return nil
	}
	colors := blackOf(f, samples)
	if colors == nil {
		return nil
	}
	p := &paint{planes: frames, pixel: int64(f.bits / 8 * samples)}
	p.black = [][]byte{flood(colors, f.bits, m.Columns)}
	if f.planar == 1 && samples > 1 { // color by plane
		p.planes, p.pixel, p.black = frames*samples, int64(f.bits/8), nil
		for _, c := range colors {
			p.black = append(p.black, flood([]uint16{c}, f.bits, m.Columns))
		}
	}
	p.row = p.pixel * int64(m.Columns)
	p.runs(m)
	tooMany := 2*len(m.Regions)*m.Rows > maxSegments/p.planes
	if have := f.pixels.end - f.pixels.val; tooMany || have < p.row*int64(m.Rows)*int64(p.planes) {
		return nil
	}
	return p
}

// blackOf gives the sample values that are shown black; nil if they are not
// known.
func blackOf(f *facts, samples int) []uint16 {
	middle := uint16(1) << (f.bitsStored - 1)
	low, high := uint16(0), middle+(middle-1)
	if f.signed != 0 {
		low, high = -middle, middle-1 // two's complement
	}
	switch {
	case samples == 1 && f.photometric == "MONOCHROME1":
		return []uint16{high}
	case samples == 1 && f.photometric == "MONOCHROME2":
		return []uint16{low}
	case samples == 1 && f.photometric == "PALETTE COLOR": // any one color hides what was there
		return []uint16{0}
	case samples == 3 && f.photometric == "RGB":
		return []uint16{0, 0, 0}
	case samples == 3 && f.photometric == "YBR_FULL":
		return []uint16{0, middle, middle}
	}
	return nil
}

// flood is a row of columns pixels of one color, little endian.
func flood(colors []uint16, bits, columns int) []byte {
	var px []byte
	for _, c := range colors {
		px = append(px, byte(c))
		if bits == 16 {
			px = append(px, byte(c>>8))
		}
	}
	return bytes.Repeat(px, columns)
}

// runs joins the regions row by row.
func (p *paint) runs(m *Mask) {
	p.rows = make([][]span, m.Rows)
	for y := range p.rows {
		var row []span
		for _, r := range m.Regions {
			if y >= r.Top && y < r.Top+r.Height {
				row = append(row, span{int64(r.Left) * p.pixel, int64(r.Left+r.Width) * p.pixel})
			}
		}
		slices.SortFunc(row, func(a, b span) int { return cmp.Compare(a.from, b.from) })
		p.rows[y] = joined(row)
		for _, r := range p.rows[y] {
			p.total += (r.to - r.from) * int64(p.planes)
		}
	}
}

func joined(row []span) []span {
	var out []span
	for _, r := range row {
		if n := len(out); n > 0 && r.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, r.to)
			continue
		}
		out = append(out, r)
	}
	return out
}

// lay appends the picture at [val,end) of the source, blacked out. All runs
// share one row of black bytes.
func (p *paint) lay(l *layout, val, end int64) {
	blacks := make([]int64, len(p.black))
	for i, b := range p.black {
		blacks[i] = l.store(b)
	}
	at := val
	for plane := range p.planes {
		black := blacks[plane%len(blacks)]
		for y, row := range p.rows {
			start := val + (int64(plane)*int64(len(p.rows))+int64(y))*p.row
			for _, r := range row {
				l.source(at, start+r.from)
				l.stored(black+r.from, r.to-r.from)
				at = start + r.to
			}
		}
	}
	l.source(at, end)
}

// store keeps bytes for several runs of the output.
func (l *layout) store(b []byte) int64 {
	at := int64(len(l.lits))
	l.lits = append(l.lits, b...)
	return at
}

// stored appends n of the stored bytes to the output.
func (l *layout) stored(at, n int64) {
	l.segs = append(l.segs, segment{out: l.size, src: ^at})
	l.size += n
}

// check reads the picture at [val,end) of the output against the mask: every
// byte is the source's byte of the same place, or lies in a region and is
// black, and no byte of a region is the source's.
func (p *paint) check(l *layout, val, end int64, source pixelRange) error {
	if end-val != source.end-source.off {
		return errUnverified
	}
	var black int64
	for at := val; at < end; {
		i := l.find(at)
		s, stop := l.segs[i], min(end, l.end(i))
		switch {
		case s.src >= 0:
			if s.src+at-s.out != source.off+at-val {
				return errUnverified
			}
		default:
			from := ^s.src + at - s.out
			if !p.isBlack(at-val, l.lits[from:from+stop-at]) {
				return errUnverified
			}
			black += stop - at
		}
		at = stop
	}
	if black != p.total {
		return errUnverified
	}
	return nil
}

// isBlack reports that b, at off in the picture, lies within a region and is
// what a blacked-out region holds.
func (p *paint) isBlack(off int64, b []byte) bool {
	row, x := off/p.row, off%p.row
	plane, y := row/int64(len(p.rows)), row%int64(len(p.rows))
	if plane >= int64(p.planes) {
		return false
	}
	for _, r := range p.rows[y] {
		if x >= r.from && x+int64(len(b)) <= r.to {
			return bytes.Equal(b, p.black[plane%int64(len(p.black))][x:x+int64(len(b))])
		}
	}
	return false
}
