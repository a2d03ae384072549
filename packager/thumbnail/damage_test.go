package thumbnail

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"testing"

	"chartseal/testdata/practice/dcm"
)

// TestNoThumbnail: what is not drawn is told, in one way.
func TestNoThumbnail(t *testing.T) {
	ok := film{rows: 2, columns: 2, bits: 8, pixels: []byte{1, 2, 3, 4}}
	for name, change := range map[string]func(f *film){
		"JPEG 2000":         func(f *film) { f.syntax, f.pixels = "1.2.840.10008.1.2.4.90", dcm.Fragments{[]byte("jp2 ")} },
		"JPEG-LS":           func(f *film) { f.syntax, f.pixels = "1.2.840.10008.1.2.4.80", dcm.Fragments{[]byte("jls ")} },
		"no JPEG":           func(f *film) { f.syntax, f.pixels = jpegBaseline, dcm.Fragments{[]byte("none")} },
		"no lossless":       func(f *film) { f.syntax, f.pixels = jpegLossless, dcm.Fragments{[]byte("none")} },
		"no RLE":            func(f *film) { f.syntax, f.pixels = rleLossless, dcm.Fragments{[]byte("none")} },
		"32 bit":            func(f *film) { f.bits, f.pixels = 32, make([]byte, 16) },
		"1 bit":             func(f *film) { f.bits = 1 },
		"two samples":       func(f *film) { f.samples, f.pixels = 2, make([]byte, 8) },
		"huge":              func(f *film) { f.rows, f.columns, f.pixels = 20_001, 2, make([]byte, 40_002) },
		"high bit too high": func(f *film) { f.high = 8 },
		"too short":         func(f *film) { f.rows = 3 },
		"no rows":           func(f *film) { f.rows = 0 },
		"too many frames":   func(f *film) { f.frames = 2 },
		"unknown colors":    func(f *film) { f.photometric = "CMYK" },
		"no palette":        func(f *film) { f.photometric = "PALETTE COLOR" },
		"short palette": func(f *film) {
			f.photometric, f.more = "PALETTE COLOR", palette(200, 0, 8, []byte{1, 2}, []byte{1, 2}, []byte{1, 2})
		},
		"compressed, huge": func(f *film) {
			f.rows, f.columns, f.syntax, f.pixels = 10_000, 10_000, rleLossless, dcm.Fragments{runLength([]byte{1})}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := ok
			change(&f)
			if m, err := Draw(t.Context(), of(f.file(t))); !errors.Is(err, ErrNone) {
				t.Errorf("%+v, %v", m, err)
			}
		})
	}
	if _, err := Draw(t.Context(), of([]byte("no DICOM file"))); !errors.Is(err, ErrNone) {
		t.Errorf("%v", err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Draw(done, of(ok.file(t))); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// broken is a source that fails as a decoder might.
type broken struct{ source }

func (broken) ReadAt([]byte, int64) (int, error) { panic("a fault") }

// TestFaultsDoNotSpread: a fault of a decoder is no thumbnail, and no more.
func TestFaultsDoNotSpread(t *testing.T) {
	if _, err := Draw(t.Context(), broken{of(make([]byte, 1000))}); !errors.Is(err, ErrNone) {
		t.Errorf("%v", err)
	}
}

// samplesOfAll is one film of each kind.
func samplesOfAll(t testing.TB) map[string][]byte {
	t.Helper()
	var jpg bytes.Buffer
	if err := jpeg.Encode(&jpg, image.NewGray(image.Rect(0, 0, 16, 8)), nil); err != nil {
		t.Fatal(err)
	}
	lossless := losslessJPEG{width: 16, height: 8, components: 1, precision: 12, predictor: 4, restartRows: 2}
	low, high := make([]byte, 128), make([]byte, 128)
	for i, v := range noise(128, 12) {
		low[i], high[i] = byte(v), byte(v>>8)
	}
	out := map[string][]byte{}
	for name, f := range map[string]film{
		"native":   {bits: 16, stored: 12, window: "100/101", pixels: noise(128, 12)},
		"frames":   {bits: 8, frames: 3, syntax: dcm.ImplicitLE, pixels: make([]byte, 384)},
		"palette":  {bits: 8, photometric: "PALETTE COLOR", more: palette(4, 10, 16, words(1, 2, 3, 4), words(1, 2, 3, 4), words(1, 2, 3, 4)), pixels: make([]byte, 128)},
		"RGB":      {bits: 8, samples: 3, planar: 1, photometric: "RGB", pixels: make([]byte, 384)},
		"422":      {bits: 8, samples: 3, photometric: "YBR_FULL_422", pixels: make([]byte, 256)},
		"RLE":      {bits: 16, stored: 12, syntax: rleLossless, pixels: dcm.Fragments{runLength(high, low)}},
		"baseline": {bits: 8, syntax: jpegBaseline, pixels: dcm.Fragments{jpg.Bytes()}},
		"lossless": {bits: 16, stored: 12, syntax: jpegLosslessSV, pixels: dcm.Fragments{lossless.encode(noise(128, 12))}},
	} {
		f.rows, f.columns = 8, 16
		out[name] = f.file(t)
	}
	return out
}

// TestCutAndBent: a file that is cut, or of which one byte is wrong, has a
// thumbnail or none. One place in seven is tried, FuzzDraw tries the others.
func TestCutAndBent(t *testing.T) {
	for name, raw := range samplesOfAll(t) {
		if _, err := draw(t.Context(), of(raw)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for i := 0; i < len(raw); i += 7 {
			try(t, name, raw[:i])
			bent := bytes.Clone(raw)
			bent[i] ^= 0xFF
			try(t, name, bent)
		}
	}
}

// try draws without the safety net of Draw.
func try(t testing.TB, name string, raw []byte) {
	t.Helper()
	m, err := draw(t.Context(), of(raw))
	if err == nil && (m.Bounds().Dx() > Side || m.Bounds().Dy() > Side) {
		t.Fatalf("%s: %v", name, m.Bounds())
	}
}

// FuzzDraw: no panic, whatever a file says, and no thumbnail past its bounds.
func FuzzDraw(f *testing.F) {
	for _, raw := range samplesOfAll(f) {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := draw(t.Context(), of(raw))
		if err != nil {
			return
		}
		if out, err := encode(m); err == nil && (len(out.JPEG) > MaxBytes || out.Width > Side || out.Height > Side) {
			t.Fatalf("%d bytes, %d by %d", len(out.JPEG), out.Width, out.Height)
		}
	})
}

func BenchmarkDraw(b *testing.B) {
	const rows, columns = 1500, 2900
	low, high := make([]byte, rows*columns), make([]byte, rows*columns)
	px := noise(rows*columns, 12)
	for i, v := range px {
		low[i], high[i] = byte(v), byte(v>>8)
	}
	lossless := losslessJPEG{width: columns, height: rows, components: 1, precision: 12, predictor: 1}
	for name, f := range map[string]film{
		"native":   {bits: 16, stored: 12, pixels: px},
		"RLE":      {bits: 16, stored: 12, syntax: rleLossless, pixels: dcm.Fragments{runLength(high, low)}},
		"lossless": {bits: 16, stored: 12, syntax: jpegLosslessSV, pixels: dcm.Fragments{lossless.encode(px)}},
	} {
		f.rows, f.columns = rows, columns
		raw := f.file(b)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Draw(b.Context(), of(raw)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
