package imagefile

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	stdpng "image/png"
	"slices"
	"testing"

	"chartseal/redact"
)

func encodePNG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := stdpng.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zlibbed(b []byte) string {
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	_, _ = w.Write(b)
	_ = w.Close()
	return z.String()
}

// insertPNG puts chunks behind the header of b and some before its end.
func insertPNG(b []byte, head, tail [][]byte) []byte {
	out := bytes.Clone(b[:33])
	out = append(out, bytes.Join(head, nil)...)
	out = append(out, b[33:len(b)-12]...)
	out = append(out, bytes.Join(tail, nil)...)
	return append(out, b[len(b)-12:]...)
}

func poisonPNG(b []byte) []byte {
	k := func(typ, s string) []byte { return pngChunk(typ, []byte(s)) }
	out := insertPNG(b, [][]byte{
		k("iCCP", secret+"\x00\x00"+zlibbed(poisonedICC())),
		k("tEXt", "Author\x00"+secret),
		k("zTXt", "Comment\x00\x00"+zlibbed([]byte(secret))),
		k("iTXt", "XML:com.adobe.xmp\x00\x00\x00\x00\x00"+secret),
		k("eXIf", string(poisonedExif(6))),
		k("pHYs", "\x00\x00\x2e\x23\x00\x00\x2e\x23\x01"),
		k("prVt", secret),
	}, [][]byte{k("tIME", "\x07\xea\x01\x02\x03\x04\x05"), k("tEXt", "Comment\x00"+secret)})
	return append(out, "a cropped part of "+secret...)
}

func TestPNG(t *testing.T) {
	pal := image.NewPaletted(image.Rect(0, 0, 31, 9), color.Palette{color.White, color.RGBA{9, 8, 7, 0}})
	pal.Pix[40] = 1
	for name, m := range map[string]image.Image{
		"colour": picture(300, 200), "grey": image.NewGray16(image.Rect(0, 0, 7, 5)), "palette": pal,
	} {
		t.Run(name, func(t *testing.T) {
			b := encodePNG(t, m)
			got, report := mustClean(t, poisonPNG(b))
			samePixels(t, b, got)
			wantRemoved(t, report, "EXIF", "comments and text", "time stamp", "application data",
				"data after the image", "words in the colour profile")
			if !bytes.Contains(got, []byte("pHYs")) || !bytes.Contains(got, []byte("iCCP")) {
				t.Error("resolution or colours are lost")
			}
			_, exif, ok := bytes.Cut(got, []byte("eXIf"))
			if !ok || readPhotoFacts(exif).orientation != 6 {
				t.Error("the orientation is lost")
			}
		})
	}
}

func TestPNGInterlaced(t *testing.T) {
	for _, name := range []string{
		"png/testdata/benchRGB-interlace.png", "png/testdata/gray-gradient.interlaced.png",
		"png/testdata/pngsuite/basn3p01.png", "png/testdata/pngsuite/basn6a16.png",
	} {
		b := goPicture(t, name)
		out, _ := mustClean(t, poisonPNG(b))
		samePixels(t, b, out)
	}
}

// TestPNGHiddenTail hides the secret behind the compressed data, inside its
// last chunk and in a chunk of its own.
func TestPNGHiddenTail(t *testing.T) {
	b := encodePNG(t, picture(40, 40))
	at := bytes.Index(b, []byte("IDAT"))
	n := int(binary.BigEndian.Uint32(b[at-4:]))
	data := b[at+4 : at+4+n]
	inside := append(bytes.Clone(b[:at-4]), pngChunk("IDAT", append(bytes.Clone(data), secret...))...)
	inside = append(inside, b[at+8+n:]...)
	behind := append(bytes.Clone(b[:at+8+n]), pngChunk("IDAT", []byte(secret))...)
	behind = append(behind, b[at+8+n:]...)
	var split []byte
	split = append(split, b[:at-4]...)
	for i := 0; i < n; i += 7 {
		split = append(split, pngChunk("IDAT", data[i:min(i+7, n)])...)
	}
	hidden := append(bytes.Clone(split), pngChunk("IDAT", []byte(secret))...)
	split = append(split, b[at+8+n:]...)
	hidden = append(hidden, b[at+8+n:]...)
	for name, p := range map[string][]byte{"inside": inside, "behind": behind, "behind many": hidden} {
		t.Run(name, func(t *testing.T) {
			got, report := mustClean(t, p)
			samePixels(t, b, got)
			wantRemoved(t, report, "data after the image")
		})
	}
	got, report := mustClean(t, split)
	if !bytes.Equal(got, split) || len(report.Removed) != 0 {
		t.Error("a clean picture in small chunks was changed")
	}
}

// TestPNGHiddenChunks hides the secret in chunks that are allowed and that no
// decoder looks at: the second of a kind, those behind the picture, those that
// mean nothing for its colours.
func TestPNGHiddenChunks(t *testing.T) {
	grey, colour := encodePNG(t, image.NewGray(image.Rect(0, 0, 9, 9))), encodePNG(t, picture(9, 9))
	pal := image.NewPaletted(image.Rect(0, 0, 8, 8), color.Palette{color.White, color.RGBA{9, 8, 7, 100}})
	palette := encodePNG(t, pal)
	k := func(typ, s string) []byte { return pngChunk(typ, []byte(s)) }
	long := secret + "123456789012345678" // 31 bytes
	for name, b := range map[string][]byte{
		"second of a kind":        insertPNG(grey, [][]byte{k("pHYs", "\x00\x00\x2e\x23\x00\x00\x2e\x23\x01"), k("pHYs", secret[:9])}, nil),
		"many of a kind":          insertPNG(grey, [][]byte{k("gAMA", "\x00\x00\xb1\x8f"), k("gAMA", secret[:4]), k("gAMA", secret[4:8]), k("gAMA", secret[8:12])}, nil),
		"palette without meaning": insertPNG(colour, [][]byte{k("PLTE", (secret + secret)[:24])}, nil),
		"palette of a grey":       insertPNG(grey, [][]byte{k("PLTE", (secret + secret)[:24])}, nil),
		"chroma behind":           insertPNG(grey, nil, [][]byte{k("cHRM", long+"x")}),
		"palette behind":          insertPNG(palette, nil, [][]byte{k("tRNS", secret)}),
	} {
		t.Run(name, func(t *testing.T) {
			got, report := mustClean(t, b)
			wantRemoved(t, report, "application data")
			if bytes.Contains(got, []byte(secret[:9])) {
				t.Error("the secret is still there")
			}
			if !slices.ContainsFunc([][]byte{grey, colour, palette}, func(whole []byte) bool {
				return bytes.HasPrefix(got, whole[:33]) && bytes.HasSuffix(got, whole[len(whole)-30:])
			}) {
				t.Error("the picture is another")
			}
			if _, err := stdpng.Decode(bytes.NewReader(got)); err != nil {
				t.Error(err)
			}
		})
	}
	for name, b := range map[string][]byte{
		"transparency too long":  insertPNG(grey, [][]byte{k("tRNS", secret)}, nil),
		"palette too long":       bytes.Replace(palette, palette[33:33+12+6], k("PLTE", (secret + secret)[:24]), 1),
		"values without colours": bytes.Replace(palette, palette[33:33+12+6], nil, 1),
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := clean(b, redact.Treatment)
			wantRefusal(t, err, redact.Malformed)
		})
	}
}

func TestPNGTruncatedAnywhere(t *testing.T) {
	b := encodePNG(t, picture(20, 20))
	for n := len(pngMagic); n < len(b); n++ {
		_, _, err := clean(b[:n], redact.Treatment)
		wantRefusal(t, err, redact.Truncated)
	}
}

func TestPNGMalformed(t *testing.T) {
	b := encodePNG(t, picture(20, 20))
	for i := 33; i < len(b); i += 11 {
		bad := bytes.Clone(b)
		bad[i] ^= 4
		if got, _, err := clean(bad, redact.Treatment); err == nil {
			t.Errorf("a flipped bit at %d went unseen: %d bytes", i, len(got))
		}
	}
	_, _, err := clean(insertPNG(b, [][]byte{pngChunk("acTL", make([]byte, 8))}, nil), redact.Treatment)
	wantRefusal(t, err, redact.Unsupported)
	_, _, err = clean(insertPNG(b, [][]byte{pngChunk("CgBI", make([]byte, 4))}, nil), redact.Treatment)
	wantRefusal(t, err, redact.Unsupported)
	_, _, err = clean(insertPNG(b, [][]byte{pngChunk("gAMA", []byte(secret))}, nil), redact.Treatment)
	wantRefusal(t, err, redact.Malformed)
	short := bytes.Clone(b)
	binary.BigEndian.PutUint32(short[20:], 21) // one line more than there is data
	binary.BigEndian.PutUint32(short[29:], crc32.ChecksumIEEE(short[12:29]))
	_, _, err = clean(short, redact.Treatment)
	wantRefusal(t, err, redact.Malformed)
}

func FuzzPNG(f *testing.F) {
	f.Add(poisonPNG(encodePNG(f, picture(20, 20))))
	f.Add(encodePNG(f, image.NewGray(image.Rect(0, 0, 9, 9))))
	f.Fuzz(func(t *testing.T, b []byte) { fuzzOne(t, b, "PNG") })
}
