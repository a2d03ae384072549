package imagefile

import (
	"bytes"
	"image"
	"slices"
	"testing"

	"chartseal/redact"
)

// baseline are pictures whose blocks are counted: with and without subsampling,
// restart markers, one and four components, and sizes that fill no block.
func baseline(t *testing.T) map[string][]byte {
	all := map[string][]byte{}
	for _, size := range []image.Point{{1, 1}, {8, 8}, {16, 16}, {17, 33}, {133, 67}, {250, 9}} {
		all["colour "+size.String()] = encodeJPEG(t, picture(size.X, size.Y))
		grey := image.NewGray(image.Rect(0, 0, size.X, size.Y))
		for i := range grey.Pix {
			grey.Pix[i] = byte(i * i >> 3)
		}
		all["grey "+size.String()] = encodeJPEG(t, grey)
	}
	for _, name := range []string{
		"video-001.jpeg", "video-001.cmyk.jpeg", "video-001.rgb.jpeg", "video-001.q50.410.jpeg", "video-001.q50.411.jpeg",
		"video-001.q50.420.jpeg", "video-001.q50.422.jpeg", "video-001.q50.440.jpeg", "video-001.q50.444.jpeg", "video-001.221212.jpeg",
		"video-001.separate.dc.progression.jpeg", "video-001.restart2.jpeg", "video-005.gray.jpeg", "video-005.gray.q50.jpeg",
	} {
		all[name] = goPicture(t, "testdata/"+name)
	}
	return all
}

// TestJPEGHiddenTail hides the secret between the last block and the end marker,
// where every decoder skips it.
func TestJPEGHiddenTail(t *testing.T) {
	for name, b := range baseline(t) {
		t.Run(name, func(t *testing.T) {
			clean, report := mustClean(t, b)
			if scans(t, clean) != scans(t, b) || slices.ContainsFunc(report.Removed, func(r redact.Removal) bool { return r.Item == trailerRemoved.Item }) {
				t.Fatal("the picture was cut")
			}
			if name == "video-001.separate.dc.progression.jpeg" {
				return // progressive: not counted
			}
			end := bytes.LastIndex(b, []byte{0xff, markEOI})
			for _, tail := range []string{secret, "\x00\x00" + secret, secret + "\xff\x00" + secret} {
				got, report := mustClean(t, slices.Concat(b[:end], []byte(tail), b[end:]))
				wantRemoved(t, report, "data after the image")
				if scans(t, got) != scans(t, b) {
					t.Error("the image data is not what it was")
				}
			}
			padded := slices.Concat(b[:end], []byte{0, 0}, b[end:])
			if got, _ := mustClean(t, padded); scans(t, got) != scans(t, padded) {
				t.Error("padding was cut")
			}
		})
	}
}

// TestJPEGNotUnderstood: where the blocks cannot be counted nothing is cut.
func TestJPEGNotUnderstood(t *testing.T) {
	b := encodeJPEG(t, picture(40, 40))
	at := bytes.Index(b, []byte{0xff, markSOS}) + 20
	for i := at; i < len(b)-2; i += 7 {
		bad := bytes.Clone(b)
		if bad[i] ^= 0x15; bad[i] == 0xff || bad[i-1] == 0xff {
			continue
		}
		got, _, err := clean(bad, "treatment")
		if err != nil {
			continue
		}
		if s := scans(t, got); s != scans(t, bad) && len(s) < 30 {
			t.Errorf("a flipped bit at %d cut the picture to %d bytes", i, len(s))
		}
	}
}

func BenchmarkJPEG(b *testing.B) {
	in := encodeJPEG(b, picture(3000, 2000))
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		if _, _, err := clean(in, "treatment"); err != nil {
			b.Fatal(err)
		}
	}
}
