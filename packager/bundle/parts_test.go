package bundle

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"aead.dev/minisign"

	"chartseal/redact"
)

// volume is 16-bit samples with noise in the low bits.
func volume(n int) []byte {
	b := make([]byte, n)
	x := uint32(7)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x>>24) & 0x3F
		if i%2 == 1 {
			b[i] = byte(i>>16) & 3
		}
	}
	return b
}

// written is a bundle with one large deflated member.
func written(t *testing.T, size int) (w *Writer, data []byte, trusted string) {
	t.Helper()
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 18, 9, 0, 0, 0, time.UTC)
	var out bytes.Buffer
	w = NewWriter(&out, Header{Order: "R-1", Reference: "ref", Created: at, Practice: Practice{PublicKey: public.String()}}, Options{Compress: true})
	content := volume(size)
	err = w.Add(t.Context(), Record{Kind: "model", Name: "jaw.stl"}, &redact.Output{
		Size: int64(size), Body: io.NopCloser(bytes.NewReader(content)), Report: redact.Report{Format: "STL"},
	})
	if err == nil {
		_, err = w.Finish(t.Context(), SignManifest(private, TrustedComment("ref", at)))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return w, out.Bytes(), public.String()
}

func (w *Writer) back(t *testing.T, data []byte, trusted string) error {
	t.Helper()
	_, err := w.ReadBack(t.Context(), bytes.NewReader(data), int64(len(data)), trusted)
	return err
}

// Sizes around the ends of blocks and parts are read back, and any reader agrees.
func TestReadBackOfAllSizes(t *testing.T) {
	for _, size := range []int{wholeSize, wholeSize + 1, 2 * wholeSize, 2*wholeSize + blockSize + 1} {
		w, data, trusted := written(t, size)
		if err := w.back(t, data, trusted); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
		if _, err := Verify(t.Context(), bytes.NewReader(data), int64(len(data)), trusted); err != nil {
			t.Errorf("%d bytes, without parts: %v", size, err)
		}
		if want := (size + wholeSize - 1) / wholeSize; size > wholeSize && len(w.pipe.parts["data/MODELS/undated_model_001_jaw.stl"]) != want {
			t.Errorf("%d bytes: the parts are %v", size, w.pipe.parts)
		}
	}
}

// A changed byte near the end of a part, or anywhere, is seen as it is without parts.
func TestReadBackSeesWhatVerifySees(t *testing.T) {
	w, data, trusted := written(t, 2*wholeSize+1000)
	first := 0
	for _, lengths := range w.pipe.parts {
		first = int(lengths[0])
	}
	var places []int
	for i := range 10 {
		places = append(places, first+84-10+2*i, 100+i*len(data)/11)
	}
	seen := 0
	for _, i := range places {
		data[i] ^= 0x10
		back := w.back(t, data, trusted)
		_, whole := Verify(t.Context(), bytes.NewReader(data), int64(len(data)), trusted)
		if back == nil && whole != nil {
			t.Errorf("byte %d: %v is not seen by parts", i, whole)
		}
		if back != nil {
			seen++
		}
		data[i] ^= 0x10
	}
	if seen < len(places)-8 {
		t.Errorf("%d of %d changes seen", seen, len(places))
	}
}

// Parts that are not those of the file are refused.
func TestReadBackNeedsTheRightParts(t *testing.T) {
	w, data, trusted := written(t, 2*wholeSize+1000)
	for name, good := range w.pipe.parts {
		for what, lengths := range map[string][]int64{
			"one byte later":   {good[0] + 1, good[1] - 1, good[2]},
			"one byte earlier": {good[0] - 1, good[1] + 1, good[2]},
			"two in one":       {good[0] + good[1], good[2]},
			"one too few":      good[:2],
			"one too many":     append(slices.Clone(good), 0),
			"negative":         {-1, good[1], good[2]},
			"too long":         {1 << 40, good[1], good[2]},
		} {
			w.pipe.parts[name] = lengths
			if err := w.back(t, data, trusted); err == nil {
				t.Errorf("%s is taken", what)
			}
		}
		w.pipe.parts[name] = good
	}
	if err := w.back(t, data, trusted); err != nil {
		t.Error(err)
	}
}
