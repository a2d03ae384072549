package thumbnail

import (
	"encoding/binary"
	"io"

	"chartseal/redact/dicomfile"
)

// display gives the way of a stored value to the screen: the Modality LUT or the
// rescaling, then the window or else the VOI LUT (PS3.3 sections C.11.1 and C.11.2: of
// window and VOI LUT either may be applied). Where neither is there, c.shown is false
// and the value that the range is taken of is returned. A table that cannot be read
// means no picture, rather than a wrong one.
func (c *colors) display(src io.ReaderAt, p *dicomfile.Picture) (func(stored int) float64, error) {
	modality := func(v int) float64 { return float64(v)*p.Slope + p.Intercept }
	if p.Modality != nil {
		t, err := readLUT(src, p, p.Modality, p.Signed)
		if err != nil {
			return nil, err
		}
		modality = func(v int) float64 { return float64(t.at(float64(v))) }
	}
	switch {
	case windowed(p):
		c.shown = true
		show := window(p)
		return func(v int) float64 { return show(modality(v)) }, nil
	case p.VOI != nil && (p.Slope != 0 || p.Modality != nil):
		c.shown = true
		negative := p.Modality == nil && (p.Signed || p.Intercept < 0)
		t, err := readLUT(src, p, p.VOI, negative)
		if err != nil {
			return nil, err
		}
		return func(v int) float64 { return float64(t.at(modality(v))) / float64(t.top) }, nil
	case p.Modality != nil:
		return modality, nil
	}
	return func(v int) float64 { return float64(v) }, nil // the range is the same without rescaling
}

// lut is a lookup table that was read.
type lut struct {
	first  int
	values []uint16
	top    int // the highest value there may be
}

// at looks a value up. Those before and behind the table are the first and the last.
func (t *lut) at(v float64) uint16 {
	i := min(max(v-float64(t.first)+0.5, 0), float64(len(t.values)-1))
	return t.values[int(i)]
}

// readLUT reads a table. Its values are words, or bytes where there are no more of
// them; signed is how its first value is meant where the file does not say it itself.
func readLUT(src io.ReaderAt, p *dicomfile.Picture, d *dicomfile.LUT, signed bool) (*lut, error) {
	words := d.Data.Len >= 2*int64(d.Entries)
	if d.Entries < 1 || d.Bits < 8 || d.Bits > 16 || !words && (d.Bits != 8 || d.Data.Len < int64(d.Entries)) {
		return nil, errUnfit
	}
	t := &lut{first: d.First, values: make([]uint16, d.Entries), top: 1<<d.Bits - 1}
	if (signed || d.SignedFirst) && d.First > 0x7FFF {
		t.first -= 1 << 16
	}
	size := 1
	if words {
		size = 2
	}
	raw := make([]byte, size*d.Entries)
	if n, err := src.ReadAt(raw, d.Data.Off); n < len(raw) {
		return nil, err
	}
	var end binary.ByteOrder = binary.LittleEndian
	if p.BigEndian {
		end = binary.BigEndian
	}
	for i := range t.values {
		if words {
			t.values[i] = end.Uint16(raw[2*i:])
		} else {
			t.values[i] = uint16(raw[i])
		}
		if int(t.values[i]) > t.top {
			return nil, errDamaged
		}
	}
	return t, nil
}
