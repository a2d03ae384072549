package thumbnail

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"slices"
	"testing"

	"chartseal/testdata/practice/dcm"
)

// TestGray draws pixels of which the brightness was worked out by hand, from
// PS3.3 section C.11.2.1.2: ((x - (c - 0.5)) / (w - 1) + 0.5) × 255.
func TestGray(t *testing.T) {
	for name, tc := range map[string]struct {
		f    film
		want []byte
	}{
		"16 bit, window":  {film{bits: 16, stored: 12, window: "100/101", pixels: words(0, 50, 100, 149, 150, 4095)}, []byte{0, 1, 129, 254, 255, 255}},
		"implicit":        {film{bits: 16, stored: 12, syntax: dcm.ImplicitLE, window: "100/101", pixels: words(0, 50, 100, 149, 150, 4095)}, []byte{0, 1, 129, 254, 255, 255}},
		"8 bit, window":   {film{bits: 8, window: "128/256", pixels: []byte{0, 1, 100, 128, 200, 255}}, []byte{0, 1, 100, 128, 200, 255}},
		"monochrome 1":    {film{bits: 8, photometric: "MONOCHROME1", window: "128/256", pixels: []byte{0, 1, 100, 128, 200, 255}}, []byte{255, 254, 155, 127, 55, 0}},
		"first of many":   {film{bits: 8, window: `128\40/256\400`, pixels: []byte{0, 1, 100, 128, 200, 255}}, []byte{0, 1, 100, 128, 200, 255}},
		"signed":          {film{bits: 16, stored: 16, signed: true, window: "0/2001", pixels: words(-1000, -500, 0, 500, 1000, 32767)}, []byte{0, 64, 128, 191, 255, 255}},
		"signed 12 bit":   {film{bits: 16, stored: 12, signed: true, window: "0/2001", pixels: words(0x0C18, 0x0E0C, 0, 500, 1000, 2047)}, []byte{0, 64, 128, 191, 255, 255}},
		"rescaled":        {film{bits: 16, stored: 12, slope: "2/-1000", window: "0/2001", pixels: words(0, 250, 500, 750, 1000, 4095)}, []byte{0, 64, 128, 191, 255, 255}},
		"bits above":      {film{bits: 16, stored: 12, window: "100/101", pixels: words(0xF000, 0x1000|50, 0xA000|100, 149, 150, 0xFFFF)}, []byte{0, 1, 129, 254, 255, 255}},
		"bits below":      {film{bits: 16, stored: 12, high: 15, window: "100/101", pixels: words(7, 50<<4|15, 100<<4|1, 149<<4, 150<<4, 0xFFF0)}, []byte{0, 1, 129, 254, 255, 255}},
		"range":           {film{bits: 16, stored: 12, pixels: words(1000, 1100, 1200, 1300, 1400, 1500)}, []byte{0, 51, 102, 153, 204, 255}},
		"range, falling":  {film{bits: 16, stored: 12, slope: "-1/0", pixels: words(1000, 1100, 1200, 1300, 1400, 1500)}, []byte{255, 204, 153, 102, 51, 0}},
		"width 0":         {film{bits: 16, window: "100/0", pixels: words(1000, 1100, 1200, 1300, 1400, 1500)}, []byte{0, 51, 102, 153, 204, 255}},
		"width 1":         {film{bits: 16, window: "100/1", pixels: words(98, 99, 100, 101, 1000, 0)}, []byte{0, 0, 255, 255, 255, 0}},
		"a word as width": {film{bits: 16, window: "100/wide", pixels: words(1000, 1100, 1200, 1300, 1400, 1500)}, []byte{0, 51, 102, 153, 204, 255}},
		"one value":       {film{bits: 16, pixels: words(7, 7, 7, 7, 7, 7)}, []byte{0, 0, 0, 0, 0, 0}},
		"exact": {
			film{bits: 16, window: "100/100", more: dcm.Dataset{{Attr: attr(0x00281056, "CS"), Value: "LINEAR_EXACT"}}, pixels: words(50, 100, 150, 0, 75, 999)},
			[]byte{0, 128, 255, 0, 64, 255},
		},
		"sigmoid": {
			film{bits: 16, window: "100/100", more: dcm.Dataset{{Attr: attr(0x00281056, "CS"), Value: "SIGMOID"}}, pixels: words(100, 150, 50, 0, 200, 999)},
			[]byte{128, 225, 30, 5, 250, 255},
		},
		// sections C.11.1.1 and C.11.2.1.1: before its first value a table gives the first, behind its last the last
		"modality LUT":        {film{bits: 8, window: "150/301", more: table(0x00283000, 4, 1, 16, 0, 100, 200, 300), pixels: []byte{0, 1, 2, 3, 4, 9}}, []byte{0, 0, 85, 170, 255, 255}},
		"modality LUT, range": {film{bits: 8, slope: "-1/0", more: table(0x00283000, 4, 1, 16, 0, 100, 200, 300), pixels: []byte{0, 1, 2, 3, 4, 9}}, []byte{0, 0, 85, 170, 255, 255}},
		"VOI LUT":             {film{bits: 16, stored: 12, more: table(0x00283010, 3, 10, 8, 0, 128, 255), pixels: words(0, 10, 11, 12, 500, 11)}, []byte{0, 0, 128, 255, 255, 128}},
		"VOI LUT, rescaled":   {film{bits: 16, stored: 12, slope: "1/-1000", more: table(0x00283010, 3, -990, 8, 0, 128, 255), pixels: words(0, 10, 11, 12, 500, 11)}, []byte{0, 0, 128, 255, 255, 128}},
		"VOI LUT, 12 bit":     {film{bits: 16, stored: 12, photometric: "MONOCHROME1", more: table(0x00283010, 2, 0, 12, 0, 4095), pixels: words(0, 1, 2, 0, 1, 2)}, []byte{255, 0, 0, 255, 0, 0}},
		"window, not VOI LUT": {film{bits: 8, window: "128/256", more: table(0x00283010, 2, 0, 8, 0, 255), pixels: []byte{0, 1, 100, 128, 200, 255}}, []byte{0, 1, 100, 128, 200, 255}},
		"both LUTs":           {film{bits: 8, more: append(table(0x00283000, 2, 0, 16, 1000, 2000), table(0x00283010, 2, 1999, 8, 5, 250)...), pixels: []byte{0, 1, 0, 1, 0, 1}}, []byte{5, 250, 5, 250, 5, 250}},
		"RLE 8":               {film{bits: 8, syntax: rleLossless, window: "128/256", pixels: dcm.Fragments{runLength([]byte{9, 9, 9, 4, 5, 6})}}, []byte{9, 9, 9, 4, 5, 6}},
		"RLE 16": {film{bits: 16, syntax: rleLossless, window: "100/101", pixels: dcm.Fragments{
			runLength([]byte{0, 0, 0, 0, 0, 15}, []byte{0, 50, 100, 149, 150, 255}),
		}}, []byte{0, 1, 129, 254, 255, 255}},
	} {
		t.Run(name, func(t *testing.T) {
			tc.f.rows, tc.f.columns = 2, 3
			if got := drawnGray(t, tc.f); !bytes.Equal(got, tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

// table is a sequence with a lookup table.
func table(tag uint32, entries, first, bits int, data ...int) (d dcm.Dataset) {
	var item dcm.Dataset
	item.Put(attr(0x00283002, "US"), words(entries, first, bits))
	item.Put(attr(0x00283006, "OW"), words(data...))
	d.Put(attr(tag, "SQ"), []dcm.Dataset{item})
	return d
}

// A table that is not what it says leads to no thumbnail.
func TestNoThumbnailByADamagedTable(t *testing.T) {
	for name, more := range map[string]dcm.Dataset{
		"short":         table(0x00283010, 5, 0, 16, 1, 2, 3),
		"bits":          table(0x00283000, 3, 0, 17, 1, 2, 3),
		"too high":      table(0x00283010, 3, 0, 8, 1, 2, 300),
		"no descriptor": {{Attr: attr(0x00283010, "SQ"), Value: []dcm.Dataset{{}}}},
		"no item":       {{Attr: attr(0x00283000, "SQ"), Value: []dcm.Dataset{}}},
	} {
		f := film{rows: 1, columns: 2, bits: 8, more: more, pixels: []byte{1, 2}}
		if _, err := Draw(t.Context(), of(f.file(t))); !errors.Is(err, ErrNone) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// palette gives a lookup table of the type of a test.
func palette(entries, first, bits int, data ...any) dcm.Dataset {
	var d dcm.Dataset
	for i, x := range data {
		d.Put(attr(0x00281101+uint32(i), "US"), words(entries, first, bits))
		d.Put(attr(0x00281201+uint32(i), "OW"), x)
	}
	return d
}

func TestColor(t *testing.T) {
	want := []byte{255, 0, 0, 0, 255, 0, 10, 20, 30, 255, 255, 255}
	for name, tc := range map[string]struct {
		f    film
		want []byte
	}{
		"pixel by pixel": {film{photometric: "RGB", samples: 3, bits: 8, pixels: want}, want},
		"plane by plane": {film{photometric: "RGB", samples: 3, planar: 1, bits: 8, pixels: []byte{255, 0, 10, 255, 0, 255, 20, 255, 0, 0, 30, 255}}, want},
		"16 bit":         {film{photometric: "RGB", samples: 3, bits: 16, pixels: words(65535, 0, 0, 0, 65535, 0, 2560, 5120, 7680, 65535, 65535, 65535)}, want},
		"RLE": {film{photometric: "RGB", samples: 3, bits: 8, syntax: rleLossless, pixels: dcm.Fragments{
			runLength([]byte{255, 0, 10, 255}, []byte{0, 255, 20, 255}, []byte{0, 0, 30, 255}),
		}}, want},
		// PS3.3 section C.7.6.3.1.2: red is Y 76.2, CB 85.0, CR 255.5
		"YBR":     {film{photometric: "YBR_FULL", samples: 3, bits: 8, pixels: []byte{76, 85, 255, 255, 128, 128, 0, 128, 128, 29, 255, 107}}, []byte{254, 0, 0, 255, 255, 255, 0, 0, 0, 0, 0, 254}},
		"YBR 422": {film{photometric: "YBR_FULL_422", samples: 3, bits: 8, pixels: []byte{255, 0, 128, 128, 100, 200, 128, 128}}, []byte{255, 255, 255, 0, 0, 0, 100, 100, 100, 200, 200, 200}},
		"palette, 16 bit": {
			film{photometric: "PALETTE COLOR", bits: 8, more: palette(4, 10, 16, words(0, 0xFF00, 0x0A00, 0x8000), words(0, 0, 0x1400, 0x9000), words(0, 0, 0x1E00, 0xA0FF)), pixels: []byte{11, 12, 9, 200}},
			[]byte{255, 0, 0, 10, 20, 30, 0, 0, 0, 128, 144, 160},
		},
		"palette, 8 bit": {
			film{photometric: "PALETTE COLOR", bits: 8, more: palette(4, 10, 8, []byte{0, 255, 10, 128}, []byte{0, 0, 20, 144}, []byte{0, 0, 30, 160}), pixels: []byte{11, 12, 9, 200}},
			[]byte{255, 0, 0, 10, 20, 30, 0, 0, 0, 128, 144, 160},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tc.f.rows, tc.f.columns = 2, 2
			if got := drawnColor(t, tc.f); !bytes.Equal(got, tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

// noise are n samples of some bits, always the same.
func noise(n, bits int) []uint16 {
	out := make([]uint16, n)
	x := uint32(2463534242)
	for i := range out {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		out[i] = uint16(x>>8) & uint16(1<<bits-1)
	}
	return out
}

// TestLossless decodes noise, which has differences of every size.
func TestLossless(t *testing.T) {
	for predictor := 1; predictor <= 7; predictor++ {
		for _, j := range []losslessJPEG{
			{width: 31, height: 17, components: 1, precision: 16},
			{width: 31, height: 17, components: 1, precision: 12, restartRows: 1},
			{width: 31, height: 17, components: 1, precision: 12, restartRows: 4},
			{width: 31, height: 17, components: 1, precision: 12, down: 3},
			{width: 31, height: 17, components: 3, precision: 8},
		} {
			j.predictor = predictor
			px := noise(j.width*j.height*j.components, j.precision)
			f := film{
				rows: j.height, columns: j.width, samples: j.components, bits: 8 * ((j.precision + 7) / 8), stored: j.precision,
				syntax: jpegLossless, window: "32768/65536", pixels: dcm.Fragments{j.encode(px)},
			}
			var got, want []byte
			if j.components == 3 {
				f.photometric = "RGB"
				got = drawnColor(t, f)
			} else {
				got = drawnGray(t, f)
			}
			for _, v := range px {
				v = v >> j.down << j.down
				if j.components == 1 {
					v = uint16(math.Round((float64(v)-32767.5)/65535*255 + 127.5))
				}
				want = append(want, byte(v))
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%+v: wrong pixels", j)
			}
		}
	}
}

func TestBaseline(t *testing.T) {
	gray, colored := image.NewGray(image.Rect(0, 0, 64, 40)), image.NewRGBA(image.Rect(0, 0, 64, 40))
	for y := range 40 {
		for x := range 64 {
			gray.SetGray(x, y, color.Gray{Y: byte(4 * x)})
			colored.SetRGBA(x, y, color.RGBA{R: 200, G: byte(4 * x), B: 40, A: 255})
		}
	}
	for _, m := range []image.Image{gray, colored} {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}); err != nil {
			t.Fatal(err)
		}
		f := film{rows: 40, columns: 64, bits: 8, window: "128/256", syntax: jpegBaseline, pixels: dcm.Fragments{b.Bytes()}}
		if m == image.Image(gray) {
			for i, v := range drawnGray(t, f) {
				if math.Abs(float64(v)-float64(gray.Pix[i])) > 4 {
					t.Fatalf("pixel %d is %d, not %d", i, v, gray.Pix[i])
				}
			}
			continue
		}
		f.samples, f.photometric = 3, "YBR_FULL_422"
		for i, v := range drawnColor(t, f) {
			if want := colored.Pix[i/3*4+i%3]; math.Abs(float64(v)-float64(want)) > 12 {
				t.Fatalf("sample %d is %d, not %d", i, v, want)
			}
		}
	}
}

// level is a frame of one value.
func level(n int, v byte) []byte { return bytes.Repeat([]byte{v}, n) }

// TestMiddleFrame: frames are as bright as they are late.
func TestMiddleFrame(t *testing.T) {
	var all []byte
	var rle, halves dcm.Fragments
	for i := range 5 {
		all = append(all, level(4, byte(10*i))...)
		r := runLength([]byte{byte(10 * i), 9, 9, byte(10 * i)})
		rle = append(rle, r)
		halves = append(halves, r[:32], r[32:])
	}
	for name, f := range map[string]film{
		"uncompressed": {pixels: all},
		"RLE":          {syntax: rleLossless, pixels: rle},
	} {
		f.rows, f.columns, f.bits, f.frames, f.window = 2, 2, 8, 5, "128/256"
		if got := drawnGray(t, f); got[0] != 20 {
			t.Errorf("%s: %d", name, got[0])
		}
	}
	f := film{rows: 2, columns: 2, bits: 8, frames: 5, window: "128/256", syntax: rleLossless, pixels: halves}
	raw := f.file(t)
	if got, err := draw(t.Context(), of(tabled(raw, rle))); err != nil || got.(*image.Gray).Pix[0] != 20 {
		t.Errorf("by the offset table: %v, %v", got, err)
	}
	if _, err := draw(t.Context(), of(raw)); err == nil { // ten offsets: nobody knows what for
		t.Error("a frame out of fragments that no table tells apart")
	}
}

// tabled rewrites the offset table of a file with two fragments a frame.
func tabled(raw []byte, frames dcm.Fragments) []byte {
	at := bytes.Index(raw, []byte{0xFE, 0xFF, 0x00, 0xE0, 40, 0, 0, 0})
	table := []byte{0xFE, 0xFF, 0x00, 0xE0, 20, 0, 0, 0}
	off := 0
	for _, f := range frames {
		table = binary.LittleEndian.AppendUint32(table, uint32(off))
		off += len(f) + 16
	}
	return slices.Concat(raw[:at], table, raw[at+48:])
}

// TestFrameGroups: the window of the middle frame is that of its functional
// group (PS3.3 section C.7.6.16).
func TestFrameGroups(t *testing.T) {
	group := func(center string) dcm.Dataset {
		var voi, one, wide dcm.Dataset
		voi.Put(dcm.WindowCenter, center)
		voi.Put(dcm.WindowWidth, "101")
		wide.Put(dcm.PixelSpacing, `2\1`)
		one.Put(attr(0x00289132, "SQ"), dcm.Seq(voi))
		one.Put(attr(0x00289110, "SQ"), dcm.Seq(wide))
		return one
	}
	f := film{rows: 1, columns: 2, bits: 16, stored: 12, frames: 3, pixels: words(1, 1, 50, 100, 1, 1)}
	f.more.Put(attr(0x52009230, "SQ"), dcm.Seq(group("1000"), group("100"), group("2000")))
	if got := drawnGray(t, f); !bytes.Equal(got, []byte{1, 129, 1, 129}) {
		t.Errorf("got %v", got)
	}
}

func TestShape(t *testing.T) {
	for name, tc := range map[string]struct {
		rows, columns int
		spacing       string
		w, h          int
	}{
		"small":         {10, 20, "", 20, 10},
		"wide":          {700, 1400, `0.1\0.1`, 320, 160},
		"tall":          {1400, 700, "", 160, 320},
		"high pixels":   {100, 100, `0.4\0.2`, 100, 200},
		"flat pixels":   {400, 400, `0.1\0.2`, 320, 160},
		"not possible":  {100, 100, `100\1`, 100, 100},
		"not a number":  {100, 100, `a\b`, 100, 100},
		"hardly a line": {1, 20_000, "", 320, 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := film{rows: tc.rows, columns: tc.columns, bits: 8, pixels: make([]byte, tc.rows*tc.columns)}
			if tc.spacing != "" {
				f.more.Put(dcm.PixelSpacing, tc.spacing)
			}
			got, err := Draw(t.Context(), of(f.file(t)))
			if err != nil || got.Width != tc.w || got.Height != tc.h {
				t.Fatalf("%+v, %v", got, err)
			}
			m, err := jpeg.Decode(bytes.NewReader(got.JPEG))
			if err != nil || m.Bounds().Dx() != tc.w || m.Bounds().Dy() != tc.h {
				t.Errorf("%v, %v", m.Bounds(), err)
			}
		})
	}
}

// TestHighPixels: rows are drawn twice where pixels are twice as high as wide.
func TestHighPixels(t *testing.T) {
	px := []byte{10, 20, 30, 40}
	j := losslessJPEG{width: 2, height: 2, components: 1, precision: 8, predictor: 1}
	for syntax, pixels := range map[dcm.Syntax]any{
		dcm.ExplicitLE: px, rleLossless: dcm.Fragments{runLength(px)}, jpegLossless: dcm.Fragments{j.encode([]uint16{10, 20, 30, 40})},
	} {
		f := film{rows: 2, columns: 2, bits: 8, window: "128/256", syntax: syntax, pixels: pixels}
		f.more.Put(dcm.PixelSpacing, `0.2\0.1`)
		if got := drawnGray(t, f); !bytes.Equal(got, []byte{10, 20, 10, 20, 30, 40, 30, 40}) {
			t.Errorf("%s: %v", syntax, got)
		}
	}
}

// TestReducing: a ramp stays a ramp, and every part of it stays in its place.
func TestReducing(t *testing.T) {
	f := film{rows: 900, columns: 1600, bits: 16, stored: 12, window: "2048/4096"}
	px := make([]uint16, f.rows*f.columns)
	for i := range px {
		px[i] = uint16((i%f.columns + i/f.columns) * 4095 / 2498)
	}
	f.pixels = px
	got := drawnGray(t, f)
	if len(got) != 320*180 {
		t.Fatalf("%d pixels", len(got))
	}
	for i, v := range got {
		x, y := float64(i%320)*5+2, float64(i/320)*5+2
		if want := (x + y) / 2498 * 255; math.Abs(want-float64(v)) > 1 {
			t.Fatalf("pixel %d is %d, not %.1f", i, v, want)
		}
	}
}

// TestOnlyTheMiddleIsRead: of a volume of 576 MB little more than one frame.
func TestOnlyTheMiddleIsRead(t *testing.T) {
	f := film{rows: 600, columns: 600, bits: 16, stored: 12, frames: 800, window: "2048/4096"}
	const size = 600 * 600 * 2 * 800
	f.pixels = []byte{}
	head := f.file(t)
	binary.LittleEndian.PutUint32(head[len(head)-4:], size)
	src := &sparse{head: head, size: int64(len(head)) + size, fill: func(b []byte, off int64) {
		for i := range b {
			frame := (off + int64(i) - int64(len(head))) / 720_000
			b[i] = 0
			if (off+int64(i)-int64(len(head)))%2 == 1 && frame == 400 {
				b[i] = 8 // 2048
			}
		}
	}}
	m, err := draw(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	if g := m.(*image.Gray); g.Pix[0] != 128 || slices.Max(g.Pix) != 128 || slices.Min(g.Pix) != 128 {
		t.Errorf("values %d to %d", slices.Min(g.Pix), slices.Max(g.Pix))
	}
	if src.read > 1<<20 {
		t.Errorf("%d bytes read", src.read)
	}
}
