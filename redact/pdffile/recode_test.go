package pdffile

import (
	"bytes"
	"encoding/ascii85"
	"encoding/hex"
	"strings"
	"testing"
)

// in85 is s in ASCII85 with its end.
func in85(s string) string {
	b := make([]byte, ascii85.MaxEncodedLen(len(s)))
	return string(b[:ascii85.Encode(b, []byte(s))]) + "~>"
}

// runs is s in RunLengthDecode, for s of at most 128 bytes.
func runs(s string) string { return string(rune(len(s)-1)) + s + "\x80" }

// wrongSum is s deflated, with a checksum that is not its own.
func wrongSum(s string) string {
	z := deflated(s)
	return z[:len(z)-4] + "\x00\x01\x02\x03"
}

// TestBehindCodings: every coding marks its end, and behind it there is room.
func TestBehindCodings(t *testing.T) {
	const text = "BT /F1 9 Tf 9 9 Td (drawn) Tj ET"
	for filter, data := range map[string]string{
		"/FlateDecode":                    wrongSum("/Span<</ActualText(" + secret + ")>>BDC " + text + " EMC"),
		"/ASCIIHexDecode":                 hex.EncodeToString([]byte(text)) + "> " + secret,
		"/ASCII85Decode":                  in85(text) + secret,
		"/RunLengthDecode":                runs(text) + secret,
		"[/FlateDecode/FlateDecode]":      deflated(deflated(text) + secret),
		"[/ASCII85Decode /FlateDecode]":   in85(deflated(text)+secret) + secret,
		"[/ASCII85Decode/ASCIIHexDecode]": in85(hex.EncodeToString([]byte(text)) + ">" + secret),
	} {
		in := written("", "", "", func(f *file) { f.stream(4, "/Filter"+filter, data) })
		got, _, err := clean(in, nil)
		if err != nil {
			t.Errorf("%s: %v", filter, err)
			continue
		}
		if l := leaks(t, got); l != nil || !strings.Contains(readable(t, got), text) {
			t.Errorf("%s: the secret is still in: %v", filter, l)
		}
	}
}

// TestBehindPictures: data behind the last row of a picture goes, its rows stay.
func TestBehindPictures(t *testing.T) {
	rows := strings.Repeat("\x01\x7f\x00\xff", 4)
	up := "\x02" + rows[:8] + "\x02" + rows[8:]
	narrow := strings.Repeat("\x02\x01\x02\x03\x04", 5)
	for name, c := range map[string]struct{ dict, data, kept string }{
		"plain":      {"/Width 8/Height 2/ColorSpace/DeviceGray/BitsPerComponent 8", rows + secret, rows},
		"packed":     {"/Width 8/Height 2/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/FlateDecode", deflated(rows + secret), rows},
		"predicted":  {"/Width 8/Height 2/ColorSpace[/Indexed/DeviceGray 1<00ff>]/BitsPerComponent 8/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 8>>", deflated(up + secret), up},
		"other rows": {"/Width 8/Height 2/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 4>>", deflated(narrow), narrow},
		"colours":    {"/Width 2/Height 2/ColorSpace[/CalRGB<</WhitePoint[1 1 1]>>]/BitsPerComponent 8/Filter/FlateDecode", deflated(rows[:12] + secret), rows[:12]},
		"mask":       {"/Width 60/Height 2/ImageMask true/Filter/FlateDecode", deflated(rows + secret), rows},
		"as it is":   {"/Width 8/Height 2/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/FlateDecode", deflated(rows), rows},
		"broken off": {"/Width 8/Height 9/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/FlateDecode", deflated(rows), rows},
	} {
		in := written("q 99 0 0 99 9 9 cm /Im Do Q", "", "/XObject<</Im 6 0 R>>", func(f *file) {
			f.stream(6, "/Type/XObject/Subtype/Image"+c.dict, c.data)
		})
		got, report, err := clean(in, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if l := leaks(t, got); l != nil {
			t.Errorf("%s: the secret is still in: %v", name, l)
		}
		if c.data != c.kept && c.data != deflated(c.kept) {
			wantRemoved(t, report, tailRemoved)
		}
		if !bytes.Contains(got, []byte(c.kept)) && !bytes.Contains(got, []byte(deflated(c.kept))) {
			t.Errorf("%s: the picture is another one", name)
		}
	}
}
