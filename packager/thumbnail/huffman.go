package thumbnail

import (
	"bufio"
	"encoding/binary"
)

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
