package imagefile

import (
	"bytes"
	"encoding/binary"
	"image"
	stdjpeg "image/jpeg"
	"io"
	"strings"
	"testing"

	xtiff "golang.org/x/image/tiff"

	"chartseal/redact"
)

// tiffPage is a page for buildTIFF: entries with their values, and strips.
type tiffPage struct {
	fields map[uint16]any // uint16, uint32 or string
	strips []string
}

// buildTIFF lays out pages in the given byte order, strips behind directories
// and a secret between everything.
func buildTIFF(order binary.AppendByteOrder, pages ...tiffPage) []byte {
	magic := "II*\x00"
	if order.String() == "BigEndian" {
		magic = "MM\x00*"
	}
	b := []byte(magic + "\x00\x00\x00\x00")
	link := 4
	put := func(at int, v uint32) { copy(b[at:], order.AppendUint32(nil, v)) }
	for _, p := range pages {
		var offs, sizes []byte
		for _, s := range p.strips {
			offs = order.AppendUint32(offs, uint32(len(b)))
			sizes = order.AppendUint32(sizes, uint32(len(s)))
			b = append(b, s...)
			b = append(b, secret...)
		}
		p.fields[tagStripOffsets], p.fields[tagStripByteCounts] = string(offs), string(sizes)
		if len(b)%2 == 1 {
			b = append(b, 0)
		}
		put(link, uint32(len(b)))
		link = appendTIFFPage(&b, order, p)
	}
	return append(b, secret...)
}

func appendTIFFPage(b *[]byte, order binary.AppendByteOrder, p tiffPage) (link int) {
	var entries, values []byte
	base := len(*b) + 2 + 12*len(p.fields) + 4
	n := uint16(0)
	for tag := range 1 << 16 {
		v, ok := p.fields[uint16(tag)]
		if !ok {
			continue
		}
		n++
		entries = order.AppendUint16(entries, uint16(tag))
		switch v := v.(type) {
		case uint16:
			entries = order.AppendUint16(order.AppendUint32(order.AppendUint16(entries, typeShort), 1), v)
			entries = append(entries, 0, 0)
		case uint32:
			entries = order.AppendUint32(order.AppendUint32(order.AppendUint16(entries, typeLong), 1), v)
		case string:
			typ, count := uint16(typeASCII), uint32(len(v))
			switch tag {
			case tagStripOffsets, tagStripByteCounts:
				typ, count = typeLong, count/4
			case tagBitsPerSample:
				typ, count = typeShort, count/2
			case tagJPEGTables, tagICC, 700:
				typ = typeUndefined
			}
			entries = order.AppendUint32(order.AppendUint16(entries, typ), count)
			if len(v) <= 4 {
				entries = append(entries, v+strings.Repeat("\x00", 4-len(v))...)
				continue
			}
			entries = order.AppendUint32(entries, uint32(base+len(values)))
			values = append(values, v...)
			values = append(values, make([]byte, len(v)%2)...)
		}
	}
	*b = append(order.AppendUint16(*b, n), entries...)
	link = len(*b)
	*b = append(*b, 0, 0, 0, 0)
	*b = append(*b, values...)
	return link
}

func greyPage(w, h, rows int) tiffPage {
	p := tiffPage{fields: map[uint16]any{
		tagNewSubfile: uint32(0), tagWidth: uint32(w), tagHeight: uint32(h), tagBitsPerSample: uint16(8),
		tagCompression: uint16(1), tagPhotometric: uint16(1), 274: uint16(6), tagSamples: uint16(1), 278: uint32(rows),
		// What has to go.
		269: secret, 270: secret, 271: secret, 305: secret, 306: secret, 315: secret, 316: secret, 33432: secret,
		700: "<x:xmpmeta>" + secret, 33723: secret, 34377: secret, 65000: secret, 0x8769: uint32(8),
		tagICC: string(poisonedICC()),
	}}
	for y := 0; y < h; y += rows {
		var s strings.Builder
		for i := range w * min(rows, h-y) {
			s.WriteByte(byte(i*7 + y))
		}
		p.strips = append(p.strips, s.String())
	}
	return p
}

func TestTIFF(t *testing.T) {
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		t.Run(order.String(), func(t *testing.T) {
			b := buildTIFF(order, greyPage(13, 11, 3), greyPage(5, 3, 8))
			got, report := mustClean(t, b)
			samePixels(t, b, got)
			wantRemoved(t, report, "EXIF", "XMP", "IPTC and Photoshop resources", "descriptive TIFF tags", "unused bytes",
				"words in the colour profile")
			d, next, f := openTIFF(t, got)
			if v, err := f.numbers(d, 274, 1); err != nil || v[0] != 6 {
				t.Errorf("orientation %v, %v", v, err)
			}
			if next == 0 {
				t.Fatal("the second page is lost")
			}
			if d2, third, err := f.directory(next); err != nil || third != 0 || len(d2) != len(d) {
				t.Errorf("second page: %d entries, next %d, %v", len(d2), third, err)
			}
		})
	}
}

func openTIFF(t *testing.T, b []byte) (directory, int64, *ifds) {
	t.Helper()
	f, first, err := openIFDs(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	d, next, err := f.directory(first)
	if err != nil {
		t.Fatal(err)
	}
	return d, next, f
}

func TestTIFFCompressed(t *testing.T) {
	for _, opt := range []*xtiff.Options{nil, {Compression: xtiff.Deflate, Predictor: true}} {
		var b bytes.Buffer
		if err := xtiff.Encode(&b, picture(61, 43), opt); err != nil {
			t.Fatal(err)
		}
		got, _ := mustClean(t, b.Bytes())
		samePixels(t, b.Bytes(), got)
	}
}

// TestTIFFWithJPEG has strips that are JPEG streams without tables of their
// own, as scanners write them, with a comment in each.
func TestTIFFWithJPEG(t *testing.T) {
	var whole bytes.Buffer
	if err := stdjpeg.Encode(&whole, image.NewGray(image.Rect(0, 0, 16, 16)), nil); err != nil {
		t.Fatal(err)
	}
	tables, stream := splitTables(whole.Bytes())
	p := tiffPage{fields: map[uint16]any{
		tagWidth: uint32(16), tagHeight: uint32(32), tagBitsPerSample: uint16(8), tagCompression: uint16(7),
		tagPhotometric: uint16(1), tagSamples: uint16(1), 278: uint32(16),
		tagJPEGTables: "\xff\xd8\xff\xfe\x00\x0f" + secret + string(tables[2:]),
	}, strips: []string{
		"\xff\xd8\xff\xfe\x00\x0f" + secret + string(stream[2:]), string(stream),
	}}
	got, report := mustClean(t, buildTIFF(binary.LittleEndian, p))
	wantRemoved(t, report, "comments and text")
	d, _, f := openTIFF(t, got)
	at, err := f.numbers(d, tagStripOffsets, 2)
	if err != nil {
		t.Fatal(err)
	}
	sizes, err := f.numbers(d, tagStripByteCounts, 2)
	if err != nil {
		t.Fatal(err)
	}
	e, _ := d.find(tagJPEGTables)
	kept, err := f.data(e)
	if err != nil {
		t.Fatal(err)
	}
	for i := range at {
		s := got[at[i] : at[i]+sizes[i]]
		joined := append(bytes.Clone(kept[:len(kept)-2]), s[2:]...)
		if _, err := stdjpeg.Decode(bytes.NewReader(joined)); err != nil {
			t.Errorf("strip %d: %v", i, err)
		}
	}
}

// splitTables parts a JPEG into an abbreviated stream of tables and one of the
// image (T.81 B.4, B.5).
func splitTables(b []byte) (tables, stream []byte) {
	tables, stream = []byte{0xff, markSOI}, []byte{0xff, markSOI}
	for at := 2; ; {
		n := 2 + int(binary.BigEndian.Uint16(b[at+2:]))
		switch b[at+1] {
		case markDQT, markDHT:
			tables = append(tables, b[at:at+n]...)
		case markSOS:
			return append(tables, 0xff, markEOI), append(stream, b[at:]...)
		default:
			stream = append(stream, b[at:at+n]...)
		}
		at += n
	}
}

func TestTIFFRefusals(t *testing.T) {
	with := func(tag uint16, v any) []byte {
		p := greyPage(13, 11, 3)
		p.fields[tag] = v
		return buildTIFF(binary.LittleEndian, p)
	}
	good := buildTIFF(binary.LittleEndian, greyPage(13, 11, 3))
	loop := bytes.Clone(good)
	d, _, _ := openTIFF(t, good)
	first := binary.LittleEndian.Uint32(good[4:])
	binary.LittleEndian.PutUint32(loop[int(first)+2+12*len(d):], first)
	noWidth := greyPage(13, 11, 3)
	delete(noWidth.fields, tagWidth)
	for name, c := range map[string]struct {
		b     []byte
		class redact.Class
	}{
		"raw of a camera":    {with(tagDNGVersion, uint32(1)), redact.Unsupported},
		"pictures inside":    {with(tagSubIFDs, uint32(8)), redact.Unsupported},
		"old JPEG":           {with(tagCompression, uint16(6)), redact.Unsupported},
		"circle":             {loop, redact.Malformed},
		"no width":           {buildTIFF(binary.LittleEndian, noWidth), redact.Malformed},
		"directory past end": {good[:40], redact.Truncated},
		"no directory":       {[]byte("II*\x00\x00\x00\x00\x00"), redact.Malformed},
		"jpeg that is none":  {with(tagCompression, uint16(7)), redact.Malformed},
	} {
		_, _, err := clean(c.b, redact.Treatment)
		t.Run(name, func(t *testing.T) { wantRefusal(t, err, c.class) })
	}
}

func TestTIFFOverlap(t *testing.T) {
	p := greyPage(13, 11, 1)
	b := buildTIFF(binary.LittleEndian, p)
	d, _, f := openTIFF(t, b)
	e, _ := d.find(tagStripByteCounts)
	at := binary.LittleEndian.Uint32(e.value[:])
	offs, err := f.numbers(d, tagStripOffsets, 11)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 11 { // each strip reaches to the end of the file
		binary.LittleEndian.PutUint32(b[int(at)+4*i:], uint32(len(b))-offs[i])
	}
	_, _, err = clean(b, redact.Treatment)
	wantRefusal(t, err, redact.Malformed)
}

func TestBodyIsRandomAccess(t *testing.T) {
	b := buildTIFF(binary.LittleEndian, greyPage(13, 11, 3))
	out, err := Clean(t.Context(), bytes.NewReader(b), redact.Treatment)
	if err != nil {
		t.Fatal(err)
	}
	at, ok := out.Body.(io.ReaderAt)
	if !ok {
		t.Fatal("the body cannot be read at random")
	}
	if _, err := xtiff.Decode(io.NewSectionReader(at, 0, out.Size)); err != nil {
		t.Error(err)
	}
}

// TestTIFFHiddenParts hides the secret where no viewer looks: behind the last
// row of a strip, in a strip beyond the last row, in a table longer than the
// depth asks for, in a thumbnail.
func TestTIFFHiddenParts(t *testing.T) {
	plain := greyPage(13, 11, 3)
	want := buildTIFF(binary.LittleEndian, plain)
	for name, hide := range map[string]func() []tiffPage{
		"behind a strip": func() []tiffPage {
			p := greyPage(13, 11, 3)
			p.strips[3] += secret
			return []tiffPage{p}
		},
		"strip too many": func() []tiffPage {
			p := greyPage(13, 11, 3)
			p.strips = append(p.strips, strings.Repeat(secret, 3))
			return []tiffPage{p}
		},
		"table": func() []tiffPage {
			p := greyPage(13, 11, 3)
			p.fields[tagTransfer] = strings.Repeat(secret, 9)
			return []tiffPage{p}
		},
		"thumbnail": func() []tiffPage {
			small := greyPage(13, 1, 1)
			small.fields[tagNewSubfile] = uint32(1)
			small.strips = []string{secret}
			return []tiffPage{greyPage(13, 11, 3), small}
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := mustClean(t, buildTIFF(binary.LittleEndian, hide()...))
			samePixels(t, want, got)
			if _, next, _ := openTIFF(t, got); next != 0 {
				t.Error("the thumbnail is still there")
			}
		})
	}
	few := greyPage(13, 11, 3)
	few.strips = few.strips[:2]
	_, _, err := clean(buildTIFF(binary.LittleEndian, few), redact.Treatment)
	wantRefusal(t, err, redact.Malformed)
	alone := greyPage(13, 11, 3)
	alone.fields[tagNewSubfile] = uint32(1)
	got, _ := mustClean(t, buildTIFF(binary.LittleEndian, alone)) // what calls itself small is kept where there is nothing larger
	samePixels(t, want, got)
}

// TestTIFFSizes compares what a directory says of its strips with what an
// encoder writes.
func TestTIFFSizes(t *testing.T) {
	bits := func(n ...int64) []int64 { return n }
	for _, c := range []struct {
		s     shape
		tiled bool
		parts int64
		bytes []int64
	}{
		{shape{width: 9, height: 5, partW: 9, partH: 2, bits: bits(1), compression: 1}, false, 3, []int64{4, 4, 2}},
		{shape{width: 9, height: 5, partW: 9, partH: 5, bits: bits(8, 8, 8), compression: 1}, false, 1, []int64{135}},
		{shape{width: 4, height: 3, partW: 4, partH: 2, bits: bits(16, 8), compression: 1, separate: true}, false, 4, []int64{16, 8, 8, 4}},
		{shape{width: 20, height: 20, partW: 16, partH: 16, bits: bits(8), compression: 1}, true, 4, []int64{256, 256}},
		{shape{width: 4, height: 3, partW: 4, partH: 2, bits: bits(8), compression: 5}, false, 2, []int64{0, 0}},
		{shape{width: 1 << 30, height: 3, partW: 1 << 30, partH: 2, bits: bits(8), compression: 1}, false, 0, []int64{0}},
		{shape{width: 4, height: 3, partW: 4, bits: bits(8), compression: 1}, false, 0, []int64{0}},
	} {
		if got := c.s.parts(); got != c.parts {
			t.Errorf("%+v: %d parts, want %d", c.s, got, c.parts)
		}
		for i, want := range c.bytes {
			if got := c.s.bytes(int64(i), c.tiled); got != want {
				t.Errorf("%+v: part %d has %d bytes, want %d", c.s, i, got, want)
			}
		}
	}
}

func FuzzTIFF(f *testing.F) {
	f.Add(buildTIFF(binary.LittleEndian, greyPage(13, 11, 3), greyPage(5, 3, 8)))
	f.Add(buildTIFF(binary.BigEndian, greyPage(13, 11, 3)))
	f.Fuzz(func(t *testing.T, b []byte) { fuzzOne(t, b, "TIFF") })
}
