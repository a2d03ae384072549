package bundle

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"chartseal/redact"
	"chartseal/testdata/practice"
)

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(b)
	return b
}

// partly is noise of which so many per mille are zeros, in runs of 40 bytes.
func partly(n, perMille int) []byte {
	b := random(n)
	for i := 0; i+40 <= n; i += 40 * 1000 / max(perMille, 1) {
		clear(b[i : i+40])
	}
	return b
}

func anatomy(t *testing.T) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := practice.WriteMultiFrameCBCT(&buf, 96, 96, 128, "10432"); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// seekable is a body that can be read at random.
type seekable struct{ *bytes.Reader }

func (seekable) Close() error { return nil }

// once is a body that can be read only once.
type once struct{ io.Reader }

func (once) Close() error { return nil }

func bodyOf(data []byte, streamed bool) io.ReadCloser {
	if streamed {
		return once{bytes.NewReader(data)}
	}
	return seekable{bytes.NewReader(data)}
}

// methodOf packs one mesh and returns how it was packed, and the length of its stored form.
func methodOf(t *testing.T, data []byte, streamed bool) (method uint16, stored int) {
	t.Helper()
	var out bytes.Buffer
	w := NewWriter(&out, Header{Created: time.Unix(1, 0)}, Options{Compress: true})
	err := w.Add(t.Context(), Record{Kind: "model", Name: "jaw.stl"}, &redact.Output{
		Size: int64(len(data)), Body: bodyOf(data, streamed), Report: redact.Report{Format: "STL"},
	})
	if err == nil {
		_, err = w.Finish(t.Context(), func([]byte) ([]byte, error) { return []byte("unsigned"), nil })
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return z.File[0].Method, int(z.File[0].CompressedSize64)
}

// fastest is what other programs make of data at their level 1.
func fastest(t *testing.T, data []byte) int {
	t.Helper()
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, 1)
	if err == nil {
		_, err = w.Write(data)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return min(out.Len(), len(data))
}

// What a sample shows not to become smaller is stored, all else deflated, and nothing is
// more than leastGain and the cost of parts larger than what the fastest level of another
// deflate makes of it.
func TestSampleDecides(t *testing.T) {
	large := 3<<20 + 12345
	late := append(random(large), make([]byte, large/3)...)
	for _, c := range []struct {
		what     string
		data     []byte
		streamed bool
		want     uint16
	}{
		{"anatomy", anatomy(t), false, zip.Deflate},
		{"anatomy, read once", anatomy(t), true, zip.Deflate},
		{"noise", random(large), false, zip.Store},
		{"noise after a head", append(make([]byte, 100_000), random(20<<20)...), false, zip.Store},
		{"small noise", random(70_000), false, zip.Store},
		{"small noise, read once", random(70_000), true, zip.Store},
		{"noise, read once", random(large), true, zip.Deflate}, // its rest may be something else
		{"tiny noise", random(10), false, zip.Store},
		{"noise, then zeros", late, false, zip.Deflate},
		{"noise with 2 per mille of zeros", partly(large, 2), false, zip.Store},
		{"noise with a tenth of zeros", partly(large, 100), false, zip.Deflate},
		{"text", bytes.Repeat([]byte("facet normal 0 0 1\n"), 40), false, zip.Deflate},
	} {
		method, stored := methodOf(t, c.data, c.streamed)
		if again, _ := methodOf(t, c.data, c.streamed); method != c.want || again != method {
			t.Errorf("%s: methods %d, %d", c.what, method, again)
		}
		if most := fastest(t, c.data); stored > most+len(c.data)*(leastGain+1)/1000+16 {
			t.Errorf("%s: %d bytes, others make %d of %d", c.what, stored, most, len(c.data))
		}
	}
}

// failing is a body that can no longer be read at random.
type failing struct {
	seekable
	err error
}

func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.err }

// What the sample cannot read is not packed.
func TestSampleFails(t *testing.T) {
	data := random(2 << 20)
	away := errors.New("the share is away")
	for _, err := range []error{away, io.EOF} {
		w := NewWriter(io.Discard, Header{Created: time.Unix(1, 0)}, Options{Compress: true})
		got := w.Add(t.Context(), Record{Kind: "model"}, &redact.Output{
			Size: int64(len(data)), Body: failing{seekable{bytes.NewReader(data)}, err}, Report: redact.Report{Format: "STL"},
		})
		if !errors.Is(got, err) {
			t.Errorf("%v, want %v", got, err)
		}
		if _, err := w.Finish(t.Context(), nil); !errors.Is(err, ErrClosed) {
			t.Errorf("finished: %v", err)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := pays(ctx, seekable{bytes.NewReader(data)}, data[:blockSize], int64(len(data))); !errors.Is(err, context.Canceled) {
		t.Errorf("after its end: %v", err)
	}
}
