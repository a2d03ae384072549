package thumbnail

import (
	"image"
	"io"

	"chartseal/redact/dicomfile"
)

// colors turns stored samples into what is averaged: the brightness of gray
// pictures, or their values if no window is known; else red, green and blue or
// their YBR form, from 0 to 255.
type colors struct {
	channels int
	gray     []float32 // of every sample of a gray picture
	shown    bool      // gray is brightness from 0 to 1
	shift    int       // of the lowest stored bit
	mask     uint16
	sign     uint16 // the bit of the sign; 0: unsigned
	bits     int
	palette  [3][]byte // of every value from first on
	first    [3]int
	ybr      bool
}

// newColors reads how colors are meant (PS3.3 section C.7.6.3.1.2).
func newColors(src io.ReaderAt, p *dicomfile.Picture) (*colors, error) {
	c := &colors{channels: p.Samples, shift: p.HighBit + 1 - p.BitsStored, mask: uint16(1<<p.BitsStored - 1), bits: p.BitsStored}
	if p.Signed {
		c.sign = 1 << (p.BitsStored - 1)
	}
	switch p.Photometric {
	case "MONOCHROME1", "MONOCHROME2":
		if p.Samples == 1 {
			show, err := c.display(src, p)
			if err != nil {
				return nil, err
			}
			c.gray = make([]float32, 1<<p.BitsAllocated)
			for i := range c.gray {
				c.gray[i] = float32(show(c.value(uint16(i))))
			}
			return c, nil
		}
	case "PALETTE COLOR":
		if p.Samples == 1 {
			c.channels = 3
			return c, c.readPalette(src, p)
		}
	case "RGB", "YBR_FULL", "YBR_FULL_422":
		c.ybr = p.Photometric != "RGB"
		if p.Samples == 3 && !p.Signed {
			return c, nil
		}
	}
	return nil, errUnfit
}

// readPalette reads the lookup tables (PS3.3 sections C.7.6.3.1.5 and
// C.7.6.3.1.6).
func (c *colors) readPalette(src io.ReaderAt, p *dicomfile.Picture) error {
	for i, t := range p.Palette {
		size := int64(t.Entries)
		words := t.Bits == 16 || t.Bits == 8 && t.Data.Len >= 2*size && size > 1
		if words {
			size *= 2
		}
		if t.Entries < 1 || t.Bits != 8 && t.Bits != 16 || t.Data.Len < size {
			return errUnfit
		}
		raw := make([]byte, size)
		if n, err := src.ReadAt(raw, t.Data.Off); n < len(raw) {
			return err
		}
		c.first[i] = t.First
		if p.Signed && t.First > 0x7FFF {
			c.first[i] -= 1 << 16
		}
		if !words {
			c.palette[i] = raw
			continue
		}
		high := 1 // of a word: little endian
		if p.BigEndian != (t.Bits == 8) {
			high = 0
		}
		c.palette[i] = make([]byte, t.Entries)
		for k := range c.palette[i] {
			c.palette[i][k] = raw[2*k+high]
		}
	}
	return nil
}

// value takes a stored value out of its bits.
func (c *colors) value(sample uint16) int {
	v := sample >> c.shift & c.mask
	return int(v) - int(v&c.sign)<<1
}

// add adds the samples of a line to the sums of a thumbnail's line: taps pixels to
// each of its own.
func (c *colors) add(sums []float32, line []uint16, taps int) {
	switch {
	case c.gray != nil:
		for i := range sums {
			for _, sample := range line[i*taps : (i+1)*taps] {
				sums[i] += c.gray[sample]
			}
		}
	case c.palette[0] != nil:
		for i, sample := range line {
			v := c.value(sample)
			for k, table := range c.palette {
				sums[i/taps*3+k] += float32(table[min(max(v-c.first[k], 0), len(table)-1)])
			}
		}
	default:
		for i, sample := range line {
			v := c.value(sample)
			if c.bits > 8 {
				v >>= c.bits - 8
			} else {
				v <<= 8 - c.bits
			}
			sums[i/3/taps*3+i%3] += float32(v)
		}
	}
}

// color makes a picture of means of colors.
func (c *colors) color(values []float32, w, h int) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		r, g, b := values[3*i], values[3*i+1], values[3*i+2]
		if c.ybr {
			y, cb, cr := r, g-128, b-128
			r, g, b = y+1.402*cr, y-0.344136*cb-0.714136*cr, y+1.772*cb
		}
		for k, v := range [3]float32{r, g, b} {
			m.Pix[4*i+k] = byte(min(255, max(0, v+0.5)))
		}
		m.Pix[4*i+3] = 255
	}
	return m
}
