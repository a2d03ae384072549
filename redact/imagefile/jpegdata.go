package imagefile

import (
	"errors"

	"chartseal/redact/splice"
)

// A decoder stops at the last block of a picture and skips what follows up to the
// next marker, so something can be hidden there. This file counts the blocks of
// sequential Huffman scans (T.81 F.2) to find where they end, without making
// pixels. What it does not understand it leaves as it is.

// hiddenTail is from how many bytes on the rest of a scan is more than padding.
const hiddenTail = 4

var errScan = errors.New("count blocks of scan: not understood")

// jpegFrame is what a frame header says (T.81 B.2.2).
type jpegFrame struct {
	sequential    bool // and Huffman-coded
	width, height int
	parts         map[byte]sampling
	maxH, maxV    int
}

type sampling struct{ h, v int }

func readFrame(m byte, b []byte) *jpegFrame {
	f := &jpegFrame{
		sequential: m == markSOF0 || m == markSOF0+1,
		height:     int(b[1])<<8 | int(b[2]), width: int(b[3])<<8 | int(b[4]), parts: map[byte]sampling{},
	}
	for p := b[6:]; len(p) >= 3; p = p[3:] {
		s := sampling{int(p[1] >> 4), int(p[1] & 15)}
		if s.h < 1 || s.h > 4 || s.v < 1 || s.v > 4 {
			f.sequential = false
			return f
		}
		f.parts[p[0]] = s
		f.maxH, f.maxV = max(f.maxH, s.h), max(f.maxV, s.v)
	}
	return f
}

// huffman is a table for decoding (T.81 F.2.2.3): most codes have at most eight
// bits and are looked up.
type huffman struct {
	fast     [256]uint16 // length<<8 | value; 0: longer
	values   []byte
	maxCode  [17]int // by length; -1: none
	firstVal [17]int // index of the value of the first code, less that code
}

// readHuffman adds the tables of a segment to those there are, by class<<4 | id.
func readHuffman(tables map[byte]*huffman, b []byte) {
	for len(b) >= 17 {
		n, code := 0, 0
		h := &huffman{}
		for l := 1; l <= 16; l++ {
			count := int(b[l])
			h.firstVal[l], h.maxCode[l] = n-code, -1
			if count > 0 {
				h.maxCode[l] = code + count - 1
			}
			for i := 0; i < count && l <= 8 && 17+n+i < len(b); i++ {
				for j := range 1 << (8 - l) {
					if at := (code+i)<<(8-l) | j; at < 256 {
						h.fast[at] = uint16(l)<<8 | uint16(b[17+n+i])
					}
				}
			}
			n, code = n+count, (code+count)<<1
		}
		h.values = b[17 : 17+n]
		tables[b[0]] = h
		b = b[17+n:]
	}
}

// bits reads entropy-coded data: stuffed zeros are left out, and at a marker ones
// follow that are in no file.
type bits struct {
	in      *splice.Scanner
	w       []byte // what is at hand from at on
	at      int64
	acc     uint32
	n       int
	starts  [8]int64 // where the last bytes that were read begin, in a ring
	read    int      // bytes
	virtual int      // bytes of acc that are in no file
}

func (r *bits) fill(n int) error {
	for r.n < n {
		at := r.at
		b := byte(0xff)
		if r.virtual == 0 {
			if len(r.w) < 2 {
				var err error
				r.in.MoveTo(r.at)
				if r.w, err = r.in.Window(2); err != nil {
					return err
				}
			}
			step := 1
			switch b = r.w[0]; {
			case b == 0xff && r.w[1] == 0:
				step = 2
			case b == 0xff:
				r.virtual = 1
				step = 0
			}
			r.at, r.w = r.at+int64(step), r.w[step:]
		} else if r.virtual++; r.virtual > 4 {
			return errScan
		}
		r.starts[r.read&7] = at
		r.read++
		r.acc, r.n = r.acc<<8|uint32(b), r.n+8
	}
	return nil
}

func (r *bits) skip(n int) error {
	if err := r.fill(n); err != nil {
		return err
	}
	r.n -= n
	return nil
}

func (r *bits) symbol(h *huffman) (byte, error) {
	if h == nil {
		return 0, errScan
	}
	if err := r.fill(8); err != nil {
		return 0, err
	}
	if f := h.fast[r.acc>>(r.n-8)&0xff]; f != 0 {
		r.n -= int(f >> 8)
		return byte(f), nil
	}
	if err := r.fill(16); err != nil {
		return 0, err
	}
	for l := 9; l <= 16; l++ {
		code := int(r.acc >> (r.n - l) & (1<<l - 1))
		if i := h.firstVal[l] + code; code <= h.maxCode[l] && i >= 0 && i < len(h.values) {
			r.n -= l
			return h.values[i], nil
		}
	}
	return 0, errScan
}

// block reads one block of 64 coefficients.
func (r *bits) block(dc, ac *huffman) error {
	size, err := r.symbol(dc)
	if err != nil || size > 16 {
		return errors.Join(err, errScan)
	}
	if err := r.skip(int(size)); err != nil {
		return err
	}
	for k := 1; k < 64; k++ {
		rs, err := r.symbol(ac)
		switch {
		case err != nil:
			return err
		case rs == 0:
			return nil
		case rs&15 == 0 && rs != 0xf0:
			return errScan
		}
		k += int(rs >> 4)
		if k > 63 {
			return errScan
		}
		if err := r.skip(int(rs & 15)); err != nil {
			return err
		}
	}
	return nil
}

// align drops the bits up to the next byte and returns where that begins.
func (r *bits) align() (int64, error) {
	whole := r.n/8 - r.virtual // bytes that were read ahead
	if whole < 0 {
		return 0, errScan // the picture goes on behind its marker
	}
	at := r.at
	if total := r.n / 8; total > 0 {
		at = r.starts[(r.read-total)&7]
	}
	r.acc, r.n, r.virtual = 0, 0, 0
	r.at, r.w = at, nil
	return at, nil
}

// blocksEnd returns where the data of a scan ends that begins at the scanner's
// position; header is the scan's.
func (j *jpeg) blocksEnd(header []byte) (int64, error) {
	f := j.shape
	n := int(header[0])
	if f == nil || !f.sequential || f.width == 0 || f.height == 0 || header[1+2*n] != 0 || header[2+2*n] != 63 {
		return 0, errScan
	}
	type plane struct {
		dc, ac *huffman
		blocks int
	}
	var planes []plane
	units := ceil(f.width, 8*f.maxH) * ceil(f.height, 8*f.maxV)
	for i := range n {
		s, ok := f.parts[header[1+2*i]]
		if !ok {
			return 0, errScan
		}
		t := header[2+2*i]
		p := plane{j.huffman[t>>4], j.huffman[1<<4|t&15], s.h * s.v}
		if n == 1 { // T.81 A.2.2: the blocks that the picture covers
			p.blocks = 1
			units = ceil(ceil(f.width*s.h, f.maxH), 8) * ceil(ceil(f.height*s.v, f.maxV), 8)
		}
		planes = append(planes, p)
	}
	r := &bits{in: j.in, at: j.in.Pos()}
	for u := range units {
		if j.restart > 0 && u > 0 && u%j.restart == 0 {
			if err := r.restarted(); err != nil {
				return 0, err
			}
		}
		for _, p := range planes {
			for range p.blocks {
				if err := r.block(p.dc, p.ac); err != nil {
					return 0, err
				}
			}
		}
	}
	return r.align()
}

// restarted moves over a restart marker, which must follow at once.
func (r *bits) restarted() error {
	if _, err := r.align(); err != nil {
		return err
	}
	r.in.MoveTo(r.at)
	w, err := r.in.Next(2)
	if err != nil {
		return err
	}
	r.at += 2
	if w[0] != 0xff || w[1] < markRST0 || w[1] > markRST7 {
		return errScan
	}
	return nil
}

func ceil(a, b int) int { return (a + b - 1) / b }
