package thumbnail

import (
	"bufio"
	"errors"
	"image"
	"image/jpeg"
	"io"

	"chartseal/redact/dicomfile"
)

// Markers of JPEG (ISO/IEC 10918-1, table B.1).
const (
	markSOF0  = 0xC0 // baseline
	markSOF1  = 0xC1 // extended sequential
	markSOF3  = 0xC3 // lossless
	markDHT   = 0xC4
	markJPG   = 0xC8
	markDAC   = 0xCC
	markRST0  = 0xD0
	markSOI   = 0xD8
	markEOI   = 0xD9
	markSOS   = 0xDA
	markDRI   = 0xDD
	markAPP0  = 0xE0
	markAPP14 = 0xEE
)

// jpegSize is what a frame header says (ISO/IEC 10918-1, B.2.2).
type jpegSize struct {
	precision, height, width int
	components               []jpegComponent
}

type jpegComponent struct{ id, across, down int }

// nextMarker reads up to the next marker.
func nextMarker(r *bufio.Reader) (byte, error) {
	for {
		b, err := r.ReadByte()
		if err != nil {
			return 0, errDamaged
		}
		for b == 0xFF {
			if b, err = r.ReadByte(); err != nil {
				return 0, errDamaged
			}
			if b != 0 && b != 0xFF {
				return b, nil
			}
		}
	}
}

// segment reads the content of a marker segment.
func segment(r *bufio.Reader) ([]byte, error) {
	var n [2]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return nil, errDamaged
	}
	size := int(n[0])<<8 | int(n[1])
	if size < 2 {
		return nil, errDamaged
	}
	b := make([]byte, size-2)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, errDamaged
	}
	return b, nil
}

// isFrame reports a frame header.
func isFrame(marker byte) bool {
	return marker >= markSOF0 && marker < markRST0 && marker != markDHT && marker != markJPG && marker != markDAC
}

func parseSize(b []byte) (jpegSize, error) {
	if len(b) < 6 || len(b) < 6+3*int(b[5]) {
		return jpegSize{}, errDamaged
	}
	s := jpegSize{precision: int(b[0]), height: int(b[1])<<8 | int(b[2]), width: int(b[3])<<8 | int(b[4])}
	for i := range int(b[5]) {
		c := b[6+3*i:]
		s.components = append(s.components, jpegComponent{int(c[0]), int(c[1] >> 4), int(c[1] & 15)})
	}
	return s, nil
}

// fits compares a frame header with the DICOM header.
func (s *jpegSize) fits(p *dicomfile.Picture) bool {
	return s.height == p.Rows && s.width == p.Columns && len(s.components) == p.Samples
}

// maxSegments bounds the marker segments before the picture.
const maxSegments = 256

// jpegHead is what has to be known before a JPEG is decoded in memory.
type jpegHead struct {
	size    jpegSize
	marker  byte
	colored bool // it says itself what its colors are
}

func readHead(r *bufio.Reader) (h jpegHead, err error) {
	for range maxSegments {
		m, err := nextMarker(r)
		switch {
		case err != nil:
			return h, err
		case m == markSOI:
			continue
		case m == markSOS && h.marker != 0:
			return h, nil
		case m == markSOS || m == markEOI:
			return h, errDamaged
		}
		b, err := segment(r)
		if err != nil {
			return h, err
		}
		switch {
		case isFrame(m):
			h.marker = m
			if h.size, err = parseSize(b); err != nil {
				return h, err
			}
		case m == markAPP0 && len(b) > 4 && string(b[:4]) == "JFIF", m == markAPP14 && len(b) >= 5 && string(b[:5]) == "Adobe":
			h.colored = true
		}
	}
	return h, errDamaged
}

// decoded is how many bytes the decoder will hold.
func (h *jpegHead) decoded() int {
	n := 0
	for _, c := range h.size.components {
		n += max(1, c.across) * max(1, c.down)
	}
	first := h.size.components[0]
	blocks := max(1, first.across) * max(1, first.down)
	return h.size.height * h.size.width * n / blocks
}

// baseline is a decoded JPEG.
type baseline struct{ m image.Image }

// newBaseline decodes a JPEG with 8 bits. Its colors are those of the picture
// after this: image/jpeg goes by the JPEG's own markers, which a DICOM file need
// not have (PS3.5 section 8.2.1).
func newBaseline(f *frame, p *dicomfile.Picture) (rows, error) {
	h, err := readHead(bufio.NewReader(f.reader(0, f.size)))
	if err != nil {
		return nil, err
	}
	switch {
	case h.marker != markSOF0 && h.marker != markSOF1, h.size.precision != 8, p.BitsAllocated != 8, !h.size.fits(p):
		return nil, errUnfit
	case h.decoded() > maxBaseline:
		return nil, errUnfit
	}
	m, err := jpeg.Decode(f.reader(0, f.size))
	if err != nil {
		return nil, errors.Join(errDamaged, err)
	}
	switch m.(type) {
	case *image.Gray:
		return &baseline{m}, nil
	case *image.RGBA:
		p.Photometric = "RGB"
		return &baseline{m}, nil
	case *image.YCbCr:
		if p.Photometric != "RGB" || h.colored {
			p.Photometric = "YBR_FULL"
		}
		return &baseline{m}, nil
	}
	return nil, errUnfit
}

func (b *baseline) row(y int, at []int, dst []uint16) error {
	switch m := b.m.(type) {
	case *image.Gray:
		for i, x := range at {
			dst[i] = uint16(m.Pix[m.PixOffset(x, y)])
		}
	case *image.RGBA:
		for i, x := range at {
			for k, v := range m.Pix[m.PixOffset(x, y):][:3] {
				dst[3*i+k] = uint16(v)
			}
		}
	case *image.YCbCr:
		for i, x := range at {
			c := m.COffset(x, y)
			dst[3*i], dst[3*i+1], dst[3*i+2] = uint16(m.Y[m.YOffset(x, y)]), uint16(m.Cb[c]), uint16(m.Cr[c])
		}
	}
	return nil
}
