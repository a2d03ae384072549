package thumbnail

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"io"
	"testing"

	"chartseal/testdata/practice/dcm"
)

// source is a file in memory.
type source struct{ *bytes.Reader }

func (s source) Size() int64 { return s.Reader.Size() }

func of(b []byte) source { return source{bytes.NewReader(b)} }

// film is a DICOM file with a picture, for a test.
type film struct {
	rows, columns      int
	bits, stored, high int
	samples, planar    int
	signed             bool
	photometric        string
	syntax             dcm.Syntax
	frames             int
	window, slope      string // center/width; slope/intercept
	more               dcm.Dataset
	pixels             any
}

func attr(tag uint32, vr string) dcm.Attr { return dcm.Attr{Tag: tag, VR: vr} }

// file fills in what most films share and writes the file.
func (f film) file(t testing.TB) []byte {
	t.Helper()
	if f.samples == 0 {
		f.samples = 1
	}
	if f.stored == 0 {
		f.stored = f.bits
	}
	if f.high == 0 {
		f.high = f.stored - 1
	}
	if f.syntax == "" {
		f.syntax = dcm.ExplicitLE
	}
	if f.photometric == "" {
		f.photometric = "MONOCHROME2"
	}
	out := dcm.File{Syntax: f.syntax}
	d := &out.Data
	d.Put(dcm.SOPClassUID, "1.2.840.10008.5.1.4.1.1.1.3")
	d.Put(dcm.SOPInstanceUID, "1.2.3.4")
	for a, v := range map[dcm.Attr]int{
		dcm.SamplesPerPixel: f.samples, dcm.Rows: f.rows, dcm.Columns: f.columns,
		dcm.BitsAllocated: f.bits, dcm.BitsStored: f.stored, dcm.HighBit: f.high, attr(0x00280006, "US"): f.planar,
	} {
		d.Put(a, uint16(v))
	}
	d.Put(dcm.PixelRepresentation, map[bool]uint16{true: 1}[f.signed])
	d.Put(dcm.PhotometricInterpretation, f.photometric)
	if f.frames > 0 {
		d.Put(dcm.NumberOfFrames, f.frames)
	}
	pair(d, f.window, dcm.WindowCenter, dcm.WindowWidth)
	pair(d, f.slope, dcm.RescaleSlope, dcm.RescaleIntercept)
	d.PutAll(f.more)
	d.Put(dcm.PixelData, f.pixels)
	b, err := out.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func pair(d *dcm.Dataset, s string, a, b dcm.Attr) {
	if first, second, ok := bytes.Cut([]byte(s), []byte("/")); ok {
		d.Put(a, string(first))
		d.Put(b, string(second))
	}
}

// drawnGray draws a film and gives its gray values.
func drawnGray(t testing.TB, f film) []byte {
	t.Helper()
	m, err := draw(t.Context(), of(f.file(t)))
	if err != nil {
		t.Fatal(err)
	}
	g, ok := m.(*image.Gray)
	if !ok {
		t.Fatalf("drew %T", m)
	}
	return g.Pix
}

// drawnColor draws a film and gives its red, green and blue values.
func drawnColor(t testing.TB, f film) (out []byte) {
	t.Helper()
	m, err := draw(t.Context(), of(f.file(t)))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := m.(*image.RGBA); !ok {
		t.Fatalf("drew %T", m)
	}
	for y := range m.Bounds().Dy() {
		for x := range m.Bounds().Dx() {
			c := color.RGBAModel.Convert(m.At(x, y)).(color.RGBA)
			out = append(out, c.R, c.G, c.B)
		}
	}
	return out
}

// words are 16-bit samples, little endian.
func words(v ...int) (out []uint16) {
	for _, x := range v {
		out = append(out, uint16(x))
	}
	return out
}

// packed encodes one segment of RLE Lossless, runs and literals.
func packed(b []byte) (out []byte) {
	for len(b) > 0 {
		n := 1
		for n < len(b) && n < 128 && b[n] == b[0] {
			n++
		}
		if n > 1 {
			out = append(out, byte(257-n), b[0])
			b = b[n:]
			continue
		}
		for n < len(b) && n < 128 && b[n] != b[n-1] {
			n++
		}
		out = append(append(out, byte(n-1)), b[:n]...)
		b = b[n:]
	}
	if len(out)%2 == 1 {
		out = append(out, 128) // no operation
	}
	return out
}

// runLength makes an RLE frame of planes of bytes.
func runLength(planes ...[]byte) []byte {
	head := make([]byte, rleHeader)
	binary.LittleEndian.PutUint32(head, uint32(len(planes)))
	out := head
	for i, p := range planes {
		binary.LittleEndian.PutUint32(out[4+4*i:], uint32(len(out)))
		out = append(out, packed(p)...)
	}
	return out
}

// losslessJPEG encodes samples, whose components lie next to each other, with
// codes of 5 bits for every size of a difference.
type losslessJPEG struct {
	width, height, components  int
	precision, predictor, down int // down: point transform
	restartRows                int
}

func (j losslessJPEG) encode(px []uint16) []byte {
	var out []byte
	mark := func(m byte, b ...byte) { out = append(append(out, 0xFF, m, byte((len(b)+2)>>8), byte(len(b)+2)), b...) }
	out = append(out, 0xFF, markSOI)
	table := append([]byte{0}, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	for size := range 17 {
		table = append(table, byte(size))
	}
	mark(markDHT, table...)
	frame := []byte{byte(j.precision), byte(j.height >> 8), byte(j.height), byte(j.width >> 8), byte(j.width), byte(j.components)}
	scan := []byte{byte(j.components)}
	for c := range j.components {
		frame = append(frame, byte(c+1), 0x11, 0)
		scan = append(scan, byte(c+1), 0)
	}
	mark(markSOF3, frame...)
	if j.restartRows > 0 {
		n := j.restartRows * j.width
		mark(markDRI, byte(n>>8), byte(n))
	}
	mark(markSOS, append(scan, byte(j.predictor), 0, byte(j.down))...)
	w := &bitWriter{out: out}
	fresh := true
	for y := range j.height {
		if j.restartRows > 0 && y > 0 && y%j.restartRows == 0 {
			w.flush()
			w.out = append(w.out, 0xFF, markRST0+byte(y/j.restartRows-1)%8)
			fresh = true
		}
		for i := range j.width * j.components {
			w.difference(int(px[y*j.width*j.components+i]>>j.down) - j.predicted(px, y, i, fresh))
		}
		fresh = false
	}
	w.flush()
	return append(w.out, 0xFF, markEOI)
}

// predicted is the prediction of sample i of row y, by the words of annex H.
func (j losslessJPEG) predicted(px []uint16, y, i int, fresh bool) int {
	n := j.components
	at := func(dy, dx int) int { return int(px[(y+dy)*j.width*n+i+dx*n] >> j.down) }
	switch {
	case fresh && i < n:
		return 1 << (j.precision - j.down - 1)
	case fresh:
		return at(0, -1)
	case i < n:
		return at(-1, 0)
	}
	ra, rb, rc := at(0, -1), at(-1, 0), at(-1, -1)
	return []int{0, ra, rb, rc, ra + rb - rc, ra + (rb-rc)>>1, rb + (ra-rc)>>1, (ra + rb) >> 1}[j.predictor]
}

type bitWriter struct {
	out  []byte
	bits uint64
	n    int
}

func (w *bitWriter) put(v, n int) {
	w.bits, w.n = w.bits<<n|uint64(v&(1<<n-1)), w.n+n
	for w.n >= 8 {
		b := byte(w.bits >> (w.n - 8))
		w.out = append(w.out, b)
		if b == 0xFF {
			w.out = append(w.out, 0)
		}
		w.n -= 8
	}
}

func (w *bitWriter) flush() {
	if w.n > 0 {
		w.put(0xFF, 8-w.n)
	}
}

// difference writes a difference modulo 65536.
func (w *bitWriter) difference(d int) {
	d = int(int16(d))
	size := 0
	for abs := max(d, -d); abs > 0; abs >>= 1 {
		size++
	}
	w.put(size, 5)
	switch {
	case size == 16:
	case d < 0:
		w.put(d-1, size)
	default:
		w.put(d, size)
	}
}

// sparse is a file whose content behind its header is made when it is read.
type sparse struct {
	head []byte
	size int64
	read int64
	fill func(b []byte, off int64)
}

func (s *sparse) Size() int64 { return s.size }

func (s *sparse) ReadAt(b []byte, off int64) (int, error) {
	n := int(min(int64(len(b)), s.size-off))
	if n <= 0 {
		return 0, io.EOF
	}
	s.read += int64(n)
	s.fill(b[:n], off)
	if off < int64(len(s.head)) {
		copy(b[:n], s.head[off:])
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}
